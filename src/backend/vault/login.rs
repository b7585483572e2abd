//! From a pod's token, or what stands for it, to a Vault token.
//!
//! The requests are vaultrs's; they are sent by our own room, so that none of
//! the panics, `Debug` prints, retries or environment reads around its client
//! can be reached (docs/dependencies.md).

use std::time::Duration;

use rustify::Endpoint;
use serde_json::Value;

use super::credential::Credential;
use super::envelope::Envelope;
use super::error::{At, Refusal};
use super::method;
use super::params::Scope;
use super::wire::{Call, Wire};
use super::{RETRY, Vault};
use crate::error::{Error, Kind, Stage};
use crate::identity::Presented;
use crate::net::Reply;
use crate::time::Deadline;

/// vaultrs wants a base to put its path under; only the path is taken.
const BASE: &str = "http://vault";
/// How long one login may take: a server that takes connections and says nothing
/// must not hold a mount's place until the driver's deadline.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long to wait before asking again whether a refusal was an outage behind the server.
const AGAIN: Duration = Duration::from_millis(500);

// === impl Vault ===

impl Vault {
    /// Logs a pod in. A refusal that may be an outage behind the server is asked about once more (decision 9).
    pub(super) async fn log_in(
        &self,
        proof: &Presented,
        scope: &Scope,
        by: Deadline,
    ) -> Result<Credential, Error> {
        let (path, body) = method::request(proof, scope)?;
        let pod = proof.pod();
        let shown = format!("auth/{}/login", scope.mount);
        let at = At {
            flavour: self.wire.flavour,
            stage: Stage::Login,
            rows: scope.method.rows(),
            address: &scope.target.address,
            namespace: scope.namespace.as_deref(),
            method: "POST",
            path: &shown,
            role: &scope.role,
            mount: &scope.mount,
            pod: [&pod.namespace, &pod.service_account, &scope.audience],
            sent: proof.sensitive(),
        };
        self.passes_tokens(&scope.target, Stage::Login, by).await?;
        let call = Call::new(&scope.target, "login", "POST", &path, scope.namespace.as_deref())?;
        let call = call.body(body).patience(ATTEMPT);
        let reply = match tried(&self.wire, &call, &at, by).await {
            Err(refusal) if refusal.ambiguous && by.left() > AGAIN => {
                tokio::time::sleep(AGAIN).await;
                tried(&self.wire, &call, &at, by).await
            }
            result => result,
        };
        credential(&reply.map_err(|refusal| refusal.error)?, scope, &at)
    }
}

/// Sends until it succeeds or trying again cannot help.
pub(super) async fn tried(wire: &Wire, call: &Call, at: &At<'_>, by: Deadline) -> Result<Reply, Refusal> {
    RETRY.run(by, |_| wire.send(call, at, by)).await
}

/// The path, `/v1` in front, and the body of one of vaultrs's requests.
pub(super) fn typed(endpoint: &impl Endpoint) -> Result<(String, Vec<u8>), Error> {
    // The error may hold the body, so nothing of it is kept.
    let request = endpoint
        .request(BASE)
        .map_err(|_| Error::new(Kind::Internal, Stage::Login, "the request cannot be built"))?;
    let path = format!("/v1{}", request.uri().path());
    Ok((path, request.into_body()))
}

/// What a login gave.
fn credential(reply: &Reply, scope: &Scope, at: &At<'_>) -> Result<Credential, Error> {
    let odd = |kind, text| Err(at.odd(reply, kind, text));
    let Some(envelope) = Envelope::parse(&reply.body) else {
        return odd(Kind::Unavailable, "the answer is not from Vault's API: not JSON");
    };
    let auth = envelope.auth();
    if let Some(credential) = auth.and_then(|auth| Credential::of(scope, auth)) {
        credential.index.note(reply);
        return Ok(credential);
    }
    match auth.and_then(|auth| auth.get("mfa_requirement")).is_some_and(Value::is_object) {
        true => odd(Kind::Denied, "the login demands a second factor, which a pod does not have"),
        false => odd(Kind::Unavailable, "the login gave no token"),
    }
}
