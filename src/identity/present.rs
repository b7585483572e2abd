//! From a request's tokens to proof that this pod asked now (decision 2).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::bond::Bonds;
use super::claims::{self, Claims, Parts, Said};
use super::keys::{self, KeySource};
use super::refusals::{absent, lacking, refuse, refuse_own, unallowed, unverifiable};
use super::{Digest, Pod, Proofs, Secrets, Tokens};
use crate::error::{Error, Kind, Stage};
use crate::time::{Clock, Deadline, Moment};

/// How far clocks may differ.
const LEEWAY: u64 = 10;

/// What proves a request, as a backend states it for one scope.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// A service-account token of the pod for this audience.
    Token {
        /// The audience that the token must be bound to.
        audience: &'a str,
        /// Whether the login that follows checks this very token's signature.
        /// Where it does not, the cluster's keys must.
        verified_by_login: bool,
    },
    /// Credentials in the request itself, under these keys; the login checks them. Nothing
    /// ties them to the pod, so the operator must allow it, and a session belongs to them.
    Secrets {
        /// Those that the login needs.
        keys: &'static [&'static str],
    },
    /// The node's own identity, which says nothing of the pod. The operator must allow it.
    Node,
}

/// What a request brings to be proved by, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Brought<'a> {
    /// The provider that is asked.
    pub provider: &'a str,
    /// The pod that the driver names.
    pub pod: &'a Pod,
    /// Its tokens.
    pub tokens: &'a Tokens,
    /// The request's credentials.
    pub secrets: &'a Secrets,
}

/// What a request's own proof is; owned, and wiped when it is dropped.
#[derive(Clone, Debug)]
enum Bearer {
    Token(SecretString),
    Secrets(Secrets),
    Node,
}

/// What a pod claims: a token whose claims are the pod's, or what the operator takes
/// instead. Proves nothing yet, and owns the token.
#[derive(Debug)]
pub struct Claimed {
    pod: Pod,
    bearer: Bearer,
    digest: Digest,
    audience: String,
    verified_by_login: bool,
}

/// Proof that this pod asked now. Made only here; owns the token.
#[derive(Debug)]
pub struct Presented {
    pod: Pod,
    bearer: Bearer,
    digest: Digest,
}

/// How a request is proved.
#[derive(Debug)]
pub enum Proof {
    /// It is: by the cluster's keys, or because this token proved the session before.
    Now(Presented),
    /// By the login that has to follow, which verifies this very token.
    ByLogin(Presented),
}

/// Checks tokens against the request, the clock and, if given, the cluster's keys.
pub struct Verifier {
    clock: Arc<dyn Clock>,
    keys: Option<Arc<dyn KeySource>>,
    issuer: Option<String>,
    whose: Whose,
    bonds: Bonds,
    /// The providers that the operator lets be asked without proof of the pod.
    unproven: BTreeSet<String>,
}

/// Whose tokens a verifier sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Those of pods, brought by somebody who speaks for all of them.
    Pods,
    /// The caller's, who speaks for nobody else.
    Own,
}

// === impl Presented ===

impl Presented {
    /// The pod that asked.
    pub const fn pod(&self) -> &Pod {
        &self.pod
    }

    /// The pod's token, for the login only; `None` where something else proves.
    pub const fn token(&self) -> Option<&SecretString> {
        match &self.bearer {
            Bearer::Token(token) => Some(token),
            Bearer::Secrets(_) | Bearer::Node => None,
        }
    }

    /// One of the request's credentials, for the login only.
    pub fn secret(&self, key: &str) -> Option<&SecretString> {
        match &self.bearer {
            Bearer::Secrets(secrets) => secrets.get(key),
            Bearer::Token(_) | Bearer::Node => None,
        }
    }

    /// Everything that a login may send, and nobody may read in what comes back.
    pub fn sensitive(&self) -> Vec<&SecretString> {
        match &self.bearer {
            Bearer::Token(token) => vec![token],
            Bearer::Secrets(secrets) => secrets.values().collect(),
            Bearer::Node => Vec::new(),
        }
    }

    /// What tells this proof from others.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

// === impl Proof ===

impl Proof {
    /// The proof, for a caller that logs in next in any case.
    pub fn into_presented(self) -> Presented {
        let (Self::Now(presented) | Self::ByLogin(presented)) = self;
        presented
    }
}

// === impl Claimed ===

impl Claimed {
    /// What tells this proof from others.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What a session must be bound to beside its pod, where nothing proves the pod: such a
    /// session serves only who brings the same credentials, and shares nothing.
    pub const fn bond(&self) -> Option<Digest> {
        match self.bearer {
            Bearer::Token(_) => None,
            Bearer::Secrets(_) | Bearer::Node => Some(self.digest),
        }
    }

    fn presented(&self) -> Presented {
        Presented { pod: self.pod.clone(), bearer: self.bearer.clone(), digest: self.digest }
    }

    /// Proof by a session that this token, or these credentials, have proved within `reauth`.
    pub fn proved_before(&self, proofs: &Proofs, now: Moment, reauth: Duration) -> Option<Presented> {
        proofs.has(self.digest, now, reauth).then(|| self.presented())
    }
}

// === impl Verifier ===

impl Verifier {
    /// A verifier; without `keys` only logins verify signatures.
    pub fn new(clock: Arc<dyn Clock>, keys: Option<Arc<dyn KeySource>>, issuer: Option<String>) -> Self {
        let (bonds, unproven) = (Bonds::new(), BTreeSet::new());
        Self { clock, keys, issuer, whose: Whose::Pods, bonds, unproven }
    }

    /// A verifier for the command line, where the token is the caller's own: there is nobody
    /// else whose pod it could be, so that its claims need be no pod's. Audience, times and
    /// issuer are checked as far as it says them. Never for a socket that pods are behind.
    pub fn own_token(
        clock: Arc<dyn Clock>,
        keys: Option<Arc<dyn KeySource>>,
        issuer: Option<String>,
    ) -> Self {
        Self { whose: Whose::Own, ..Self::new(clock, keys, issuer) }
    }

    /// The same, and these providers may be asked without proof of the pod (decision 2).
    #[must_use]
    pub fn allowing(self, providers: impl IntoIterator<Item = String>) -> Self {
        Self { unproven: providers.into_iter().collect(), ..self }
    }

    /// What a request claims by `evidence`, or why it cannot.
    pub fn claimed(&self, brought: &Brought<'_>, evidence: Evidence<'_>) -> Result<Claimed, Error> {
        match evidence {
            Evidence::Token { audience, verified_by_login } => {
                self.by_token(brought.pod, brought.tokens, audience, verified_by_login)
            }
            Evidence::Secrets { keys } => {
                self.allow(brought, "credentials that a request brings")?;
                let secrets = brought.secrets.only(keys).map_err(|absent| lacking(brought, keys, &absent))?;
                self.unproven(brought.pod, &secrets, Bearer::Secrets)
            }
            Evidence::Node => {
                self.allow(brought, "the node's own certificate")?;
                self.unproven(brought.pod, &Secrets::default(), |_| Bearer::Node)
            }
        }
    }

    fn allow(&self, brought: &Brought<'_>, what: &str) -> Result<(), Error> {
        match self.unproven.contains(brought.provider) {
            true => Ok(()),
            false => Err(unallowed(brought, what)),
        }
    }

    fn unproven(
        &self,
        pod: &Pod,
        secrets: &Secrets,
        bearer: impl FnOnce(Secrets) -> Bearer,
    ) -> Result<Claimed, Error> {
        let no_chance = || Error::new(Kind::Internal, Stage::Proof, "the system has no random numbers");
        let (digest, bearer) = (self.bonds.of(secrets).ok_or_else(no_chance)?, bearer(secrets.clone()));
        Ok(Claimed { pod: pod.clone(), bearer, digest, audience: String::new(), verified_by_login: true })
    }

    fn by_token(
        &self,
        pod: &Pod,
        tokens: &Tokens,
        audience: &str,
        verified_by_login: bool,
    ) -> Result<Claimed, Error> {
        let token = tokens.get(audience).ok_or_else(|| absent(pod, tokens, audience))?;
        #[expect(clippy::disallowed_methods, reason = "the claims are inside the token")]
        let parts = claims::split(token.expose_secret());
        let fault = parts.map_or(Some("the token is not a JWT"), |parts| match self.whose {
            Whose::Pods => self.fault(&parts, pod, audience),
            Whose::Own => self.own_fault(&parts, audience),
        });
        if let Some(fault) = fault {
            return Err(self.refuse(pod, audience, fault));
        }
        let (pod, digest, audience) = (pod.clone(), Digest::of(token), audience.to_owned());
        Ok(Claimed { pod, bearer: Bearer::Token(token.clone()), digest, audience, verified_by_login })
    }

    /// The proof of what was claimed, or why it is none.
    pub async fn prove(&self, claimed: &Claimed, by: Deadline) -> Result<Proof, Error> {
        let by_login = claimed.verified_by_login;
        // Only a token has a signature; the rest is for the login to check.
        let Bearer::Token(token) = &claimed.bearer else { return Ok(Proof::ByLogin(claimed.presented())) };
        let Some(source) = &self.keys else {
            // Where no login verifies the caller's own token, it opens nothing that the caller cannot open.
            return match by_login || self.whose == Whose::Own {
                true => Ok(Proof::ByLogin(claimed.presented())),
                false => Err(unverifiable(&claimed.pod)),
            };
        };
        match signature_fault(source.as_ref(), token, by).await {
            Ok(None) => Ok(Proof::Now(claimed.presented())),
            Ok(Some(fault)) => Err(self.refuse(&claimed.pod, &claimed.audience, fault)),
            // Decision 2: any one proof is enough, and the login is about to give one.
            Err(error) if by_login => {
                tracing::warn!(%error, "the cluster's keys cannot be read; the login alone verifies this token");
                Ok(Proof::ByLogin(claimed.presented()))
            }
            Err(error) => Err(error),
        }
    }

    /// What is wrong with a token that is to be the pod's.
    fn fault(&self, parts: &Parts<'_>, pod: &Pod, audience: &str) -> Option<&'static str> {
        let Some(Claims { iss, aud, exp, nbf, kubernetes }) = claims::read(parts) else {
            return Some("the token has no claims of a Kubernetes service account");
        };
        let is_bound = kubernetes.pod.is_some_and(|bound| bound.uid == pod.uid && bound.name == pod.name);
        if !aud.has(audience) {
            Some("the token is for another audience")
        } else if let Some(fault) = self.time_fault(Some(exp), nbf) {
            Some(fault)
        } else if kubernetes.namespace != pod.namespace {
            Some("the token is of another namespace")
        } else if kubernetes.serviceaccount.name != pod.service_account {
            Some("the token is of another service account")
        } else if !is_bound {
            Some("the token is not bound to this pod")
        } else {
            self.issuer_fault(Some(&iss))
        }
    }

    /// What is wrong with a token that is the caller's own.
    fn own_fault(&self, parts: &Parts<'_>, audience: &str) -> Option<&'static str> {
        let Some(Said { iss, aud, exp, nbf, .. }) = claims::read(parts) else {
            return Some("the token has no claims");
        };
        if aud.is_some_and(|aud| !aud.has(audience)) {
            return Some("the token is for another audience");
        }
        self.time_fault(exp, nbf).or_else(|| self.issuer_fault(iss.as_deref()))
    }

    fn time_fault(&self, end: Option<u64>, start: Option<u64>) -> Option<&'static str> {
        let now = self.clock.unix();
        if end.is_some_and(|end| end.saturating_add(LEEWAY) <= now) {
            Some("the token is expired")
        } else if start.is_some_and(|start| start > now + LEEWAY) {
            Some("the token is not valid yet")
        } else {
            None
        }
    }

    fn issuer_fault(&self, said: Option<&str>) -> Option<&'static str> {
        let other = self.issuer.as_deref().is_some_and(|issuer| Some(issuer) != said);
        other.then_some("the token is of another issuer")
    }

    fn refuse(&self, pod: &Pod, audience: &str, fault: &str) -> Error {
        match self.whose {
            Whose::Pods => refuse(pod, audience, fault),
            Whose::Own => refuse_own(pod, audience, fault),
        }
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys.is_some())
            .field("issuer", &self.issuer)
            .field("unproven", &self.unproven)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the token's signature, or why that cannot be said now.
async fn signature_fault(
    source: &dyn KeySource,
    token: &SecretString,
    by: Deadline,
) -> Result<Option<&'static str>, Error> {
    #[expect(clippy::disallowed_methods, reason = "the signature is inside the token")]
    let text = token.expose_secret();
    let (Some(parts), Some((kid, algorithm))) = (claims::split(text), keys::header(text)) else {
        return Ok(Some("the token is not signed with RS256 or ES256"));
    };
    let keys = source.keys(kid.as_deref(), by).await?;
    let good = keys.verify(&parts, kid.as_deref(), algorithm);
    Ok((!good).then_some("the token's signature is by none of the cluster's keys"))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::time::HandHeld;

    const START: u64 = 1_000_000;
    const END: u64 = START + 600;

    /// Whether `verifier` takes a token of these claims from the pod `n/p`.
    fn taken(verifier: &Verifier, tokens: &Tokens) -> Result<Claimed, String> {
        let pod =
            Pod { namespace: "n".into(), name: "p".into(), uid: "u".into(), service_account: "s".into() };
        let evidence = Evidence::Token { audience: "vault", verified_by_login: false };
        let brought = Brought { provider: "vault", pod: &pod, tokens, secrets: &Secrets::default() };
        verifier.claimed(&brought, evidence).map_err(|error| error.to_string())
    }

    fn jwt(claims: &serde_json::Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    /// Whether a token from `START` to `END` is accepted at `now`, where the login verifies it.
    fn accepted(now: u64) -> Result<(), String> {
        let claims = json!({ "aud": ["vault"], "nbf": START, "exp": END, "kubernetes.io": { "namespace": "n",
            "pod": { "name": "p", "uid": "u" }, "serviceaccount": { "name": "s", "uid": "x" } } });
        let tokens = Tokens::parse(&json!({ "vault": { "token": jwt(&claims) } }).to_string())?;
        let verifier = Verifier::new(Arc::new(HandHeld::at(now)), None, None);
        taken(&verifier, &tokens).map(|_| ())
    }

    #[tokio::test]
    async fn the_callers_own_token_is_held_to_what_it_says_and_to_no_pod() {
        let clock = || Arc::new(HandHeld::at(START));
        let own = Verifier::own_token(clock(), None, None);
        let tokens = |claims| Tokens::own(jwt(&claims).into());
        let by = Deadline::after(Duration::from_secs(1));
        for claims in [
            json!({}),
            json!({ "aud": "vault", "exp": END, "kubernetes.io":
            { "namespace": "other", "serviceaccount": { "name": "other" } } }),
        ] {
            let claimed = taken(&own, &tokens(claims.clone()));
            let claimed = claimed.unwrap_or_else(|fault| unreachable!("{fault}"));
            assert!(matches!(own.prove(&claimed, by).await, Ok(Proof::ByLogin(_))));
            let pods = Verifier::new(clock(), None, None);
            assert!(taken(&pods, &tokens(claims)).is_err(), "a pod's token is held to its pod");
        }
        let pinned = Verifier::own_token(clock(), None, Some("ci".into()));
        for (verifier, claims, says) in [
            (&own, json!({ "aud": "other" }), "another audience"),
            (&own, json!({ "exp": START - 10 }), "expired"),
            (&own, json!({ "nbf": START + 11 }), "not valid yet"),
            (&own, json!([]), "no claims"),
            (&pinned, json!({}), "another issuer"),
        ] {
            let fault = taken(verifier, &tokens(claims)).err().unwrap_or_default();
            assert!(fault.contains(says), "{says}: {fault}");
        }
        let fault = taken(&own, &Tokens::own("opaque".to_owned().into())).err().unwrap_or_default();
        assert!(fault.contains("not a JWT"), "{fault}");
    }

    #[tokio::test]
    async fn clocks_may_differ_by_ten_seconds_and_no_more() {
        for now in [START - 10, START, END, END + 9] {
            assert_eq!(accepted(now), Ok(()), "{now}");
        }
        for (now, fault) in [(START - 11, "not valid yet"), (END + 10, "expired")] {
            let text = accepted(now).err().unwrap_or_default();
            assert!(text.contains(fault), "{now}: {text}");
        }
    }
}
