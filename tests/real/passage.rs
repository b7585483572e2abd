//! A proxy behind a socket: it must pass tokens through, and the credentials of a request must not lock their user out.

use std::time::Duration;

use serde_json::json;
use tonic::Code;

use crate::support::bao::Bao;
use crate::support::bao_proxy::BaoProxy;
use crate::support::issuer::Issuer;
use crate::support::keymount::Keymount;
use crate::support::kube_objects::PodRef;
use crate::support::provider::{Mount, Provider};
use crate::support::secrets;
use crate::world::{PASSWORD, object};

const PATH: &str = "secret/data/pass/db";

fn pod(name: &str) -> PodRef {
    PodRef {
        namespace: "app".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        service_account: "web".to_owned(),
        class: "web-secrets".to_owned(),
        volume: "secrets".to_owned(),
        attributes: std::collections::BTreeMap::new(),
        secrets: std::collections::BTreeMap::new(),
    }
}

/// A login by pods' tokens; the proxy's own role may read nothing of the pods'.
async fn fill(bao: &Bao, issuer: &Issuer) {
    secrets::remember(PASSWORD);
    bao.put(PATH, json!({ "data": { "password": PASSWORD } })).await;
    bao.put("sys/auth/jwt", json!({ "type": "jwt" })).await;
    bao.put("auth/jwt/config", json!({ "jwt_validation_pubkeys": [issuer.pem()] })).await;
    bao.policy("app", "path \"secret/data/pass/*\" { capabilities = [\"read\"] }").await;
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["app"] });
    bao.role("jwt", "web", role).await;
    bao.approle("proxy", json!({ "token_policies": ["proxy"] })).await;
    bao.role("approle", "bare", json!({ "token_policies": ["proxy"], "token_no_default_policy": true }))
        .await;
}

async fn ask(provider: &Provider, issuer: &Issuer, name: &str) -> Result<Option<String>, tonic::Status> {
    let (pod, objects) = (pod(name), object("p", PATH, "password"));
    let tokens = [("vault".to_owned(), issuer.token(&pod, "vault", 600))].into();
    let class = [("roleName", "web"), ("objects", objects.as_str()), ("vaultAuthMountPath", "jwt")];
    Ok(provider.mount(&Mount::new(&pod, &class, &tokens)).await?.text("p"))
}

async fn behind(proxy: &BaoProxy) -> (Keymount, Provider) {
    let address = format!("unix://{}", proxy.socket().display());
    let often = ["--refresh-interval", "1ms", "--min-refresh-interval", "1ms"];
    let keymount =
        Keymount::start(&[&["--provider", "vault", "--vault-addr", &address], &often[..]].concat()).await;
    let provider = keymount.provider("vault").await;
    (keymount, provider)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_adds_its_token_is_used_and_one_that_replaces_ours_is_refused() {
    let Some(bao) = Bao::start().await else { return };
    let issuer = Issuer::new("pass");
    fill(&bao, &issuer).await;
    let proxy = BaoProxy::start(&bao, "proxy", "true").await;
    let (_keymount, provider) = behind(&proxy).await;
    for name in ["a", "a", "bb"] {
        assert_eq!(ask(&provider, &issuer, name).await.unwrap().as_deref(), Some(PASSWORD));
    }
    for role in ["proxy", "bare"] {
        let forcing = BaoProxy::start(&bao, role, "\"force\"").await;
        let logins = bao.requests("auth/jwt/login");
        let (_keymount, provider) = behind(&forcing).await;
        let status = ask(&provider, &issuer, "a").await.expect_err("every pod would have the proxy's rights");
        assert_eq!(status.code(), Code::FailedPrecondition, "{role}: {status:?}");
        let address = format!("unix://{}", forcing.socket().display());
        let expected = format!(
            "stage=login backend=vault address={address}: what is behind the socket puts its own token in the place of \
             the pods': every pod would read with its rights; hint: set use_auto_auth_token of the agent's or proxy's \
             api_proxy to true, or leave it out, instead of \"force\""
        );
        assert_eq!(status.message(), expected, "{role}");
        assert_eq!(bao.requests("auth/jwt/login"), logins, "no pod's token was sent");
    }
}

/// OpenBao locks a user out after five wrong passwords in a quarter of an hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_full_of_wrong_passwords_locks_nobody_out() {
    let Some(bao) = Bao::start().await else { return };
    fill(&bao, &Issuer::new("pass")).await;
    bao.put("sys/auth/userpass", json!({ "type": "userpass" })).await;
    let right = "ann's-own-password";
    secrets::remember(right);
    bao.put("auth/userpass/users/ann", json!({ "password": right, "token_policies": ["app"] })).await;
    let url = bao.url();
    for off in [&[][..], &["--sessions", "off"]] {
        let before = bao.requests("auth/userpass/login");
        let args =
            [&["--provider", "vault", "--vault-addr", &url, "--allow-unproven", "vault"], off].concat();
        let keymount = Keymount::start(&args).await;
        let provider = keymount.provider("vault").await;
        let objects = object("p", PATH, "password");
        let mount = |name: &str, password: &str| {
            let class = [("vaultAuthMethod", "userpass"), ("objects", objects.as_str())];
            let credentials = json!({ "username": "ann", "password": password }).to_string();
            Mount::new(&pod(name), &class, &std::collections::BTreeMap::new()).secrets(&credentials)
        };
        for round in 0..3 {
            let wrong: Vec<_> = (0..20).map(|at| mount(&format!("p{at}"), "not-her-password")).collect();
            let asked = wrong.iter().map(|mount| provider.mount(mount));
            for answer in futures_util::future::join_all(asked).await {
                let status = answer.expect_err("a wrong password");
                assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
                let text = status.message();
                assert!(
                    text.contains("invalid username or password; hint: check username and password"),
                    "{text}"
                );
                assert!(text.contains("are not tried again for "), "{round}: {text}");
            }
        }
        assert_eq!(bao.requests("auth/userpass/login") - before, 1, "sixty mounts, one try");
        let answer = provider.mount(&mount("p1", right)).await.unwrap_or_else(|status| panic!("{status:?}"));
        assert_eq!(answer.text("p").as_deref(), Some(PASSWORD), "the corrected Secret is tried at once");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
