//! YAML as it is written: every node with its line and column, a class's
//! `objects`, a text inside the text, included. What a document means is decided
//! by those who read it at a Mount; here is only where things stand.

mod build;
mod origin;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use granit_parser::ScalarStyle;

use self::build::Builder;
use self::origin::Origin;

/// A place in a file, from 1; column 0 is one that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A node. An alias is the node that it names.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Spot,
    pub(super) is: Is,
}

#[derive(Debug)]
pub(super) enum Is {
    Text(Scalar),
    List(Vec<Arc<Node>>),
    Map(Vec<Entry>),
}

/// A text, and how it is written.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) is_plain: bool,
    origin: Origin,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Spot,
    pub(super) value: Arc<Node>,
}

/// The documents of a text, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) documents: Vec<Arc<Node>>,
    /// Where it stops to be YAML, and why.
    pub(super) broken: Option<(Spot, String)>,
    /// Keys that stand twice in one map.
    pub(super) twice: Vec<(Spot, String)>,
}

/// Reads a file's text.
pub(super) fn read(text: &str) -> Written {
    Builder::new(Origin::whole()).read(text)
}

// === impl Node ===

impl Node {
    /// The entry of a map; one of a merged map if it has none itself.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        let own = self.entries().iter().rev().find(|entry| entry.key == key);
        own.or_else(|| {
            let merged = self.entries().iter().find(|entry| entry.key == "<<")?;
            merged.value.entries().iter().find(|entry| entry.key == key)
        })
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &*entry.value).filter(|value| !value.is_null())
    }

    /// The value at the end of a path of keys.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text at a key.
    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::text)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.is {
            Is::Text(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> &[Arc<Node>] {
        if let Is::List(items) = &self.is { items } else { &[] }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        if let Is::Map(entries) = &self.is { entries } else { &[] }
    }

    /// What Kubernetes reads a plain word as, if not as a text.
    pub(super) fn odd_type(&self) -> Option<&'static str> {
        match &self.is {
            Is::List(_) => Some("a list"),
            Is::Map(_) => Some("a map"),
            Is::Text(scalar) if scalar.is_plain => plain_type(&scalar.text),
            Is::Text(_) => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.odd_type() == Some("nothing")
    }

    /// The YAML inside a text.
    pub(super) fn inside(&self) -> Written {
        match &self.is {
            Is::Text(scalar) => Builder::new(scalar.origin).read(&scalar.text),
            _ => Written::default(),
        }
    }

    /// A place inside a text, by the text's own lines and columns.
    pub(super) fn spot_inside(&self, line: u64, column: u64) -> Spot {
        match &self.is {
            Is::Text(scalar) => scalar.origin.spot(line, column),
            _ => self.at,
        }
    }
}

/// The types of YAML 1.1, which `kubectl` and Helm read by.
fn plain_type(text: &str) -> Option<&'static str> {
    let digits = text.trim_start_matches(['+', '-']);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && (digits.replace('_', "").parse::<f64>().is_ok()
            || digits.starts_with("0x")
            || digits.starts_with("0o"));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some("nothing"),
        _ if is_number => Some("a number"),
        _ => {
            let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
            words.contains(&text.to_ascii_lowercase().as_str()).then_some("true or false")
        }
    }
}

// === impl Scalar ===

impl Scalar {
    fn new(text: String, style: ScalarStyle, start: Spot) -> Self {
        let origin = Origin::of(&text, style, start);
        Self { text, is_plain: style == ScalarStyle::Plain, origin }
    }
}
