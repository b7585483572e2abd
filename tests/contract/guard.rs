//! Profiles and the guard, by the file that an operator writes.

use std::collections::BTreeMap;
use std::time::Duration;

use tempfile::TempDir;
use tonic::Code;

use crate::fetch::{class, store};
use crate::support::fetch::Desk;
use crate::support::issuer::Issuer;
use crate::support::keymount::{Keymount, start_fails};
use crate::support::kube_objects::PodRef;
use crate::support::provider::{Mount, Provider};
use crate::world::{OBJECTS, PASSWORD, World, pod};

const VAULT_OBJECTS: &str = "- {objectName: x, secretPath: secret/data/x, secretKey: y}";

/// A served `vault` under a settings file, and the address that its profile names, where nobody may ask.
struct Guarded {
    keymount: Keymount,
    provider: Provider,
    server: tokio::net::TcpListener,
    issuer: Issuer,
    folder: TempDir,
}

impl Guarded {
    /// `ADDRESS` in the file is the server's.
    async fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let file = folder.path().join("keymount.yaml");
        std::fs::write(&file, yaml.replace("ADDRESS", &format!("http://{}", server.local_addr().unwrap())))
            .unwrap();
        let keymount = Keymount::start(&["--provider", "vault", "--config", file.to_str().unwrap()]).await;
        let provider = keymount.provider("vault").await;
        Self { keymount, provider, server, issuer: Issuer::new("one"), folder }
    }

    fn mount(&self, pod: &PodRef, class: &[(&str, &str)]) -> Mount {
        let tokens = BTreeMap::from([("vault".to_owned(), self.issuer.token(pod, "vault", 7200))]);
        let class: Vec<_> = [("objects", VAULT_OBJECTS)].into_iter().chain(class.iter().copied()).collect();
        Mount::new(pod, &class, &tokens).timeout(Some(Duration::from_secs(3)))
    }

    async fn refused(&self, mount: &Mount) -> (Code, String) {
        let status = self.provider.mount(mount).await.expect_err("must be refused");
        (status.code(), status.message().to_owned())
    }

    /// Whether anybody has asked the server.
    async fn was_asked(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(100), self.server.accept()).await.is_ok()
    }

    async fn counted(&self, rule: &str, mode: &str) -> Option<f64> {
        let labels = format!(
            r#"mode="{mode}",namespace="shop",provider="vault",rule="{rule}",secret_provider_class="web-secrets""#
        );
        self.keymount.metric(&format!("keymount_guard_refusals_total{{{labels}}}")).await
    }
}

const STRICT: &str = "
profiles:
  prod:
    provider: vault
    parameters: { vaultAddress: ADDRESS, roleName: \"{namespace}-{serviceAccount}\" }
    namespaces: { allow: [bank] }
guard:
  refuseDefaultServiceAccount: true
  maxTokenLife: 1h
  namespaces: { deny: [sho*] }
  addresses: { vault: { allow: [] } }
";

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_in_one_answer_and_nothing_goes_over_the_network() {
    let guarded = Guarded::new(STRICT).await;
    let nobody = PodRef { service_account: "default".into(), ..pod("a") };
    for round in 1..=2 {
        let (code, message) = guarded.refused(&guarded.mount(&nobody, &[("profile", "prod")])).await;
        assert_eq!(code, Code::PermissionDenied, "{message}");
        for part in [
            "stage=guard rule=refuseDefaultServiceAccount backend=vault pod=shop/a service_account=default: ",
            "rule=maxTokenLife backend=vault pod=shop/a life=2h: the pod's token lives longer than the 1h that the operator allows",
            "rule=namespaces backend=vault pod=shop/a namespace=shop: the namespace is among those whose pods may not mount",
            "rule=profileNamespaces backend=vault pod=shop/a profile=prod namespace=shop: ",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        for rule in ["refuseDefaultServiceAccount", "maxTokenLife", "namespaces", "profileNamespaces"] {
            assert_eq!(guarded.counted(rule, "enforce").await, Some(f64::from(round)), "{rule}");
        }
    }
    let named = [("roleName", "web"), ("vaultAddress", "https://elsewhere.example:8200/")];
    let (code, message) = guarded.refused(&guarded.mount(&pod("a"), &named)).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    let said = "https://elsewhere.example:8200 is not among the addresses that the operator allows; hint: author: use an \
                allowed address, or a profile; operator: add it to guard.addresses.vault.allow";
    assert!(message.contains(said), "{message}");
    assert!(!guarded.was_asked().await);
    let started = "the operator's profiles and rules profiles=1 guard=\"refuseDefaultServiceAccount=enforce,\
                   maxTokenLife=enforce,namespaces=enforce,profileNamespaces=enforce,addresses=enforce\"";
    let warned = "two pods of different names can fill this template alike: put a character between the names that they \
                  cannot have, such as a dot behind {namespace} profile=\"prod\" key=\"roleName\"";
    assert!(guarded.keymount.logs().contains(warned), "{}", guarded.keymount.logs());
    assert!(guarded.keymount.logs().contains(started), "{}", guarded.keymount.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn warn_mode_lets_the_mount_go_on_counts_it_and_says_so_once() {
    let guarded = Guarded::new(
        &STRICT.replace("guard:\n", "guard:\n  mode: warn\n  modes: { maxTokenLife: enforce }\n"),
    )
    .await;
    let mount = guarded.mount(&pod("a"), &[("profile", "prod")]);
    let (code, message) = guarded.refused(&mount).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    assert!(message.contains("rule=maxTokenLife") && !message.contains("rule=namespaces"), "{message}");
    assert_eq!(guarded.counted("namespaces", "warn").await, Some(1.0));
    let short = |pod: &PodRef| {
        let tokens = BTreeMap::from([("vault".to_owned(), guarded.issuer.token(pod, "vault", 600))]);
        Mount::new(pod, &[("objects", VAULT_OBJECTS), ("profile", "prod")], &tokens)
            .timeout(Some(Duration::from_secs(2)))
    };
    let (code, message) = guarded.refused(&short(&pod("a"))).await;
    assert_eq!(code, Code::Internal, "the server says nothing: {message}");
    assert!(message.starts_with("stage=login"), "{message}");
    assert!(guarded.was_asked().await, "the profile's address");
    assert_eq!(guarded.counted("namespaces", "warn").await, Some(2.0));
    let logs = guarded.keymount.logs();
    let warned =
        logs.lines().filter(|line| line.contains("and only warns") && line.contains("rule=\"namespaces\""));
    assert_eq!(warned.count(), 1, "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_says_only_what_its_profile_leaves_to_it() {
    let guarded = Guarded::new(STRICT).await;
    let bank = PodRef { namespace: "bank".into(), ..pod("a") };
    let class = [
        ("profile", "prod"),
        ("vaultAddress", "https://mine"),
        ("roleName", "admin"),
        ("vaultAddresses", "https://mine"),
    ];
    let (code, message) = guarded.refused(&guarded.mount(&bank, &class)).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    for part in [
        "stage=request parameter=roleName profile=prod: the profile sets this, and lets no class say otherwise",
        "parameter=vaultAddress profile=prod: the profile sets this",
        "parameter=vaultAddresses profile=prod: the profile sets vaultAddress, which decides the same",
        "operator: add vaultAddress to profiles.prod.override",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let (code, message) = guarded.refused(&guarded.mount(&bank, &[("profile", "prd")])).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    assert!(
        message.contains("the operator has no profile of this name") && !message.contains("prod"),
        "{message}"
    );
    assert!(!guarded.was_asked().await);
}

/// The class is unchanged, and so is what the incumbents would do with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_default_profile_serves_classes_that_name_no_server_and_no_others() {
    let yaml = "profiles: { house: { provider: vault, default: true, parameters: { vaultAddress: ADDRESS, vaultNamespace: team } } }\n";
    let guarded = Guarded::new(yaml).await;
    let (_, message) = guarded.refused(&guarded.mount(&pod("a"), &[("roleName", "web")])).await;
    let address = format!("address=http://{}", guarded.server.local_addr().unwrap());
    assert!(message.starts_with("stage=login backend=vault") && message.contains(&address), "{message}");
    assert!(guarded.was_asked().await);
    let own = [("roleName", "web"), ("vaultAddress", "http://127.0.0.1:1")];
    let (_, message) = guarded.refused(&guarded.mount(&pod("b"), &own)).await;
    assert!(
        message.starts_with("stage=login") && message.contains("address=http://127.0.0.1:1 "),
        "{message}"
    );
    let (code, message) =
        guarded.refused(&guarded.mount(&pod("c"), &[("roleName", "web"), ("vaultNamespace", "other")])).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    let said = "no server address; hint: set vaultAddress in the class, name a profile there, or start keymount with --vault-addr | stage=request \
                parameter=vaultNamespace profile=house: the default profile is not used for this class, which sets this itself";
    assert!(message.contains(said), "{message}");
    drop(guarded.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_holds_where_keys_prove_the_pod_and_flags_set_it() {
    let world =
        World::with(&["--guard-refuse-default-service-account", "--guard-deny-namespace", "bank,kube-*"])
            .await;
    assert!(world.call(&world.mount(&pod("a"), OBJECTS)).await.is_ok());
    let nobody = PodRef { service_account: "default".into(), ..pod("a") };
    let bank = PodRef { namespace: "bank".into(), ..pod("a") };
    for (pod, rule) in [(nobody, "refuseDefaultServiceAccount"), (bank, "namespaces")] {
        let (code, message) = world.refused(&world.mount(&pod, OBJECTS)).await;
        assert_eq!(code, Code::PermissionDenied, "{message}");
        assert!(message.starts_with(&format!("stage=guard rule={rule} backend=local")), "{message}");
    }
}

#[test]
fn a_file_with_mistakes_ends_the_start_and_names_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keymount.yaml");
    std::fs::write(
        &file,
        "profiles: { a: { provider: vault, parameters: { vaultAdress: x } } }\nguard: { mode: soft }\n",
    )
    .unwrap();
    let (code, text) = start_fails(&["--provider", "vault", "--config", file.to_str().unwrap()]);
    assert_eq!(code, 64, "{text}");
    assert!(
        text.contains("--config: profiles.a.parameters.vaultAdress: no parameter of provider vault"),
        "{text}"
    );
    assert!(
        text.contains("--guard-mode (guard.mode of the --config file): \"soft\": not enforce or warn"),
        "{text}"
    );
}

/// The same file serves who fetches: profiles wholly, of the guard what says where tokens go.
#[test]
fn fetch_has_profiles_and_sends_its_token_only_where_the_operator_lets_it() {
    let yaml = "profiles: { house: { provider: local, default: true, parameters: { audience: store } } }\n\
                guard: { namespaces: { deny: [shop] }, requirePodBinding: true, addresses: { vault: { allow: [] } } }\n";
    let token = Issuer::new("one").token(&pod("a"), "store", 600).token;
    let desk = Desk::new(&class("web-secrets", OBJECTS), &token, &[]);
    let desk = desk.with_file("--local-store", "store.yaml", &store(PASSWORD));
    let (code, _, err) = desk.run(&[]);
    assert!(code == 2 && err.contains("for another audience"), "{code} {err}");
    let desk = desk.with_file("--config", "keymount.yaml", yaml);
    assert_eq!(desk.run(&["--quiet"]), (0, String::new(), String::new()));
    assert_eq!(desk.text("db/password").as_deref(), Some(PASSWORD));

    let address = "  parameters:\n    vaultAddress: https://elsewhere.example\n    roleName: web\n    audience: store\n";
    let vault = class("web-secrets", VAULT_OBJECTS).replace("provider: local", "provider: vault");
    desk.put("class.yaml", &vault.replace("  parameters:\n", address));
    let (code, _, err) = desk.run(&[]);
    assert!(code == 2 && err.contains("stage=guard rule=addresses backend=vault"), "{code} {err}");
}
