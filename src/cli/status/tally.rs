//! How it went lately: the difference between two looks at the server's own
//! counters. What is no counter that is known here is passed over.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use super::show::{clean, counted};

const REQUESTS: &str = "keymount_backend_requests_total";
const MOUNTS: &str = "keymount_mounts_total";
/// Looks that make the last minute, at one each two seconds.
const LOOKS: usize = 31;

/// Counters of one moment, by provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<String, Counts>);

/// One provider's counters, by how each ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// By status.
    requests: BTreeMap<String, u64>,
    /// By outcome.
    mounts: BTreeMap<String, u64>,
}

/// The looks of the last minute.
#[derive(Debug, Default)]
pub(super) struct Minute(VecDeque<Tally>);

// === impl Tally ===

impl Tally {
    /// Reads the server's metrics.
    pub(super) fn parse(text: &str) -> Self {
        let mut tally = Self::default();
        for line in text.lines() {
            let Some((name, rest)) = line.split_once('{') else { continue };
            let Some((labels, value)) = rest.rsplit_once("} ") else { continue };
            let Some(provider) = label(labels, "provider") else { continue };
            let counts = tally.0.entry(provider.to_owned()).or_default();
            let (map, key) = match name {
                REQUESTS => (&mut counts.requests, label(labels, "status")),
                MOUNTS => (&mut counts.mounts, label(labels, "outcome")),
                _ => continue,
            };
            let value: u64 = value.trim().parse().unwrap_or_default();
            *map.entry(key.unwrap_or_default().to_owned()).or_default() += value;
        }
        tally
    }
}

/// A label's value. Those that matter here are words of our own, without quotes in them.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name}=\"");
    let at = labels.find(&start).filter(|at| *at == 0 || labels.as_bytes().get(at - 1) == Some(&b','))?;
    labels.get(at + start.len()..)?.split('"').next()
}

// === impl Counts ===

impl Counts {
    /// What came since `before`. A counter that fell is one of a server that was started anew.
    fn since(&self, before: Option<&Self>) -> Self {
        let nothing = Self::default();
        let before = before.unwrap_or(&nothing);
        let rest = |now: &BTreeMap<String, u64>, then: &BTreeMap<String, u64>| {
            let fell = then.iter().any(|(key, count)| now.get(key).is_none_or(|now| now < count));
            let left = |key: &String| if fell { 0 } else { then.get(key).copied().unwrap_or_default() };
            now.iter().map(|(key, count)| (key.clone(), count.saturating_sub(left(key)))).collect()
        };
        Self { requests: rest(&self.requests, &before.requests), mounts: rest(&self.mounts, &before.mounts) }
    }

    /// `12 requests, 2 failed (503, connect); 8 mounts, 1 failed (denied)`.
    pub(super) fn said(&self) -> String {
        let requests = told(&self.requests, "request", is_trouble);
        let mounts = told(&self.mounts, "mount", |outcome| outcome != "ok");
        format!("{requests}; {mounts}")
    }

    /// Whether the backend is in trouble: it failed, rather than refused.
    pub(super) fn is_troubled(&self) -> bool {
        self.requests.iter().any(|(status, count)| *count > 0 && is_trouble(status))
    }
}

/// A status of a backend that could not answer: what it refuses is an answer.
fn is_trouble(status: &str) -> bool {
    status != "ok" && (status == "429" || !status.starts_with(['1', '2', '3', '4']))
}

fn told(counts: &BTreeMap<String, u64>, what: &str, is_bad: fn(&str) -> bool) -> String {
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let bad: Vec<_> = counts.iter().filter(|(key, count)| **count > 0 && is_bad(key)).collect();
    let all = counted(number(counts.values().sum()), what);
    let failed: u64 = bad.iter().map(|(_, count)| **count).sum();
    let kinds: Vec<_> = bad.into_iter().map(|(key, _)| clean(key)).collect();
    if failed == 0 { all } else { format!("{all}, {failed} failed ({})", kinds.join(", ")) }
}

// === impl Minute ===

impl Minute {
    /// Takes the newest look.
    pub(super) fn add(&mut self, tally: Tally) {
        self.0.push_back(tally);
        if self.0.len() > LOOKS {
            self.0.pop_front();
        }
    }

    /// What came of a provider since the oldest look; nothing from one look alone.
    pub(super) fn of(&self, provider: &str) -> Option<Counts> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        let counts = last.0.get(provider).filter(|_| self.0.len() > 1)?;
        Some(counts.since(first.0.get(provider)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[(&str, &str, &str, u64)]) -> Tally {
        let line = |(name, key, value, count): &(&str, &str, &str, u64)| {
            format!("{name}{{{key}=\"{value}\",provider=\"vault\"}} {count}\n")
        };
        Tally::parse(&lines.iter().map(line).collect::<Vec<_>>().concat())
    }

    #[test]
    fn a_minute_is_the_difference_of_its_looks() {
        let mut minute = Minute::default();
        minute.add(tally(&[(REQUESTS, "status", "200", 10), (MOUNTS, "outcome", "ok", 4)]));
        assert_eq!(minute.of("vault"), None);
        minute.add(tally(&[
            (REQUESTS, "status", "200", 13),
            (REQUESTS, "status", "403", 1),
            (REQUESTS, "status", "503", 2),
            (MOUNTS, "outcome", "ok", 5),
            (MOUNTS, "outcome", "denied", 1),
            ("keymount_other_total", "x", "y", 9),
        ]));
        let lately = minute.of("vault").unwrap_or_default();
        assert_eq!(lately.said(), "6 requests, 2 failed (503); 2 mounts, 1 failed (denied)");
        assert!(lately.is_troubled() && minute.of("local").is_none());
        // Started anew: it has counted since then.
        minute.add(tally(&[(REQUESTS, "status", "200", 2), (MOUNTS, "outcome", "ok", 1)]));
        let lately = minute.of("vault").unwrap_or_default();
        assert_eq!(lately.said(), "2 requests; 1 mount");
        (0..2 * LOOKS).for_each(|_| minute.add(tally(&[(REQUESTS, "status", "200", 2)])));
        assert_eq!(minute.of("vault").map(|lately| lately.said()).as_deref(), Some("0 requests; 0 mounts"));
    }

    #[test]
    fn what_is_no_metric_is_nothing() {
        for text in
            ["", "keymount_mounts_total{", "x{provider=\"v\"} 1", "keymount_mounts_total{outcome=\"ok\"} 1"]
        {
            let tally = Tally::parse(text);
            assert!(tally.0.values().all(|counts| *counts == Counts::default()), "{text}");
        }
        assert_eq!(
            label("secret_provider=\"x\",provider=\"y\"", "provider"),
            None,
            "the first is another label"
        );
        assert_eq!(label("outcome=\"ok\",provider=\"y\"", "provider"), Some("y"));
    }
}
