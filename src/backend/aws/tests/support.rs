#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
//! A provider over a fake that lets `app/web` in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio_util::task::TaskTracker;

use super::super::fake::{Fake, Heard, ROLE};
use super::super::{Aws, Config};
use crate::backend::conformance::{Issuer, pod, tokens};
use crate::backend::{Accounts, Ask, Host, Hosted, Parameters, Profiles, Provider};
use crate::error::{Errors, Kind};
use crate::identity::{Pod, Secrets, Verifier};
use crate::lease::Policy;
use crate::secret::Secret;
use crate::time::{Deadline, Wall};

pub(super) const REGION: &str = "eu-central-1";
pub(super) const OTHER: &str = "eu-west-1";

pub(super) struct World {
    pub(super) fake: Fake,
    pub(super) issuer: Arc<Issuer>,
    pub(super) heard: Arc<Heard>,
    provider: Hosted<Aws>,
    /// The tokens that pods have, by pod and audience: the kubelet keeps them for most of an hour.
    tokens: Mutex<BTreeMap<(String, String), String>>,
    tasks: TaskTracker,
}

// === impl World ===

impl World {
    /// Every Mount by itself; sessions have tests of their own.
    pub(super) async fn new() -> Self {
        Self::with(Config::default(), None, Policy { keep: false, ..Policy::default() }).await
    }

    pub(super) async fn with(config: Config, accounts: Option<Arc<dyn Accounts>>, policy: Policy) -> Self {
        Self::under(Profiles::default(), config, accounts, policy).await
    }

    /// The same, under the operator's profiles.
    pub(super) async fn under(
        profiles: Profiles,
        config: Config,
        accounts: Option<Arc<dyn Accounts>>,
        policy: Policy,
    ) -> Self {
        let issuer = Arc::new(Issuer::new());
        let fake = Fake::start(issuer.clone()).await;
        fake.state().trust.entry(ROLE.into()).or_default().insert(("app".into(), "web".into()));
        let (heard, tasks) = (Arc::new(Heard::default()), TaskTracker::new());
        let config = Config {
            endpoint: Some(fake.address.clone()),
            agent: config.agent.clone().or(Some(fake.address.clone())),
            region: Some(REGION.into()),
            ..config
        };
        let aws = Aws::new(config, accounts, heard.clone()).unwrap();
        let verifier = Arc::new(Verifier::new(Arc::new(Wall), None, None));
        let host = Host::new(verifier, Arc::new(Wall), policy, heard.clone(), tasks.clone());
        let host = Host { profiles: Arc::new(profiles), ..host };
        Self { fake, issuer, heard, provider: Hosted::new(aws, host), tokens: Mutex::default(), tasks }
    }

    /// What `web-0` is given for these objects, by its role.
    pub(super) async fn ask(&self, objects: &str) -> Result<Vec<Secret>, Errors> {
        self.ask_with(&[("roleArn", ROLE), ("objects", objects)]).await
    }

    pub(super) async fn ask_with(&self, class: &[(&str, &str)]) -> Result<Vec<Secret>, Errors> {
        self.ask_as(&pod("app", "web", "web-0"), class).await
    }

    pub(super) async fn ask_as(&self, pod: &Pod, class: &[(&str, &str)]) -> Result<Vec<Secret>, Errors> {
        let agent = class.contains(&("usePodIdentity", "true"));
        let audience = if agent { "pods.eks.amazonaws.com" } else { "sts.amazonaws.com" };
        let token = || self.issuer.token(pod, audience);
        let key = (pod.uid.clone(), audience.to_owned());
        let token = self.tokens.lock().unwrap().entry(key).or_insert_with(token).clone();
        let tokens = tokens(audience, &token);
        let parameters: Parameters =
            class.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let ask = Ask {
            pod,
            class: Some("class"),
            tokens: &tokens,
            secrets: &Secrets::default(),
            parameters: &parameters,
            by: Deadline::after(Duration::from_secs(20)),
        };
        let (secrets, receipt) = self.provider.secrets(ask).await?;
        receipt.keep();
        Ok(secrets)
    }

    /// The files, by their paths.
    pub(super) async fn files(&self, class: &[(&str, &str)]) -> BTreeMap<String, String> {
        let secrets = self.ask_with(class).await.unwrap_or_else(|errors| unreachable!("{errors}"));
        files(&secrets)
    }

    /// The same, for objects by the role.
    pub(super) async fn read(&self, objects: &str) -> BTreeMap<String, String> {
        self.files(&[("roleArn", ROLE), ("objects", objects)]).await
    }

    pub(super) async fn fault(&self, class: &[(&str, &str)]) -> (Kind, String) {
        let errors = self.ask_with(class).await.map(|_| ()).unwrap_err();
        (errors.kind(), errors.to_string())
    }

    /// Waits for what is done in the background.
    pub(super) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

pub(super) fn files(secrets: &[Secret]) -> BTreeMap<String, String> {
    let text = |secret: &Secret| String::from_utf8_lossy(secret.bytes.expose_secret()).into_owned();
    secrets.iter().map(|secret| (secret.path.clone(), text(secret))).collect()
}

/// A map for comparison.
pub(super) fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect()
}
