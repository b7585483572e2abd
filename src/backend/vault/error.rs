//! A server's refusal in our words: what kind it is, what it says (never what
//! we sent), and what to change. The rows were seen on OpenBao 2.7 and Vault.

mod rows;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use self::rows::{ANY, LAGGING, LEADERLESS};
use super::Flavour;
use super::envelope::Envelope;
use crate::error::{Error, Kind, Stage};
use crate::net::{Address, Cause, Failure, Reply, redact};

pub(super) use self::rows::{APPROLE, CERTIFICATE, KEEP, LOGIN, PASSAGE, READ, Row, USERPASS};

/// How long servers count wrong credentials, by default: fifteen minutes from the last of them.
const LOCKOUT: Duration = Duration::from_secs(16 * 60);

/// What was being done, for the text and for the hints' blanks.
pub(super) struct At<'a> {
    pub(super) flavour: Flavour,
    pub(super) stage: Stage,
    /// What servers say to this.
    pub(super) rows: &'static [Row],
    pub(super) address: &'a Address,
    pub(super) namespace: Option<&'a str>,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) role: &'a str,
    /// The pod's namespace, service account and audience; empty outside a login.
    pub(super) mount: &'a str,
    pub(super) pod: [&'a str; 3],
    /// What was sent and must not come back.
    pub(super) sent: Vec<&'a SecretString>,
}

/// A refusal, or no reply.
pub(super) struct Refusal {
    pub(super) error: Error,
    /// It may be an outage behind the server that only looks like a refusal.
    pub(super) ambiguous: bool,
    /// The server may have done what was asked all the same.
    pub(super) acted: bool,
    /// It has not come so far as the request asked for.
    pub(super) lags: bool,
}

impl Borrow<Error> for Refusal {
    fn borrow(&self) -> &Error {
        &self.error
    }
}

// === impl At ===

impl At<'_> {
    /// No reply.
    pub(super) fn failed(&self, failure: Failure) -> Error {
        let hint = match failure.cause() {
            Cause::Tls => Some(self.fill(
                "trust the server's CA with {p}CACertPath (under {f}-tls-dir), {p}CACert or {f}-tls-ca-cert; \
                 a name that differs from the address goes into {p}TLSServerName",
            )),
            Cause::Plain => Some("the address says https:// and the server speaks http".to_owned()),
            Cause::TooLarge => Some("read a smaller secret, or raise --max-response-bytes".to_owned()),
            _ => None,
        };
        let error = failure.at(self.stage).with("backend", self.flavour.name()).with("address", self.address);
        let error = error.with("path", self.path);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// A reply that is not what was asked for.
    pub(super) fn refused(&self, reply: &Reply) -> Refusal {
        let body = Envelope::parse(&reply.body);
        let said = body.as_ref().map(|body| body.texts("errors").join("; ")).unwrap_or_default();
        let plain = if body.is_none() { plain(reply) } else { String::new() };
        let lags = is_lagging(reply.status, body.as_ref());
        let row = ANY.iter().chain(self.rows).find(|row| row.fits(reply.status, &said, &plain));
        let row = if lags { Some(&LAGGING) } else { row };
        let kind = match (row, &body) {
            (Some(row), _) => row.kind,
            // A proxy's page says nothing of the secret nor of who asks.
            (None, None) if (400..500).contains(&reply.status) && reply.status != 429 => Kind::Precondition,
            (None, _) => self.kind(reply.status),
        };
        let text = self.text(reply, body.as_ref(), row, &said);
        let counted = row.filter(|row| row.counted && body.is_some()).map(|_| LOCKOUT);
        let mut error = self.error(kind, reply, text).retry_after(counted.or(reply.retry_after));
        let hint = row.map(|row| row.hint).filter(|hint| !hint.is_empty()).map(|hint| self.fill(hint));
        if let Some(hint) = self.redirected(reply).or_else(|| self.gone(reply, body.as_ref())).or(hint) {
            error = error.hint(hint);
        }
        error = error.verdict(body.is_some());
        let ambiguous = matches!(reply.status, 400 | 403) && row.is_none_or(|row| row.ambiguous);
        let untouched = (reply.status == 503 || is_elsewhere(reply)) && body.is_some();
        Refusal { error, ambiguous, acted: reply.status >= 500 && !untouched, lags }
    }

    /// The hint for a redirect that names a server: which setting would have it followed.
    fn redirected(&self, reply: &Reply) -> Option<String> {
        let redirect = reply.redirect.as_ref()?;
        let server = redirect.server()?;
        Some(match redirect.is_known() {
            true => "the cluster has no leader just now, or its nodes name one that is gone".to_owned(),
            false => self.fill(&format!(
                "if {server} is a node of the same cluster, name it in {{p}}Addresses, {{f}}-addr or {{f}}-allowed-address; \
                 or let the cluster's nodes forward requests, which is their default"
            )),
        })
    }

    /// A reply of the right status and the wrong content.
    pub(super) fn odd(&self, reply: &Reply, kind: Kind, text: &str) -> Error {
        self.error(kind, reply, text.to_owned())
    }

    fn error(&self, kind: Kind, reply: &Reply, text: String) -> Error {
        let mut error = Error::new(kind, self.stage, text).with("backend", self.flavour.name());
        error = error.with("http", reply.status).with("path", self.path);
        if let Some(server) = &reply.server {
            error = error.with("server", server);
        }
        for (key, value) in [("namespace", self.namespace.unwrap_or_default()), ("role", self.role)] {
            if !value.is_empty() && (key == "namespace" || self.stage == Stage::Login) {
                error = error.with(key, value);
            }
        }
        error
    }

    /// What a status means that no row knows.
    const fn kind(&self, status: u16) -> Kind {
        match (status, self.stage) {
            (401 | 403, _) | (400, Stage::Login) => Kind::Denied,
            (404, _) => Kind::NotFound,
            (412 | 429, _) => Kind::Throttled,
            (300..=399 | 472 | 473 | 500.., _) => Kind::Unavailable,
            _ => Kind::Invalid,
        }
    }

    fn text(&self, reply: &Reply, body: Option<&Envelope>, row: Option<&Row>, said: &str) -> String {
        if let Some(gone) = self.version_gone(reply, body) {
            return self.clean(&gone);
        }
        if let Some(redirect) = &reply.redirect {
            let text = match (redirect.server(), redirect.is_known()) {
                (Some(server), true) => {
                    format!(
                        "the server is not the active one and names {server}, which does not serve either"
                    )
                }
                (Some(server), false) => {
                    format!(
                        "the server redirects to {server}, which is not configured: no token is sent there"
                    )
                }
                (None, _) => "the server redirects to another path, which is not followed".to_owned(),
            };
            return self.clean(&text);
        }
        let warned = body.map(|body| body.texts("warnings").join("; ")).unwrap_or_default();
        let said = if said.is_empty() { &warned } else { said };
        if let Some(text) = row.map(|row| row.text).filter(|text| !text.is_empty()) {
            return text.to_owned();
        }
        match (said.trim().is_empty(), body, reply.status) {
            (false, _, _) => self.clean(said),
            (true, _, status) if is_lagging(status, body) => {
                "the node has not got what the active one had already".to_owned()
            }
            (true, Some(_), 404) => "there is nothing at this path".to_owned(),
            (true, Some(_), _) => "the server gives no reason".to_owned(),
            (true, None, _) => "the answer is not from Vault's API: not JSON".to_owned(),
        }
    }

    /// What a read's 404 says of a version that was deleted or destroyed.
    fn version_gone(&self, reply: &Reply, body: Option<&Envelope>) -> Option<String> {
        body.filter(|_| reply.status == 404 && self.stage == Stage::Read).and_then(described)
    }

    /// The server's words without what we sent.
    fn clean(&self, said: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "what was sent is looked for, to take it out")]
        let sent: Vec<_> = self.sent.iter().map(|sent| sent.expose_secret()).collect();
        redact(said, &sent)
    }

    /// The hint for a path that is of the other KV version, or of a version that is gone.
    fn gone(&self, reply: &Reply, body: Option<&Envelope>) -> Option<String> {
        if reply.status != 404 || self.stage == Stage::Login {
            return None;
        }
        if self.version_gone(reply, body).is_some() {
            return Some(
                "write a new version or undelete this one, or ask for another with ?version=N".to_owned(),
            );
        }
        let (mount, rest) = self.path.split_once('/')?;
        let warned =
            body.is_some_and(|body| body.texts("warnings").iter().any(|text| text.contains("versioned K/V")));
        if warned {
            return Some(format!("the engine is KV v2: use secretPath {mount}/data/{rest}"));
        }
        let v1 = rest.strip_prefix("data/")?;
        let nothing = body.is_some_and(|body| body.texts("errors").is_empty());
        nothing.then(|| format!("check the name; if the engine is KV v1, use secretPath {mount}/{v1}"))
    }

    /// Fills a hint's blanks.
    fn fill(&self, hint: &str) -> String {
        let [pod_namespace, account, audience] = self.pod;
        let prefix = self.flavour.prefixes().first().copied().unwrap_or_default();
        let flag = format!("--{}", self.flavour.name());
        let path = self.path.split('?').next().unwrap_or_default();
        let blanks = [
            ("{mount}", self.mount),
            ("{role}", self.role),
            ("{ns}", pod_namespace),
            ("{sa}", account),
            ("{aud}", audience),
            ("{path}", path),
            ("{can}", capability(self.method)),
            ("{p}", prefix),
            ("{f}", flag.as_str()),
        ];
        // A login by credentials need not name a role.
        let hint = if self.role.is_empty() {
            hint.replace("of role {role}", "of this login")
        } else {
            hint.to_owned()
        };
        blanks.into_iter().fold(hint, |text, (blank, value)| text.replace(blank, value))
    }
}

/// Whether the server says that it has done nothing, and that another of its cluster may serve: it
/// lags, is of a replica, or knows no leader (another one may be on the leader's side of a cut).
pub(super) fn is_elsewhere(reply: &Reply) -> bool {
    // Most replies are none of these, and need not be read twice.
    if !matches!(reply.status, 412 | 429 | 472 | 473 | 500) {
        return false;
    }
    let Some(body) = Envelope::parse(&reply.body) else { return false };
    let leaderless = || body.texts("errors").iter().any(|text| text.contains(LEADERLESS));
    match reply.status {
        472 | 473 => true,
        500 => leaderless(),
        status => is_lagging(status, Some(&body)),
    }
}

/// Whether the storage behind a node has not come so far as was asked: OpenBao's says nothing, Vault's
/// names the state. A limit, and a proxy that misses a header, have other words.
fn is_lagging(status: u16, body: Option<&Envelope>) -> bool {
    let texts = body.map(|body| body.texts("errors")).unwrap_or_default();
    let names_it = || texts.iter().any(|text| text.contains("required index state"));
    body.is_some() && matches!(status, 412 | 429) && (texts.is_empty() || status == 412 && names_it())
}

/// The capability that a method needs.
pub(super) fn capability(method: &str) -> &'static str {
    match method {
        "GET" => "read",
        "LIST" => "list",
        "DELETE" => "delete",
        "PATCH" => "patch",
        _ => "create\", \"update",
    }
}

/// What KV v2 says of a version that was deleted or destroyed.
fn described(body: &Envelope) -> Option<String> {
    let metadata = body.metadata()?;
    let version = metadata.get("version").map(Value::to_string).unwrap_or_default();
    let deleted = metadata.get("deletion_time").and_then(Value::as_str).filter(|time| !time.is_empty());
    match metadata.get("destroyed").and_then(Value::as_bool) {
        Some(true) => Some(format!("version {version} of this secret is destroyed")),
        _ => deleted.map(|time| format!("version {version} of this secret was deleted at {time}")),
    }
}

/// The start of an answer that is not JSON: only compared, never shown.
fn plain(reply: &Reply) -> String {
    #[expect(clippy::disallowed_methods, reason = "an error page is compared with known ones")]
    let body = reply.body.expose_secret();
    String::from_utf8_lossy(body.get(..200).unwrap_or(body)).into_owned()
}
