//! Lists of namespaces: names, and beginnings of names.

/// The longest name of a namespace.
const MAX: usize = 63;

/// A namespace, or a beginning of its name followed by `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    open: bool,
}

/// Which namespaces may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Those that may; none: all.
    pub allow: Vec<Pattern>,
    /// Those that may not, even if they are among the others.
    pub deny: Vec<Pattern>,
}

/// Why a namespace may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Unlisted,
    Denied,
}

// === impl Pattern ===

impl Pattern {
    /// Reads one. A star anywhere but at the end is a mistake, and so is what no namespace can be called.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, open) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() > MAX || !name.bytes().all(plain) || (name.is_empty() && !open) {
            return Err("neither a namespace nor the beginning of one and a star, such as team-*");
        }
        Ok(Self { text: name.to_owned(), open })
    }

    fn matches(&self, name: &str) -> bool {
        if self.open { name.starts_with(&self.text) } else { name == self.text }
    }
}

// === impl Names ===

impl Names {
    pub(super) fn verdict(&self, name: &str) -> Option<Verdict> {
        if self.deny.iter().any(|pattern| pattern.matches(name)) {
            Some(Verdict::Denied)
        } else if !self.allow.is_empty() && !self.allow.iter().any(|pattern| pattern.matches(name)) {
            Some(Verdict::Unlisted)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(allow: &[&str], deny: &[&str]) -> Names {
        let read = |texts: &[&str]| texts.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        Names { allow: read(allow), deny: read(deny) }
    }

    #[test]
    fn deny_wins_over_allow_and_an_empty_list_allows_all() {
        for (allow, deny, name, verdict) in [
            (&[][..], &[][..], "any", None),
            (&["shop"], &[], "shop", None),
            (&["shop"], &[], "shop-eu", Some(Verdict::Unlisted)),
            (&["shop"], &[], "my-shop", Some(Verdict::Unlisted)),
            (&["team-*"], &[], "team-a", None),
            (&["team-*"], &[], "team", Some(Verdict::Unlisted)),
            (&["team-*"], &["team-x"], "team-x", Some(Verdict::Denied)),
            (&[], &["kube-*"], "kube-system", Some(Verdict::Denied)),
            (&["*"], &[], "any", None),
            (&[], &["*"], "any", Some(Verdict::Denied)),
        ] {
            assert_eq!(names(allow, deny).verdict(name), verdict, "{allow:?} {deny:?} {name}");
        }
    }

    #[test]
    fn what_no_namespace_is_called_is_a_mistake() {
        for bad in ["", "Shop", "a*b", "*a", "a.b", "a b", "**", "ä*", &"x".repeat(64)] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
