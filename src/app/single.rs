//! One provider without a socket, for the command line.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::LAST_TASKS;
use super::ground::{Ground, MakeVerifier};
use crate::config::Config;
use crate::error::{Error, Errors, Kind, Stage};
use crate::mount::{Answer, Mount, Mounts};
use crate::time::Deadline;

/// One provider and what it keeps.
#[derive(Debug)]
pub struct Single {
    mounts: Mounts,
    tasks: TaskTracker,
    keeping: CancellationToken,
}

// === impl Single ===

impl Single {
    /// Builds the provider called `name`, with the rooms below it.
    pub async fn start(mut config: Config, name: &str, verifier: MakeVerifier) -> Result<Self, Errors> {
        config.server.providers = vec![name.to_owned()];
        let (tasks, keeping) = (TaskTracker::new(), CancellationToken::new());
        let ground = Ground::lay(&config, verifier, &tasks)?;
        let providers = ground.providers(&config)?;
        let provider = providers.first().cloned().ok_or_else(|| {
            Error::new(Kind::Internal, Stage::Start, "no provider was made for a name that is known")
        })?;
        let versions = ground.version_key(&config).await?;
        let mounts = Mounts::new(provider, versions, ground.metrics.clone(), config.server.max_response);
        ground.work(providers).begin(&keeping);
        Ok(Self { mounts, tasks, keeping })
    }

    /// Answers one Mount.
    pub async fn mount(&self, mount: &Mount, by: Deadline) -> Result<Answer, Errors> {
        self.mounts.mount(mount, by).await
    }

    /// Ends; what nobody received may still be given back. What is kept runs out by itself.
    pub async fn end(self) {
        self.keeping.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(LAST_TASKS, self.tasks.wait()).await;
    }
}
