#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
//! What goes over the wire, and what comes of it.

mod trouble;

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;
use tokio_util::task::TaskTracker;

use super::super::fake::{Fake, Heard, Script, Seen};
use super::super::{Config, Flavour, Vault};
use crate::backend::conformance::{Issuer, pod, tokens};
use crate::backend::{Ask, Host, Hosted, Parameters, Provider, Receipt};
use crate::error::{Errors, Kind};
use crate::identity::{Secrets, Verifier};
use crate::lease::Policy;
use crate::secret::Secret;
use crate::time::{Deadline, Stopwatch, Wall};

/// A provider without the cluster's keys over a fake that lets `app/web` in.
struct World {
    fake: Fake,
    issuer: Arc<Issuer>,
    heard: Arc<Heard>,
    provider: Hosted<Vault>,
    tasks: TaskTracker,
}

// === impl World ===

impl World {
    async fn new() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(config: Config) -> Self {
        let issuer = Arc::new(Issuer::new());
        let fake = Fake::start(issuer.clone()).await;
        fake.state().allowed.insert(("app".into(), "web".into()));
        let (heard, tasks) = (Arc::new(Heard::default()), TaskTracker::new());
        let config = Config { address: Some(fake.address.clone()), ..config };
        let vault = Vault::new(Flavour::Vault, config, heard.clone()).unwrap();
        let verifier = Arc::new(Verifier::new(Arc::new(Wall), None, None));
        // What a Mount does by itself; sessions have tests of their own.
        let policy = Policy { keep: false, ..Policy::default() };
        let host = Host::new(verifier, Arc::new(Wall), policy, heard.clone(), tasks.clone());
        let provider = Hosted::new(vault, host);
        Self { fake, issuer, heard, provider, tasks }
    }

    fn put(&self, name: &str, data: serde_json::Value) {
        self.fake.state().secrets.insert(name.into(), data);
    }

    async fn ask(&self, objects: &str) -> Result<(Vec<Secret>, Receipt), Errors> {
        self.ask_with(objects, &[]).await
    }

    async fn ask_with(&self, objects: &str, more: &[(&str, &str)]) -> Result<(Vec<Secret>, Receipt), Errors> {
        let pod = pod("app", "web", "web-0");
        let tokens = tokens("vault", &self.issuer.token(&pod, "vault"));
        let pairs = [("roleName", "web"), ("objects", objects)].into_iter().chain(more.iter().copied());
        let parameters: Parameters = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let by = Deadline::after(Duration::from_secs(30));
        self.provider
            .secrets(Ask {
                pod: &pod,
                class: None,
                tokens: &tokens,
                secrets: &Secrets::default(),
                parameters: &parameters,
                by,
            })
            .await
    }

    /// The contents, in order.
    async fn texts(&self, objects: &str) -> Vec<String> {
        let (secrets, receipt) = self.ask(objects).await.unwrap();
        receipt.keep();
        let text = |secret: &Secret| String::from_utf8(secret.bytes.expose_secret().to_vec()).unwrap();
        secrets.iter().map(text).collect()
    }

    async fn fault(&self, objects: &str) -> (Kind, String) {
        let errors = self.ask(objects).await.map(|_| ()).unwrap_err();
        (errors.kind(), errors.to_string())
    }

    /// The requests that begin with `path`.
    fn seen(&self, path: &str) -> Vec<Seen> {
        self.fake.state().seen.iter().filter(|seen| seen.path.starts_with(path)).cloned().collect()
    }
}

const ONE: &str = "- {objectName: a, secretPath: secret/data/x, secretKey: k}";

#[tokio::test]
async fn requests_look_as_vault_wants_them() {
    let world = World::new().await;
    world.put("x", json!({"k": "v"}));
    let (secrets, receipt) = world.ask_with(ONE, &[("vaultNamespace", "team-a")]).await.unwrap();
    receipt.keep();
    assert_eq!(secrets.len(), 1);
    let login = &world.seen("/v1/auth")[0];
    assert_eq!((login.method.as_str(), login.path.as_str()), ("POST", "/v1/auth/kubernetes/login"));
    let body: serde_json::Value = serde_json::from_str(&login.body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 2, "jwt and role, nothing else");
    let read = &world.seen("/v1/secret")[0];
    assert_eq!(read.headers["x-vault-token"], "s.faketoken0000000000000001");
    for request in [login, read] {
        assert_eq!(request.headers["x-vault-request"], "true");
        assert_eq!(request.headers["x-vault-namespace"], "team-a");
    }
    assert!(!login.headers.contains_key("x-vault-token"));
    assert_eq!(world.heard.all(), ["login 200", "read 200"]);
}

#[tokio::test]
async fn values_are_taken_out_as_the_incumbents_do() {
    let world = World::new().await;
    let value =
        json!({"k": "v", "n": 1.5, "o": {"b": "<", "a": null}, "b64": "aGk=", "hex": "6869", "nil": null});
    world.put("x", value);
    let object =
        |name: &str, rest: &str| format!("- {{objectName: {name}, secretPath: secret/data/x, {rest}}}\n");
    let objects = [
        object("a", "secretKey: k"),
        object("b", "secretKey: n"),
        object("c", "secretKey: o"),
        object("d", "secretKey: b64, encoding: base64"),
        object("e", "secretKey: hex, encoding: HEX"),
        object("f", "secretKey: nil"),
        object("g", "encoding: utf-8"),
    ];
    let texts = world.texts(&objects.concat()).await;
    assert_eq!(texts[..6], ["v", "1.5", r#"{"a":null,"b":"\u003c"}"#, "hi", "hi", "null"]);
    assert!(texts[6].contains(r#""data":{"data":{"b64":"aGk=","hex":"6869","k":"v""#), "{}", texts[6]);
    assert_eq!(world.seen("/v1/secret").len(), 1, "one read for all seven");
    assert_eq!(world.texts(&objects[6]).await[0], texts[6], "an unchanged secret gives the same bytes");
}

#[tokio::test]
async fn a_missing_key_or_a_wrong_encoding_is_named_without_the_value() {
    let world = World::new().await;
    world.put("x", json!({"k": "not-base64!", "other": "s3cr3t"}));
    let (kind, text) = world
        .fault("- {objectName: a, secretPath: secret/data/x, secretKey: K}\n- {objectName: b, secretPath: secret/data/x, secretKey: k, encoding: base64}")
        .await;
    assert_eq!(kind, Kind::NotFound);
    assert_eq!(
        text,
        "stage=pick object=a path=secret/data/x: key \"K\" does not exist at the secret path, which has 2; \
         hint: check secretKey, upper and lower case included, or leave it out for the whole answer | \
         stage=pick object=b path=secret/data/x: the value is not base64, which the class says it is"
    );
}

#[tokio::test]
async fn an_optional_object_may_be_absent_and_nothing_else() {
    let world = World::new().await;
    world.put("x", json!({"k": "v"}));
    let optional =
        format!("{ONE}\n- {{objectName: b, secretPath: secret/data/none, secretKey: k, optional: true}}");
    assert_eq!(world.texts(&optional).await, ["v"]);
    world.fake.script("/v1/secret/data/none", 9, 403, "{\"errors\":[\"permission denied\"]}");
    let (kind, text) = world.fault(&optional).await;
    assert!(kind == Kind::Denied && text.contains("object=b"), "{text}");
}

#[tokio::test]
async fn dynamic_credentials_belong_together_and_are_given_back_unless_kept() {
    let world = World::new().await;
    let objects = "- {objectName: u, secretPath: database/creds/ro, secretKey: username}\n\
                   - {objectName: p, secretPath: database/creds/ro, secretKey: password}";
    let texts = world.texts(objects).await;
    assert_eq!(texts[0].trim_start_matches('u'), texts[1].trim_start_matches('p'));
    assert_eq!(world.seen("/v1/database").len(), 1);
    assert!(world.seen("/v1/auth/token").is_empty(), "kept");
    drop(world.ask(objects).await.unwrap());
    world.tasks.close();
    world.tasks.wait().await;
    assert_eq!(world.seen("/v1/auth/token/revoke-self").len(), 1);
    assert_eq!(world.fake.state().tokens.len(), 1, "the first mount's token lives on");
}

#[tokio::test]
async fn arguments_are_a_body_and_queries_a_query() {
    let world = World::new().await;
    world.fake.script("/v1/pki", 9, 200, "{\"data\":{\"k\":\"v\"}}");
    let objects = "- {objectName: a, secretPath: pki/issue/web, method: PUT, secretKey: k, secretArgs: {cn: a, n: 1}}\n\
                   - {objectName: b, secretPath: 'pki/x y?list=true', secretKey: k}\n\
                   - {objectName: c, secretPath: pki/certs/, method: list, secretKey: k}";
    assert_eq!(world.texts(objects).await, ["v", "v", "v"]);
    let mut seen: Vec<_> = world
        .seen("/v1/pki")
        .into_iter()
        .map(|seen| format!("{} {} {}", seen.method, seen.path, seen.body))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "GET /v1/pki/x%20y?list=true ",
            "LIST /v1/pki/certs ",
            "PUT /v1/pki/issue/web {\"cn\":\"a\",\"n\":1}"
        ]
    );
}

/// One large secret in many objects costs what a volume may hold, not a copy each.
#[tokio::test]
async fn copies_of_a_large_secret_end_with_the_room() {
    let world = World::new().await;
    world.put("x", json!({"k": "v".repeat(1024 * 1024)}));
    let many: String = (0..100)
        .map(|at| format!("- {{objectName: o{at}, secretPath: secret/data/x, secretKey: k}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let (kind, text) = world.fault(&many).await;
    assert!(kind == Kind::Precondition && text.contains("larger than a volume may be"), "{text}");
    assert_eq!(text.matches("object=").count(), 1, "{text}");
}
