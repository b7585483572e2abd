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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_past_the_bound_share_one_label() {
        let classes = Classes::new(2);
        assert_eq!(classes.labels("a", "x"), ("a", "x"));
        assert_eq!(classes.labels("b", "x"), ("b", "x"));
        assert_eq!(classes.labels("c", "x"), (OTHER, OTHER));
        assert_eq!(classes.labels("a", "x"), ("a", "x"));
    }
}
