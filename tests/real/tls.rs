//! TLS to a real OpenBao: its own CA, the system's roots, and what a class may not ask for.

use tonic::Code;

use crate::support::bao::Bao;
use crate::support::keymount::Keymount;
use crate::support::kube::Kube;
use crate::support::provider::Mount;
use crate::world::{PASSWORD, object, trust};

struct Tls {
    kube: &'static Kube,
    bao: Bao,
    objects: String,
}

async fn set_up(namespace: &str) -> Option<Tls> {
    let (kube, bao) = (Kube::shared().await?, Bao::start_tls().await?);
    trust(&bao, kube).await;
    let path = format!("secret/data/{namespace}/db");
    crate::support::secrets::remember(PASSWORD);
    bao.put(&path, serde_json::json!({ "data": { "password": PASSWORD } })).await;
    Some(Tls { kube, bao, objects: object("p", &path, "password") })
}

impl Tls {
    async fn mount(&self, namespace: &str, pod: &str, more: &[(&str, &str)]) -> Mount {
        let pod = self.kube.pod(namespace, pod, "web", "web-secrets").await;
        let tokens = self.kube.pod_tokens(&pod, &["vault"]).await;
        let url = self.bao.url();
        let mut class =
            vec![("roleName", "web"), ("objects", self.objects.as_str()), ("vaultAddress", url.as_str())];
        class.extend(more);
        Mount::new(&pod, &class, &tokens)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_ca_and_a_class_named_one() {
    let Some(tls) = set_up("tls-ca").await else { return };
    let (ca, dir) = (tls.bao.ca_path(), tls.bao.ca_path().parent().unwrap().display().to_string());
    let ca = ca.display().to_string();
    let mount = tls.mount("tls-ca", "a", &[]).await;
    let with_ca = Keymount::start(&["--provider", "vault", "--vault-tls-ca-cert", &ca]).await;
    let answer = with_ca.provider("vault").await.mount(&mount).await.unwrap();
    assert_eq!(answer.text("p").as_deref(), Some(PASSWORD));

    let named = mount.clone().set("vaultCACertPath", &ca);
    let with_dir = Keymount::start(&["--provider", "vault", "--vault-tls-dir", &dir]).await;
    assert!(with_dir.provider("vault").await.mount(&named).await.is_ok());

    let without = Keymount::start(&["--provider", "vault"]).await;
    let provider = without.provider("vault").await;
    let status = provider.mount(&named).await.expect_err("no folder is allowed");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("--vault-tls-dir"), "{status:?}");
    let status = provider.mount(&mount).await.expect_err("the system's roots do not know it");
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    assert!(status.message().contains("certificate"), "{status:?}");

    // Where the system's roots are found is the system's affair; OpenSSL's variable points at some.
    let rooted = Keymount::start_in(&["--provider", "vault"], &[("SSL_CERT_FILE", &ca)]).await;
    assert!(rooted.provider("vault").await.mount(&mount).await.is_ok(), "{}", rooted.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_class_may_not_ask_for() {
    let Some(tls) = set_up("tls-ask").await else { return };
    let ca = tls.bao.ca_path().display().to_string();
    let keymount = Keymount::start(&[
        "--provider",
        "vault",
        "--vault-tls-ca-cert",
        &ca,
        "--vault-allowed-address",
        &tls.bao.url(),
    ])
    .await;
    let provider = keymount.provider("vault").await;
    for (at, (key, value, text)) in [
        ("vaultSkipTLSVerify", "true", "--vault-allow-skip-verify"),
        ("vaultSkipTLSVerify", "maybe", "vaultSkipTLSVerify"),
        ("vaultAddress", "http://10.0.0.1:8200", "would carry tokens and secrets unencrypted"),
        ("vaultAddress", "https://169.254.169.254", "link-local"),
        ("vaultAddress", "https://10.0.0.1:8200", "is not among the addresses that the operator allows"),
        ("vaultAddress", "https://elsewhere.example:8200", "--vault-allowed-address"),
        ("vaultAddress", "unix:///run/agent.sock", "unix"),
    ]
    .into_iter()
    .enumerate()
    {
        let mount = tls.mount("tls-ask", &format!("p{at}"), &[(key, value)]).await;
        let status = provider.mount(&mount).await.expect_err(key);
        assert!(matches!(status.code(), Code::InvalidArgument | Code::PermissionDenied), "{status:?}");
        assert!(status.message().contains(text), "{key}={value}: {status:?}");
    }
    assert_eq!(tls.bao.requests("auth/kubernetes/login"), 0, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_off_loopback_is_the_operators_to_allow() {
    let Some(kube) = Kube::shared().await else { return };
    let keymount = Keymount::start(&["--provider", "vault"]).await;
    let pod = kube.pod("tls-http", "a", "web", "web-secrets").await;
    let tokens = kube.pod_tokens(&pod, &["vault"]).await;
    let objects = object("p", "secret/data/x", "k");
    let class =
        [("roleName", "web"), ("objects", objects.as_str()), ("vaultAddress", "http://10.0.0.1:8200")];
    let status = keymount
        .provider("vault")
        .await
        .mount(&Mount::new(&pod, &class, &tokens))
        .await
        .expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("--vault-allow-http"), "{status:?}");
}
