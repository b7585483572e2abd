//! What keeps sessions alive: the keeper's task, the hand-off, the liveness source.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::{Host, Provider};
use crate::config::Sessions;
use crate::error::Error;
use crate::lease::{Handoff, Keeper, KubeletDir, Liveness, Shelf};

/// The work in the background, to be begun with the serving.
pub(super) struct Work {
    pub(super) keeper: Arc<Keeper>,
    pub(super) handoff: Option<Arc<Handoff>>,
    pub(super) providers: Vec<Arc<dyn Provider>>,
    pub(super) tasks: TaskTracker,
}

/// The hand-off folder, if there is to be one. It must be in memory.
pub(super) fn handoff(config: &Sessions) -> Result<Option<Arc<Handoff>>, Error> {
    let Some(dir) = config.handoff.as_deref().filter(|_| config.policy.keep) else { return Ok(None) };
    Handoff::open(dir, true).map(Arc::new).map(Some)
}

/// Gives the host what the settings name.
pub(super) fn furnish(host: &mut Host, config: &Sessions, handoff: Option<Arc<Handoff>>) {
    host.shelf = handoff.map(|handoff| handoff as Arc<dyn Shelf>);
    host.liveness = config.liveness.as_ref().map(|dir| Arc::new(KubeletDir::new(dir)) as Arc<dyn Liveness>);
}

/// Takes over what the process before left, if it has ended: before the first Mount is served.
pub(super) async fn take_over_now(handoff: Option<&Handoff>, providers: &[Arc<dyn Provider>]) {
    if handoff.is_some_and(Handoff::try_hold) {
        take_over(providers).await;
    }
}

async fn take_over(providers: &[Arc<dyn Provider>]) {
    for provider in providers {
        let (name, sessions) = (provider.name(), provider.take_over().await);
        if sessions > 0 {
            tracing::info!(provider = name, sessions, "takes over what another process left");
        }
    }
}

// === impl Work ===

impl Work {
    /// Begins; ends with `stop`, within what `tasks` is waited for.
    pub(super) fn begin(self, stop: &CancellationToken) {
        let Self { keeper, handoff, providers, tasks } = self;
        tasks.spawn(keeper.run(tasks.clone(), stop.clone()));
        let Some(handoff) = handoff.filter(|handoff| !handoff.held()) else { return };
        let stop = stop.clone();
        tasks.spawn(async move {
            if stop.run_until_cancelled(handoff.hold()).await.is_some() {
                take_over(&providers).await;
            }
        });
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("keeper", &self.keeper).finish_non_exhaustive()
    }
}
