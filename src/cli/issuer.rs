//! A throw-away cluster issuer: one ES256 key, and tokens shaped like those that
//! a kubelet gets for a pod.

use std::time::Duration;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::SecretString;
use serde_json::json;

use crate::identity::Pod;
use crate::time::{Clock as _, Wall, random};

/// What the API server asks for when nothing is said.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// Signs tokens and publishes the key that verifies them.
pub struct Issuer {
    pair: EcdsaKeyPair,
    signing: EncodingKey,
    kid: String,
}

/// A token, with what the kubelet passes beside it.
pub struct Token {
    /// The audience that it is bound to.
    pub audience: String,
    /// The token.
    pub token: SecretString,
    /// Its end, RFC 3339.
    pub expires: String,
}

// === impl Issuer ===

impl Issuer {
    /// The `iss` of every token: what most clusters have.
    pub const NAME: &str = "https://kubernetes.default.svc.cluster.local";

    /// An issuer with a new key.
    pub fn new() -> Result<Self, String> {
        Self::with_kid(hex(10)?)
    }

    /// Another key under the same key id: its tokens differ in the signature only.
    pub fn impostor(&self) -> Result<Self, String> {
        Self::with_kid(self.kid.clone())
    }

    fn with_kid(kid: String) -> Result<Self, String> {
        let unmade = |_| "cannot make an ES256 key".to_owned();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(unmade)?;
        let signing = EncodingKey::from_ec_der(pair.to_pkcs8v1().map_err(unmade)?.as_ref());
        Ok(Self { pair, signing, kid })
    }

    /// The key set, as an API server publishes it.
    pub fn jwks(&self) -> String {
        // An uncompressed point: a 4, then x and y of 32 bytes each.
        let point = self.pair.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({ "keys": [{
            "use": "sig", "kty": "EC", "kid": self.kid, "crv": "P-256", "alg": "ES256", "x": x, "y": y,
        }] })
        .to_string()
    }

    /// The public key as PEM, as Vault's jwt auth wants it.
    pub fn public_pem(&self) -> Result<String, String> {
        let der = self.pair.public_key().as_der().map_err(|_| "cannot encode the public key")?;
        let text = STANDARD.encode(der.as_ref());
        Ok(format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"))
    }

    /// A token bound to `pod`, for `audience`.
    pub fn token(&self, pod: &Pod, audience: &str) -> Result<Token, String> {
        let end = Wall.now() + TOKEN_LIFE;
        let now = Wall.unix();
        let claims = json!({
            "aud": [audience],
            "exp": now + TOKEN_LIFE.as_secs(),
            "iat": now,
            "iss": Self::NAME,
            "jti": uid()?,
            "kubernetes.io": {
                "namespace": pod.namespace,
                "node": { "name": "demo-node", "uid": uid()? },
                "pod": { "name": pod.name, "uid": pod.uid },
                "serviceaccount": { "name": pod.service_account, "uid": uid()? },
            },
            "nbf": now,
            "sub": format!("system:serviceaccount:{}:{}", pod.namespace, pod.service_account),
        });
        let header = Header { kid: Some(self.kid.clone()), typ: None, ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing)
            .map_err(|error| format!("cannot sign a token: {error}"))?;
        let expires = humantime::format_rfc3339_seconds(end).to_string();
        Ok(Token { audience: audience.into(), token: token.into(), expires })
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A pod with a UID of its own.
pub(super) fn pod(namespace: &str, name: &str, service_account: &str) -> Result<Pod, String> {
    Ok(Pod {
        namespace: namespace.into(),
        name: name.into(),
        uid: uid()?,
        service_account: service_account.into(),
    })
}

/// A random UUID, as Kubernetes gives to its objects.
fn uid() -> Result<String, String> {
    let digits = hex(16)?;
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32)))
}

/// Random bytes in hexadecimal.
pub(super) fn hex(bytes: usize) -> Result<String, String> {
    let mut die = vec![0; bytes];
    if random(&mut die) { Ok(hex::encode(die)) } else { Err("the system has no random numbers".into()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::error::Error;
    use crate::identity::{Brought, Evidence, KeySource, Keys, Secrets, Tokens, Verifier};
    use crate::time::Deadline;

    struct Published(Arc<Keys>);

    impl KeySource for Published {
        fn keys<'a>(&'a self, _: Option<&'a str>, _: Deadline) -> BoxFuture<'a, Result<Arc<Keys>, Error>> {
            std::future::ready(Ok(self.0.clone())).boxed()
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test hands the token on")]
    async fn present(issuer: &Issuer, token: &Token, pod: &Pod) -> Result<(), String> {
        let keys = Arc::new(Published(Arc::new(Keys::parse(issuer.jwks().as_bytes())?)));
        let verifier = Verifier::new(Arc::new(Wall), Some(keys), Some(Issuer::NAME.into()));
        let tokens = json!({ &token.audience: { "token": token.token.expose_secret() } }).to_string();
        let evidence = Evidence::Token { audience: &token.audience, verified_by_login: false };
        let by = Deadline::after(Duration::from_secs(5));
        let (tokens, secrets) = (Tokens::parse(&tokens)?, Secrets::default());
        let brought = Brought { provider: "local", pod, tokens: &tokens, secrets: &secrets };
        let claimed = verifier.claimed(&brought, evidence);
        let claimed = claimed.map_err(|error| error.to_string())?;
        verifier.prove(&claimed, by).await.map(|_| ()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn tokens_pass_the_verifier_and_an_impostors_do_not() -> Result<(), String> {
        let (issuer, web) = (Issuer::new()?, pod("shop", "web-0", "web")?);
        assert_eq!(present(&issuer, &issuer.token(&web, "local")?, &web).await, Ok(()));
        let forged = issuer.impostor()?.token(&web, "local")?;
        let refused = present(&issuer, &forged, &web).await.err().unwrap_or_default();
        assert!(refused.contains("signature"), "{refused}");
        let other = pod("shop", "web-1", "web")?;
        assert!(present(&issuer, &issuer.token(&other, "local")?, &web).await.is_err());
        Ok(())
    }

    #[test]
    fn uids_and_pem_have_their_shapes() -> Result<(), String> {
        let parts: Vec<_> = uid()?.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        let pem = Issuer::new()?.public_pem()?;
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), "{pem}");
        Ok(())
    }
}
