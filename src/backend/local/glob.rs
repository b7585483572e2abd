//! The two wildcards of `allow`: `*` and `?`, and nothing that could surprise.

/// Whether all of `text` is what `pattern` says: `*` is any run of characters,
/// `?` any one, and everything else is itself.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // The last `*`, and where in `text` its run ends: it grows when what follows does not match.
    let mut star = None;
    while let Some(letter) = text.get(seen) {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                star = Some((at, seen));
                at += 1;
            }
            (Some(wanted), _) if *wanted == '?' || wanted == letter => {
                at += 1;
                seen += 1;
            }
            (_, Some((from, end))) => {
                star = Some((from, end + 1));
                at = from + 1;
                seen = end + 1;
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_match_whole_names() {
        let cases = [
            ("*", "", true),
            ("*", "anything", true),
            ("shop", "shop", true),
            ("shop", "shop-eu", false),
            ("shop", "my-shop", false),
            ("shop-*", "shop-eu", true),
            ("shop-*", "shop", false),
            ("*-prod", "a-prod-b-prod", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("web-?", "web-1", true),
            ("web-?", "web-", false),
            ("web-?", "web-12", false),
            ("", "", true),
            ("", "a", false),
            ("?", "ä", true),
            ("[a]", "a", false),
            ("a.c", "abc", false),
        ];
        for (pattern, text, wanted) in cases {
            assert_eq!(matches(pattern, text), wanted, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_little() {
        assert!(!matches(&"*a".repeat(500), &"b".repeat(500)));
        assert!(!matches(&("*a".repeat(60) + "c"), &"a".repeat(2000)));
    }
}
