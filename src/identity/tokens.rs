//! The service-account tokens of a request, by audience.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;

/// Tokens by audience, as kubelet writes them:
/// `{"AUDIENCE":{"token":"…","expirationTimestamp":"…"}}`.
///
/// Presence proves nothing: without `tokenRequests` a pod author may write this
/// attribute (docs/driver-contract.md, 2.1), so the claims are always checked.
#[derive(Default)]
pub struct Tokens {
    by_audience: BTreeMap<String, SecretString>,
    /// Shown to whoever asks for a token; its own claims say for which audiences it is.
    own: Option<SecretString>,
}

#[derive(Deserialize)]
struct Entry {
    token: SecretString,
}

// === impl Tokens ===

impl Tokens {
    /// Reads kubelet's JSON. The error carries no part of the text.
    pub fn parse(json: &str) -> Result<Self, &'static str> {
        let entries: BTreeMap<String, Entry> =
            serde_json::from_str(json).map_err(|_| "not a JSON map of audience to {\"token\": …}")?;
        let by_audience = entries.into_iter().map(|(audience, entry)| (audience, entry.token)).collect();
        Ok(Self { by_audience, own: None })
    }

    /// The one token of a caller who has it in a file: nobody has said what it is for.
    pub fn own(token: SecretString) -> Self {
        Self { by_audience: BTreeMap::new(), own: Some(token) }
    }

    /// The token for `audience`.
    pub fn get(&self, audience: &str) -> Option<&SecretString> {
        self.by_audience.get(audience).or(self.own.as_ref())
    }

    /// Whether the request brought none at all.
    pub fn is_empty(&self) -> bool {
        self.by_audience.is_empty() && self.own.is_none()
    }

    /// The audiences for which there is a token.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.by_audience.keys().map(String::as_str)
    }

    /// Adds the tokens of `other` for audiences that this one lacks.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (audience, token) in other.by_audience {
            self.by_audience.entry(audience).or_insert(token);
        }
        self.own = self.own.or(other.own);
        self
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_audience.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_attributes_win_over_those_of_secrets() {
        let first = Tokens::parse(r#"{"a":{"token":"1","expirationTimestamp":"x"}}"#);
        let second = Tokens::parse(r#"{"a":{"token":"2"},"b":{"token":"3"}}"#);
        let (Ok(first), Ok(second)) = (first, second) else { unreachable!("both are valid") };
        let all = first.or(second);
        assert_eq!(all.audiences().collect::<Vec<_>>(), ["a", "b"]);
        let shown = format!("{all:?}");
        assert_eq!(shown, r#"{"a", "b"}"#, "a token must never be printed");
    }

    #[test]
    fn anything_else_is_refused_without_echoing_it() {
        for bad in ["", "null", "[]", "{\"a\":\"eyJ0b2tlbg\"}", "{\"a\":{\"token\":7}}", "{"] {
            let Err(text) = Tokens::parse(bad) else { unreachable!("{bad} is not a token map") };
            assert!(!text.contains("eyJ"));
        }
    }
}
