//! From the parser's events to nodes.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser};

use super::{Entry, Is, Node, Origin, Scalar, Spot, Written};

/// A collection that is not closed yet.
enum Open {
    List { at: Spot, anchor: usize, items: Vec<Arc<Node>> },
    Map { at: Spot, anchor: usize, entries: Vec<Entry>, key: Option<(String, Spot)> },
}

/// Builds the nodes of one text.
pub(super) struct Builder {
    origin: Origin,
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    written: Written,
}

// === impl Builder ===

impl Builder {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, open: Vec::new(), anchors: HashMap::new(), written: Written::default() }
    }

    pub(super) fn read(mut self, text: &str) -> Written {
        for next in Parser::new_from_str(text) {
            match next {
                Ok((event, span)) => self.take(event, self.spot(&span.start)),
                Err(error) => {
                    self.written.broken = Some((self.spot(error.marker()), error.kind().to_string()));
                    break;
                }
            }
        }
        self.written
    }

    fn spot(&self, at: &Marker) -> Spot {
        let whole = |number: usize| u64::try_from(number).unwrap_or_default();
        self.origin.spot(whole(at.line()), whole(at.col()) + 1)
    }

    fn take(&mut self, event: Event<'_>, at: Spot) {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let is = Is::Text(Scalar::new(text.into_owned(), style, at));
                self.put(Arc::new(Node { at, is }), anchor);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(Open::List { at, anchor, items: Vec::new() });
            }
            Event::MappingStart(_, anchor, _) => {
                self.open.push(Open::Map { at, anchor, entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let named = self.anchors.get(&anchor).cloned();
                let nothing = || Arc::new(Node { at, is: Is::List(Vec::new()) });
                self.put(named.unwrap_or_else(nothing), 0);
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        let (node, anchor) = match self.open.pop() {
            Some(Open::List { at, anchor, items }) => (Node { at, is: Is::List(items) }, anchor),
            Some(Open::Map { at, anchor, entries, .. }) => (Node { at, is: Is::Map(entries) }, anchor),
            None => return,
        };
        self.put(Arc::new(node), anchor);
    }

    /// Puts a whole node where it belongs.
    fn put(&mut self, node: Arc<Node>, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.written.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                // A key that is no text is nobody's that we know.
                None => *key = Some((node.text().unwrap_or_default().to_owned(), node.at)),
                Some((key, at)) => {
                    if entries.iter().any(|entry| entry.key == key) {
                        self.written.twice.push((at, key.clone()));
                    }
                    entries.push(Entry { key, at, value: node });
                }
            },
        }
    }
}
