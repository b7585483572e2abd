//! Every wait has a deadline, and it is the request's; so is the place in a queue.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Who goes first where there is a queue (decision 16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A pod that waits to start.
    #[default]
    First,
    /// A pod that runs and is refreshed.
    Refresh,
    /// The keeper's own work: nobody waits for it.
    Renewal,
}

/// The moment by which work must have ended, and its place among other work.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    priority: Priority,
}

// === impl Deadline ===

impl Deadline {
    /// `left` from now.
    #[expect(clippy::disallowed_methods, reason = "deadlines are made here")]
    pub fn after(left: Duration) -> Self {
        Self { at: Instant::now() + left, priority: Priority::First }
    }

    /// The same deadline for work of this priority.
    #[must_use]
    pub const fn of(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// The work's place among other work.
    pub const fn priority(self) -> Priority {
        self.priority
    }

    /// The same deadline, `margin` earlier: for an inner wait that must report first.
    #[must_use]
    pub fn less(self, margin: Duration) -> Self {
        Self { at: self.at.checked_sub(margin).unwrap_or(self.at), ..self }
    }

    /// The earlier of this deadline and `limit` from now.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self { at: self.at.min(Self::after(limit).at), ..self }
    }

    /// What is left; zero once it has passed.
    #[expect(clippy::disallowed_methods, reason = "deadlines are read here")]
    pub fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// `work`'s result, or `None` if the deadline came first.
    pub async fn bound<F: Future>(self, work: F) -> Option<F::Output> {
        tokio::time::timeout_at(self.at, work).await.ok()
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
