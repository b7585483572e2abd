#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! The backend without its host: one login, and what can be done with it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::backend::conformance::{Issuer, pod, tokens};
use crate::backend::vault::fake::Heard;
use crate::backend::vault::{Config, Credential, Flavour, Read, Scope, Vault};
use crate::backend::{Backend, Parameters};
use crate::error::Error;
use crate::identity::{Brought, Secrets, Verifier};
use crate::lease::{LeaseId, Life, Reading};
use crate::time::{Deadline, Wall};

/// The backend under one configuration, in the scope of role `web`.
pub(super) struct Holder {
    pub(super) vault: Vault,
    pub(super) heard: Arc<Heard>,
    pub(super) scope: Scope,
    issuer: Arc<Issuer>,
}

// === impl Holder ===

impl Holder {
    pub(super) fn new(issuer: Arc<Issuer>, config: Config) -> Self {
        let heard = Arc::new(Heard::default());
        let vault = Vault::new(Flavour::OpenBao, config, heard.clone()).unwrap();
        let (scope, _) = vault.parse(&objects(&[("GET", "secret/data/x")])).unwrap();
        Self { vault, heard, scope, issuer }
    }

    /// A login of `web-0`.
    pub(super) async fn login(&self) -> Credential {
        let (pod, verifier) = (pod("app", "web", "web-0"), Verifier::new(Arc::new(Wall), None, None));
        let tokens = tokens("openbao", &self.issuer.token(&pod, "openbao"));
        let brought =
            Brought { provider: "openbao", pod: &pod, tokens: &tokens, secrets: &Secrets::default() };
        let claimed = verifier.claimed(&brought, self.vault.evidence(&self.scope)).unwrap();
        let proof = verifier.prove(&claimed, soon()).await.unwrap().into_presented();
        self.vault.login(Arc::new(proof), &self.scope, soon()).await.unwrap()
    }

    /// The requests of a class that asks for these.
    pub(super) fn reads(&self, requests: &[(&str, &str)]) -> Vec<Read> {
        let (_, objects) = self.vault.parse(&objects(requests)).unwrap();
        self.vault.reads(&objects).into_iter().map(|need| need.read).collect()
    }

    /// The answer to a GET.
    pub(super) async fn get(&self, credential: &Credential, path: &str) -> Result<Reading, Error> {
        self.vault.fetch(credential, &self.reads(&[("GET", path)]), soon()).await.remove(0)
    }

    /// The lease that a GET gives.
    pub(super) async fn lease(&self, credential: &Credential, path: &str) -> LeaseId {
        match self.get(credential, path).await.unwrap().life {
            Life::Leased { id, .. } => id,
            life => unreachable!("{life:?}"),
        }
    }
}

pub(super) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// A class of role `web` with one object for each method and path.
pub(super) fn objects(requests: &[(&str, &str)]) -> Parameters {
    let object = |(at, (method, path)): (usize, &(&str, &str))| json!({"objectName": format!("o{at}"), "secretPath": path, "method": method});
    let objects: serde_json::Value = requests.iter().enumerate().map(object).collect();
    let pairs = [("roleName", "web".to_owned()), ("objects", objects.to_string())];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
