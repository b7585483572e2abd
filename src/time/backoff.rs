//! How long to wait between tries: doubling, capped, jittered below the cap.

use std::time::Duration;

/// The waits of one retried operation, an endless iterator.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    cap: Duration,
}

// === impl Backoff ===

impl Backoff {
    /// Waits from `first`, doubling up to `cap`.
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { next: first, cap }
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    /// Between half and all of the step, so that a node's pods do not come back together.
    fn next(&mut self) -> Option<Duration> {
        let step = self.next.min(self.cap);
        self.next = step.saturating_mul(2);
        Some(step / 2 + super::part_of(step / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_below_the_cap_with_jitter() {
        let waits: Vec<_> =
            Backoff::new(Duration::from_millis(100), Duration::from_secs(1)).take(8).collect();
        for (at, wait) in waits.iter().enumerate() {
            let step = Duration::from_millis(100 << at.min(10)).min(Duration::from_secs(1));
            assert!(*wait >= step / 2 && *wait <= step, "{at}: {wait:?} of {step:?}");
        }
    }
}
