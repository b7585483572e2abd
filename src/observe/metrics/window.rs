//! How many there were in the last hour.

use std::collections::VecDeque;
use std::time::Duration;

/// Buckets of a minute in an hour.
const MINUTES: usize = 60;

/// A sliding hour of one-minute buckets: what it says is of the last 59 minutes and what there
/// is of this one.
#[derive(Debug)]
pub(super) struct Window {
    /// The newest last.
    minutes: VecDeque<u64>,
    /// Which minute the newest is.
    newest: u64,
}

// === impl Window ===

impl Window {
    /// One more, `now` on the machine's clock.
    pub(super) fn add(&mut self, now: Duration) {
        self.advance(now);
        if let Some(minute) = self.minutes.back_mut() {
            *minute += 1;
        }
    }

    /// How many there were.
    pub(super) fn total(&mut self, now: Duration) -> u64 {
        self.advance(now);
        self.minutes.iter().sum()
    }

    fn advance(&mut self, now: Duration) {
        let minute = now.as_secs() / 60;
        let passed = usize::try_from(minute.saturating_sub(self.newest)).unwrap_or(MINUTES).min(MINUTES);
        self.minutes.drain(..passed);
        self.minutes.resize(MINUTES, 0);
        self.newest = self.newest.max(minute);
    }
}

impl Default for Window {
    fn default() -> Self {
        Self { minutes: VecDeque::from([0; MINUTES]), newest: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Clock, HandHeld};

    async fn pass(minutes: u64) {
        tokio::time::advance(Duration::from_secs(60 * minutes)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_slides() {
        let (clock, mut window) = (HandHeld::at(1_700_000_000), Window::default());
        let now = || clock.moment().after_start();
        assert_eq!(window.total(now()), 0);
        window.add(now());
        window.add(now());
        pass(30).await;
        window.add(now());
        assert_eq!(window.total(now()), 3);
        pass(29).await;
        assert_eq!(window.total(now()), 3, "59 minutes after the first");
        pass(1).await;
        assert_eq!(window.total(now()), 1, "the first minute has left");
        pass(30).await;
        assert_eq!(window.total(now()), 0, "and the other");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_silence_leaves_nothing_and_a_busy_hour_is_counted_whole() {
        let (clock, mut window) = (HandHeld::at(0), Window::default());
        let now = || clock.moment().after_start();
        for _ in 0..200 {
            window.add(now());
            pass(1).await;
        }
        assert_eq!(window.total(now()), 59);
        pass(100_000).await;
        assert_eq!(window.total(now()), 0);
    }
}
