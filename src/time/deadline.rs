//! Every wait has a deadline, and it is the request's.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// The moment by which work must have ended.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

// === impl Deadline ===

impl Deadline {
    /// `left` from now.
    #[expect(clippy::disallowed_methods, reason = "deadlines are made here")]
    pub fn after(left: Duration) -> Self {
        Self(Instant::now() + left)
    }

    /// The same deadline, `margin` earlier: for an inner wait that must report first.
    #[must_use]
    pub fn less(self, margin: Duration) -> Self {
        Self(self.0.checked_sub(margin).unwrap_or(self.0))
    }

    /// The earlier of this deadline and `limit` from now.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self(self.0.min(Self::after(limit).0))
    }

    /// What is left; zero once it has passed.
    #[expect(clippy::disallowed_methods, reason = "deadlines are read here")]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// `work`'s result, or `None` if the deadline came first.
    pub async fn bound<F: Future>(self, work: F) -> Option<F::Output> {
        tokio::time::timeout_at(self.0, work).await.ok()
    }
}

/// Measures how long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

// === impl Stopwatch ===

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "the one place that measures")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
