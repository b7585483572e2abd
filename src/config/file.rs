//! The settings file: keys that are flags too, and what has a shape of its own.
//! Mistakes are kept with the path of the key.

use serde_json::{Map, Value};

/// A map of the file, whose keys are taken one by one: what is left over is a mistake.
pub(super) struct Node<'f> {
    path: String,
    entries: Map<String, Value>,
    faults: &'f mut Vec<String>,
}

/// A file as it is written.
pub(super) fn load(path: &str) -> Result<Map<String, Value>, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("--config: cannot read {path}: {error}"))?;
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options::<Map<String, Value>>(&text, options)
        .map_err(|error| format!("--config: {path} is not a YAML map of settings: {error}"))
}

/// A switch, a number, a text, or a list of texts; `None` for anything else.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        value => text(value).map(|text| vec![text]),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(on) => Some(on.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

// === impl Node ===

impl<'f> Node<'f> {
    /// The map at `path`; a mistake if it is none.
    pub(super) fn new(path: String, value: Value, faults: &'f mut Vec<String>) -> Option<Self> {
        match value {
            Value::Object(entries) => Some(Self { path, entries, faults }),
            _ => {
                faults.push(format!("--config: {path}: not a map"));
                None
            }
        }
    }

    /// The keys that were not taken yet.
    pub(super) fn keys(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    pub(super) fn fault(&mut self, key: &str, fault: impl std::fmt::Display) {
        self.faults.push(format!("--config: {}.{key}: {fault}", self.path));
    }

    /// Takes the map at `key`.
    pub(super) fn node(&mut self, key: &str) -> Option<Node<'_>> {
        let value = self.entries.remove(key)?;
        Node::new(format!("{}.{key}", self.path), value, self.faults)
    }

    /// Takes the texts at `key`.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.entries.remove(key)?;
        let texts = texts(&value);
        if texts.is_none() {
            self.fault(key, "not a text, nor a list of texts");
        }
        texts
    }

    /// Takes the one text at `key` and reads it.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.entries.remove(key)?;
        let Some(text) = text(&value) else {
            self.fault(key, "not a text, number or switch");
            return None;
        };
        parse(&text).map_err(|error| self.fault(key, format!("{text:?}: {error}"))).ok()
    }

    /// Takes the texts at `key` and reads each.
    pub(super) fn each<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let texts = self.texts(key)?;
        let mut read = Vec::with_capacity(texts.len());
        for text in texts {
            match parse(&text) {
                Ok(one) => read.push(one),
                Err(error) => self.fault(key, format!("{text:?}: {error}")),
            }
        }
        Some(read)
    }

    /// What nobody has taken is a mistake.
    pub(super) fn finish(mut self, known: &str) {
        for key in self.keys() {
            self.fault(&key, format!("is no setting; there are {known}"));
        }
    }
}
