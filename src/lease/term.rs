//! The life of one token or lease: granted, renewed, capped, ended.

use std::time::Duration;

use super::Grant;
use crate::time::{self, Moment};

/// A renewal that grants less than this part of the longest grant was capped: the
/// maximum is near, and the next renewal would grant less still.
const CAPPED: f64 = 0.9;

/// How long something granted lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    granted: Moment,
    ttl: Duration,
    /// The longest that was ever granted.
    most: Duration,
    renewable: bool,
    /// Taken off the time of renewal, so that what began together does not stay together.
    early: Duration,
}

// === impl Term ===

impl Term {
    /// What `grant` gave at `now`; `None` if it has no end.
    pub fn new(now: Moment, grant: Grant) -> Option<Self> {
        let ttl = grant.ttl?;
        let early = time::part_of(ttl / 10);
        Some(Self { granted: now, ttl, most: ttl, renewable: grant.renewable, early })
    }

    /// The term that another process left behind.
    pub const fn kept(granted: Moment, ttl: Duration, most: Duration, renewable: bool) -> Self {
        Self { granted, ttl, most, renewable, early: Duration::ZERO }
    }

    /// When it ends, unless it is renewed.
    pub fn ends(&self) -> Moment {
        self.granted + self.ttl
    }

    /// What it was last granted for.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The longest it was ever granted for.
    pub const fn most(&self) -> Duration {
        self.most
    }

    /// When it was last granted.
    pub const fn granted(&self) -> Moment {
        self.granted
    }

    /// Whether renewing it helps.
    pub const fn is_renewable(&self) -> bool {
        self.renewable
    }

    /// What is left at `now`.
    pub fn left(&self, now: Moment) -> Duration {
        self.ends().since(now)
    }

    /// When it should be renewed: at two thirds, a little before; `None` if that does not help.
    pub fn renew_at(&self) -> Option<Moment> {
        self.renewable.then(|| (self.granted + self.ttl.mul_f64(2.0 / 3.0)).less(self.early))
    }

    /// Takes a renewal's grant. One that was capped is the last.
    pub fn renew(&mut self, now: Moment, grant: Grant) {
        let ttl = grant.ttl.unwrap_or(self.most);
        self.renewable = grant.renewable && ttl >= self.most.mul_f64(CAPPED);
        self.granted = now;
        self.ttl = ttl;
        self.most = self.most.max(ttl);
    }

    /// No renewal will help any more.
    pub const fn give_up_renewing(&mut self) {
        self.renewable = false;
    }

    /// Whether a Mount at `now` must replace it (decision 4). `gap` is the longest
    /// time between two Mounts lately; `before` is the author's own margin.
    ///
    /// While the keeper renews it, its end moves and only a keeper that fails is
    /// waited for. Else what is left must reach beyond the Mount after the next; a
    /// gap as long as the term itself must not cost a new one at every Mount.
    pub fn is_ending(&self, now: Moment, gap: Duration, before: Option<Duration>) -> bool {
        let left = self.left(now);
        if left.is_zero() {
            return true;
        }
        if self.renewable {
            return left < self.ttl / 4;
        }
        let most = self.most.mul_f64(2.0 / 3.0);
        left < before.unwrap_or(self.most / 3).max(gap.saturating_mul(2)).min(most)
    }

    /// Whether half of the margin has passed in which it should have been renewed or
    /// replaced. `before` is the author's own margin, which renewing knows nothing of.
    pub fn is_overdue(&self, now: Moment, before: Option<Duration>) -> bool {
        let margin = if self.renewable { self.ttl / 3 } else { before.unwrap_or(self.most / 3) };
        self.left(now) < margin.min(self.most.mul_f64(2.0 / 3.0)) / 2
    }
}
