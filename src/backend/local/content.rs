//! A secret's values, as they are delivered.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_saphyr::Spanned;
use zeroize::Zeroizing;

/// What one secret holds.
#[derive(Debug)]
pub(super) enum Content {
    /// A single value.
    One(SecretSlice<u8>),
    /// Named values as they are written, and all of them as one JSON object.
    Keys { keys: BTreeMap<String, SecretSlice<u8>>, whole: SecretSlice<u8> },
}

/// Why a value is not there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    Key,
    Keys,
}

// === impl Content ===

impl Content {
    /// Named values. `yaml` is the text that they were read from.
    pub(super) fn of_keys(data: BTreeMap<String, Spanned<SecretString>>, yaml: &str) -> Self {
        let whole = json(&data, yaml);
        let keys = data.into_iter().map(|(key, value)| (key, bytes(&value.value))).collect();
        Self::Keys { keys, whole }
    }

    /// One text.
    pub(super) fn of_text(text: &SecretString) -> Self {
        Self::One(bytes(text))
    }

    /// Any bytes; blanks and line breaks in the base64 do not count.
    #[expect(clippy::disallowed_methods, reason = "the text is decoded into the bytes that are delivered")]
    pub(super) fn of_base64(text: &SecretString) -> Result<Self, String> {
        let packed: Zeroizing<String> = Zeroizing::new(text.expose_secret().split_whitespace().collect());
        let bytes = STANDARD.decode(packed.as_bytes()).map_err(|_| "base64 is not base64")?;
        Ok(Self::One(bytes.into()))
    }

    /// The value of `key`, or without one all that there is.
    pub(super) fn value(&self, key: Option<&str>) -> Result<SecretSlice<u8>, Absent> {
        match (self, key) {
            (Self::One(bytes) | Self::Keys { whole: bytes, .. }, None) => Ok(copy(bytes)),
            (Self::Keys { keys, .. }, Some(key)) => keys.get(key).map(copy).ok_or(Absent::Key),
            (Self::One(_), Some(_)) => Err(Absent::Keys),
        }
    }
}

// === impl Absent ===

impl Absent {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Key => "the secret has no such key",
            Self::Keys => "the secret is a single value and has no keys",
        }
    }

    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::Key => "secretKey is a name under the secret's `data`",
            Self::Keys => "leave secretKey out",
        }
    }
}

/// Compact JSON in the order of the names.
fn json(data: &BTreeMap<String, Spanned<SecretString>>, yaml: &str) -> SecretSlice<u8> {
    let mut json = Zeroizing::new(Vec::with_capacity(data.iter().map(room).sum::<usize>() + 2));
    json.push(b'{');
    for (at, (key, value)) in data.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        quote(&mut json, key);
        json.push(b':');
        #[expect(clippy::disallowed_methods, reason = "the value goes into the JSON of the whole secret")]
        let text = value.value.expose_secret();
        if is_bare(text, value, yaml) {
            json.extend_from_slice(text.as_bytes());
        } else {
            quote(&mut json, text);
        }
    }
    json.push(b'}');
    json.to_vec().into()
}

/// The most that a key and its value can need as JSON, so that the buffer never moves.
#[expect(clippy::disallowed_methods, reason = "only the length is taken")]
fn room((key, value): (&String, &Spanned<SecretString>)) -> usize {
    6 * (key.len() + value.value.expose_secret().len()) + 6
}

/// Whether a value is an unquoted number or truth value that JSON writes the same way.
fn is_bare(text: &str, value: &Spanned<SecretString>, yaml: &str) -> bool {
    let span = value.defined.span();
    let start = span.byte_offset().and_then(|start| usize::try_from(start).ok());
    let plain = start.and_then(|start| yaml.get(start..)).is_some_and(|rest| rest.starts_with(text));
    plain
        && matches!(serde_json::from_str(text), Ok(serde_json::Value::Number(_) | serde_json::Value::Bool(_)))
}

fn quote(json: &mut Zeroizing<Vec<u8>>, text: &str) {
    // Writing a string into memory cannot fail.
    let _ = serde_json::to_writer(&mut **json, text);
}

#[expect(clippy::disallowed_methods, reason = "the text becomes the bytes that are delivered")]
fn bytes(text: &SecretString) -> SecretSlice<u8> {
    text.expose_secret().as_bytes().to_vec().into()
}

#[expect(clippy::disallowed_methods, reason = "the delivered copy outlives the file's next change")]
fn copy(bytes: &SecretSlice<u8>) -> SecretSlice<u8> {
    bytes.expose_secret().to_vec().into()
}
