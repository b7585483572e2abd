//! What a service-account token says of itself, read but not believed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The longest token that is looked at; real ones have about 1 KiB.
const MAX_TOKEN: usize = 16 * 1024;

/// The claims that matter here (Kubernetes bound service-account tokens).
#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    /// `iss`.
    #[serde(default)]
    pub iss: String,
    /// `aud`, a string or a list.
    #[serde(default)]
    pub aud: Audience,
    /// `exp`, seconds since 1970. A token without end is not accepted.
    pub exp: u64,
    /// `nbf`, seconds since 1970.
    #[serde(default)]
    pub nbf: Option<u64>,
    /// `kubernetes.io`.
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: Kubernetes,
}

/// What any JWT may say of itself: enough to use a token that is the caller's own.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    /// `iss`.
    pub iss: Option<String>,
    /// `aud`, a string or a list.
    pub aud: Option<Audience>,
    /// `exp`, seconds since 1970.
    pub exp: Option<u64>,
    /// `nbf`, seconds since 1970.
    pub nbf: Option<u64>,
    /// `iat`, seconds since 1970.
    pub iat: Option<u64>,
    /// `kubernetes.io`, of service-account tokens.
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: Option<Kubernetes>,
}

/// `aud`, in both forms that JWT allows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct Audience(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The `kubernetes.io` claim.
#[derive(Clone, Debug, Deserialize)]
pub struct Kubernetes {
    /// The namespace.
    pub namespace: String,
    /// The pod that the token is bound to; absent in tokens that no pod owns.
    #[serde(default)]
    pub pod: Option<Named>,
    /// The service account.
    pub serviceaccount: Named,
}

/// An object's name and UID.
#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    /// `name`.
    pub name: String,
    /// `uid`.
    #[serde(default)]
    pub uid: String,
}

/// A token taken apart: the signed part, the signature, the header's key id.
pub(super) struct Parts<'a> {
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
    pub(super) payload: &'a str,
}

// === impl ===

impl From<OneOrMany> for Audience {
    fn from(audience: OneOrMany) -> Self {
        match audience {
            OneOrMany::One(one) => Self(vec![one]),
            OneOrMany::Many(many) => Self(many),
        }
    }
}

impl Audience {
    /// Whether `wanted` is among the audiences.
    pub fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|audience| audience == wanted)
    }
}

/// Takes a compact JWS apart; `None` for anything else.
pub(super) fn split(token: &str) -> Option<Parts<'_>> {
    if token.len() > MAX_TOKEN || !token.is_ascii() {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let whole = !header.is_empty() && !payload.is_empty() && !payload.contains('.') && !signature.is_empty();
    whole.then_some(Parts { signed, signature, payload })
}

impl Said {
    /// How long the token is good in all, if it says so.
    pub(super) fn life(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.exp?.checked_sub(self.iat?)?))
    }

    /// What a token says, without verifying anything; `None` for what is no JWT.
    pub fn of(token: &SecretString) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "the claims are inside the token")]
        read(&split(token.expose_secret())?)
    }
}

/// Reads the claims of a token without verifying anything.
pub(super) fn read<T: DeserializeOwned>(parts: &Parts<'_>) -> Option<T> {
    let payload = URL_SAFE_NO_PAD.decode(parts.payload).ok()?;
    serde_json::from_slice(&payload).ok()
}
