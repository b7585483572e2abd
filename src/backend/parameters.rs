//! What a class asks for, and which of it is the operator's word.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A class's parameters after the pod's attributes were laid over them: neither
/// author is trusted more than the other (decisions, "Author"). Once a profile
/// stands under them ([`super::Profiles::merge`]) they know which keys are its.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    texts: BTreeMap<String, String>,
    /// The keys that the operator gave.
    operators: BTreeSet<String>,
    profile: Option<String>,
    left: Option<(String, String)>,
}

// === impl Parameters ===

impl Parameters {
    /// The value of `key`; an empty one counts as absent, as it does for the incumbents.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every key and its value, empty ones included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether the operator gave the value of `key`, by a profile: what no class may wish for may stand there.
    pub fn is_operators(&self, key: &str) -> bool {
        self.operators.contains(key)
    }

    /// How often an object is read: its own word wins over the class's, and not over the operator's.
    pub fn interval(&self, own: Option<Duration>, class: Option<Duration>) -> Option<Duration> {
        if self.is_operators("refreshInterval") { own.max(class) } else { own.or(class) }
    }

    /// The profile that stands under them.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The default profile that does not stand under them, and the key by which the class goes its own way.
    pub fn left_default(&self) -> Option<(&str, &str)> {
        self.left.as_ref().map(|(profile, key)| (profile.as_str(), key.as_str()))
    }

    /// With the operator's `texts` of `profile` beside them.
    #[must_use]
    pub(super) fn under(mut self, profile: &str, texts: BTreeMap<String, String>) -> Self {
        self.profile = Some(profile.to_owned());
        self.operators.extend(texts.keys().cloned());
        self.texts.extend(texts);
        self
    }

    /// Without the default `profile`, because of `key`.
    #[must_use]
    pub(super) fn without_default(self, profile: &str, key: &str) -> Self {
        Self { left: Some((profile.to_owned(), key.to_owned())), ..self }
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self { texts: pairs.into_iter().collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_often_as_it_says_unless_the_operator_has_said() {
        let pair = || ("refreshInterval".to_owned(), "1h".to_owned());
        let (short, long) = (Some(Duration::from_secs(30)), Some(Duration::from_secs(3600)));
        let written: Parameters = std::iter::once(pair()).collect();
        assert_eq!((written.interval(short, long), written.interval(None, long)), (short, long));
        let kept = Parameters::default().under("prod", BTreeMap::from([pair()]));
        assert_eq!((kept.interval(short, long), kept.interval(None, long)), (long, long));
        let longer = Some(Duration::from_secs(7200));
        assert_eq!(kept.interval(longer, long), longer);
    }
}
