//! What the store's file says: secrets by name, and who may read each.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{SecretSlice, SecretString};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::content::Content;
use super::glob;
use crate::error::{Error, Kind, Stage};
use crate::identity::Pod;

/// One value: a secret's key, or without one the whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Read {
    pub(super) path: String,
    pub(super) key: Option<String>,
}

/// What is wrong with a file, and where. Never a part of its text: that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) text: String,
}

/// A parsed file.
#[derive(Debug)]
pub(super) struct Document(BTreeMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    content: Content,
    allow: Vec<Allow>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Allow {
    namespace: String,
    service_account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    secrets: BTreeMap<String, Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    data: Option<BTreeMap<String, Spanned<SecretString>>>,
    value: Option<SecretString>,
    base64: Option<SecretString>,
    #[serde(default)]
    allow: Vec<Allow>,
}

// === impl Document ===

impl Document {
    /// Reads the file's text.
    pub(super) fn parse(yaml: &str) -> Result<Self, Fault> {
        let options = serde_saphyr::options! { with_snippet: false };
        let file: File =
            serde_saphyr::from_str_with_options(yaml, options).map_err(|error| Fault::of(&error))?;
        let entries = file.secrets.into_iter().map(|(name, written)| {
            let line = written.referenced.line();
            let entry = written.value.entry(yaml);
            entry
                .map_err(|text| Fault { line, text: format!("secret {name}: {text}") })
                .map(|entry| (name, entry))
        });
        entries.collect::<Result<_, _>>().map(Self)
    }

    /// How many secrets there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value that `read` names, if `pod` may have it.
    pub(super) fn read(&self, pod: &Pod, read: &Read) -> Result<SecretSlice<u8>, Error> {
        let entry = self.0.get(&read.path).ok_or_else(|| {
            located(Kind::NotFound, "no such secret in the store", read)
                .hint("secretPath is a name under `secrets` in the store's file")
        })?;
        if !entry.allow.iter().any(|allow| allow.admits(pod)) {
            return Err(denied(pod, read));
        }
        let value = entry.content.value(read.key.as_deref());
        value.map_err(|absent| {
            located(Kind::NotFound, absent.text(), read).at(Stage::Pick).hint(absent.hint())
        })
    }
}

// === impl Written ===

impl Written {
    fn entry(self, yaml: &str) -> Result<Entry, String> {
        if self.allow.iter().any(|allow| allow.namespace.is_empty() || allow.service_account.is_empty()) {
            return Err("an empty namespace or serviceAccount in allow; `*` is any".into());
        }
        let content = match (self.data, self.value, self.base64) {
            (Some(data), None, None) => Content::of_keys(data, yaml),
            (None, Some(value), None) => Content::of_text(&value),
            (None, None, Some(text)) => Content::of_base64(&text)?,
            _ => return Err("needs exactly one of data, value and base64".into()),
        };
        Ok(Entry { content, allow: self.allow })
    }
}

// === impl Allow ===

impl Allow {
    fn admits(&self, pod: &Pod) -> bool {
        glob::matches(&self.namespace, &pod.namespace)
            && glob::matches(&self.service_account, &pod.service_account)
    }
}

// === impl Fault ===

impl Fault {
    fn of(error: &serde_saphyr::Error) -> Self {
        use serde_saphyr::Error as Yaml;
        let text = match error.without_snippet() {
            Yaml::SerdeUnknownField { expected, .. } => {
                format!("unknown field, not one of {}", expected.join(", "))
            }
            Yaml::SerdeMissingField { field, .. } => format!("the field {field} is missing"),
            Yaml::DuplicateMappingKey { .. } => "a name stands twice".into(),
            Yaml::NullIntoString { .. } => "a value is empty; quote it if that is meant".into(),
            _ => "not the YAML of a store".into(),
        };
        Self { line: error.location().map_or(1, |location| location.line()), text }
    }
}

// === impl Read ===

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, "#{key}"))
    }
}

fn located(kind: Kind, text: &str, read: &Read) -> Error {
    Error::new(kind, Stage::Read, text).with("backend", super::NAME).with("path", read)
}

fn denied(pod: &Pod, read: &Read) -> Error {
    let text = format!("service account {}/{} may not read this secret", pod.namespace, pod.service_account);
    located(Kind::Denied, &text, read).hint(format!(
        "add to `allow` of {} in the store: - {{ namespace: {}, serviceAccount: {} }}",
        read.path, pod.namespace, pod.service_account
    ))
}
