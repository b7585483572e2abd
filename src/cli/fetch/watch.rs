//! The sidecar: the same files, kept as fresh as the class wants them.

use std::time::Duration;

use super::Failure;
use super::job::Job;
use super::reread::Pending;
use super::set::Set;
use crate::config::Sessions;
use crate::time::{Backoff, Deadline};

/// The longest time between two turns, as of the driver.
const LONGEST: Duration = Duration::from_secs(60);

// === impl Job ===

impl Job {
    /// Turns until somebody ends it. A turn that fails leaves the files as they are.
    pub(super) async fn watch(&mut self) -> Result<(), Failure> {
        let mut set = self.first().await?;
        tracing::info!(class = self.class.name, files = set.len(), out = %self.fetch.out.display(), "the files are there");
        let every = every(&self.fetch.rooms.sessions);
        let waits = Backoff::new(every, LONGEST.max(every));
        let (mut wait, mut failing, mut pending) = (every, None, Pending::default());
        loop {
            tokio::time::sleep(wait).await;
            self.reread(&mut pending).await;
            match self.once(Deadline::after(self.fetch.timeout)).await {
                Ok(next) => {
                    self.report(&set, &next, failing.is_some() && !pending.is_any());
                    set = next;
                    failing = failing.filter(|_| pending.is_any());
                    wait = match pending.is_any() {
                        true => later(&mut failing, &waits),
                        false => every,
                    };
                }
                Err(failure) => {
                    tracing::warn!(
                        class = self.class.name,
                        failure = failure.text,
                        "cannot refresh; the files stay as they are"
                    );
                    wait = later(&mut failing, &waits);
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

/// The wait after a failure: longer each time.
fn later(failing: &mut Option<Backoff>, waits: &Backoff) -> Duration {
    failing.get_or_insert_with(|| waits.clone()).next().unwrap_or(LONGEST)
}

/// Twice in the least interval that a class may ask for: a turn where nothing is due asks nobody.
fn every(sessions: &Sessions) -> Duration {
    (sessions.policy.floor / 2).clamp(Duration::from_millis(1), LONGEST)
}
