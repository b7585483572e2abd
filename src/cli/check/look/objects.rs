//! A class's `objects` as they are written, to say where in the file something is.

use std::sync::Arc;

use super::super::manifest::Class;
use super::super::yaml::{Entry, Node, Spot};

/// The entries of the list, and where it stands.
pub(in super::super) struct Objects {
    /// The parameter's own place.
    pub(in super::super) at: Spot,
    /// Whether it is a list of the manifest's, and no text.
    pub(super) is_misplaced: bool,
    items: Vec<Arc<Node>>,
}

// === impl Objects ===

impl Objects {
    /// Those of a class, as far as they are a list.
    pub(in super::super) fn of(class: &Class) -> Self {
        let Some(parameter) = class.parameter("objects") else {
            return Self { at: class.parameters_at, is_misplaced: false, items: Vec::new() };
        };
        // A list that should have been a text is looked into all the same.
        let inside = parameter.node.inside();
        let is_misplaced = !parameter.node.items().is_empty();
        let list = if is_misplaced { Some(&parameter.node) } else { inside.documents.first() };
        let items = list.map(|list| list.items().to_vec()).unwrap_or_default();
        Self { at: parameter.at, is_misplaced, items }
    }

    pub(super) fn items(&self) -> &[Arc<Node>] {
        &self.items
    }

    /// Where an object, or one of its fields, stands.
    pub(super) fn spot(&self, index: usize, field: &str) -> Spot {
        let Some(item) = self.items.get(index) else { return self.at };
        self::entry(item, field).map_or(item.at, |entry| entry.at)
    }

    /// The last object of this name: where two have it, that is the mistake.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let by = |key: &'static str| {
            move |item: &Arc<Node>| entry(item, key).and_then(|entry| entry.value.text()) == Some(name)
        };
        // Where an object has a name for its file, errors call it by that.
        let by_name = ["objectAlias", "objectName", "path"];
        let by_name = by_name.into_iter().find_map(|key| self.items.iter().rposition(by(key)));
        // What has no name is counted, from 1.
        by_name.or_else(|| {
            let number = name.strip_prefix("number ").or_else(|| name.strip_prefix('#'))?;
            number.parse::<usize>().ok()?.checked_sub(1)
        })
    }

    /// The place of the last object whose name another has too.
    pub(super) fn twice(&self) -> Option<Spot> {
        let name = |item: &Arc<Node>| item.text_of("objectName").map(str::to_owned);
        let names: Vec<_> = self.items.iter().map(name).collect();
        let again = |at: &usize| {
            names
                .get(*at)
                .is_some_and(|name| name.is_some() && names.iter().take(*at).any(|other| other == name))
        };
        (0..names.len()).rfind(again).map(|at| self.spot(at, "objectName"))
    }
}

/// A field, in another case where it does not stand there as it is: some providers read it so.
fn entry<'a>(item: &'a Node, field: &str) -> Option<&'a Entry> {
    let any_case = || item.entries().iter().rev().find(|entry| entry.key.eq_ignore_ascii_case(field));
    item.entry(field).or_else(any_case)
}
