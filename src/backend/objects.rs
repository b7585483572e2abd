//! The part of a class's `objects` that backends share: a YAML list, names that
//! are file paths, octal modes, encodings of the stored value, spans of time.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
pub use serde_saphyr::DuplicateKeyPolicy;

use crate::error::{Error, Errors, Kind, Stage};

/// The largest `objects` text; etcd keeps no larger object than 1.5 MiB.
const MAX_TEXT: usize = 1024 * 1024;
/// More objects than one volume can sensibly hold.
const MAX_OBJECTS: usize = 1000;
/// The longest span of time: sums with it must not overflow.
const MAX_SPAN: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How a span of time is written.
pub const SPAN_HINT: &str = "write numbers with units, such as 90s, 5m or 1h30m";

/// How a stored value is encoded; the file holds the decoded bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    #[default]
    Utf8,
    /// Standard base64 with padding.
    Base64,
    /// Hexadecimal, either case.
    Hex,
}

// === impl Encoding ===

impl Encoding {
    /// Reads the class's word for it, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "" | "utf-8" => Some(Self::Utf8),
            "base64" => Some(Self::Base64),
            "hex" => Some(Self::Hex),
            _ => None,
        }
    }

    /// The decoded bytes, or the encoding's name if the value is not in it.
    pub fn decode(self, value: &[u8]) -> Result<Vec<u8>, &'static str> {
        use base64::Engine as _;
        match self {
            Self::Utf8 => Ok(value.to_vec()),
            Self::Base64 => base64::engine::general_purpose::STANDARD.decode(value).map_err(|_| "base64"),
            Self::Hex => hex::decode(value).map_err(|_| "hex"),
        }
    }
}

/// A YAML integer mode, octal when it is written so: `0600`, `0o600`, or quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Mode(pub u32);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Text(String),
}

impl TryFrom<Written> for Mode {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let bits = match &written {
            Written::Number(number) => u32::try_from(*number).ok(),
            Written::Text(text) => {
                let digits = text.trim_start_matches("0o");
                digits
                    .bytes()
                    .all(|digit| digit.is_ascii_digit())
                    .then(|| u32::from_str_radix(digits, 8).ok())
                    .flatten()
            }
        };
        bits.map(Self).ok_or_else(|| "a file permission is octal, such as 0600".to_owned())
    }
}

/// A span of time as its author writes it, `5m` or `1h30m`. It is read later, so that
/// what is wrong with it is said of its object and not of the whole list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Scalar")]
pub struct Span(String);

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Whole(i64),
    Part(f64),
    Text(String),
}

// === impl Span ===

impl Span {
    /// A span as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// How long it is, or what is wrong with it.
    pub fn read(&self) -> Result<Duration, &'static str> {
        match humantime::parse_duration(&self.0) {
            Err(_) => Err("not a duration"),
            Ok(span) if span.is_zero() => Err("a duration of nothing"),
            Ok(span) if span > MAX_SPAN => Err("longer than ten years"),
            Ok(span) => Ok(span),
        }
    }
}

impl From<Scalar> for Span {
    fn from(scalar: Scalar) -> Self {
        Self(match scalar {
            Scalar::Whole(number) => number.to_string(),
            Scalar::Part(number) => number.to_string(),
            Scalar::Text(text) => text,
        })
    }
}

/// Reads a class's `objects` list of `T`, with limits against hostile documents.
pub fn list<T: DeserializeOwned>(yaml: &str) -> Result<Vec<T>, Errors> {
    list_of(yaml, DuplicateKeyPolicy::Error, "list at least one object with objectName and secretPath")
}

/// The same for a provider whose incumbent takes a key that stands twice; `hint` is for an empty list.
pub fn list_of<T: DeserializeOwned>(
    yaml: &str,
    duplicates: DuplicateKeyPolicy,
    hint: &str,
) -> Result<Vec<T>, Errors> {
    if yaml.len() > MAX_TEXT {
        return Err(invalid(format!("objects is longer than {MAX_TEXT} bytes")).into());
    }
    // yaml.v3, which the incumbents use: 0600 is octal, later keys do not override earlier ones silently.
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        duplicate_keys: duplicates,
        // An author's text must not grow by more than itself: aliases are replayed, and counted.
        budget: serde_saphyr::budget! {
            max_total_scalar_bytes: 2 * MAX_TEXT,
            max_nodes: 50_000,
            max_aliases: 100,
            max_anchors: 50,
        },
    };
    let objects: Vec<T> = serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let short = |number| u32::try_from(number).unwrap_or_default();
        let at = error.location().map(|at| (short(at.line()), short(at.column())));
        Errors::from(invalid(format!("objects is not a YAML list of objects: {error}")).position(at))
    })?;
    match objects.len() {
        0 => {
            Err(invalid("no secrets configured - the provider will not read any secret material".to_owned())
                .hint(hint)
                .into())
        }
        count if count > MAX_OBJECTS => {
            Err(invalid(format!("{count} objects, at most {MAX_OBJECTS}")).into())
        }
        _ => Ok(objects),
    }
}

/// Room for the values of one class, used up as they are copied out of what was
/// read: one large secret in a thousand objects must not become a thousand copies.
#[derive(Debug)]
pub struct Room(Option<usize>);

// === impl Room ===

impl Default for Room {
    /// Twice what the driver takes by default; what is delivered is checked later, exactly.
    fn default() -> Self {
        Self(Some(8 * 1024 * 1024))
    }
}

impl Room {
    /// Whether more was asked of it than there was: what comes next need not be looked at.
    pub const fn is_full(&self) -> bool {
        self.0.is_none()
    }

    /// Takes `size` bytes of it.
    pub fn take(&mut self, size: usize) -> Result<(), Error> {
        let left = self.0.and_then(|left| left.checked_sub(size));
        self.0 = left;
        let full = || {
            Error::new(Kind::Precondition, Stage::Pick, "the class's values are larger than a volume may be")
                .hint("split the class, or leave out objects that hold the same secret")
        };
        left.map(|_| ()).ok_or_else(full)
    }
}

/// The names that stand more than once, each once, in order.
pub fn duplicates<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    for name in names {
        *seen.entry(name).or_default() += 1;
    }
    seen.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

fn invalid(text: String) -> Error {
    Error::new(Kind::Invalid, Stage::Request, text).with("parameter", "objects")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct One {
        object_name: String,
        #[serde(default)]
        file_permission: Option<Mode>,
    }

    fn modes(yaml: &str) -> Vec<Option<u32>> {
        let list = list::<One>(yaml).unwrap_or_default();
        list.into_iter().map(|one| one.file_permission.map(|mode| mode.0)).collect()
    }

    #[test]
    fn permissions_are_octal_where_yaml_says_so() {
        let yaml = "- {objectName: a, filePermission: 0600}\n- {objectName: b, filePermission: 0o640}\n\
                    - {objectName: c, filePermission: \"0444\"}\n- {objectName: d, filePermission: 256}\n- {objectName: e}\n";
        assert_eq!(modes(yaml), [Some(0o600), Some(0o640), Some(0o444), Some(0o400), None]);
    }

    #[test]
    fn a_bomb_a_scalar_and_an_empty_list_are_refused() {
        let bomb = (1..30).fold("a0: &a0 [x, x, x, x]\n".to_owned(), |text, at| {
            format!("{text}a{at}: &a{at} [*a{0}, *a{0}, *a{0}, *a{0}]\n", at - 1)
        });
        for bad in [bomb.as_str(), "just text", "[]", "", "- objectName: [", "- 7"] {
            assert!(list::<One>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_of_time_have_units() {
        for (text, seconds) in
            [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h30m0s", 5400), ("2h 5s", 7205), ("1.5h", 5400)]
        {
            assert_eq!(Span::new(text).read(), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(Span::new("500ms").read(), Ok(Duration::from_millis(500)));
        for text in ["", "5", "m", "-5m", "1.5", "5x", "5m;", "99999999999999999999s"] {
            assert_eq!(Span::new(text).read(), Err("not a duration"), "{text}");
        }
        assert_eq!(Span::new("0s").read(), Err("a duration of nothing"));
        assert_eq!(Span::new("11y").read(), Err("longer than ten years"));
    }

    #[test]
    fn a_span_without_a_unit_is_not_the_whole_lists_fault() {
        let spans = list::<Span>("[5m, 300, 1.5, \"1h\"]").unwrap_or_default();
        assert_eq!(spans, ["5m", "300", "1.5", "1h"].map(Span::new));
    }

    /// 60 KB that would be 60 MB.
    #[test]
    fn an_alias_is_counted_as_often_as_it_is_used() {
        let ten = |name: &str| format!("[{}]", vec![format!("*{name}"); 10].join(", "));
        let long = "x".repeat(60_000);
        let yaml = format!(
            "- objectName: x\n  a: &a {long}\n  b: &b {}\n  c: &c {}\n  d: {}\n",
            ten("a"),
            ten("b"),
            ten("c")
        );
        assert!(list::<One>(&yaml).is_err());
        assert!(list::<One>("- &a {objectName: x}\n- *a\n").is_ok(), "a few are fine");
    }

    #[test]
    fn room_is_used_up_once() {
        let mut room = Room::default();
        assert!((0..8).all(|_| room.take(1024 * 1024).is_ok()) && !room.is_full());
        assert!(room.take(1).is_err() && room.take(0).is_err() && room.is_full());
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(
            Encoding::parse("BASE64").map(|encoding| encoding.decode(b"aGk=")),
            Some(Ok(b"hi".to_vec()))
        );
        assert_eq!(Encoding::Hex.decode(b"6869"), Ok(b"hi".to_vec()));
        assert_eq!(Encoding::Hex.decode(b"zz"), Err("hex"));
        assert_eq!(Encoding::parse("rot13"), None);
    }

    #[test]
    fn duplicate_names_are_found_once_each() {
        assert_eq!(duplicates(["b", "a", "b", "a", "c", "b"]), ["a", "b"]);
        let one = list::<One>("- objectName: x").unwrap_or_default();
        assert_eq!(one.first().map(|one| one.object_name.as_str()), Some("x"));
    }

    proptest::proptest! {
        /// Whatever an author writes: a list or a mistake, soon, and never a fault of ours.
        #[test]
        fn any_text_is_a_list_or_a_mistake(yaml in "[-a-c:{}\\[\\]&*!|>'\"#%@,?0-9 \\n]{0,80}") {
            for yaml in [yaml.clone(), format!("- objectName: {yaml}"), format!("- objectName: a\n  x: {yaml}\n- *a")] {
                crate::backend::fuzzed::objects(&yaml);
            }
        }
    }
}
