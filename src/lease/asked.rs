//! When a session's Mounts came.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Moment;

/// The gaps that are remembered: one long outage of the driver is forgotten after as many Mounts.
const GAPS: usize = 8;

/// When a session was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    first: Moment,
    last: Moment,
    count: u64,
    gaps: VecDeque<Duration>,
}

// === impl Asked ===

impl Asked {
    /// Never asked before; `now` counts as its beginning.
    pub const fn since(now: Moment) -> Self {
        Self { first: now, last: now, count: 0, gaps: VecDeque::new() }
    }

    /// A Mount came.
    pub fn again(&mut self, now: Moment) {
        if self.count > 0 {
            if self.gaps.len() >= GAPS {
                self.gaps.pop_front();
            }
            self.gaps.push_back(now.since(self.last));
        }
        self.count += 1;
        self.last = now;
    }

    /// How many Mounts came.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// When it began.
    pub const fn first(&self) -> Moment {
        self.first
    }

    /// When the last Mount came.
    pub const fn last(&self) -> Moment {
        self.last
    }

    /// The longest gap lately.
    pub fn gap(&self) -> Duration {
        self.gaps.iter().copied().max().unwrap_or_default()
    }
}
