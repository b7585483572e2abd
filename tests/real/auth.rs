//! Logins that do not show the pod's token, and servers behind a socket.

use std::collections::BTreeMap;

use serde_json::json;
use tonic::Code;

use crate::support::bao::Bao;
use crate::support::certs::Authority;
use crate::support::csi::{Driver, Options};
use crate::support::keymount::Keymount;
use crate::support::kube_objects::PodRef;
use crate::support::provider::{Mount, Provider};
use crate::support::secrets;
use crate::world::{PASSWORD, World, object};

const PATH: &str = "secret/data/auth/db";
const POLICY: &str = "path \"secret/data/auth/*\" { capabilities = [\"read\"] }\n";

/// A pod as the driver names it; no cluster is asked about it.
fn pod(name: &str) -> PodRef {
    PodRef {
        namespace: "auth".to_owned(),
        name: name.to_owned(),
        uid: format!("6a8b0c6e-0000-4000-8000-{:0>12}", name.len()),
        service_account: "web".to_owned(),
        class: "web-secrets".to_owned(),
        volume: "secrets".to_owned(),
        attributes: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

/// A Mount without a token, with these credentials.
fn mount(name: &str, method: &str, credentials: &serde_json::Value) -> Mount {
    let objects = object("p", PATH, "password");
    let class = [("vaultAuthMethod", method), ("objects", objects.as_str())];
    Mount::new(&pod(name), &class, &BTreeMap::new()).secrets(&credentials.to_string())
}

async fn fill(bao: &Bao) {
    secrets::remember(PASSWORD);
    bao.put(PATH, json!({ "data": { "password": PASSWORD } })).await;
    bao.policy("auth", POLICY).await;
}

async fn served(bao: &Bao, more: &[&str]) -> (Keymount, Provider) {
    let url = bao.url();
    let mut args = vec!["--provider", "vault", "--vault-addr", url.as_str()];
    args.extend(more);
    let keymount = Keymount::start(&args).await;
    let provider = keymount.provider("vault").await;
    (keymount, provider)
}

async fn password(provider: &Provider, mount: &Mount) -> Option<String> {
    provider.mount(mount).await.unwrap_or_else(|status| panic!("{status:?}")).text("p")
}

async fn refused(provider: &Provider, mount: &Mount) -> (Code, String) {
    let status = provider.mount(mount).await.expect_err("must be refused");
    (status.code(), status.message().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn approle_by_the_secret_of_the_volume() {
    let Some(bao) = Bao::start().await else { return };
    fill(&bao).await;
    let role_id = bao.approle("app", json!({ "token_policies": ["auth"], "token_ttl": "10m" })).await;
    let secret_id = bao.secret_id("app").await;
    let right = json!({ "role_id": role_id, "secret_id": secret_id });

    let (_without, provider) = served(&bao, &[]).await;
    let (code, message) = refused(&provider, &mount("a", "approle", &right)).await;
    assert_eq!(code, Code::FailedPrecondition, "{message}");
    assert!(message.contains("--allow-unproven=vault"), "{message}");
    assert_eq!(bao.requests("auth/approle/login"), 0);

    let (keymount, provider) = served(&bao, &["--allow-unproven", "vault"]).await;
    for _ in 0..5 {
        assert_eq!(password(&provider, &mount("a", "approle", &right)).await.as_deref(), Some(PASSWORD));
    }
    assert_eq!(bao.requests("auth/approle/login"), 1, "one login over many mounts");
    assert_eq!(bao.requests(PATH), 1);

    let wrong = json!({ "role_id": role_id, "secret_id": "not-one-of-its-secret-ids" });
    let (code, message) = refused(&provider, &mount("a", "approle", &wrong)).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    let expected = "stage=login backend=vault http=400 path=auth/approle/login: invalid role or secret ID; \
                    hint: check role_id and secret_id in the Secret of nodePublishSecretRef";
    assert!(message.starts_with(expected), "{message}");
    for (none, lacking) in [
        (json!({}), "the request brought no credentials"),
        (json!({ "role_id": role_id }), "lack secret_id"),
        (serde_json::Value::Null, "the request brought no credentials"),
    ] {
        let (code, message) = refused(&provider, &mount("a", "approle", &none)).await;
        assert_eq!(code, Code::Unauthenticated, "{message}");
        assert!(message.contains(lacking), "{message}");
    }
    assert!(password(&provider, &mount("a", "approle", &right)).await.is_some(), "no stranger has ended it");
    assert_eq!(bao.requests("auth/approle/login"), 2, "the wrong one, once");

    // Another pod of the same account, with a secret ID of its own: nothing of the first's is used.
    let own = json!({ "secret_id": bao.secret_id("app").await });
    let other = mount("bb", "approle", &own).set("vaultRoleID", &role_id);
    assert!(password(&provider, &other).await.is_some());
    assert_eq!((bao.requests("auth/approle/login"), bao.requests(PATH)), (3, 2));
    drop(keymount);
}

#[tokio::test(flavor = "multi_thread")]
async fn userpass_by_the_secret_of_the_volume() {
    let Some(bao) = Bao::start().await else { return };
    fill(&bao).await;
    bao.put("sys/auth/userpass", json!({ "type": "userpass" })).await;
    let secret = "ann's-own-password";
    secrets::remember(secret);
    bao.put("auth/userpass/users/ann", json!({ "password": secret, "token_policies": ["auth"] })).await;
    let (keymount, provider) = served(&bao, &["--allow-unproven", "vault"]).await;
    let right = json!({ "username": "ann", "password": secret });
    for _ in 0..3 {
        assert_eq!(password(&provider, &mount("a", "userpass", &right)).await.as_deref(), Some(PASSWORD));
    }
    assert_eq!(bao.requests("auth/userpass/login"), 1);
    let (code, message) =
        refused(&provider, &mount("a", "userpass", &json!({ "username": "ann", "password": "guessed-one" })))
            .await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    assert!(message.contains("invalid username or password; hint: check username and password"), "{message}");
    let nowhere = mount("a", "userpass", &right).set("vaultAuthMountPath", "nowhere");
    let (_, message) = refused(&provider, &nowhere).await;
    assert!(message.contains("there is no auth method at nowhere"), "{message}");
    drop(keymount);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_certificate_logs_in_where_the_operator_allows_it() {
    let Some(bao) = Bao::start_tls().await else { return };
    fill(&bao).await;
    let (authority, folder) = (Authority::new("nodes"), tempfile::tempdir().unwrap());
    let pair = authority.client("node-1");
    let [certificate, key] =
        ["tls.crt", "tls.key"].map(|name| folder.path().join(name).display().to_string());
    std::fs::write(&certificate, &pair.certificate).unwrap();
    std::fs::write(&key, &pair.key).unwrap();
    bao.put("sys/auth/cert", json!({ "type": "cert" })).await;
    let role = json!({ "certificate": authority.pem(), "allowed_common_names": ["node-1"], "token_policies": ["auth"] });
    bao.put("auth/cert/certs/nodes", role).await;

    let ca = bao.ca_path().display().to_string();
    let flags =
        ["--vault-tls-ca-cert", &ca, "--vault-tls-client-cert", &certificate, "--vault-tls-client-key", &key];
    let by_node = mount("a", "cert", &serde_json::Value::Null).set("roleName", "nodes");
    let (_without, provider) = served(&bao, &flags).await;
    let (code, message) = refused(&provider, &by_node).await;
    assert_eq!(code, Code::FailedPrecondition, "{message}");
    assert!(
        message.contains("the node's own certificate") && message.contains("--allow-unproven"),
        "{message}"
    );

    let allowing: Vec<_> = flags.iter().copied().chain(["--allow-unproven", "vault"]).collect();
    let (_keymount, provider) = served(&bao, &allowing).await;
    for _ in 0..3 {
        assert_eq!(password(&provider, &by_node).await.as_deref(), Some(PASSWORD));
    }
    assert_eq!(bao.requests("auth/cert/login"), 1);
    let (_, message) = refused(&provider, &by_node.clone().set("roleName", "others")).await;
    assert!(message.contains("auth/cert/certs"), "{message}");
    let elsewhere = by_node.set("vaultAddress", "https://elsewhere.example:8200");
    let (code, message) = refused(&provider, &elsewhere).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_behind_a_socket() {
    let Some(bao) = Bao::start().await else { return };
    fill(&bao).await;
    let role_id = bao.approle("app", json!({ "token_policies": ["auth"] })).await;
    let right = json!({ "role_id": role_id, "secret_id": bao.secret_id("app").await });
    let address = format!("unix://{}", bao.socket().display());
    let args = ["--provider", "vault", "--vault-addr", &address, "--allow-unproven", "vault"];
    let keymount = Keymount::start(&args).await;
    let provider = keymount.provider("vault").await;
    assert_eq!(password(&provider, &mount("a", "approle", &right)).await.as_deref(), Some(PASSWORD));
    // The environment's name works as the flag does.
    let by_env =
        Keymount::start_in(&["--provider", "vault", "--allow-unproven=vault"], &[("VAULT_ADDR", &address)])
            .await;
    assert!(password(&by_env.provider("vault").await, &mount("a", "approle", &right)).await.is_some());
    let named = mount("a", "approle", &right).set("vaultAddress", "unix:///run/another.sock");
    let (code, message) = refused(&provider, &named).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    assert!(message.contains("classes may not name"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_of_a_list_where_one_is_down_or_sealed() {
    let (Some(bao), Some(sealed)) = (Bao::start().await, Bao::start().await) else { return };
    fill(&bao).await;
    sealed.seal().await;
    let role_id = bao.approle("app", json!({ "token_policies": ["auth"] })).await;
    let right =
        mount("a", "approle", &json!({ "role_id": role_id, "secret_id": bao.secret_id("app").await }));
    let list = format!("http://127.0.0.1:1,{},{}", sealed.url(), bao.url());
    let often = ["--refresh-interval", "1ms", "--min-refresh-interval", "1ms"];
    let mut args = vec!["--provider", "vault", "--vault-addr", &list, "--allow-unproven", "vault"];
    args.extend(often.iter().chain(&["--log-level", "debug"]));
    let keymount = Keymount::start(&args).await;
    let provider = keymount.provider("vault").await;
    for _ in 0..3 {
        assert_eq!(password(&provider, &right).await.as_deref(), Some(PASSWORD));
    }
    let told = format!("another server of the list serves from now on server={}", bao.url());
    assert_eq!(keymount.logs().matches(&told).count(), 1, "the choice is kept: {}", keymount.logs());
    let absent = right.clone().set("objects", &object("p", "secret/data/auth/none", "password"));
    let (code, message) = refused(&provider, &absent).await;
    assert_eq!(code, Code::NotFound, "{message}");
    assert!(message.contains(&format!("server={}", bao.url())), "{message}");
    let named = right.set("vaultAddresses", &format!("http://127.0.0.1:2,{}", bao.url()));
    assert!(password(&provider, &named).await.is_some());
}

/// The kubelet reads the Secret and the driver hands it on, at the first mount and at each republish.
#[tokio::test(flavor = "multi_thread")]
async fn approle_through_the_real_driver() {
    let Some(world) = World::with("auth-driver", &["--allow-unproven", "vault"]).await else { return };
    let Some(driver) = Driver::start(world.kube, &world.keymount.providers(), Options::default()).await
    else {
        return;
    };
    fill(&world.bao).await;
    let role_id = world.bao.approle("app", json!({ "token_policies": ["auth"] })).await;
    let secret_id = world.bao.secret_id("app").await;
    let class = [("vaultAuthMethod", "approle"), ("objects", &*object("p", PATH, "password"))];
    world.kube.class("auth-driver", "web-secrets", "vault", &class, None).await;
    let mut pod = world.pod("a").await;
    pod.secrets =
        [("role_id", role_id), ("secret_id", secret_id)].map(|(key, value)| (key.to_owned(), value)).into();
    let tokens = world.tokens(&pod).await;
    let published = driver.kubelet_publish(&pod, &tokens).await;
    published.unwrap_or_else(|status| panic!("{status:?}\n{}", world.keymount.logs()));
    assert_eq!(driver.tree(&pod)["p"].1, PASSWORD.as_bytes());
    world.bao.put(PATH, json!({ "data": { "password": "rotated-value" } })).await;
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    driver.republish(&pod, &tokens).await.unwrap();
    assert_eq!(driver.tree(&pod)["p"].1, b"rotated-value");
    assert_eq!(world.bao.requests("auth/approle/login"), 1);
    driver.unpublish(&pod).await.unwrap();
}
