//! What is asked about credentials and leases between reads: renewing, whether
//! they live, giving back. Each is tried twice at most: who asks comes again.

use std::time::Duration;

use serde_json::{Map, Value, json};
use vaultrs::api::token::requests::{LookupTokenSelfRequest, RenewTokenSelfRequest, RevokeTokenSelfRequest};

use super::Vault;
use super::credential::{Credential, granted};
use super::envelope::Envelope;
use super::error::{At, KEEP};
use super::login::{tried, typed};
use super::wire::Call;
use crate::backend::Renewal;
use crate::error::{Error, Kind, Stage};
use crate::lease::{Credential as _, Grant, LeaseId};
use crate::net::{Reply, Retry};
use crate::time::{Backoff, Deadline};

/// A hiccup is sat out; the keeper and the next Mount come again by themselves.
const TWICE: Retry = Retry {
    backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(1)),
    tries: 2,
    within: Duration::from_secs(5),
};

/// How long one may take: a server that says nothing must not hold up a Mount that could go on without it.
const PATIENCE: Duration = Duration::from_secs(10);

/// One such request.
pub(super) struct Errand {
    operation: &'static str,
    method: &'static str,
    path: String,
    body: Vec<u8>,
}

// === impl Errand ===

impl Errand {
    /// A request that vaultrs knows.
    fn typed(
        operation: &'static str,
        method: &'static str,
        endpoint: &impl rustify::Endpoint,
    ) -> Result<Self, Error> {
        let (path, body) = typed(endpoint)?;
        Ok(Self { operation, method, path, body })
    }

    /// A request that it does not.
    pub(super) fn post(operation: &'static str, path: &str, body: &Value) -> Self {
        let (path, body) = (format!("/v1/{path}"), body.to_string().into_bytes());
        Self { operation, method: "POST", path, body }
    }

    /// What is said of it.
    fn at<'a>(&'a self, vault: &Vault, credential: &'a Credential) -> At<'a> {
        let shown = self.path.trim_start_matches("/v1/");
        At { rows: KEEP, ..credential.at(vault.wire.flavour, self.method, shown) }
    }

    fn call(&self, credential: &Credential) -> Result<Call, Error> {
        let (target, namespace) = (credential.target(), credential.namespace());
        let call = Call::new(target, self.operation, self.method, &self.path, namespace)?;
        let call = call.token(&credential.token)?.patience(PATIENCE).after(&credential.index);
        Ok(if self.body.is_empty() { call } else { call.body(self.body.clone()) })
    }
}

// === impl Vault ===

impl Vault {
    /// Lets the token or a lease live on; as long as the server gives it, which may be less than was asked.
    pub(super) async fn prolong(
        &self,
        credential: &Credential,
        what: Renewal<'_>,
        by: Deadline,
    ) -> Result<Grant, Error> {
        let errand = match what {
            Renewal::Credential(span) => {
                let increment = Some(format!("{}s", seconds(span)));
                Errand::typed("renew", "POST", &RenewTokenSelfRequest { increment })?
            }
            Renewal::Lease(id, span) => {
                let body = json!({"lease_id": id.as_str(), "increment": seconds(span)});
                Errand::post("renew", "sys/leases/renew", &body)
            }
        };
        self.ask(credential, &errand, by, |reply| match what {
            Renewal::Credential(_) => reply.auth().map(granted),
            Renewal::Lease(..) => prolonged(reply),
        })
        .await
    }

    /// Whether the lease lives. One that is being revoked is still answered for, with nothing left.
    pub(super) async fn knows(
        &self,
        credential: &Credential,
        lease: &LeaseId,
        by: Deadline,
    ) -> Result<bool, Error> {
        // Asking uses up a use, and with the last one the server ends the token and its leases.
        if credential.is_counted() {
            return Ok(true);
        }
        let errand = Errand::post("check", "sys/leases/lookup", &json!({"lease_id": lease.as_str()}));
        match self.ask(credential, &errand, by, |reply| reply.data().map(lives)).await {
            Err(error) if error.kind() == Kind::NotFound => Ok(false),
            answer => answer,
        }
    }

    /// Whether the token works. A policy may forbid the question, which looks the same as a dead token.
    pub(super) async fn looks_up(&self, credential: &Credential, by: Deadline) -> Result<bool, Error> {
        let errand = Errand::typed("check", "GET", &LookupTokenSelfRequest {})?;
        match self.ask(credential, &errand, by, |_| Some(true)).await {
            Err(error) if error.is_refusal() => Ok(false),
            answer => answer,
        }
    }

    /// Revokes the token, and with it every lease that was minted under it. One that is dead
    /// is revoked already, and a batch token ends by itself; that a policy forbids it is an error.
    pub(super) async fn log_out(&self, credential: &Credential, by: Deadline) -> Result<(), Error> {
        if credential.is_batch() {
            return Ok(());
        }
        let errand = Errand::typed("revoke", "POST", &RevokeTokenSelfRequest {})?;
        let at = At { stage: Stage::Answer, ..errand.at(self, credential) };
        let result = tried(&self.wire, &errand.call(credential)?, &at, by).await;
        match result.map_err(|refusal| refusal.error) {
            Err(error) if matches!(error.kind(), Kind::Unauthenticated | Kind::NotFound) => {
                tracing::debug!(provider = self.wire.flavour.name(), %error, "nothing to revoke");
                Ok(())
            }
            result => result.map(|_| ()),
        }
    }

    /// Sends an errand and takes what it is about out of the reply.
    pub(super) async fn ask<T>(
        &self,
        credential: &Credential,
        errand: &Errand,
        by: Deadline,
        take: impl FnOnce(&Envelope) -> Option<T>,
    ) -> Result<T, Error> {
        let (at, call) = (errand.at(self, credential), errand.call(credential)?);
        let reply = TWICE.run(by, |_| self.wire.send(&call, &at, by)).await;
        let reply = reply.map_err(|refusal| refusal.error)?;
        let taken = Envelope::parse(&reply.body).and_then(|body| take(&body));
        taken.ok_or_else(|| strange(&at, &reply))
    }
}

/// A whole number of seconds: what a server counts in. None at all would end it.
fn seconds(span: Duration) -> u64 {
    span.as_secs().max(1)
}

/// What a lease was renewed for; `data` is null in renewals.
fn prolonged(reply: &Envelope) -> Option<Grant> {
    Some(Grant { ttl: Some(reply.seconds("lease_duration")?), renewable: reply.flag("renewable") })
}

/// Whether a lease that is answered for has anything left. One without end has no `expire_time`.
fn lives(data: &Map<String, Value>) -> bool {
    let left = data.get("ttl").and_then(Value::as_i64).unwrap_or_default();
    left > 0 || data.get("expire_time").is_none_or(Value::is_null)
}

/// A reply that does not say what was asked: a proxy's page, or a server of the future.
fn strange(at: &At<'_>, reply: &Reply) -> Error {
    at.odd(reply, Kind::Unavailable, "the answer does not say what was asked")
}
