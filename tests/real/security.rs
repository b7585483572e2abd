//! Bad proofs against a real login, before and after a good mount of the same pod.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tonic::Code;

use crate::support::kube_objects::{PodRef, Token};
use crate::support::provider::Mount;
use crate::world::{World, object};

fn objects(world: &World) -> String {
    object("p", &format!("secret/data/{}/db", world.namespace), "password")
}

/// A token signed with the cluster's own key, for claims that TokenRequest refuses to make.
fn minted(world: &World, pod: &PodRef, change: impl Fn(&mut Value)) -> Token {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "aud": ["vault"], "iss": "https://kubernetes.default.svc", "iat": now - 700, "nbf": now - 700, "exp": now + 600,
        "sub": format!("system:serviceaccount:{}:{}", pod.namespace, pod.service_account),
        "kubernetes.io": { "namespace": pod.namespace, "pod": { "name": pod.name, "uid": pod.uid },
            "serviceaccount": { "name": pod.service_account, "uid": "11111111-2222-3333-4444-555555555555" } },
    });
    change(&mut claims);
    Token { token: world.kube.mint(&claims), expiration: String::new() }
}

async fn refused_before_and_after(world: &World, auth: &str, names: &str) {
    let (pod, other) = (world.pod(&format!("{names}-a")).await, world.pod(&format!("{names}-b")).await);
    let strange = world.pod_as(&format!("{names}-c"), "strange").await;
    let good = world.kube.pod_token(&pod, "vault", 3600).await;
    let forged = {
        let (signed, signature) = good.token.rsplit_once('.').unwrap();
        Token { token: format!("{signed}.AAAA{}", &signature[4..]), ..good.clone() }
    };
    let cases = [
        ("none", None),
        (
            "expired",
            Some(minted(world, &pod, |claims| {
                claims["exp"] = (claims["exp"].as_u64().unwrap() - 1000).into();
            })),
        ),
        ("another pod's", Some(world.kube.pod_token(&other, "vault", 3600).await)),
        ("another account's", Some(world.kube.pod_token(&strange, "vault", 3600).await)),
        ("another audience's", Some(world.kube.pod_token(&pod, "other", 3600).await)),
        ("garbage", Some(Token { token: "garbage".into(), ..good.clone() })),
        ("forged", Some(forged)),
    ];
    let objects = objects(world);
    let mount = |token: Option<&Token>| {
        let tokens: BTreeMap<_, _> =
            token.map(|token| ("vault".to_owned(), token.clone())).into_iter().collect();
        Mount::new(&pod, &[("roleName", "web"), ("objects", &objects), ("vaultAuthMountPath", auth)], &tokens)
    };
    for round in ["before", "after"] {
        for (name, token) in &cases {
            let (code, message) = world.refused(&mount(token.as_ref())).await;
            let refused = matches!(code, Code::Unauthenticated | Code::PermissionDenied);
            assert!(refused, "{auth}, {name}, {round}: {code:?} {message}");
        }
        assert!(world.call(&mount(Some(&good))).await.is_ok(), "{auth}, {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_proofs_are_refused_where_only_the_login_verifies() {
    let Some(world) = World::new("sec").await else { return };
    refused_before_and_after(&world, "kubernetes", "k").await;
    refused_before_and_after(&world, "jwt", "j").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_proofs_are_refused_with_the_clusters_keys() {
    let Some(kube) = crate::support::kube::Kube::shared().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    std::fs::write(&jwks, kube.jwks().await.to_string()).unwrap();
    let jwks = jwks.display().to_string();
    let issuer = crate::support::kube::ISSUER;
    let Some(world) = World::with("sec-keys", &["--jwks-file", &jwks, "--jwks-issuer", issuer]).await else {
        return;
    };
    refused_before_and_after(&world, "kubernetes", "k").await;
    let pod = world.pod("issuer").await;
    let token = minted(&world, &pod, |claims| claims["iss"] = "https://elsewhere".into());
    let objects = objects(&world);
    let tokens = BTreeMap::from([("vault".to_owned(), token)]);
    let mount = Mount::new(&pod, &[("roleName", "web"), ("objects", &objects)], &tokens);
    let (code, message) = world.refused(&mount).await;
    assert_eq!(code, Code::Unauthenticated, "{message}");
    assert!(message.contains("another issuer"), "{message}");
    // Of the one good token: no forged, expired or foreign token left the node.
    assert_eq!(world.bao.requests("auth/kubernetes/login"), 1);
}

/// The keys of a real API server, over TLS with its own CA and a bearer token.
#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_the_api_server_itself() {
    let Some(kube) = crate::support::kube::Kube::shared().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("ca.pem"), kube.ca_pem()).unwrap();
    std::fs::write(path("token"), kube.reviewer_token().await).unwrap();
    let url = format!("{}/openid/v1/jwks", kube.url());
    let (ca, token) = (path("ca.pem"), path("token"));
    let flags = ["--jwks-url", &url, "--jwks-ca-file", &ca, "--jwks-token-file", &token];
    let Some(world) = World::with("sec-url", &flags).await else { return };
    let pod = world.pod("a").await;
    let mount = world.mount(&pod, &object("p", "secret/data/sec-url/db", "password")).await;
    assert!(world.call(&mount).await.is_ok());
    let mut stranger = mount.clone();
    let tokens = "csi.storage.k8s.io/serviceAccount.tokens";
    let forged = crate::support::certs::rsa_key();
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(forged.0.as_bytes()).unwrap();
    let good: Value = serde_json::from_str(&mount.attributes[tokens]).unwrap();
    let payload = good["vault"]["token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims: Value = {
        use base64::Engine as _;
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
            .unwrap()
    };
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    stranger.attributes.insert(tokens.into(), json!({ "vault": { "token": token } }).to_string());
    let (code, message) = world.refused(&stranger).await;
    assert_eq!(code, Code::Unauthenticated, "{message}");
    assert!(message.contains("none of the cluster's keys"), "{message}");
}
