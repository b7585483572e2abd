//! From what a request brings to proof that this pod asked now (decision 2).

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::bond::Bonds;
use super::claims::{self, Claims, Parts, Said};
use super::keys::{self, KeySource};
use super::present::Bearer;
use super::refusals::{absent, lacking, refuse, refuse_own, unallowed, unverifiable};
use super::{Brought, Claimed, Digest, Evidence, Pod, Proof, Secrets, Shown, Tokens};
use crate::error::{Error, Kind, Stage};
use crate::time::{Clock, Deadline};

/// How far clocks may differ.
const LEEWAY: u64 = 10;

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
        let (pod, audience, shown) = (pod.clone(), String::new(), Shown::Other);
        Ok(Claimed { pod, bearer, digest, audience, verified_by_login: true, shown })
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
        let said = Said::of(token);
        let life = said.as_ref().and_then(Said::life);
        let bound = said.and_then(|said| said.kubernetes).is_some_and(|bound| bound.pod.is_some());
        let (bearer, shown) = (Bearer::Token(token.clone()), Shown::Token { life, bound });
        Ok(Claimed { pod, bearer, digest, audience, verified_by_login, shown })
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
