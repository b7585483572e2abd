//! The conformance suite's rig over the fake, a class and a recorder for tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::Fake;
use crate::backend::aws::{Aws, Config};
use crate::backend::conformance::{Fault, Issuer, Rig};
use crate::backend::{Host, Hosted, Parameters, Provider, Recorder};

/// The role of the suite's classes.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/web";
/// Its region.
const REGION: &str = "eu-central-1";

/// Counts what it hears.
#[derive(Default)]
pub struct Heard(Mutex<Vec<String>>);

// === impl Heard ===

impl Heard {
    /// `operation status` of every request so far, and everything else that was told.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn tell(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Recorder for Heard {
    fn request(&self, _: &'static str, operation: &'static str, status: &str, _: Duration) {
        self.tell(format!("{operation} {status}"));
    }

    fn shared(&self, _: &'static str) {
        self.tell("shared".to_owned());
    }
}

/// The conformance suite's rig: by a token for STS, or for the agent.
pub struct FakeRig<const AGENT: bool>(Fake);

// === impl FakeRig ===

impl<const AGENT: bool> Rig for FakeRig<AGENT> {
    const AUDIENCE: &str = if AGENT { "pods.eks.amazonaws.com" } else { "sts.amazonaws.com" };

    async fn new(issuer: Arc<Issuer>) -> Self {
        Self(Fake::start(issuer).await)
    }

    fn provider(&self, host: Host) -> Arc<dyn Provider> {
        let address = Some(self.0.address.clone());
        let config = Config {
            endpoint: address.clone(),
            agent: address,
            region: Some(REGION.into()),
            ..Config::default()
        };
        Arc::new(Hosted::new(Aws::new(config, None, Arc::new(Heard::default())).unwrap(), host))
    }

    fn class(&self, wants: &[(&str, &str)]) -> Parameters {
        let entry = |(object, secret): &(&str, &str)| json!({"objectName": secret, "objectAlias": object, "objectType": "secretsmanager"});
        let objects = wants.iter().map(entry).collect::<Value>().to_string();
        let role = if AGENT { ("usePodIdentity", "true") } else { ("roleArn", ROLE) };
        [role, ("pathTranslation", "False"), ("objects", &objects)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    async fn put(&self, secret: &str, value: &str) {
        self.0.state().put(REGION, secret, value);
    }

    async fn allow(&self, namespace: &str, service_account: &str) {
        let (mut state, who) = (self.0.state(), (namespace.to_owned(), service_account.to_owned()));
        state.associated.insert(who.clone());
        state.trust.entry(ROLE.into()).or_default().insert(who);
    }

    async fn fault(&self, fault: Fault) -> bool {
        match fault {
            Fault::ThrottleOnce => {
                self.0.script("GetSecretValue", 1, 400, "ThrottlingException", "Rate exceeded");
            }
            Fault::KillOnce => self.0.state().kill_once = true,
            Fault::Slow(slow) => self.0.state().slow = slow,
        }
        true
    }
}
