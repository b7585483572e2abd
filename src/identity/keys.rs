//! Signatures: the cluster's public keys, and where they come from.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

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

/// A parsed JWKS: the keys that we can use.
pub struct Keys(Vec<Key>);

struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

// === impl Keys ===

impl Keys {
    /// Reads a JWKS document. Keys of other kinds than ours are left out.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet = serde_json::from_slice(json).map_err(|error| format!("not a JWKS: {error}"))?;
        let keys: Vec<_> = set.keys.iter().filter_map(Key::read).collect();
        match keys.is_empty() {
            true => Err("the JWKS holds no RSA or P-256 key".into()),
            false => Ok(Self(keys)),
        }
    }

    /// Whether a key of this id is among them.
    pub fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether the token's signature is by one of the keys.
    pub(super) fn verify(&self, parts: &Parts<'_>, kid: Option<&str>, algorithm: Algorithm) -> bool {
        let named = |key: &&Key| kid.is_none() || key.kid.as_deref() == kid;
        self.0.iter().filter(named).any(|key| key.algorithm == algorithm && key.signed(parts))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.kid)).finish()
    }
}

// === impl Key ===

impl Key {
    fn read(jwk: &Jwk) -> Option<Self> {
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let algorithm = match key.family() {
            AlgorithmFamily::Rsa => Algorithm::RS256,
            AlgorithmFamily::Ec => Algorithm::ES256,
            _ => return None,
        };
        // A key that says what it is for is used for nothing else.
        let said = jwk.common.key_algorithm.map(Algorithm::try_from);
        said.is_none_or(|said| said.ok() == Some(algorithm)).then(|| Self {
            kid: jwk.common.key_id.clone(),
            algorithm,
            public: key,
        })
    }

    fn signed(&self, parts: &Parts<'_>) -> bool {
        let message = parts.signed.as_bytes();
        jsonwebtoken::crypto::verify(parts.signature, message, &self.public, self.algorithm).unwrap_or(false)
    }
}

/// The header's key id and algorithm, if it is one that we accept.
pub(super) fn header(token: &str) -> Option<(Option<String>, Algorithm)> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    ALGORITHMS.contains(&header.alg).then_some((header.kid, header.alg))
}
