#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
//! Lives, leases and tokens of a real OpenBao, with a real database behind it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::holder::{Holder, objects, soon};
use super::real::Real;
use super::support::{eventually, postgres::Postgres};
use crate::backend::conformance::{Issuer, Rig, pod, tokens};
use crate::backend::vault::Credential;
use crate::backend::{Ask, Backend, Host, Hosted, Provider, Renewal};
use crate::error::Kind;
use crate::identity::{Secrets, Verifier};
use crate::lease::{Authority as _, Credential as _, Grant, LeaseId, Life, Policy};
use crate::time::{Deadline, Wall};

/// The policy of role `web`: everything that the tests read, and one path that they may not.
const POLICY: &str = r#"
path "secret/*" { capabilities = ["read", "list"] }
path "kv1/*" { capabilities = ["read"] }
path "cubbyhole/*" { capabilities = ["read", "create", "update"] }
path "pki/*" { capabilities = ["read", "update"] }
path "database/creds/ro" { capabilities = ["read"] }
path "database/static-creds/*" { capabilities = ["read"] }
path "identity/oidc/token/*" { capabilities = ["read"] }
path "only/sudo" { capabilities = ["sudo"] }
"#;

struct World {
    real: Real,
    holder: Holder,
    issuer: Arc<Issuer>,
}

// === impl World ===

impl World {
    /// A server that lets `app/web` in; `None` where it is not installed.
    async fn new() -> Option<Self> {
        if !Real::available() {
            return None;
        }
        let issuer = Arc::new(Issuer::new());
        let real = Real::new(issuer.clone()).await;
        real.allow("app", "web").await;
        real.root("POST", "sys/policies/acl/app", json!({"policy": POLICY})).await;
        real.put("x", "v").await;
        let holder = Holder::new(issuer.clone(), real.config());
        Some(Self { real, holder, issuer })
    }

    /// Role `ro` of a database, whose users live for `ttl` at first, and static role `st`.
    async fn database(&self, postgres: &Postgres, ttl: &str) {
        let config = json!({"plugin_name": "postgresql-database-plugin", "allowed_roles": "*",
            "connection_url": postgres.url_template(), "username": "postgres", "password": postgres.password()});
        let create =
            "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'";
        let role =
            json!({"db_name": "pg", "creation_statements": [create], "default_ttl": ttl, "max_ttl": "60s"});
        self.real.root("POST", "sys/mounts/database", json!({"type": "database"})).await;
        self.real.root("POST", "database/config/pg", config).await;
        self.real.root("POST", "database/roles/ro", role).await;
        postgres.query("create role st login").unwrap();
        let role = json!({"db_name": "pg", "username": "st", "rotation_period": "30s"});
        self.real.root("POST", "database/static-roles/st", role).await;
    }

    async fn life(&self, credential: &Credential, method: &str, path: &str) -> (Life, bool) {
        let reads = self.holder.reads(&[(method, path)]);
        let reading = self.holder.vault.fetch(credential, &reads, soon()).await.remove(0).unwrap();
        (reading.life, reading.shared)
    }
}

fn grant(seconds: u64, renewable: bool) -> Grant {
    Grant { ttl: Some(Duration::from_secs(seconds)), renewable }
}

fn lease(life: Life) -> LeaseId {
    match life {
        Life::Leased { id, .. } => id,
        life => unreachable!("{life:?}"),
    }
}

#[tokio::test]
async fn a_real_token_and_a_real_lease_are_renewed_checked_and_given_back() {
    let Some(world) = World::new().await else { return };
    let Some(mut postgres) = Postgres::start().await else { return };
    world.database(&postgres, "20s").await;
    let vault = &world.holder.vault;
    let credential = world.holder.login().await;
    assert_eq!(credential.grant(), grant(600, true));
    assert!(credential.authority().may_share());
    assert_eq!(world.holder.login().await.authority(), credential.authority());
    let ten_minutes = Renewal::Credential(Duration::from_secs(600));
    assert_eq!(vault.renew(&credential, ten_minutes, soon()).await.ok(), Some(grant(600, true)));
    assert_eq!(vault.is_alive(&credential, soon()).await.ok(), Some(true));

    let (life, shared) = world.life(&credential, "GET", "database/creds/ro").await;
    let renewable = Duration::from_secs(20);
    assert!(matches!(&life, Life::Leased { ttl, renewable: true, .. } if *ttl == renewable) && !shared);
    let id = lease(life);
    let renewed = vault.renew(&credential, Renewal::Lease(&id, renewable), soon()).await;
    assert_eq!(renewed.ok(), Some(grant(20, true)));
    let hour = Duration::from_secs(3600);
    let capped = vault.renew(&credential, Renewal::Lease(&id, hour), soon()).await.unwrap();
    assert!(capped.ttl.is_some_and(|ttl| ttl <= Duration::from_secs(60)), "{capped:?}");
    assert_eq!(vault.has_lease(&credential, &id, soon()).await.ok(), Some(true));
    for gone in ["database/creds/ro/gone", "gone"] {
        let gone = LeaseId::new(gone);
        assert_eq!(vault.has_lease(&credential, &gone, soon()).await.ok(), Some(false));
        let error = vault.renew(&credential, Renewal::Lease(&gone, hour), soon()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound, "{error}");
    }

    postgres.stop();
    let error = vault.renew(&credential, Renewal::Lease(&id, renewable), soon()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    postgres.restart().await;
    let users = || postgres.roles().iter().filter(|role| role.starts_with("v-")).count();
    assert_eq!(users(), 1);
    vault.revoke(&credential, soon()).await.unwrap();
    // The engine finds its old connections dead first, and tries again behind.
    let gone = eventually(Duration::from_secs(20), || async { users() == 0 }).await;
    assert!(gone, "gone with its token");
    assert_eq!(vault.is_alive(&credential, soon()).await.ok(), Some(false));
    assert!(vault.has_lease(&credential, &id, soon()).await.unwrap_err().is_refusal());
    vault.revoke(&credential, soon()).await.unwrap();
}

#[tokio::test]
async fn a_real_servers_replies_have_the_lives_that_they_should() {
    let Some(world) = World::new().await else { return };
    let Some(postgres) = Postgres::start().await else { return };
    world.database(&postgres, "20s").await;
    for (path, body) in [
        ("sys/mounts/kv1", json!({"type": "kv", "options": {"version": "1"}})),
        ("kv1/x", json!({"k": "v"})),
        ("kv1/hinted", json!({"k": "v", "ttl": "45s"})),
        ("sys/mounts/pki", json!({"type": "pki"})),
        ("pki/root/generate/internal", json!({"common_name": "ca", "ttl": "24h", "key_type": "ec"})),
        (
            "pki/roles/web",
            json!({"allow_any_name": true, "require_cn": false, "key_type": "ec", "ttl": "5m"}),
        ),
        (
            "pki/roles/leased",
            json!({"allow_any_name": true, "require_cn": false, "key_type": "ec", "ttl": "5m", "generate_lease": true}),
        ),
        ("identity/oidc/key/k", json!({"allowed_client_ids": "*"})),
        ("identity/oidc/role/r", json!({"key": "k", "ttl": "10m"})),
    ] {
        world.real.root("POST", path, body).await;
    }
    let credential = world.holder.login().await;
    let hint = |seconds: Option<u64>| Life::Static { hint: seconds.map(Duration::from_secs) };
    for (method, path, life, shared) in [
        ("GET", "secret/data/x", hint(None), true),
        ("GET", "kv1/x", hint(None), true),
        ("GET", "kv1/hinted", hint(Some(45)), true),
        ("LIST", "secret/metadata", hint(None), false),
        ("GET", "pki/cert/ca", hint(None), false),
    ] {
        assert_eq!(world.life(&credential, method, path).await, (life, shared), "{path}");
    }
    let until = |life: Life| match life {
        Life::Until { ttl, minted } => (ttl.as_secs(), minted),
        life => unreachable!("{life:?}"),
    };
    let (life, _) = world.life(&credential, "GET", "database/static-creds/st").await;
    assert!(matches!(until(life), (2..=30, false)));
    let (life, _) = world.life(&credential, "POST", "pki/issue/web").await;
    assert!(matches!(until(life), (290..=300, true)));
    assert_eq!(until(world.life(&credential, "GET", "identity/oidc/token/r").await.0), (600, true));
    let (life, _) = world.life(&credential, "POST", "pki/issue/leased").await;
    assert!(matches!(life, Life::Leased { renewable: false, .. }));
    let what = Renewal::Lease(&lease(life), Duration::from_secs(300));
    let error = world.holder.vault.renew(&credential, what, soon()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "{error}");
}

#[tokio::test]
async fn a_real_server_says_what_a_token_may_do() {
    let Some(world) = World::new().await else { return };
    let credential = world.holder.login().await;
    let cases = [
        ("GET", "secret/data/x?version=1", true),
        ("GET", "secret/data/with space", true),
        ("LIST", "secret/metadata", true),
        ("GET", "secret/metadata?list=true", true),
        ("POST", "secret/data/x", false),
        ("GET", "database/creds/ro", true),
        ("GET", "database/creds/rw", false),
        ("PUT", "pki/issue/web", true),
        ("DELETE", "pki/issue/web", false),
        ("GET", "only/sudo", false),
    ];
    let reads = world.holder.reads(&cases.map(|(method, path, _)| (method, path)));
    let permitted = world.holder.vault.permits(&credential, &reads, soon()).await.unwrap();
    assert_eq!(permitted, cases.map(|(_, _, permitted)| permitted));
}

#[tokio::test]
async fn a_real_servers_refusals_are_told_apart() {
    let Some(world) = World::new().await else { return };
    let vault = &world.holder.vault;
    let (id, span) = (LeaseId::new("l"), Duration::from_secs(600));

    world.real.role(json!({"token_type": "batch"})).await;
    let batch = world.holder.login().await;
    assert!(!batch.grant().renewable);
    let error = vault.renew(&batch, Renewal::Credential(span), soon()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "{error}");
    vault.revoke(&batch, soon()).await.unwrap();
    assert_eq!(vault.is_alive(&batch, soon()).await.ok(), Some(true));

    world.real.role(json!({"token_type": "service", "token_no_default_policy": true})).await;
    let mute = world.holder.login().await;
    let errors = [
        vault.renew(&mute, Renewal::Credential(span), soon()).await.map(|_| ()).unwrap_err(),
        vault.renew(&mute, Renewal::Lease(&id, span), soon()).await.map(|_| ()).unwrap_err(),
        vault.has_lease(&mute, &id, soon()).await.map(|_| ()).unwrap_err(),
        vault.permits(&mute, &world.holder.reads(&[("GET", "a")]), soon()).await.map(|_| ()).unwrap_err(),
        vault.revoke(&mute, soon()).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == Kind::Denied), "{errors:?}");
    assert_eq!(vault.is_alive(&mute, soon()).await.ok(), Some(false));

    world.real.role(json!({"token_no_default_policy": false, "token_num_uses": 2})).await;
    let counted = world.holder.login().await;
    assert!(counted.is_counted());
    for _ in 0..2 {
        world.holder.get(&counted, "secret/data/x").await.unwrap();
    }
    assert!(world.holder.get(&counted, "secret/data/x").await.unwrap_err().is_refusal());

    world.real.role(json!({"token_num_uses": 0})).await;
    let orphan = world.holder.login().await;
    world.real.root("DELETE", "auth/jwt/role/web", Value::Null).await;
    let error = vault.renew(&orphan, Renewal::Credential(span), soon()).await.unwrap_err();
    assert!(error.kind() == Kind::Unavailable && error.to_string().contains("http=500"), "{error}");
    assert_eq!(vault.is_alive(&orphan, soon()).await.ok(), Some(true), "it lives to its end");
}

/// A session with its keeper: the users of a database outlive their first TTL, and the file never changes.
#[tokio::test]
async fn a_real_session_keeps_what_was_made_for_its_pod() {
    let Some(world) = World::new().await else { return };
    let Some(postgres) = Postgres::start().await else { return };
    world.database(&postgres, "4s").await;
    let verifier = Verifier::new(Arc::new(Wall), None, None);
    let (heard, tasks) = (world.holder.heard.clone(), TaskTracker::new());
    let host = Host::new(Arc::new(verifier), Arc::new(Wall), Policy::default(), heard.clone(), tasks.clone());
    let stop = CancellationToken::new();
    let work = tokio::spawn(host.keeper.clone().run(tasks, stop.clone()));
    let provider = Hosted::new(world.holder.vault, host);
    let class = objects(&[("GET", "database/creds/ro"), ("GET", "secret/data/x")]);
    let mount = async |name: &str| {
        let pod = pod("app", "web", name);
        let tokens = tokens("openbao", &world.issuer.token(&pod, "openbao"));
        let by = Deadline::after(Duration::from_secs(20));
        let ask = Ask {
            pod: &pod,
            class: Some("c"),
            tokens: &tokens,
            secrets: &Secrets::default(),
            parameters: &class,
            by,
        };
        let (secrets, receipt) = provider.secrets(ask).await.unwrap();
        receipt.keep();
        let answer: Value = serde_json::from_slice(secrets[0].bytes.expose_secret()).unwrap();
        ["username", "password"].map(|key| answer["data"][key].as_str().unwrap().to_owned())
    };
    let first = mount("web-0").await;
    let renewed = || async { heard.told("renewed lease ok").len() >= 2 };
    assert!(eventually(Duration::from_secs(15), renewed).await, "{:?}", heard.told(""));
    assert!(postgres.can_login(&first[0], &first[1]), "longer than its first TTL");
    assert_eq!(mount("web-0").await, first);
    let other = mount("web-1").await;
    assert_ne!(other, first);
    assert_eq!(heard.told("shared").len(), 1, "the KV value, and nothing else");
    stop.cancel();
    work.await.unwrap();
}
