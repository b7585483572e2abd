//! What every provider stands on, whoever asks it: the driver by a socket, or the command line.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{keys, providers, sessions, versions};
use crate::backend::{Host, Provider};
use crate::config::Config;
use crate::error::{Error, Errors};
use crate::guard::Guard;
use crate::identity::{KeySource, Verifier};
use crate::lease::Handoff;
use crate::observe::Metrics;
use crate::secret::VersionKey;
use crate::time::{Clock, Wall};

/// One of the verifier's constructors: they differ in whose tokens are brought.
pub type MakeVerifier = fn(Arc<dyn Clock>, Option<Arc<dyn KeySource>>, Option<String>) -> Verifier;

/// The rooms below the providers.
pub(super) struct Ground {
    pub(super) host: Host,
    pub(super) metrics: Arc<Metrics>,
    pub(super) handoff: Option<Arc<Handoff>>,
}

// === impl Ground ===

impl Ground {
    /// Builds it from the settings. All work that is begun on it belongs to `tasks`.
    pub(super) fn lay(config: &Config, verifier: MakeVerifier, tasks: &TaskTracker) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = Arc::new(Wall);
        let metrics = Arc::new(Metrics::new(config.admin.max_classes, clock.clone())?);
        let verifier = keys::verifier(&config.keys, verifier, clock.clone())?;
        let handoff = sessions::handoff(&config.sessions)?;
        let policy = config.sessions.policy;
        let mut host = Host::new(verifier.into(), clock, policy, metrics.clone(), tasks.clone());
        host.profiles = Arc::new(config.profiles.clone());
        host.guard = Arc::new(Guard::new(config.guard.clone(), host.clock.clone(), metrics.clone()));
        announce(config);
        sessions::furnish(&mut host, &config.sessions, handoff.clone());
        Ok(Self { host, metrics, handoff })
    }

    /// The providers that the settings name.
    pub(super) fn providers(&self, config: &Config) -> Result<Vec<Arc<dyn Provider>>, Errors> {
        providers::all(config, &self.host)
    }

    /// The key of object versions.
    pub(super) async fn version_key(&self, config: &Config) -> Result<VersionKey, Error> {
        versions::key(config.server.version_key.as_deref(), self.handoff.as_deref()).await
    }

    /// The work in the background, to be begun.
    pub(super) fn work(self, providers: Vec<Arc<dyn Provider>>) -> sessions::Work {
        let Host { keeper, tasks, .. } = self.host;
        sessions::Work { keeper, handoff: self.handoff, providers, tasks }
    }
}

/// What an operator wants to see at the start: that the file was read, and what is in force.
fn announce(config: &Config) {
    for profile in config.profiles.iter() {
        for key in profile.ambiguous() {
            tracing::warn!(
                profile = profile.name,
                key,
                "two pods of different names can fill this template alike: put a \
                character between the names that they cannot have, such as a dot behind {{namespace}}"
            );
        }
    }
    let (profiles, rules) = (config.profiles.iter().count(), config.guard.in_force());
    if profiles > 0 || !rules.is_empty() {
        let rules =
            rules.iter().map(|rule| format!("{}={}", rule.as_str(), config.guard.mode_of(*rule).as_str()));
        tracing::info!(
            profiles,
            guard = rules.collect::<Vec<_>>().join(","),
            "the operator's profiles and rules"
        );
    }
}
