//! Signatures: the cluster's public keys, and where they come from.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::claims::Parts;
use crate::error::Error;
use crate::time::Deadline;

/// The algorithms that Kubernetes signs with and that we accept. `none` and HMAC are not among them.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// Where the cluster's public keys come from: a file, or the API server.
pub trait KeySource: Send + Sync {
    /// Keys, with `kid` among them if the source has it or can get it by `by`.
    /// A source bounds its own refetching: anybody can send a new `kid`.
    fn keys<'a>(&'a self, kid: Option<&'a str>, by: Deadline) -> BoxFuture<'a, Result<Arc<Keys>, Error>>;
}

/// A parsed JWKS.
#[derive(Debug)]
pub struct Keys(JwkSet);

// === impl Keys ===

impl Keys {
    /// Reads a JWKS document.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet = serde_json::from_slice(json).map_err(|error| format!("not a JWKS: {error}"))?;
        match set.keys.is_empty() {
            true => Err("the JWKS holds no key".into()),
            false => Ok(Self(set)),
        }
    }

    /// Whether a key of this id is among them.
    pub fn has(&self, kid: &str) -> bool {
        self.0.find(kid).is_some()
    }

    /// Whether the token's signature is by one of the keys.
    pub(super) fn verify(&self, parts: &Parts<'_>, kid: Option<&str>, algorithm: Algorithm) -> bool {
        let candidates =
            self.0.keys.iter().filter(|key| kid.is_none() || key.common.key_id.as_deref() == kid);
        candidates.into_iter().any(|key| verify_by(key, parts, algorithm))
    }
}

/// The header's key id and algorithm, if it is one that we accept.
pub(super) fn header(token: &str) -> Option<(Option<String>, Algorithm)> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    ALGORITHMS.contains(&header.alg).then_some((header.kid, header.alg))
}

fn verify_by(key: &Jwk, parts: &Parts<'_>, algorithm: Algorithm) -> bool {
    // A key that says what it is for is used for nothing else.
    let said = key.common.key_algorithm.map(Algorithm::try_from);
    if said.is_some_and(|said| said.ok() != Some(algorithm)) {
        return false;
    }
    let Ok(key) = DecodingKey::from_jwk(key) else { return false };
    key.family() == family(algorithm)
        && jsonwebtoken::crypto::verify(parts.signature, parts.signed.as_bytes(), &key, algorithm)
            .unwrap_or(false)
}

fn family(algorithm: Algorithm) -> jsonwebtoken::AlgorithmFamily {
    match algorithm {
        Algorithm::ES256 => jsonwebtoken::AlgorithmFamily::Ec,
        _ => jsonwebtoken::AlgorithmFamily::Rsa,
    }
}
