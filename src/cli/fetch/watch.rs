//! The sidecar: the same files, kept as fresh as the class wants them.

use std::time::Duration;

use super::Failure;
use super::job::Job;
use super::set::Set;
use crate::config::Sessions;
use crate::time::{Backoff, Deadline};

/// The longest time between two turns, as of the driver.
const LONGEST: Duration = Duration::from_secs(60);

// === impl Job ===

impl Job {
    /// Turns until somebody ends it. A turn that fails leaves the files as they are.
    pub(super) async fn watch(&self) -> Result<(), Failure> {
        let mut set = self.first().await?;
        let class = self.class.name.as_str();
        tracing::info!(class, files = set.len(), out = %self.fetch.out.display(), "the files are there");
        let every = every(&self.fetch.rooms.sessions);
        let waits = Backoff::new(every, LONGEST.max(every));
        let (mut wait, mut failing) = (every, None);
        loop {
            tokio::time::sleep(wait).await;
            match self.once(Deadline::after(self.fetch.timeout)).await {
                Ok(next) => {
                    self.report(&set, &next, failing.take().is_some());
                    (set, wait) = (next, every);
                }
                Err(failure) => {
                    tracing::warn!(
                        class,
                        failure = failure.text,
                        "cannot refresh; the files stay as they are"
                    );
                    wait = failing.get_or_insert_with(|| waits.clone()).next().unwrap_or(every);
                }
            }
        }
    }

    fn report(&self, before: &Set, next: &Set, was_failing: bool) {
        let class = self.class.name.as_str();
        if next.is_new {
            tracing::info!(class, changed = next.changed(Some(before)), "the files changed");
        } else if was_failing {
            tracing::info!(class, "refreshed again; the files are as they were");
        }
    }
}

/// Twice in the least interval that a class may ask for: a turn where nothing is due asks nobody.
fn every(sessions: &Sessions) -> Duration {
    (sessions.policy.floor / 2).clamp(Duration::from_millis(1), LONGEST)
}
