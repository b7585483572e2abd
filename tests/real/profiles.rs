//! Profiles against real servers: roles by template, a server that moves, what the operator lends.

use std::collections::BTreeMap;

use serde_json::json;
use tempfile::TempDir;
use tonic::Code;

use crate::support::bao::Bao;
use crate::support::bao_setup::Keys;
use crate::support::certs::Authority;
use crate::support::issuer::Issuer;
use crate::support::keymount::Keymount;
use crate::support::kube_objects::PodRef;
use crate::support::provider::{Mount, Provider};
use crate::support::secrets;
use crate::world::object;

const PATH: &str = "secret/data/profiles/db";

fn pod(namespace: &str, account: &str, name: &str) -> PodRef {
    PodRef {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: format!("uid-of-{namespace}-{name}"),
        service_account: account.to_owned(),
        class: "web-secrets".to_owned(),
        volume: "secrets".to_owned(),
        attributes: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

/// An OpenBao with a secret, that trusts the issuer; a role for each name, bound to a namespace and account.
async fn server(issuer: &Issuer, password: &str, roles: &[(&str, &str, &str)]) -> Option<Bao> {
    let bao = Bao::start().await?;
    secrets::remember(password);
    bao.enable_jwt("jwt", Keys::Pems(&[issuer.pem()])).await;
    bao.put(PATH, json!({ "data": { "password": password } })).await;
    bao.policy("profiles", "path \"secret/data/profiles/*\" { capabilities = [\"read\"] }\n").await;
    for (name, namespace, account) in roles {
        let subject = format!("system:serviceaccount:{namespace}:{account}");
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "bound_subject": subject,
            "token_policies": ["profiles"], "token_ttl": "10m",
        });
        bao.role("jwt", name, role).await;
    }
    Some(bao)
}

/// A served `vault` under a settings file that may be written anew.
struct Served {
    keymount: Keymount,
    provider: Provider,
    folder: TempDir,
}

impl Served {
    async fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keymount.yaml");
        std::fs::write(&file, yaml).unwrap();
        let keymount = Keymount::start(&["--provider", "vault", "--config", file.to_str().unwrap()]).await;
        let provider = keymount.provider("vault").await;
        Self { keymount, provider, folder }
    }

    async fn restart_with(&mut self, yaml: &str) {
        std::fs::write(self.folder.path().join("keymount.yaml"), yaml).unwrap();
        self.keymount.restart().await;
        self.provider = self.keymount.provider("vault").await;
    }

    async fn password(&self, mount: &Mount) -> Option<String> {
        let answer = self.provider.mount(mount).await;
        answer.unwrap_or_else(|status| panic!("{status:?}\n{}", self.keymount.logs())).text("p")
    }

    async fn refused(&self, mount: &Mount) -> (Code, String) {
        let status = self.provider.mount(mount).await.expect_err("must be refused");
        (status.code(), status.message().to_owned())
    }
}

fn mount(issuer: &Issuer, pod: &PodRef, class: &[(&str, &str)]) -> Mount {
    let tokens = BTreeMap::from([("vault".to_owned(), issuer.token(pod, "vault", 600))]);
    let objects = object("p", PATH, "password");
    let class: Vec<_> = [("objects", objects.as_str())].into_iter().chain(class.iter().copied()).collect();
    Mount::new(pod, &class, &tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_by_template_is_each_pods_own_and_two_profiles_of_one_server_share_nothing_but_it() {
    let issuer = Issuer::new("one");
    let roles = [("shop.web", "shop", "web"), ("everybody", "shop", "web")];
    let Some(bao) = server(&issuer, "the-shops-password", &roles).await else { return };
    let yaml = format!(
        "profiles:\n\
         \x20 by-name: {{ provider: vault, parameters: {{ vaultAddress: \"{0}\", vaultAuthMethod: jwt, roleName: \"{{namespace}}.{{serviceAccount}}\" }} }}\n\
         \x20 by-hand: {{ provider: vault, parameters: {{ vaultAddress: \"{0}\", vaultAuthMethod: jwt }} }}\n",
        bao.url()
    );
    let served = Served::new(&yaml).await;
    let web = pod("shop", "web", "a");
    let by_name = mount(&issuer, &web, &[("profile", "by-name")]);
    assert_eq!(served.password(&by_name).await.as_deref(), Some("the-shops-password"));
    let by_hand = mount(&issuer, &web, &[("profile", "by-hand"), ("roleName", "shop.web")]);
    assert_eq!(served.password(&by_hand).await.as_deref(), Some("the-shops-password"));
    assert_eq!(bao.requests("auth/jwt/login"), 2, "each mount brought a token of its own");
    assert_eq!(bao.requests(PATH), 1, "the same scope is the same session");
    let other = mount(&issuer, &web, &[("profile", "by-hand"), ("roleName", "everybody")]);
    assert_eq!(served.password(&other).await.as_deref(), Some("the-shops-password"));

    // A class cannot ask for another pod's role, and a pod without one is told which it lacks.
    let (code, message) = served.refused(&by_name.set("roleName", "everybody")).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    assert!(message.contains("parameter=roleName profile=by-name: the profile sets this"), "{message}");
    let stranger = pod("bank", "teller", "b");
    let (code, message) = served.refused(&mount(&issuer, &stranger, &[("profile", "by-name")])).await;
    assert!(
        matches!(code, Code::PermissionDenied | Code::NotFound | Code::FailedPrecondition),
        "{code:?} {message}"
    );
    assert!(message.starts_with("stage=login backend=vault") && message.contains("bank.teller"), "{message}");
}

/// The thirty classes of a platform repeat no address: their profile moves, and they with it.
#[tokio::test(flavor = "multi_thread")]
async fn thirty_classes_follow_their_profile_to_another_server() {
    let issuer = Issuer::new("one");
    let roles = [("web", "shop", "web")];
    let (Some(old), Some(new)) =
        (server(&issuer, "kept-at-the-old", &roles).await, server(&issuer, "kept-at-the-new", &roles).await)
    else {
        return;
    };
    let yaml = |bao: &Bao| {
        format!(
            "profiles:\n  prod:\n    provider: vault\n    maxInflight: 4\n    parameters:\n      vaultAddress: \"{}\"\n      \
             vaultAuthMethod: jwt\n",
            bao.url()
        )
    };
    let mut served = Served::new(&yaml(&old)).await;
    let classes: Vec<_> = (0..30)
        .map(|at| {
            let pod = PodRef { class: format!("class-{at}"), ..pod("shop", "web", &format!("pod-{at}")) };
            mount(&issuer, &pod, &[("profile", "prod"), ("roleName", "web")])
        })
        .collect();
    for (server, password) in [(&old, "kept-at-the-old"), (&new, "kept-at-the-new")] {
        served.restart_with(&yaml(server)).await;
        let answers =
            futures_util::future::join_all(classes.iter().map(|mount| served.password(mount))).await;
        assert!(answers.iter().all(|answer| answer.as_deref() == Some(password)), "{answers:?}");
        assert_eq!(server.requests("auth/jwt/login"), 30);
    }
    assert_eq!(old.requests("auth/jwt/login"), 30, "nobody asks the old one any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_lends_the_nodes_certificate_to_its_own_server_only() {
    let Some(bao) = Bao::start_tls().await else { return };
    secrets::remember("for-the-node");
    bao.put(PATH, json!({ "data": { "password": "for-the-node" } })).await;
    bao.policy("profiles", "path \"secret/data/profiles/*\" { capabilities = [\"read\"] }\n").await;
    let authority = Authority::new("nodes");
    let pair = authority.client("node-1");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("tls.crt"), &pair.certificate).unwrap();
    std::fs::write(path("tls.key"), &pair.key).unwrap();
    bao.put("sys/auth/cert", json!({ "type": "cert" })).await;
    let role = json!({ "certificate": authority.pem(), "allowed_common_names": ["node-1"], "token_policies": ["profiles"] });
    bao.put("auth/cert/certs/nodes", role).await;
    let yaml = format!(
        "allow-unproven: vault\nprofiles:\n  nodes:\n    provider: vault\n    parameters:\n      vaultAddress: \"{}\"\n      \
         vaultCACertPath: {}\n      vaultAuthMethod: cert\n      vaultTLSClientCertPath: {}\n      vaultTLSClientKeyPath: {}\n",
        bao.url(),
        bao.ca_path().display(),
        path("tls.crt"),
        path("tls.key"),
    );
    let served = Served::new(&yaml).await;
    let issuer = Issuer::new("one");
    let class = mount(&issuer, &pod("shop", "web", "a"), &[("profile", "nodes"), ("roleName", "nodes")]);
    assert_eq!(served.password(&class).await.as_deref(), Some("for-the-node"));
    let by_itself = [("vaultAddress", bao.url()), ("vaultAuthMethod", "cert".to_owned())];
    let by_itself: Vec<_> = by_itself.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let (code, message) = served.refused(&mount(&issuer, &pod("shop", "web", "b"), &by_itself)).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    assert!(message.contains("there is no client certificate for this server"), "{message}");

    // What the guard asks for, no login by a certificate can show.
    let mut served = served;
    served.restart_with(&(yaml + "guard: { requirePodBinding: true }\n")).await;
    let (code, message) = served.refused(&class).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    assert!(
        message.starts_with("stage=guard rule=requirePodBinding backend=vault pod=shop/a: "),
        "{message}"
    );
    assert_eq!(bao.requests("auth/cert/login"), 1);
}
