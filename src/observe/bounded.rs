//! A bound on label values that other people choose.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// What stands for everything past the bound.
pub(super) const OTHER: &str = "other";

/// The classes that have series of their own (decision 12).
#[derive(Debug)]
pub(super) struct Classes {
    seen: Mutex<HashSet<(String, String)>>,
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
        let key = (namespace.to_owned(), class.to_owned());
        if seen.contains(&key) {
            return (namespace, class);
        }
        if seen.len() >= self.most {
            return (OTHER, OTHER);
        }
        seen.insert(key);
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
        let classes = Classes::new(2);
        assert_eq!(classes.labels("a", "x"), ("a", "x"));
        assert_eq!(classes.labels("b", "x"), ("b", "x"));
        assert_eq!(classes.labels("c", "x"), (OTHER, OTHER));
        assert_eq!(classes.labels("a", "x"), ("a", "x"));
    }
}
