//! From a pod's token to a Vault token, and back.
//!
//! The requests are vaultrs's; they are sent by our own room, so that none of
//! the panics, `Debug` prints, retries or environment reads around its client
//! can be reached (docs/dependencies.md).

use std::fmt;
use std::time::Duration;

use rustify::Endpoint;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::token::requests::RevokeTokenSelfRequest;
use zeroize::Zeroize;

use super::envelope::Envelope;
use super::error::{At, Refusal};
use super::params::Scope;
use super::wire::{Call, Wire};
use super::{RETRY, Vault};
use crate::error::{Error, Kind, Stage};
use crate::identity::Presented;
use crate::lease::{self, Grant};
use crate::net::{Reply, Target};
use crate::time::Deadline;

/// vaultrs wants a base to put its path under; only the path is taken.
const BASE: &str = "http://vault";
/// How long one login may take: a server that takes connections and says nothing
/// must not hold a mount's place until the driver's deadline.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long to wait before asking again whether a refusal was an outage behind the server.
const AGAIN: Duration = Duration::from_millis(500);

/// A Vault token and where it is good.
pub struct Credential {
    pub(super) token: SecretString,
    pub(super) target: Target,
    pub(super) namespace: Option<String>,
    /// The role that gave it, for hints.
    pub(super) role: String,
}

// === impl Credential ===

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("address", &self.target.address)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl lease::Credential for Credential {
    type Authority = ();

    fn authority(&self) -> &() {
        &()
    }

    fn grant(&self) -> Grant {
        Grant::ENDLESS
    }
}

// === impl Vault ===

impl Vault {
    /// Logs a pod in. A refusal that may be an outage behind the server is asked about once more (decision 9).
    pub(super) async fn log_in(
        &self,
        proof: &Presented,
        scope: &Scope,
        by: Deadline,
    ) -> Result<Credential, Error> {
        let (path, body) = login_request(proof, scope)?;
        let pod = proof.pod();
        let shown = format!("auth/{}/login", scope.mount);
        let at = At {
            flavour: self.wire.flavour,
            stage: Stage::Login,
            address: &scope.target.address,
            namespace: scope.namespace.as_deref(),
            method: "POST",
            path: &shown,
            role: &scope.role,
            mount: &scope.mount,
            pod: [&pod.namespace, &pod.service_account, &scope.audience],
            sent: proof.token(),
        };
        let call = Call::new(&scope.target, "login", "POST", &path, scope.namespace.as_deref())?.body(body);
        let reply = match tried(&self.wire, &call, &at, by).await {
            Err(refusal) if refusal.ambiguous && by.left() > AGAIN => {
                tokio::time::sleep(AGAIN).await;
                tried(&self.wire, &call, &at, by).await
            }
            result => result,
        };
        let token = token(&reply.map_err(|refusal| refusal.error)?, &at)?;
        let (target, namespace, role) = (scope.target.clone(), scope.namespace.clone(), scope.role.clone());
        Ok(Credential { token, target, namespace, role })
    }

    /// Revokes the token, and with it every lease that was minted under it.
    pub(super) async fn log_out(&self, credential: &Credential, by: Deadline) -> Result<(), Error> {
        let (path, _) = typed(&RevokeTokenSelfRequest {})?;
        let at = At {
            flavour: self.wire.flavour,
            stage: Stage::Answer,
            address: &credential.target.address,
            namespace: credential.namespace.as_deref(),
            method: "POST",
            path: "auth/token/revoke-self",
            role: &credential.role,
            mount: "",
            pod: [""; 3],
            sent: &credential.token,
        };
        let call = Call::new(&credential.target, "revoke", "POST", &path, credential.namespace.as_deref())?;
        let call = call.token(&credential.token)?;
        tried(&self.wire, &call, &at, by).await.map(|_| ()).map_err(|refusal| refusal.error)
    }
}

/// Sends until it succeeds or trying again cannot help.
async fn tried(wire: &Wire, call: &Call, at: &At<'_>, by: Deadline) -> Result<Reply, Refusal> {
    RETRY.run(by, |_| wire.send(call, at, by.at_most(ATTEMPT))).await
}

/// The path and the body of a login.
fn login_request(proof: &Presented, scope: &Scope) -> Result<(String, Vec<u8>), Error> {
    #[expect(clippy::disallowed_methods, reason = "the login is what the token is for")]
    let jwt = proof.token().expose_secret().to_owned();
    let mut request =
        LoginWithKubernetesRequest { mount: scope.mount.clone(), role: scope.role.clone(), jwt };
    let parts = typed(&request);
    request.jwt.zeroize();
    parts
}

/// The path, `/v1` in front, and the body of one of vaultrs's requests.
fn typed(endpoint: &impl Endpoint) -> Result<(String, Vec<u8>), Error> {
    // The error may hold the body, so nothing of it is kept.
    let request = endpoint
        .request(BASE)
        .map_err(|_| Error::new(Kind::Internal, Stage::Login, "the request cannot be built"))?;
    let path = format!("/v1{}", request.uri().path());
    Ok((path, request.into_body()))
}

/// The token that a login gave.
fn token(reply: &Reply, at: &At<'_>) -> Result<SecretString, Error> {
    let odd = |kind, text| Err(at.odd(reply, kind, text));
    let Some(envelope) = Envelope::parse(&reply.body) else {
        return odd(Kind::Unavailable, "the answer is not from Vault's API: not JSON");
    };
    let auth = envelope.auth();
    let token = auth.and_then(|auth| auth.get("client_token")).and_then(Value::as_str).unwrap_or_default();
    if token.is_empty() {
        let mfa = auth.and_then(|auth| auth.get("mfa_requirement")).is_some_and(Value::is_object);
        return match mfa {
            true => odd(Kind::Denied, "the login demands a second factor, which a pod does not have"),
            false => odd(Kind::Unavailable, "the login gave no token"),
        };
    }
    Ok(token.to_owned().into())
}
