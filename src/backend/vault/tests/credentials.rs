#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
//! Logins by credentials of the request: whose they are, is the only proof there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use super::super::fake::{Fake, Heard};
use super::super::{Config, Flavour, Vault};
use crate::backend::conformance::{Issuer, pod};
use crate::backend::{Ask, Host, Hosted, Parameters, Provider};
use crate::error::{Error, Errors, Kind};
use crate::identity::{Secrets, Tokens, Verifier};
use crate::lease::{Found, Policy, Shelf};
use crate::time::{Deadline, Wall};

const KV: &str = "[{ objectName: k, secretPath: secret/data/x, secretKey: k }]";
const DB: &str = "[{ objectName: k, secretPath: database/creds/ro, secretKey: username }]";
const APPROLE: &[(&str, &str)] = &[("vaultAuthMethod", "approle")];
const USERPASS: &[(&str, &str)] = &[("vaultAuthMethod", "userpass")];
const RIGHT: &[(&str, &str)] = &[("role_id", "r-1"), ("secret_id", "s-one-of-them")];

/// A provider with sessions over a fake that knows a role and a user.
struct World {
    fake: Fake,
    shelf: Arc<Puts>,
    provider: Hosted<Vault>,
}

// === impl World ===

impl World {
    async fn new() -> Self {
        Self::allowing(&["vault"]).await
    }

    async fn allowing(names: &[&str]) -> Self {
        let fake = Fake::start(Arc::new(Issuer::new())).await;
        {
            let mut state = fake.state();
            state.known.insert("r-1".into(), "s-one-of-them".into());
            state.known.insert("ann".into(), "hunter2-but-longer".into());
            state.secrets.insert("x".into(), json!({ "k": "v" }));
        }
        let (heard, shelf) = (Arc::new(Heard::default()), Arc::new(Puts::default()));
        let config = Config { address: Some(fake.address.clone()), ..Config::default() };
        let vault = Vault::new(Flavour::Vault, config, heard.clone()).unwrap();
        let verifier = Verifier::new(Arc::new(Wall), None, None);
        let verifier = verifier.allowing(names.iter().map(|name| (*name).to_owned()));
        let mut host =
            Host::new(verifier.into(), Arc::new(Wall), Policy::default(), heard, TaskTracker::new());
        host.shelf = Some(shelf.clone());
        Self { fake, shelf, provider: Hosted::new(vault, host) }
    }

    /// A Mount of this pod with these credentials and without a token.
    async fn ask(
        &self,
        name: &str,
        secrets: &[(&str, &str)],
        class: &[(&str, &str)],
        objects: &str,
    ) -> Result<String, Errors> {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let parameters: Parameters =
            owned(class).into_iter().chain([("objects".to_owned(), objects.to_owned())]).collect();
        let ask = Ask {
            pod: &pod("app", "web", name),
            class: Some("class"),
            tokens: &Tokens::default(),
            secrets: &owned(secrets).into_iter().collect::<Secrets>(),
            parameters: &parameters,
            by: Deadline::after(Duration::from_secs(10)),
        };
        let (secrets, receipt) = self.provider.secrets(ask).await?;
        receipt.keep();
        let bytes = secrets.first().map(|secret| secret.bytes.expose_secret().to_vec());
        Ok(String::from_utf8(bytes.unwrap_or_default()).unwrap())
    }

    async fn fault(&self, secrets: &[(&str, &str)], class: &[(&str, &str)]) -> (Kind, String) {
        let errors = self.ask("web-0", secrets, class, KV).await.unwrap_err();
        (errors.kind(), errors.to_string())
    }
}

/// A shelf that only counts.
#[derive(Default)]
struct Puts(AtomicUsize);

impl Shelf for Puts {
    fn put<'a>(&'a self, _: &'a str, _: Zeroizing<Vec<u8>>) -> BoxFuture<'a, Result<(), Error>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(())))
    }

    fn remove<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn all<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Found>, Error>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

#[tokio::test]
async fn only_the_operator_allows_it() {
    for world in [World::allowing(&[]).await, World::allowing(&["openbao"]).await] {
        let (kind, text) = world.fault(RIGHT, APPROLE).await;
        assert_eq!(kind, Kind::Precondition);
        assert_eq!(
            text,
            "stage=proof pod=app/web-0 backend=vault: credentials that a request brings cannot prove which pod asks, \
             and the operator has not allowed that; hint: log in by the pod's token instead, or start keymount with \
             --allow-unproven=vault"
        );
        assert!(world.fake.seen("/v1/").is_empty(), "nothing has left the node");
    }
}

#[tokio::test]
async fn the_logins_are_as_their_methods_want_them() {
    let world = World::new().await;
    assert_eq!(world.ask("a", RIGHT, APPROLE, KV).await.unwrap(), "v");
    let login = world.fake.seen("/v1/auth/approle/login").remove(0);
    assert_eq!(login.body, r#"{"role_id":"r-1","secret_id":"s-one-of-them"}"#);
    let class = [("vaultAuthMethod", "approle"), ("vaultRoleID", "r-1")];
    assert_eq!(world.ask("b", &[("secret_id", "s-one-of-them")], &class, KV).await.unwrap(), "v");
    let user = [("username", "ann"), ("password", "hunter2-but-longer")];
    assert_eq!(world.ask("c", &user, USERPASS, KV).await.unwrap(), "v");
    let login = world.fake.seen("/v1/auth/userpass/login/ann").remove(0);
    assert_eq!(login.body, r#"{"password":"hunter2-but-longer"}"#);
}

#[tokio::test]
async fn a_session_serves_only_who_brings_its_credentials() {
    let world = World::new().await;
    for _ in 0..3 {
        assert_eq!(world.ask("web-0", RIGHT, APPROLE, KV).await.unwrap(), "v");
    }
    assert_eq!(world.fake.seen("/v1/auth/approle/login").len(), 1);
    assert_eq!(world.fake.seen("/v1/secret").len(), 1);
    let wrong = [("role_id", "r-1"), ("secret_id", "s-another-one")];
    let (kind, text) = world.fault(&wrong, APPROLE).await;
    assert_eq!(kind, Kind::Denied);
    assert!(text.contains("invalid role or secret ID; hint: check role_id and secret_id"), "{text}");
    for none in [&[][..], &[("secret_id", "s-one-of-them")], &[("role_id", "r-1"), ("secret_id", "")]] {
        assert_eq!(world.fault(none, APPROLE).await.0, Kind::Unauthenticated);
    }
    assert_eq!(world.ask("web-0", RIGHT, APPROLE, KV).await.unwrap(), "v");
    assert_eq!(world.fake.seen("/v1/auth/approle/login").len(), 2, "the stranger's, refused once");
}

#[tokio::test]
async fn nothing_is_shared_and_nothing_is_left_for_another_process() {
    let world = World::new().await;
    for name in ["web-0", "web-1"] {
        assert_eq!(world.ask(name, RIGHT, APPROLE, KV).await.unwrap(), "v");
        assert!(!world.ask(name, RIGHT, APPROLE, DB).await.unwrap().is_empty());
    }
    assert_eq!(world.fake.seen("/v1/secret").len(), 2, "one entity, and each reads for itself");
    assert_eq!(world.shelf.0.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_absent_is_named_and_no_value_comes_back() {
    let world = World::new().await;
    let (kind, text) = world.fault(&[("role_id", "hunter2-but-longer")], APPROLE).await;
    assert_eq!(kind, Kind::Unauthenticated);
    assert!(text.contains("lack secret_id; hint: nodePublishSecretRef"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let echo = r#"{"errors":["bad secret s-one-of-them of r-1"]}"#;
    world.fake.script("/v1/auth/approle/login", 2, 400, echo);
    let (_, text) = world.fault(RIGHT, APPROLE).await;
    assert!(text.contains("bad secret [redacted]"), "{text}");
    for user in ["../../sys/seal", "a/b", "..", "a\nb"] {
        let (kind, text) = world.fault(&[("username", user), ("password", "p")], USERPASS).await;
        assert!(kind == Kind::Invalid && text.contains("username"), "{text}");
    }
    assert!(world.fake.seen("/v1/sys").is_empty() && world.fake.seen("/v1/auth/userpass").is_empty());
}

/// One of several servers is down: the next one serves, and a refusal says which it was.
#[tokio::test]
async fn the_next_server_of_a_list_serves() {
    let world = World::new().await;
    let list = format!("http://127.0.0.1:1,{}", world.fake.address);
    let class = [("vaultAuthMethod", "approle"), ("vaultAddresses", list.as_str())];
    assert_eq!(world.ask("web-0", RIGHT, &class, KV).await.unwrap(), "v");
    let wrong = [("role_id", "r-1"), ("secret_id", "s-another-one")];
    let (_, text) = world.fault(&wrong, &class).await;
    assert!(text.contains(&format!("server={}", world.fake.address)), "{text}");
}

/// The driver of before 1.6 leaves the class out when it rotates.
#[tokio::test]
async fn an_old_rotation_finds_its_class() {
    let world = World::new().await;
    world.ask("web-0", RIGHT, APPROLE, KV).await.unwrap();
    let pairs = [("vaultAuthMethod", "approle"), ("objects", KV)];
    let parameters = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    let class = world.provider.class_of(&pod("app", "web", "web-0"), &parameters);
    assert_eq!(class.as_deref(), Some("class"));
}
