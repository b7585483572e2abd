//! `secretPath`: what the incumbents accept, and nothing that a server would
//! clean into another path.

use std::fmt::Write as _;

/// The longest path, query included.
const MAX: usize = 4096;
/// What stays as it is inside a segment, beside letters and digits.
const PLAIN: &str = "-_.~$&+,:;=@";
/// What stays as it is in a query's names and values.
const PLAIN_QUERY: &str = "-_.~";

/// A path below `/v1/` and its query, normalised so that equal requests compare equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Path {
    /// As the author reads it: `secret/data/x`.
    pub(super) shown: String,
    /// As it is sent: `/v1/secret/data/x?version=3`.
    pub(super) sent: String,
}

// === impl Path ===

impl Path {
    /// Reads `secret/data/x`, `/secret/data/x`, `v1/…` or `/v1/…`, with a query or without.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX {
            return Err("the path is longer than 4096 bytes");
        }
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_prefix("v1/").unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        if let Some(fault) = fault(path) {
            return Err(fault);
        }
        let mut sent = format!("/v1/{}", encode(path));
        let mut shown = path.to_owned();
        if let Some(query) = query.map(normal_query).transpose()?.filter(|query| !query.is_empty()) {
            for text in [&mut sent, &mut shown] {
                text.push('?');
                text.push_str(&query);
            }
        }
        Ok(Self { shown, sent })
    }
}

/// What is wrong with a path's segments: servers answer these with redirects to other paths.
pub(super) fn fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("the path is empty")
    } else if path.chars().any(char::is_control) {
        Some("the path has a control character")
    } else if path.split('/').any(str::is_empty) {
        Some("the path has an empty segment")
    } else if path.split('/').any(|segment| segment == "." || segment == "..") {
        Some("the path has a `.` or `..` segment")
    } else {
        None
    }
}

/// A path's segments percent-encoded.
pub(super) fn encode(path: &str) -> String {
    let segments: Vec<_> = path.split('/').map(|segment| escape(segment, PLAIN)).collect();
    segments.join("/")
}

/// `a=b&c` decoded, sorted and encoded again.
fn normal_query(query: &str) -> Result<String, &'static str> {
    let mut pairs = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        pairs.push((unescape(name)?, unescape(value)?));
    }
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let parts: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name, PLAIN_QUERY), escape(value, PLAIN_QUERY)))
        .collect();
    Ok(parts.join("&"))
}

fn escape(text: &str, plain: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || plain.contains(letter) {
            escaped.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn unescape(text: &str) -> Result<String, &'static str> {
    const FAULT: &str = "the path's query is not percent-encoded text";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(FAULT) };
                u8::try_from(high * 16 + low).map_err(|_| FAULT)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| FAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Result<String, &'static str> {
        Path::parse(text).map(|path| path.sent)
    }

    #[test]
    fn the_forms_of_one_path_are_one() {
        for text in
            ["secret/data/x", "/secret/data/x", "v1/secret/data/x", "/v1/secret/data/x", "secret/data/x/"]
        {
            assert_eq!(sent(text).as_deref(), Ok("/v1/secret/data/x"), "{text}");
        }
        assert_eq!(
            Path::parse("/v1/a/b?version=3&x").map(|path| path.shown).as_deref(),
            Ok("a/b?version=3&x=")
        );
    }

    #[test]
    fn queries_are_sorted_and_encoded() {
        assert_eq!(sent("a?z=1&b=x%20y+z&b=%C3%A4").as_deref(), Ok("/v1/a?b=x%20y%20z&b=%C3%A4&z=1"));
        assert_eq!(sent("a?").as_deref(), Ok("/v1/a"));
        assert!(sent("a?b=%zz").is_err() && sent("a?b=%ff").is_err() && sent("a?b=%4").is_err());
    }

    #[test]
    fn segments_are_encoded() {
        assert_eq!(sent("a b/ü/%2e/c#d").as_deref(), Ok("/v1/a%20b/%C3%BC/%252e/c%23d"));
        assert_eq!(sent("a@b:c=d/$x").as_deref(), Ok("/v1/a@b:c=d/$x"));
    }

    #[test]
    fn what_a_server_would_clean_is_refused() {
        for bad in [
            "",
            "/",
            "v1/",
            "a//b",
            "//a",
            "a/../b",
            "..",
            "./a",
            "a/.",
            "a\nb",
            "a\0",
            "a//",
            &"a".repeat(5000),
        ] {
            assert!(sent(bad).is_err(), "{bad:?}");
        }
        assert!(sent("a/..b/c..").is_ok());
    }

    proptest::proptest! {
        /// Whatever a class names: what passes stays under `/v1/`, needs no cleaning on the way, and is itself again.
        #[test]
        fn what_passes_is_sent_as_it_is(text in "[a-c./%?&=#\\u{0} é+*]{0,20}") {
            super::super::fuzzed::path(&text);
        }
    }
}
