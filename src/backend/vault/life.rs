//! How long an answer is good for, and whether pods may share it: a pure
//! function of the request and the reply.
//!
//! Nothing in a reply names its engine on OpenBao (Vault sends `mount_type`), so
//! that engines are told by what only they send.

use std::time::Duration;

use serde_json::{Map, Value};

use super::envelope::Envelope;
use super::params::Read;
use crate::lease::{LeaseId, Life};

/// A static role whose rotation is due has nothing left for up to five seconds: it is asked again soon.
const SOON: Duration = Duration::from_secs(2);
/// No KV v1 secret is read more often, whatever its author says.
const LEAST_HINT: Duration = Duration::from_secs(30);
/// A hint that is longer says nothing.
const MOST_HINT: Duration = Duration::from_secs(24 * 3600);

/// How long `reply` is good for; `now` is the wall time, which certificates are dated by.
pub(super) fn of(read: &Read, reply: &Envelope, now: u64) -> Life {
    if let Some(id) = reply.lease_id() {
        return leased(id, reply);
    }
    let data = reply.outer();
    match (wrapped(reply), read.only_asks(), data) {
        (Some(ttl), _, _) => until(ttl),
        (None, true, _) if is_kv(reply) => Life::Static { hint: hint(reply) },
        (None, true, Some(data)) => asked(read, data, now),
        (None, true, None) => Life::Static { hint: None },
        (None, false, data) => until(data.and_then(|data| expiration(data, now)).unwrap_or_default()),
    }
}

/// Whether `reply` may be given to another pod of equal authority (decision 3): a plain
/// read of KV, in which nothing was made for who asked.
pub(super) fn is_shared(read: &Read, reply: &Envelope) -> bool {
    let is_plain = reply.lease_id().is_none() && wrapped(reply).is_none();
    read.is_plain_get() && is_plain && is_kv(reply)
}

/// An answer of a GET without a lease, that is not KV.
fn asked(read: &Read, data: &Map<String, Value>, now: u64) -> Life {
    let ttl = span(data, "ttl");
    let rotates = ["last_vault_rotation", "last_bao_rotation"].iter().any(|key| data.contains_key(*key));
    match ttl {
        Some(ttl) if rotates => Life::Until { ttl: if ttl.is_zero() { SOON } else { ttl }, minted: false },
        // A bearer token that was made for this asking: identity/oidc/token, Vault's gcp engine.
        ttl if data.contains_key("token") && ttl.or(span(data, "token_ttl")).is_some() => {
            until(ttl.or(span(data, "token_ttl")).unwrap_or_default())
        }
        ttl if !read.only_looks() => until(ttl.or_else(|| expiration(data, now)).unwrap_or_default()),
        _ => Life::Static { hint: None },
    }
}

/// A lease without a length would be at its end at once.
fn leased(id: &str, reply: &Envelope) -> Life {
    match reply.seconds("lease_duration") {
        Some(ttl) if !ttl.is_zero() => {
            Life::Leased { id: LeaseId::new(id), ttl, renewable: reply.flag("renewable") }
        }
        _ => Life::Once,
    }
}

/// What ends by itself after `ttl`; nothing says when, if that is zero.
fn until(ttl: Duration) -> Life {
    if ttl.is_zero() { Life::Once } else { Life::Until { ttl, minted: true } }
}

/// What a token that the reply gives lives for: a wrapping token, or one of a login.
fn wrapped(reply: &Envelope) -> Option<Duration> {
    let wrapping = reply.object("wrap_info").map(|info| span(info, "ttl"));
    let login = || reply.auth().map(|auth| span(auth, "lease_duration"));
    wrapping.or_else(login).map(Option::unwrap_or_default)
}

/// KV by name, or by what only KV sends: version 2 nests its data, version 1 has a
/// duration without a lease (every other engine's secrets are leased by the server itself).
fn is_kv(reply: &Envelope) -> bool {
    match reply.mount_type() {
        "" => is_v2(reply) || is_v1(reply),
        name => name == "kv",
    }
}

fn is_v2(reply: &Envelope) -> bool {
    let metadata = reply.metadata();
    let known = metadata.is_some_and(|known| {
        known.get("version").is_some_and(Value::is_number) && known.contains_key("created_time")
    });
    known && reply.outer().and_then(|data| data.get("data")).is_some_and(Value::is_object)
}

fn is_v1(reply: &Envelope) -> bool {
    let has_duration = reply.seconds("lease_duration").is_some_and(|ttl| !ttl.is_zero());
    has_duration && reply.lease_id().is_none() && !reply.flag("renewable") && reply.outer().is_some()
}

/// What a KV v1 secret says of itself; without its own `ttl` the duration is the mount's and says nothing.
fn hint(reply: &Envelope) -> Option<Duration> {
    let says = |data: &Map<String, Value>| ["ttl", "lease"].iter().any(|key| data.contains_key(*key));
    let hint = reply.seconds("lease_duration").filter(|hint| !hint.is_zero() && *hint <= MOST_HINT)?;
    let own = !is_v2(reply) && reply.outer().is_some_and(says);
    own.then(|| hint.max(LEAST_HINT))
}

/// What is left until `expiration`, which PKI gives as a date. Where a certificate seems
/// to have ended before it came, our clock is wrong, and its length counts.
fn expiration(data: &Map<String, Value>, now: u64) -> Option<Duration> {
    let stamp = |key: &str| data.get(key).and_then(Value::as_u64);
    let end = stamp("expiration")?;
    let whole = stamp("not_before").map(|begin| end.saturating_sub(begin));
    let left = Some(end.saturating_sub(now)).filter(|left| *left > 0);
    let left = left.map(|left| whole.map_or(left, |whole| left.min(whole)));
    left.or(whole).map(Duration::from_secs)
}

/// A number of seconds, or a text such as `59m0s`.
fn span(data: &Map<String, Value>, key: &str) -> Option<Duration> {
    let value = data.get(key)?;
    let text = || humantime::parse_duration(value.as_str()?).ok();
    value.as_u64().map(Duration::from_secs).or_else(text)
}

#[cfg(test)]
mod tests;
