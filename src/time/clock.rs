//! Wall time and the machine's own time behind a trait, so that expiry can be tested without waiting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Moment;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The wall time: what tokens and certificates are dated by.
    fn now(&self) -> SystemTime;

    /// The machine's time: what leases are counted by.
    fn moment(&self) -> Moment;

    /// Seconds since 1970, as tokens count them.
    fn unix(&self) -> u64 {
        self.now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
    }

    /// The wall time of a moment, as far as it can be said now.
    fn dated(&self, moment: Moment) -> SystemTime {
        let (now, moment_now) = (self.now(), self.moment());
        // A server may announce an end that no calendar has.
        let later = now.checked_add(moment.since(moment_now)).unwrap_or(now);
        later.checked_sub(moment_now.since(moment)).unwrap_or(later)
    }
}

/// The system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn moment(&self) -> Moment {
        Moment::now()
    }
}

/// A clock that moves with tokio's, which a test may pause and advance.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub struct HandHeld {
    unix: u64,
    start: tokio::time::Instant,
}

#[cfg(test)]
impl HandHeld {
    /// A clock that stands at `unix` seconds now.
    #[expect(clippy::disallowed_methods, reason = "the origin of a test's time")]
    pub fn at(unix: u64) -> Self {
        Self { unix, start: tokio::time::Instant::now() }
    }
}

#[cfg(test)]
impl Clock for HandHeld {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.unix) + self.start.elapsed()
    }

    fn moment(&self) -> Moment {
        Moment::at(Duration::from_secs(self.unix) + self.start.elapsed())
    }
}
