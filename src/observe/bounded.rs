//! A bound on label values that other people choose.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// What stands for everything past the bound.
pub(super) const OTHER: &str = "other";

/// One namespace gets at most this part of all series.
const SHARE: usize = 4;

/// The classes that have series of their own (decision 12).
#[derive(Debug)]
pub(super) struct Classes {
    /// By namespace, so that one tenant cannot take every series.
    seen: Mutex<HashMap<String, HashSet<String>>>,
    most: usize,
}

// === impl Classes ===

impl Classes {
    /// At most `most` classes have series of their own.
    pub(super) fn new(most: usize) -> Self {
        Self { seen: Mutex::default(), most }
    }

    /// The labels for a class: its own, or `other` once there are too many.
    pub(super) fn labels<'a>(&self, namespace: &'a str, class: &'a str) -> (&'a str, &'a str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(namespace).is_some_and(|classes| classes.contains(class)) {
            return (namespace, class);
        }
        let all: usize = seen.values().map(HashSet::len).sum();
        let here = seen.get(namespace).map_or(0, HashSet::len);
        if all >= self.most || here >= (self.most / SHARE).max(1) {
            return (OTHER, OTHER);
        }
        seen.entry(namespace.to_owned()).or_default().insert(class.to_owned());
        (namespace, class)
    }
}

/// Statuses that have a label of their own; servers could send hundreds.
const STATUSES: [&str; 19] = [
    "200", "204", "301", "302", "307", "308", "400", "401", "403", "404", "405", "412", "413", "429", "500",
    "501", "502", "503", "504",
];

/// The label of a request's outcome: a known status, a status's hundred, or a word of ours.
pub(super) fn status(text: &str) -> &str {
    let is_status = text.len() == 3 && text.bytes().all(|digit| digit.is_ascii_digit());
    match text.bytes().next() {
        _ if !is_status || STATUSES.contains(&text) => text,
        Some(b'1') => "1xx",
        Some(b'2') => "2xx",
        Some(b'3') => "3xx",
        Some(b'4') => "4xx",
        Some(b'5') => "5xx",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_statuses_share_a_label() {
        for (text, label) in
            [("200", "200"), ("connect", "connect"), ("418", "4xx"), ("599", "5xx"), ("999", OTHER)]
        {
            assert_eq!(status(text), label);
        }
    }

    #[test]
    fn classes_past_the_bound_share_one_label() {
        let classes = Classes::new(8);
        for (namespace, class) in
            [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "x"), ("d", "x"), ("e", "x"), ("f", "x")]
        {
            assert_eq!(classes.labels(namespace, class), (namespace, class));
        }
        assert_eq!(classes.labels("a", "z"), (OTHER, OTHER), "its namespace has its share");
        assert_eq!(classes.labels("g", "x"), (OTHER, OTHER), "there are eight");
        assert_eq!(classes.labels("a", "x"), ("a", "x"));
    }
}
