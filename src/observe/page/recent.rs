//! What the page shows beyond the series: how the last Mounts went, how long requests took lately.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::Kind;

/// Minutes that are remembered.
pub(super) const MINUTES: usize = 60;

/// A class, as its series are labelled; so there are no more of them.
pub(super) type Class = (&'static str, String, String);

/// How a class's Mounts went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Went {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// The kind of the last one, if it failed.
    pub(super) failing: Option<Kind>,
    /// When one last succeeded, in seconds since 1970.
    pub(super) last_success: Option<u64>,
}

/// How long requests took, minute by minute, the oldest first.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    minutes: VecDeque<(u32, Duration)>,
    newest: u64,
}

/// What happened lately.
#[derive(Default)]
pub(in super::super) struct Recent {
    classes: Mutex<BTreeMap<Class, Went>>,
    latency: Mutex<BTreeMap<&'static str, Latency>>,
}

/// The same, at one moment.
#[derive(Debug, Default)]
pub(in super::super) struct Now {
    pub(super) classes: BTreeMap<Class, Went>,
    pub(super) latency: BTreeMap<&'static str, Latency>,
}

// === impl Recent ===

impl Recent {
    /// A Mount of the class ended at `unix` seconds. The names are those of the series, which are bounded.
    pub(in super::super) fn mounted(
        &self,
        provider: &'static str,
        (namespace, name): (&str, &str),
        failed: Option<Kind>,
        unix: u64,
    ) {
        let mut classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        let went = classes.entry((provider, namespace.to_owned(), name.to_owned())).or_default();
        went.failing = failed;
        match failed {
            Some(_) => went.failed += 1,
            None => (went.succeeded, went.last_success) = (went.succeeded + 1, Some(unix)),
        }
    }

    /// A request took this long; `now` is on the machine's clock.
    pub(in super::super) fn answered(&self, provider: &'static str, took: Duration, now: Duration) {
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        latency.entry(provider).or_default().add(took, now);
    }

    pub(in super::super) fn now(&self, now: Duration) -> Now {
        let classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for minutes in latency.values_mut() {
            minutes.advance(now);
        }
        Now { classes, latency }
    }
}

// === impl Latency ===

impl Latency {
    fn add(&mut self, took: Duration, now: Duration) {
        self.advance(now);
        if let Some((count, sum)) = self.minutes.back_mut() {
            *count = count.saturating_add(1);
            *sum = sum.saturating_add(took);
        }
    }

    fn advance(&mut self, now: Duration) {
        let minute = now.as_secs() / 60;
        let passed = usize::try_from(minute.saturating_sub(self.newest)).unwrap_or(MINUTES).min(MINUTES);
        self.minutes.drain(..passed);
        self.minutes.resize(MINUTES, (0, Duration::ZERO));
        self.newest = self.newest.max(minute);
    }

    /// The mean of each minute, `None` where nobody asked; the oldest first.
    pub(super) fn means(&self) -> Vec<Option<Duration>> {
        self.minutes.iter().map(|(count, sum)| sum.checked_div(*count)).collect()
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self { minutes: VecDeque::from([(0, Duration::ZERO); MINUTES]), newest: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = |minute| Duration::from_secs(60 * minute);

    #[test]
    fn minutes_slide() {
        let recent = Recent::default();
        recent.answered("vault", Duration::from_millis(10), AT(1000));
        recent.answered("vault", Duration::from_millis(30), AT(1000));
        recent.answered("vault", Duration::from_millis(5), AT(1003));
        let means =
            |minute| recent.now(AT(minute)).latency.get("vault").map(Latency::means).unwrap_or_default();
        let (then, shown) = (means(1003), means(1061));
        assert_eq!(then.len(), MINUTES);
        assert_eq!(
            then.get(56..),
            Some(&[Some(Duration::from_millis(20)), None, None, Some(Duration::from_millis(5))][..])
        );
        assert_eq!(shown.iter().flatten().count(), 1, "the first has left");
        assert_eq!(means(5000).iter().flatten().count(), 0);
    }

    #[test]
    fn the_last_mount_decides_what_a_class_is() {
        let recent = Recent::default();
        let class = ("shop", "web");
        recent.mounted("vault", class, None, 100);
        recent.mounted("vault", class, Some(Kind::Denied), 200);
        let went = |recent: &Recent| recent.now(AT(0)).classes.into_values().next().unwrap_or_default();
        let failing = Went { succeeded: 1, failed: 1, failing: Some(Kind::Denied), last_success: Some(100) };
        assert_eq!(went(&recent), failing);
        recent.mounted("vault", class, None, 300);
        assert_eq!(went(&recent), Went { succeeded: 2, failing: None, last_success: Some(300), ..failing });
    }
}
