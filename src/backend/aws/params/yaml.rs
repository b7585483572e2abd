//! The `objects` list as the incumbent reads it: YAML 1.1 made into JSON, JSON
//! made into strings. Keys are found in any case, numbers and switches become
//! texts, unknown keys are passed over (aws-compat: AWS's own examples need all
//! of it).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::backend::objects::{DuplicateKeyPolicy, list_of};
use crate::error::Errors;

/// A node, its scalars as the texts that Go's JSON decoder is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Node {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A list's nodes, or why it is none.
pub(in super::super) fn nodes(yaml: &str) -> Result<Vec<Node>, Errors> {
    let hint = "list at least one object with objectName and objectType";
    list_of(first_document(yaml), DuplicateKeyPolicy::LastWins, hint)
}

/// What stands before a second `---`.
fn first_document(yaml: &str) -> &str {
    let (mut at, mut begun) = (0, false);
    for line in yaml.split_inclusive('\n') {
        let bare = line.trim_end();
        let marks = bare == "---" || bare.starts_with("--- ") || bare == "...";
        if marks && begun {
            return yaml.get(..at).unwrap_or(yaml);
        }
        begun |= marks || !(bare.is_empty() || bare.starts_with('#') || bare.starts_with('%'));
        at += line.len();
    }
    yaml
}

// === impl Node ===

impl Node {
    /// The value of `key`: as it is written here if it stands there, else in any case, the last one.
    pub(in super::super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        let same = |like: fn(&str, &str) -> bool| entries.iter().rev().find(|(name, _)| like(name, key));
        let found = same(|name, key| name == key).or_else(|| same(str::eq_ignore_ascii_case));
        found.map(|(_, node)| node).filter(|node| **node != Self::Null)
    }

    /// A text that may be absent; an error names what stands there instead.
    pub(in super::super) fn text(&self, key: &str) -> Result<Option<&str>, &'static str> {
        match self.get(key) {
            None => Ok(None),
            Some(Self::Text(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err("not a text"),
        }
    }

    /// The entries of a list that may be absent.
    pub(in super::super) fn list(&self, key: &str) -> Result<&[Self], &'static str> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Self::List(nodes)) => Ok(nodes),
            Some(_) => Err("not a list"),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalars)
    }
}

struct Scalars;

impl<'de> Visitor<'de> for Scalars {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(go_float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<Node, Node>()? {
            let Node::Text(key) = key else { return Err(A::Error::custom("a key that is not a text")) };
            entries.push((key, value));
        }
        Ok(Node::Map(entries))
    }
}

/// As Go's `strconv.FormatFloat(value, 'g', -1, 32)`, which is what the incumbent's YAML reader uses.
fn go_float(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "32 bits is what the incumbent keeps")]
    let value = value as f32;
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}
