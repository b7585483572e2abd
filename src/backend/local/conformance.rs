//! The suite that every backend passes, for the local store.
#![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tempfile::TempDir;

use super::{Config, Local};
use crate::backend::conformance::{self, Deaf, Issuer};
use crate::backend::{Host, Hosted, Parameters, Provider};

/// A store's file, written anew at every change.
struct Rig {
    folder: TempDir,
    secrets: Mutex<BTreeMap<String, String>>,
    allow: Mutex<Vec<serde_json::Value>>,
}

impl Rig {
    /// JSON is YAML.
    fn write(&self) {
        let allow = self.allow.lock().unwrap().clone();
        let secrets = self.secrets.lock().unwrap();
        let secrets: BTreeMap<_, _> = secrets
            .iter()
            .map(|(name, value)| (name, json!({ "data": { "v": value }, "allow": allow })))
            .collect();
        std::fs::write(self.folder.path().join("store.yaml"), json!({ "secrets": secrets }).to_string())
            .unwrap();
    }
}

impl conformance::Rig for Rig {
    const AUDIENCE: &str = "local";

    async fn new(_issuer: Arc<Issuer>) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), secrets: Mutex::default(), allow: Mutex::default() }
    }

    fn provider(&self, host: Host) -> Arc<dyn Provider> {
        let local = Local::new(Config::new(self.folder.path().join("store.yaml")), Arc::new(Deaf));
        Arc::new(Hosted::new(local, host))
    }

    fn class(&self, wants: &[(&str, &str)]) -> Parameters {
        let objects: Vec<_> = wants
            .iter()
            .map(|(object, secret)| json!({ "objectName": object, "secretPath": secret, "secretKey": "v" }))
            .collect();
        [("objects".to_owned(), json!(objects).to_string())].into_iter().collect()
    }

    async fn put(&self, secret: &str, value: &str) {
        self.secrets.lock().unwrap().insert(secret.into(), value.into());
        self.write();
    }

    async fn allow(&self, namespace: &str, service_account: &str) {
        self.allow.lock().unwrap().push(json!({ "namespace": namespace, "serviceAccount": service_account }));
        self.write();
    }
}

conformance::suite!(Rig);
