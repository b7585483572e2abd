//! A cluster's token issuer, as small as it gets: one ES256 key.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::error::Error;
use crate::identity::{KeySource, Keys, Pod};
use crate::time::{Clock, Deadline, Wall};

/// Mints service-account tokens and publishes the key that verifies them.
pub struct Issuer {
    key: EncodingKey,
    jwks: String,
    kid: String,
    point: Vec<u8>,
}

// === impl Issuer ===

impl Issuer {
    /// The `iss` of every token.
    pub const NAME: &str = "https://cluster.test";

    /// An issuer with a new key.
    pub fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let pkcs8 = pair.to_pkcs8v1().unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let kid = x.chars().take(8).collect::<String>();
        let key =
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y});
        let jwks = json!({"keys": [key]}).to_string();
        Self { key: EncodingKey::from_ec_der(pkcs8.as_ref()), jwks, kid, point: point.to_vec() }
    }

    /// The key set, as an API server publishes it.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// The public key as PEM, which OpenBao's jwt mounts take.
    pub fn pem(&self) -> String {
        // SubjectPublicKeyInfo of any P-256 key, up to the point itself.
        let head = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let der = [hex::decode(head).unwrap(), self.point.clone()].concat();
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    /// The key set as a source.
    pub fn keys(&self) -> Arc<dyn KeySource> {
        Arc::new(Published(Arc::new(Keys::parse(self.jwks.as_bytes()).unwrap())))
    }

    /// The claims of a good token, to change before minting.
    pub fn claims(pod: &Pod, audience: &str) -> Value {
        let now = Wall.unix();
        json!({
            "iss": Self::NAME,
            "aud": [audience],
            "sub": format!("system:serviceaccount:{}:{}", pod.namespace, pod.service_account),
            "iat": now, "nbf": now, "exp": now + 3600,
            "kubernetes.io": {
                "namespace": pod.namespace,
                "pod": {"name": pod.name, "uid": pod.uid},
                "serviceaccount": {"name": pod.service_account, "uid": format!("uid-{}", pod.service_account)},
            },
        })
    }

    /// Signs `claims`.
    pub fn mint(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    /// A good token.
    pub fn token(&self, pod: &Pod, audience: &str) -> String {
        self.mint(&Self::claims(pod, audience))
    }

    /// A token like `token`, under another key of the same name: only a check of the signature finds it out.
    pub fn forge(&self, claims: &Value) -> String {
        Self { kid: self.kid.clone(), ..Self::new() }.mint(claims)
    }

    /// Whether this issuer signed `token`.
    pub fn signed(&self, token: &str) -> bool {
        let Some((text, signature)) = token.rsplit_once('.') else { return false };
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&self.jwks).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&set.keys[0]).unwrap();
        jsonwebtoken::crypto::verify(signature, text.as_bytes(), &key, Algorithm::ES256).unwrap_or(false)
    }
}

struct Published(Arc<Keys>);

impl KeySource for Published {
    fn keys<'a>(&'a self, _: Option<&'a str>, _: Deadline) -> BoxFuture<'a, Result<Arc<Keys>, Error>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}
