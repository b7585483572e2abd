//! The credentials that a request brings: the Secret of `nodePublishSecretRef`.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use zeroize::Zeroize;

/// Credentials by key. Only the keys are ever printed.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, SecretString>);

// === impl Secrets ===

impl Secrets {
    /// The value of `key`; an empty one counts as absent.
    pub fn get(&self, key: &str) -> Option<&SecretString> {
        self.0.get(key)
    }

    /// The keys that have a value.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Every value.
    pub fn values(&self) -> impl Iterator<Item = &SecretString> {
        self.0.values()
    }

    /// Those of `keys`, or the keys that are absent.
    pub(super) fn only<'a>(&self, keys: &[&'a str]) -> Result<Self, Vec<&'a str>> {
        let absent: Vec<_> = keys.iter().copied().filter(|key| self.get(key).is_none()).collect();
        if !absent.is_empty() {
            return Err(absent);
        }
        let known = keys.iter().filter_map(|key| Some(((*key).to_owned(), self.get(key)?.clone())));
        Ok(Self(known.collect()))
    }

    /// Each key and its value, in order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

impl FromIterator<(String, String)> for Secrets {
    /// Takes the texts over and wipes them.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let taken = pairs.into_iter().map(|(key, mut value)| {
            // An exact copy: a text that shrinks leaves its old allocation unwiped.
            let exact = SecretString::from(value.as_str().to_owned());
            let is_empty = value.is_empty();
            value.zeroize();
            (key, exact, is_empty)
        });
        Self(taken.filter(|(_, _, is_empty)| !is_empty).map(|(key, value, _)| (key, value)).collect())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let pairs = [("role_id", "r-1"), ("secret_id", "s-1"), ("empty", "")];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn values_are_not_printed_and_empty_ones_are_absent() {
        let secrets = secrets();
        assert_eq!(format!("{secrets:?}"), r#"{"role_id", "secret_id"}"#);
        assert!(secrets.get("empty").is_none() && secrets.get("role_id").is_some());
    }

    #[test]
    fn only_what_is_needed_is_taken_and_all_that_is_absent_is_named() {
        let secrets = secrets();
        let taken = secrets.only(&["secret_id"]).map(|taken| format!("{taken:?}"));
        assert_eq!(taken.as_deref(), Ok(r#"{"secret_id"}"#));
        assert_eq!(secrets.only(&["empty", "role_id", "none"]).err(), Some(vec!["empty", "none"]));
    }
}
