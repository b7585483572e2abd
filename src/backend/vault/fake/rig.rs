#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests may fail loudly")]
//! The conformance suite's rig over the fake, a class and a recorder for tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::Fake;
use crate::backend::conformance::{Fault, Issuer, Rig};
use crate::backend::vault::{Config, Flavour, Vault};
use crate::backend::{Host, Hosted, Parameters, Provider, Recorder};

/// A class of role `web` that wants the key `value` of each `(object, secret)`.
pub fn class(wants: &[(&str, &str)]) -> Parameters {
    let entry = |(object, secret): &(&str, &str)| json!({"objectName": object, "secretPath": format!("secret/data/{secret}"), "secretKey": "value"});
    let objects = wants.iter().map(entry).collect::<Value>().to_string();
    [("roleName", "web"), ("objects", &objects)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

/// Counts what it hears.
#[derive(Default)]
pub struct Heard {
    requests: Mutex<Vec<String>>,
    told: Mutex<Vec<String>>,
}

// === impl Heard ===

impl Heard {
    /// `operation status` of every request so far.
    pub fn all(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Everything else that was told so far and begins with `what`.
    pub fn told(&self, what: &str) -> Vec<String> {
        self.told.lock().unwrap().iter().filter(|told| told.starts_with(what)).cloned().collect()
    }

    fn tell(&self, text: String) {
        self.told.lock().unwrap().push(text);
    }
}

impl Recorder for Heard {
    fn request(&self, _: &'static str, operation: &'static str, status: &str, _: Duration) {
        self.requests.lock().unwrap().push(format!("{operation} {status}"));
    }

    fn renewed(&self, _: &'static str, what: &'static str, outcome: &'static str) {
        self.tell(format!("renewed {what} {outcome}"));
    }

    fn minted(&self, _: &'static str, reason: &'static str, outcome: &'static str) {
        self.tell(format!("minted {reason} {outcome}"));
    }

    fn shared(&self, _: &'static str) {
        self.tell("shared".to_owned());
    }

    fn revoked(&self, _: &'static str, reason: &'static str, outcome: &'static str) {
        self.tell(format!("revoked {reason} {outcome}"));
    }

    fn ended(&self, _: &'static str, reason: &'static str) {
        self.tell(format!("ended {reason}"));
    }
}

/// The conformance suite's rig over the fake, for each flavour.
pub struct FakeRig<const OPENBAO: bool>(Fake);

// === impl FakeRig ===

impl<const OPENBAO: bool> Rig for FakeRig<OPENBAO> {
    const AUDIENCE: &str = if OPENBAO { "openbao" } else { "vault" };

    async fn new(issuer: Arc<Issuer>) -> Self {
        let fake = Fake::start(issuer).await;
        fake.state().rules.mount_types = !OPENBAO;
        Self(fake)
    }

    fn provider(&self, host: Host) -> Arc<dyn Provider> {
        let flavour = if OPENBAO { Flavour::OpenBao } else { Flavour::Vault };
        let config = Config { address: Some(self.0.address.clone()), ..Config::default() };
        let vault = Vault::new(flavour, config, Arc::new(Heard::default())).unwrap();
        Arc::new(Hosted::new(vault, host))
    }

    fn class(&self, wants: &[(&str, &str)]) -> Parameters {
        class(wants)
    }

    async fn put(&self, secret: &str, value: &str) {
        self.0.state().secrets.insert(secret.into(), json!({"value": value}));
    }

    async fn allow(&self, namespace: &str, service_account: &str) {
        self.0.state().allowed.insert((namespace.into(), service_account.into()));
    }

    async fn fault(&self, fault: Fault) -> bool {
        match fault {
            Fault::ThrottleOnce => {
                self.0.script("/v1/secret/", 1, 429, "{\"errors\":[\"rate limit quota exceeded\"]}");
            }
            Fault::KillOnce => self.0.state().kill_once = true,
            Fault::Slow(slow) => self.0.state().slow = slow,
        }
        true
    }
}
