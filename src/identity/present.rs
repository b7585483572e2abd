//! Proof that this pod asked now, and what comes before it (decision 2).

use std::time::Duration;

use secrecy::SecretString;

use super::{Digest, Pod, Proofs, Secrets, Tokens};
use crate::time::Moment;

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
pub(super) enum Bearer {
    Token(SecretString),
    Secrets(Secrets),
    Node,
}

/// What a pod claims: a token whose claims are the pod's, or what the operator takes
/// instead. Proves nothing yet, and owns the token.
#[derive(Debug)]
pub struct Claimed {
    pub(super) pod: Pod,
    pub(super) bearer: Bearer,
    pub(super) digest: Digest,
    pub(super) audience: String,
    pub(super) verified_by_login: bool,
    pub(super) shown: Shown,
}

/// What is shown for a proof, as far as it says that itself: read from a token that is not
/// verified yet, so that it may only ever count against whoever brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A token.
    Token {
        /// How long it is good in all; `None` if it does not say.
        life: Option<Duration>,
        /// Whether it is bound to a pod.
        bound: bool,
    },
    /// Something that is no token of the pod.
    Other,
}

/// Proof that this pod asked now. Made only in this room; owns the token.
#[derive(Debug)]
pub struct Presented {
    pub(super) pod: Pod,
    pub(super) bearer: Bearer,
    pub(super) digest: Digest,
}

/// How a request is proved.
#[derive(Debug)]
pub enum Proof {
    /// It is: by the cluster's keys, or because this token proved the session before.
    Now(Presented),
    /// By the login that has to follow, which verifies this very token.
    ByLogin(Presented),
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

    /// What the very proof shows that would be used.
    pub const fn shown(&self) -> Shown {
        self.shown
    }

    pub(super) fn presented(&self) -> Presented {
        Presented { pod: self.pod.clone(), bearer: self.bearer.clone(), digest: self.digest }
    }

    /// Proof by a session that this token, or these credentials, have proved within `reauth`.
    pub fn proved_before(&self, proofs: &Proofs, now: Moment, reauth: Duration) -> Option<Presented> {
        proofs.has(self.digest, now, reauth).then(|| self.presented())
    }
}
