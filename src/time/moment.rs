//! A point on the machine's own clock.

use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since the machine started, its sleep included. Nobody sets this clock, so
/// that a corrected wall clock neither ends a lease early nor keeps a dead one;
/// and it goes on over a restart of the process, which the hand-off needs (decision 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

// === impl Moment ===

impl Moment {
    /// The moment now.
    pub(super) fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
        Self(Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default()))
    }

    /// The moment `after` the machine's start.
    pub const fn at(after: Duration) -> Self {
        Self(after)
    }

    /// The time from the machine's start until this moment.
    pub const fn after_start(self) -> Duration {
        self.0
    }

    /// The time from `earlier` until this moment; zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment, `by` earlier.
    #[must_use]
    pub const fn less(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}
