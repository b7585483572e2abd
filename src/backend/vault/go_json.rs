//! JSON as Go's `encoding/json` writes it, because files that the incumbents
//! wrote must not change under a new provider: map keys sorted, `<`, `>`, `&`,
//! U+2028 and U+2029 escaped, numbers as they were sent.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Text that is wiped when dropped and when it grows.
#[derive(Default)]
pub(super) struct Text(Zeroizing<Vec<u8>>);

// === impl Text ===

impl Text {
    /// Appends `text` as it is.
    pub(super) fn raw(&mut self, text: &str) {
        let needed = self.0.len() + text.len();
        if needed > self.0.capacity() {
            // Growing in place would leave the old allocation unwiped.
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(256) * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Appends `text` as a JSON string.
    pub(super) fn string(&mut self, text: &str) {
        self.raw("\"");
        let mut plain = 0;
        for (at, letter) in text.char_indices() {
            let Some(escaped) = escape(letter) else { continue };
            self.raw(text.get(plain..at).unwrap_or_default());
            self.raw(&escaped);
            plain = at + letter.len_utf8();
        }
        self.raw(text.get(plain..).unwrap_or_default());
        self.raw("\"");
    }

    /// Appends `value`, maps sorted.
    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(true) => self.raw("true"),
            Value::Bool(false) => self.raw("false"),
            Value::Number(number) => self.raw(number.as_str()),
            Value::String(text) => self.string(text),
            Value::Array(items) => self.list('[', items.iter(), ']', Self::value),
            Value::Object(map) => {
                let pairs = sorted(map).into_iter();
                self.list('{', pairs, '}', |text, (key, value)| text.pair(key, value));
            }
        }
    }

    /// Appends the fields of `map` that `order` names, in that order, each or its zero value.
    pub(super) fn fields(&mut self, map: &Map<String, Value>, order: &[(&str, Value)]) {
        let fields = order
            .iter()
            .map(|(key, zero)| (*key, map.get(*key).filter(|value| !value.is_null()).unwrap_or(zero)));
        self.list('{', fields, '}', |text, (key, value)| text.pair(key, value));
    }

    fn pair(&mut self, key: &str, value: &Value) {
        self.string(key);
        self.raw(":");
        self.value(value);
    }

    fn list<T>(
        &mut self,
        open: char,
        items: impl Iterator<Item = T>,
        close: char,
        mut each: impl FnMut(&mut Self, T),
    ) {
        let mut mark = [0; 4];
        self.raw(open.encode_utf8(&mut mark));
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.raw(",");
            }
            each(self, item);
        }
        self.raw(close.encode_utf8(&mut mark));
    }

    /// The text so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `serde_json`'s maps keep whatever order its features say.
fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    pairs
}

fn escape(letter: char) -> Option<String> {
    Some(match letter {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
            format!("\\u{:04x}", u32::from(letter))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(json: &str) -> String {
        let value: Value = serde_json::from_str(json).unwrap_or_default();
        let mut text = Text::default();
        text.value(&value);
        String::from_utf8_lossy(text.bytes()).into_owned()
    }

    #[test]
    fn maps_are_sorted_and_html_is_escaped() {
        assert_eq!(
            go(r#"{"b":[1,true,null],"a":{"z":"<&>","A":""}}"#),
            r#"{"a":{"A":"","z":"\u003c\u0026\u003e"},"b":[1,true,null]}"#
        );
        assert_eq!(go("{}"), "{}");
        assert_eq!(go("[]"), "[]");
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        let text =
            serde_json::to_string("\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f}\u{2028}\u{2029}üé😀").unwrap_or_default();
        assert_eq!(go(&text), "\"\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\u{7f}\\u2028\\u2029üé😀\"");
    }

    #[test]
    fn numbers_stay_as_they_were_sent() {
        for number in ["0", "-1", "1.50", "9007199254740993", "12345678901234567890123", "1e+21", "1e-07"] {
            assert_eq!(go(&format!("[{number}]")), format!("[{number}]"));
        }
    }
}
