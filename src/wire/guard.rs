//! Deadline, queue, and a task of its own around each Mount (decisions 8 and 15).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{Error, Errors, Kind, Stage};
use crate::time::Deadline;

/// The work's own deadline ends this much earlier, so that its more exact text is the one that is sent.
const MARGIN: Duration = Duration::from_millis(50);

/// Bounds and outlives the Mounts of one provider.
#[derive(Clone, Debug)]
pub struct Guard {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Ends all waiting: the process is about to.
    cut: CancellationToken,
}

// === impl Guard ===

impl Guard {
    /// At most `places` Mounts at work at a time; the others wait in order. `tasks` owns
    /// the work; after `cut` nobody waits for it any more.
    pub fn new(places: usize, tasks: TaskTracker, cut: CancellationToken) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), tasks, cut }
    }

    /// Runs `work` in a task of its own. A caller that goes away leaves the work
    /// running to its deadline; its result is then dropped whole.
    pub(super) async fn run<T, W, F>(&self, by: Deadline, work: W) -> Result<T, Errors>
    where
        T: Send + 'static,
        W: FnOnce(Deadline) -> F + Send + 'static,
        F: Future<Output = Result<T, Errors>> + Send + 'static,
    {
        let places = self.places.clone();
        let inner = by.less(MARGIN);
        let task = self.tasks.spawn(async move {
            let place = inner.bound(places.acquire_owned()).await;
            let Some(Ok(_place)) = place else { return Err(Errors::from(queued())) };
            work(inner).await
        });
        // A connection that just ended would leave the driver waiting into an uncertain code.
        match self.cut.run_until_cancelled(by.bound(task)).await {
            Some(Some(Ok(result))) => result,
            Some(Some(Err(_))) => Err(broken().into()),
            Some(None) => Err(late().into()),
            None => Err(stopping().into()),
        }
    }
}

fn queued() -> Error {
    Error::new(Kind::Deadline, Stage::Request, "the mount waited in the queue until its deadline").hint(
        "the backend is slow, or too many pods start at once; see keymount_mount_duration_seconds and --max-mounts",
    )
}

fn late() -> Error {
    Error::new(Kind::Deadline, Stage::Answer, "the mount did not end before the driver's deadline")
}

/// Says nothing of the panic: its text could hold what was being handled.
fn broken() -> Error {
    Error::new(Kind::Internal, Stage::Answer, "a fault in keymount ended this mount")
        .hint("see keymount's log; the kubelet tries again by itself")
}

fn stopping() -> Error {
    Error::new(Kind::Internal, Stage::Answer, "keymount stopped before this mount ended")
        .hint("the kubelet tries again by itself; --grace is how long a stop waits for mounts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(places: usize) -> Guard {
        Guard::new(places, TaskTracker::new(), CancellationToken::new())
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_and_a_late_answer_are_errors_of_ours() {
        #[expect(clippy::panic, reason = "the panic is the case")]
        let panicked = guard(1).run::<(), _, _>(soon(), |_| async { panic!("secret") }).await;
        let text = panicked.map_err(|error| error.to_string());
        assert_eq!(
            text,
            Err("stage=answer: a fault in keymount ended this mount; hint: see keymount's log; the kubelet tries again by itself".into())
        );
        let late = guard(1).run::<(), _, _>(soon(), |_| std::future::pending()).await;
        assert_eq!(late.map_err(|error| error.kind()), Err(Kind::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_in_order_and_ends_with_the_deadline() {
        let guard = guard(1);
        let slow = guard.run(soon(), |_| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(())
        });
        let queued = guard.run(Deadline::after(Duration::from_secs(1)), |_| async { Ok(()) });
        let (_, queued) = tokio::join!(slow, queued);
        let text = queued.map_err(|error| error.to_string()).err().unwrap_or_default();
        assert!(text.contains("waited in the queue"), "{text}");
    }

    #[tokio::test]
    async fn work_outlives_its_caller() {
        let guard = guard(1);
        let (done, mut heard) = tokio::sync::mpsc::channel(1);
        let call = guard.run(soon(), move |_| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = done.send(()).await;
            Ok(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err(), "the caller goes away");
        assert_eq!(heard.recv().await, Some(()));
    }
}
