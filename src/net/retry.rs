//! Trying again, as long as it can help.

use std::borrow::Borrow;
use std::future::Future;
use std::time::Duration;

use crate::error::{Error, Kind};
use crate::time::{Backoff, Deadline};

/// How often and how long something transient is tried again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The waits between tries.
    pub backoff: Backoff,
    /// The most tries, the first included.
    pub tries: u32,
    /// No try begins later than this after the first: the caller's own caller has a backoff too.
    pub within: Duration,
}

// === impl Retry ===

impl Retry {
    /// `attempt`'s first success, or its last error once that is lasting, the tries
    /// are used up, or the next wait would not fit. Honours what the error asks to wait.
    pub async fn run<T, E, F, A>(self, by: Deadline, mut attempt: A) -> Result<T, E>
    where
        A: FnMut(u32) -> F,
        F: Future<Output = Result<T, E>>,
        E: Borrow<Error>,
    {
        let limit = by.at_most(self.within);
        let (mut turn, mut waits, mut before) = (0, self.backoff, None);
        loop {
            turn += 1;
            let error = match attempt(turn).await {
                Err(error) if error.borrow().kind().is_transient() => error,
                // What was wrong before says more than that there was no time left for another try.
                Err(error) if error.borrow().kind() == Kind::Deadline => return Err(before.unwrap_or(error)),
                ended => return ended,
            };
            let wait = waits.next().unwrap_or_default().max(error.borrow().wait().unwrap_or_default());
            if turn >= self.tries || wait >= limit.left() {
                return Err(error);
            }
            before = Some(error);
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::error::Stage;
    use crate::time::Stopwatch;

    const RETRY: Retry = Retry {
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
        tries: 5,
        within: Duration::from_secs(20),
    };

    async fn tried(kind: Kind, wait: Option<Duration>, by: Duration) -> (u32, Duration) {
        let (turns, watch) = (Cell::new(0), Stopwatch::start());
        let result = RETRY.run(Deadline::after(by), |turn| {
            turns.set(turn);
            async move { Err::<(), _>(Error::new(kind, Stage::Read, "no").retry_after(wait)) }
        });
        assert!(result.await.is_err());
        (turns.get(), watch.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_transient_is_tried_again_and_not_for_ever() {
        assert_eq!(tried(Kind::Unavailable, None, Duration::from_secs(60)).await.0, 5);
        assert_eq!(tried(Kind::Denied, None, Duration::from_secs(60)).await.0, 1);
        assert_eq!(tried(Kind::Deadline, None, Duration::from_secs(60)).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_honoured_unless_it_passes_the_deadline() {
        let (turns, took) =
            tried(Kind::Throttled, Some(Duration::from_secs(2)), Duration::from_secs(60)).await;
        assert!(turns == 5 && took >= Duration::from_secs(8), "{turns} {took:?}");
        let (turns, took) =
            tried(Kind::Throttled, Some(Duration::from_secs(30)), Duration::from_secs(60)).await;
        assert!(
            turns == 1 && took < Duration::from_millis(10),
            "longer than a caller should be kept: {turns} {took:?}"
        );
        let (turns, took) =
            tried(Kind::Throttled, Some(Duration::from_secs(2)), Duration::from_secs(3)).await;
        assert!(turns == 2 && took < Duration::from_secs(3), "{turns} {took:?}");
    }

    #[tokio::test]
    async fn no_time_for_another_try_does_not_hide_what_was_wrong() {
        let kinds = [Kind::Unavailable, Kind::Deadline];
        let result = RETRY.run(Deadline::after(Duration::from_secs(5)), |turn| async move {
            let kind = kinds.get(turn as usize - 1).copied().unwrap_or(Kind::Internal);
            Err::<(), _>(Error::new(kind, Stage::Read, "no"))
        });
        assert_eq!(result.await.map_err(|error| error.kind()), Err(Kind::Unavailable));
    }
}
