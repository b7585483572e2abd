#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look for programs"
)]
//! The conformance suite against a real OpenBao: it keeps the fake honest.

#[expect(unreachable_pub, reason = "shared with the integration tests")]
#[path = "../../../../tests/support/parts.rs"]
mod parts;
#[expect(unreachable_pub, reason = "shared with the integration tests")]
#[path = "../../../../tests/support/ports.rs"]
mod ports;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio_util::task::TaskTracker;

use super::super::fake::{Heard, class};
use super::super::{Config, Flavour, Vault};
use crate::backend::conformance::{Issuer, Rig};
use crate::backend::{Hosted, Parameters, Provider};
use crate::identity::Verifier;

/// A dev server with a jwt mount that knows the issuer's key.
pub(super) struct Real {
    address: String,
    http: reqwest::Client,
    allowed: Mutex<BTreeSet<String>>,
    server: Mutex<Child>,
}

// === impl Real ===

impl Real {
    /// A request as root; its answer's body.
    pub(super) async fn root(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().unwrap();
        let request =
            self.http.request(method, format!("{}/v1/{path}", self.address)).header("x-vault-token", "root");
        let response = request.json(&body).send().await.unwrap();
        assert!(
            response.status().is_success(),
            "{path}: {} {}",
            response.status(),
            response.text().await.unwrap()
        );
        response.json().await.unwrap_or_default()
    }

    fn config(&self) -> Config {
        Config { address: Some(self.address.clone()), auth_mount: "jwt".into(), ..Config::default() }
    }
}

impl Rig for Real {
    const AUDIENCE: &str = "openbao";

    fn available() -> bool {
        parts::require("BAO_BIN").is_some()
    }

    async fn new(issuer: Arc<Issuer>) -> Self {
        let program = parts::part("BAO_BIN").unwrap();
        let port = ports::free();
        let listen = format!("-dev-listen-address=127.0.0.1:{port}");
        let server = Command::new(program)
            .args(["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", &listen])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let real = Self {
            address: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            allowed: Mutex::default(),
            server: Mutex::new(server),
        };
        // Health is good before dev mode has made its `secret` mount.
        let health = format!("{}/v1/secret/config", real.address);
        while !real
            .http
            .get(&health)
            .header("x-vault-token", "root")
            .send()
            .await
            .is_ok_and(|health| health.status().is_success())
        {
            assert!(real.server.lock().unwrap().try_wait().unwrap().is_none(), "OpenBao ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        real.root("POST", "sys/auth/jwt", json!({"type": "jwt"})).await;
        real.root("POST", "auth/jwt/config", json!({"jwt_validation_pubkeys": [issuer.pem()]})).await;
        let policy = "path \"secret/data/*\" { capabilities = [\"read\"] }";
        real.root("POST", "sys/policies/acl/app", json!({"policy": policy})).await;
        real
    }

    fn provider(&self, verifier: Arc<Verifier>, tasks: TaskTracker) -> Arc<dyn Provider> {
        let vault = Vault::new(Flavour::OpenBao, self.config(), Arc::new(Heard::default())).unwrap();
        Arc::new(Hosted::new(vault, verifier, tasks))
    }

    fn class(&self, wants: &[(&str, &str)]) -> Parameters {
        class(wants)
    }

    async fn put(&self, secret: &str, value: &str) {
        self.root("POST", &format!("secret/data/{secret}"), json!({"data": {"value": value}})).await;
    }

    async fn allow(&self, namespace: &str, service_account: &str) {
        let subject = format!("system:serviceaccount:{namespace}:{service_account}");
        let subjects = {
            let mut allowed = self.allowed.lock().unwrap();
            allowed.insert(subject);
            allowed.clone()
        };
        let role = json!({"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["openbao", "vault"],
            "bound_claims": {"sub": subjects}, "token_policies": ["app"], "token_ttl": "10m"});
        self.root("POST", "auth/jwt/role/web", role).await;
    }
}

crate::backend::conformance::suite!(Real);
