//! A cluster's token issuer: keys, and tokens shaped as Kubernetes shapes them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::kube_objects::{PodRef, Token};
use super::secrets;

/// One signing key.
pub struct Issuer {
    key: EncodingKey,
    kid: String,
    pem: String,
}

impl Issuer {
    pub fn new(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        let der = pair.public_key().as_der().unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        Self { key, kid: kid.to_owned(), pem }
    }

    /// The public key, as a jwt auth mount wants it.
    pub fn pem(&self) -> String {
        self.pem.clone()
    }

    pub fn jwks(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        key.common.key_id = Some(self.kid.clone());
        json!({ "keys": [key] })
    }

    /// A pod's token for `audience` that ends in `seconds`.
    pub fn token(&self, pod: &PodRef, audience: &str, seconds: i64) -> Token {
        self.sign(&claims(pod, audience, seconds))
    }

    pub fn sign(&self, claims: &Value) -> Token {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, claims, &self.key).unwrap();
        secrets::remember(&token);
        Token { token, expiration: "2026-01-01T00:00:00Z".to_owned() }
    }
}

pub fn claims(pod: &PodRef, audience: &str, seconds: i64) -> Value {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    json!({
        "aud": [audience], "iss": "https://kubernetes.default.svc", "iat": now, "nbf": now - 60, "exp": now + seconds,
        "sub": format!("system:serviceaccount:{}:{}", pod.namespace, pod.service_account),
        "kubernetes.io": {
            "namespace": pod.namespace, "pod": { "name": pod.name, "uid": pod.uid },
            "serviceaccount": { "name": pod.service_account, "uid": "11111111-2222-3333-4444-555555555555" },
        },
    })
}
