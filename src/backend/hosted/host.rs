//! What hosting a backend takes.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::backend::{Profiles, Recorder};
use crate::guard::Guard;
use crate::identity::Verifier;
use crate::lease::{Budget, Keeper, Liveness, Policy, Shelf};
use crate::time::Clock;

/// What hosting a backend takes; the same for every provider of the process.
#[derive(Clone)]
pub struct Host {
    /// Checks who asks.
    pub verifier: Arc<Verifier>,
    /// The operator's named settings.
    pub profiles: Arc<Profiles>,
    /// The operator's policy.
    pub guard: Arc<Guard>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How long what is kept.
    pub policy: Policy,
    /// The bytes of everything that is kept.
    pub budget: Budget,
    /// Tends what is kept.
    pub keeper: Arc<Keeper>,
    /// Where what must outlive the process is put.
    pub shelf: Option<Arc<dyn Shelf>>,
    /// Says whether a pod still exists.
    pub liveness: Option<Arc<dyn Liveness>>,
    /// Hears of it all.
    pub recorder: Arc<dyn Recorder>,
    /// Owns all work; the app waits for it at the end.
    pub tasks: TaskTracker,
}

// === impl Host ===

impl Host {
    /// A host that keeps by `policy`, without hand-off and liveness, profiles and rules.
    pub fn new(
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
        policy: Policy,
        recorder: Arc<dyn Recorder>,
        tasks: TaskTracker,
    ) -> Self {
        let (budget, keeper) = (Budget::new(policy.max_bytes), Arc::new(Keeper::new(clock.clone())));
        let (profiles, guard) = (Arc::default(), Arc::new(Guard::open(clock.clone())));
        let (shelf, liveness) = (None, None);
        Self { verifier, profiles, guard, clock, policy, budget, keeper, shelf, liveness, recorder, tasks }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("policy", &self.policy).finish_non_exhaustive()
    }
}
