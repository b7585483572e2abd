//! What a pod's events say when it is the backend that refuses: a real one, whole texts.

use std::time::Duration;

use serde_json::json;
use tonic::Code;

use crate::support::bao_setup::Keys;
use crate::world::{World, object};

const AT: &str = "stage=login backend=vault";

#[tokio::test(flavor = "multi_thread")]
async fn refused_logins_say_what_to_change() {
    let Some(world) = World::new("err-login").await else { return };
    let base = json!({ "bound_service_account_names": ["web"], "bound_service_account_namespaces": ["err-login"], "audience": "vault", "token_policies": ["pods"] });
    let role = |key: &str, value: serde_json::Value| {
        let mut role = base.clone();
        role[key] = value;
        role
    };
    world
        .bao
        .role("kubernetes", "elsewhere", role("bound_service_account_namespaces", json!(["other"])))
        .await;
    world.bao.role("kubernetes", "somebody", role("bound_service_account_names", json!(["other"]))).await;
    world.bao.role("kubernetes", "somewhere", role("audience", json!("other"))).await;
    let pod = world.pod("a").await;
    let good = world.mount(&pod, &object("x", "secret/data/err-login/db", "password")).await;
    let kubernetes = |status: u16, role: &str, text: &str| {
        format!("{AT} http={status} path=auth/kubernetes/login role={role}: {text}")
    };
    let cases = [
        (
            "roleName",
            "nope",
            Code::NotFound,
            kubernetes(
                400,
                "nope",
                "invalid role name \"nope\"; hint: create auth/kubernetes/role/nope, or change roleName",
            ),
        ),
        (
            "roleName",
            "elsewhere",
            Code::PermissionDenied,
            kubernetes(
                403,
                "elsewhere",
                "namespace not authorized; hint: add err-login to bound_service_account_namespaces of auth/kubernetes/role/elsewhere",
            ),
        ),
        (
            "roleName",
            "somebody",
            Code::PermissionDenied,
            kubernetes(
                403,
                "somebody",
                "service account name not authorized; hint: add web to bound_service_account_names of auth/kubernetes/role/somebody",
            ),
        ),
        (
            "roleName",
            "somewhere",
            Code::Unauthenticated,
            kubernetes(
                403,
                "somewhere",
                "invalid audience (aud) claim: audience claim does not match any expected audience; hint: set the audience of \
             auth/kubernetes/role/somewhere to vault, or audience in the class to the role's",
            ),
        ),
        (
            "vaultAuthMountPath",
            "nowhere",
            Code::PermissionDenied,
            format!(
                "{AT} http=403 path=auth/nowhere/login role=web: permission denied; hint: either there \
             is no auth method at nowhere, or the token was refused, or the server could not ask the Kubernetes API about it (TokenReview): the server's log says which"
            ),
        ),
        (
            "vaultNamespace",
            "nowhere",
            Code::NotFound,
            format!(
                "{AT} http=404 path=auth/kubernetes/login namespace=nowhere role=web: namespace not found; hint: check \
             vaultNamespace and --vault-namespace"
            ),
        ),
    ];
    for (key, value, code, text) in cases {
        let (got, message) = world.refused(&good.clone().set(key, value)).await;
        assert_eq!((got, message), (code, text), "{key}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_logins_name_their_own_causes() {
    let Some(world) = World::new("err-jwt").await else { return };
    world.bao.enable_jwt("away", Keys::JwksUrl("http://127.0.0.1:1/keys")).await;
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["pods"] });
    world.bao.role("away", "web", role).await;
    let (_, stranger) = crate::support::certs::rsa_key();
    world.bao.enable_jwt("strange", Keys::Pems(&[stranger])).await;
    world
        .bao
        .role(
            "strange",
            "web",
            json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"] }),
        )
        .await;
    let pod = world.pod("a").await;
    let good = world.mount(&pod, &object("x", "secret/data/err-jwt/db", "password")).await;
    for (mount, role, code, parts) in [
        ("jwt", "nope", Code::NotFound, ["role \"nope\" could not be found", "create auth/jwt/role/nope"]),
        (
            "strange",
            "web",
            Code::Unauthenticated,
            ["error verifying token signature", "auth/strange trusts another cluster's keys"],
        ),
        ("away", "web", Code::Internal, ["connection refused", "cannot reach the cluster's JWKS"]),
    ] {
        let mount = good.clone().set("vaultAuthMountPath", mount).set("roleName", role);
        let (got, message) = world.refused(&mount).await;
        assert_eq!(got, code, "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

/// Indistinguishable from a bad token for OpenBao: both possibilities are named (decision 9).
#[tokio::test(flavor = "multi_thread")]
async fn a_kubernetes_api_that_is_down_is_named_as_a_possibility() {
    let Some(kube) = crate::support::kube::Kube::start().await else { return };
    let Some(world) = World::new("err-kube").await else { return };
    world.bao.enable_kubernetes("other", &kube).await;
    world.bao.role("other", "web", json!({ "bound_service_account_names": ["*"], "bound_service_account_namespaces": ["*"], "audience": "vault", "token_policies": ["pods"] })).await;
    kube.stop();
    let pod = world.pod("a").await;
    let mount = world
        .mount(&pod, &object("x", "secret/data/err-kube/db", "password"))
        .await
        .set("vaultAuthMountPath", "other");
    let (code, message) = world.refused(&mount).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    assert!(
        message.contains("http=403")
            && message.contains("could not ask the Kubernetes API about it (TokenReview)"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_reads_say_what_to_change() {
    let Some(world) = World::new("err-read").await else { return };
    let pod = world.pod("a").await;
    let read = |path: &str, text: &str| {
        format!("stage=read object=x backend=vault http={text}").replace("{path}", path)
    };
    for (path, code, text) in [
        (
            "secret/data/others/db",
            Code::PermissionDenied,
            "403 path={path}: 1 error occurred: * permission denied; hint: a policy of role web needs: path \
          \"{path}\" { capabilities = [\"read\"] }",
        ),
        ("transit/encrypt/none", Code::PermissionDenied, "403"),
        ("secret/data/err-read/none", Code::NotFound, "404 path={path}: "),
    ] {
        let mount = world.mount(&pod, &object("x", path, "k")).await;
        let (got, message) = world.refused(&mount).await;
        assert_eq!(got, code, "{message}");
        assert!(message.starts_with(&read(path, text)), "{message}");
    }
    let mount = world.mount(&pod, &object("x", "secret/data/err-read/db", "nothing")).await;
    let (code, message) = world.refused(&mount).await;
    assert_eq!(code, Code::NotFound, "{message}");
    assert!(
        message.starts_with("stage=pick object=x") && message.contains("key \"nothing\" does not exist"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_that_lasts_is_named_with_its_quota() {
    let Some(world) = World::new("err-rate").await else { return };
    let pod = world.pod("a").await;
    let mount = world.mount(&pod, &object("x", "secret/data/err-rate/db", "password")).await;
    world.bao.rate_limit("logins", "auth/kubernetes", 1, "60s").await;
    world.call(&mount).await.unwrap();
    let second =
        world.mount(&world.pod("b").await, &object("x", "secret/data/err-rate/db", "password")).await;
    let (code, message) = world.refused(&second.timeout(Some(Duration::from_secs(5)))).await;
    assert_eq!(code, Code::Internal, "{message}");
    assert!(
        message.starts_with("stage=login backend=vault http=429") && message.contains("rate-limit quota"),
        "{message}"
    );
}
