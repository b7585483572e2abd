//! Requests a second: what one second does not use, the next may, and no more.

use std::fmt;
use std::time::Duration;

use crate::time::Stopwatch;

/// The longest span: four of them still fit into a `Duration`.
const LONGEST: Duration = Duration::from_secs(u64::MAX / 4);

/// A token bucket, kept as the moment up to which it is spent: nothing has to refill it.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: f64,
    /// What moments are counted from.
    born: Stopwatch,
    /// What one request takes.
    cost: Duration,
    /// How far ahead of now it may be spent: a second's worth, and at least one request.
    store: Duration,
    /// The moment up to which it is spent.
    spent: Duration,
}

// === impl Bucket ===

impl Bucket {
    /// A full bucket of `rate` requests a second.
    pub(super) fn new(rate: f64) -> Self {
        // A rate that is next to nothing lets the first request through, and then none.
        let span = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST);
        let cost = span(rate.recip());
        // Not simply one second: the cost is rounded, and seven of them may be more.
        let store = span(cost.as_secs_f64() * rate.max(1.0));
        Self { rate, born: Stopwatch::start(), cost, store, spent: Duration::ZERO }
    }

    /// Takes what one request needs, or says after how long that will be there.
    pub(super) fn take(&mut self) -> Result<(), Duration> {
        let now = self.born.elapsed();
        let spent = self.spent.max(now).saturating_add(self.cost);
        let wait = spent.saturating_sub(self.store).saturating_sub(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.spent = spent;
        Ok(())
    }

    /// Puts back what was taken for a request that was never sent.
    pub(super) fn give_back(&mut self) {
        self.spent = self.spent.saturating_sub(self.cost);
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rate.to_string().as_str() {
            "1" => f.write_str("1 request a second"),
            rate => write!(f, "{rate} requests a second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests there are at once, and after how long there is one more.
    fn burst(bucket: &mut Bucket) -> (usize, Duration) {
        let mut taken = 0;
        loop {
            match bucket.take() {
                Ok(()) => taken += 1,
                Err(wait) => return (taken, wait),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_is_kept_and_at_least_one_request() {
        for (rate, most) in [(0.25, 1), (1.0, 1), (2.5, 2), (3.0, 3), (7.0, 7), (999.0, 999)] {
            let mut bucket = Bucket::new(rate);
            assert_eq!(burst(&mut bucket).0, most, "{rate}");
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(burst(&mut bucket).0, most, "{rate} after a minute of rest");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_fills_as_time_goes_by_and_by_what_is_given_back() {
        let mut bucket = Bucket::new(5.0);
        assert_eq!(burst(&mut bucket), (5, Duration::from_millis(200)));
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_eq!(bucket.take(), Err(Duration::from_millis(50)));
        tokio::time::sleep(Duration::from_millis(450)).await;
        assert_eq!(burst(&mut bucket), (3, Duration::from_millis(200)));
        bucket.give_back();
        assert_eq!(burst(&mut bucket), (1, Duration::from_millis(200)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_rate_is_too_odd() {
        for rate in [0.0, -1.0, f64::MIN_POSITIVE, f64::NAN] {
            let mut bucket = Bucket::new(rate);
            assert!(burst(&mut bucket).0 <= 1, "{rate}");
        }
        let mut endless = Bucket::new(1e300);
        assert!((0..10_000).all(|_| endless.take().is_ok()));
    }
}
