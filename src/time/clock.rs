//! Wall time behind a trait, so that expiry can be tested without waiting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the wall time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;

    /// Seconds since 1970, as tokens count them.
    fn unix(&self) -> u64 {
        self.now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that a test sets by hand.
#[cfg(test)]
#[derive(Debug)]
pub struct HandHeld(u64);

#[cfg(test)]
impl HandHeld {
    /// A clock standing at `unix` seconds.
    pub const fn at(unix: u64) -> Self {
        Self(unix)
    }
}

#[cfg(test)]
impl Clock for HandHeld {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0)
    }
}
