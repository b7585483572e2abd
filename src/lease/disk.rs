//! File work off the runtime's thread: a few at a time, each within a limit.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::time::Deadline;

/// Threads for the work on one folder.
#[derive(Debug)]
pub(super) struct Disk {
    turns: Arc<Semaphore>,
    limit: Duration,
}

// === impl Disk ===

impl Disk {
    /// At most `turns` at a time; each waits for its turn and works for at most `limit`.
    pub(super) fn new(turns: usize, limit: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), limit }
    }

    /// What `work` says, or `None` if that took too long.
    ///
    /// A file operation cannot be stopped: `work` gets the moment from which nobody
    /// waits for it any more. Its turn ends when it does, not when the wait does, so
    /// that a disk that answers no more takes a few threads, not all of them.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Deadline) -> T + Send + 'static,
    ) -> Option<T> {
        let deadline = Deadline::after(self.limit);
        let turn = deadline.bound(self.turns.clone().acquire_owned()).await?.ok()?;
        let work = tokio::task::spawn_blocking(move || {
            let said = work(deadline);
            drop(turn);
            said
        });
        deadline.bound(work).await?.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_that_hangs_takes_its_turn_and_nobodys_time() {
        let disk = Disk::new(1, Duration::from_millis(50));
        let (free, stuck) = mpsc::channel::<()>();
        assert!(disk.run(move |_| stuck.recv()).await.is_none());
        assert!(disk.run(|_| ()).await.is_none(), "no turn is free");
        drop(free);
        assert_eq!(disk.run(|deadline| !deadline.left().is_zero()).await, Some(true));
    }
}
