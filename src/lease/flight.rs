//! Work that outlives its caller and has one result for all who wait (decision 15).

use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::error::{Error, Kind, Stage};

/// A result that is on its way. Cloned by everybody who waits; all get the one result, failure included.
pub type Flight<T> = Shared<BoxFuture<'static, Result<T, Error>>>;

/// Begins `work` in a task that `tasks` owns.
pub fn launch<T, F>(tasks: &TaskTracker, work: F) -> Flight<T>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let task = tasks.spawn(work);
    async move { task.await.unwrap_or_else(|_| Err(lost())) }.boxed().shared()
}

/// A result that the holder of the other end will give.
pub fn promise<T: Clone + Send + Sync + 'static>() -> (oneshot::Sender<Result<T, Error>>, Flight<T>) {
    let (give, get) = oneshot::channel();
    (give, async move { get.await.unwrap_or_else(|_| Err(lost())) }.boxed().shared())
}

/// A panic's text could hold what was being handled.
fn lost() -> Error {
    Error::new(Kind::Internal, Stage::Answer, "a fault in keymount ended this work")
        .hint("see keymount's log; the kubelet tries again by itself")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_outlives_who_began_it_and_is_done_once() {
        let (tasks, done) = (TaskTracker::new(), Arc::new(AtomicU32::new(0)));
        let count = done.clone();
        let flight = launch(&tasks, async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(count.fetch_add(1, Ordering::SeqCst))
        });
        let late = flight.clone();
        assert!(tokio::time::timeout(Duration::from_millis(1), flight).await.is_err(), "the first goes away");
        assert_eq!(late.clone().await.ok(), Some(0));
        assert_eq!(late.await.ok(), Some(0));
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_fault_is_a_failure_for_all_who_wait() {
        #[expect(clippy::panic, reason = "the panic is the case")]
        let flight = launch::<(), _>(&TaskTracker::new(), async { panic!("secret") });
        let (one, two) = tokio::join!(flight.clone(), flight);
        for result in [one, two] {
            assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Internal));
        }
        let (give, flight) = promise::<()>();
        drop(give);
        assert_eq!(flight.await.map_err(|error| error.kind()), Err(Kind::Internal));
    }
}
