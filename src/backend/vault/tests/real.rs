#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
//! The conformance suite against a real OpenBao: it keeps the fake honest.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::super::fake::{Heard, class};
use super::super::{Config, Flavour, Vault};
use super::support::{parts, ports};
use crate::backend::conformance::{Issuer, Rig};
use crate::backend::{Host, Hosted, Parameters, Provider};
use crate::net::{Address, Client, Failure, Limits, Reply, Request, Trust};
use crate::time::Deadline;

/// A dev server with a jwt mount that knows the issuer's key.
pub(super) struct Real {
    client: Client,
    allowed: Mutex<BTreeSet<String>>,
    server: Mutex<Child>,
}

// === impl Real ===

impl Real {
    /// A request as root; its answer's body.
    pub(super) async fn root(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.send(method, path, body).await.unwrap();
        let text = String::from_utf8_lossy(reply.body.expose_secret()).into_owned();
        assert!((200..300).contains(&reply.status), "{path}: {} {text}", reply.status);
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Writes the role `web`, with `more` settings.
    pub(super) async fn role(&self, more: Value) {
        let subjects = self.allowed.lock().unwrap().clone();
        let mut role = json!({"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["openbao", "vault"],
            "bound_claims": {"sub": subjects}, "token_policies": ["app"], "token_ttl": "10m"});
        for (key, value) in more.as_object().into_iter().flatten() {
            role.as_object_mut().unwrap().insert(key.clone(), value.clone());
        }
        self.root("POST", "auth/jwt/role/web", role).await;
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Result<Reply, Failure> {
        let headers = [(HeaderName::from_static("x-vault-token"), HeaderValue::from_static("root"))];
        let request = Request {
            headers: headers.into_iter().collect(),
            body: Some(Arc::new(Zeroizing::new(body.to_string().into_bytes()))),
            ..Request::new(method.parse().unwrap(), format!("/v1/{path}"))
        };
        self.client.send(request, Deadline::after(Duration::from_secs(10))).await
    }

    /// Settings under which this server is the operator's.
    pub(super) fn config(&self) -> Config {
        Config {
            address: Some(self.client.address().to_string()),
            auth_mount: "jwt".into(),
            ..Config::default()
        }
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
        let address = Address::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let client = Client::new(address, Trust::default(), Limits::default()).await.unwrap();
        let real = Self { client, allowed: Mutex::default(), server: Mutex::new(server) };
        while !real.send("GET", "secret/config", json!({})).await.is_ok_and(|reply| reply.status == 200) {
            assert!(real.server.lock().unwrap().try_wait().unwrap().is_none(), "OpenBao ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        real.root("POST", "sys/auth/jwt", json!({"type": "jwt"})).await;
        real.root("POST", "auth/jwt/config", json!({"jwt_validation_pubkeys": [issuer.pem()]})).await;
        let policy = "path \"secret/data/*\" { capabilities = [\"read\"] }";
        real.root("POST", "sys/policies/acl/app", json!({"policy": policy})).await;
        real
    }

    fn provider(&self, host: Host) -> Arc<dyn Provider> {
        let vault = Vault::new(Flavour::OpenBao, self.config(), Arc::new(Heard::default())).unwrap();
        Arc::new(Hosted::new(vault, host))
    }

    fn class(&self, wants: &[(&str, &str)]) -> Parameters {
        class(wants)
    }

    async fn put(&self, secret: &str, value: &str) {
        self.root("POST", &format!("secret/data/{secret}"), json!({"data": {"value": value}})).await;
    }

    async fn allow(&self, namespace: &str, service_account: &str) {
        let subject = format!("system:serviceaccount:{namespace}:{service_account}");
        self.allowed.lock().unwrap().insert(subject);
        self.role(json!({})).await;
    }
}

crate::backend::conformance::suite!(Real);
