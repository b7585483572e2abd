//! The CSIDriver object of the Secrets Store CSI driver.

use super::super::finding::Subject;
use super::super::yaml::{Node, Spot};

/// What it says that a provider depends on.
#[derive(Debug)]
pub(in super::super) struct Driver {
    pub(in super::super) subject: Subject,
    pub(in super::super) at: Spot,
    /// Each audience, where it stands, and how long its tokens live if it says so.
    pub(in super::super) audiences: Vec<(String, Spot, Option<u64>)>,
    pub(in super::super) pod_info: Flag,
    pub(in super::super) republish: Flag,
    /// Where the modes stand, if ephemeral volumes are not among them.
    pub(in super::super) not_ephemeral: Option<Spot>,
}

/// A switch and where it stands; its place is the spec's where it is left out.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Flag {
    pub(in super::super) on: bool,
    pub(in super::super) at: Spot,
}

// === impl Driver ===

impl Driver {
    pub(super) fn read(document: &Node, subject: Subject) -> Self {
        let at = document.entry("spec").map_or(document.at, |entry| entry.at);
        let spec = document.get("spec");
        let entry = |key: &str| spec.and_then(|spec| spec.entry(key));
        let flag = |key: &str| Flag {
            on: entry(key).and_then(|entry| entry.value.text()) == Some("true"),
            at: entry(key).map_or(at, |entry| entry.at),
        };
        let requests = spec.and_then(|spec| spec.get("tokenRequests")).map(Node::items).unwrap_or_default();
        let audience = |request: &Node| {
            let life = request.text_of("expirationSeconds").and_then(|text| text.parse().ok());
            (request.text_of("audience").unwrap_or_default().to_owned(), request.at, life)
        };
        let modes = entry("volumeLifecycleModes");
        let has = |entry: &&super::super::yaml::Entry| {
            entry.value.items().iter().any(|mode| mode.text() == Some("Ephemeral"))
        };
        Self {
            audiences: requests.iter().map(|request| audience(request)).collect(),
            pod_info: flag("podInfoOnMount"),
            republish: flag("requiresRepublish"),
            // Left out it means Persistent.
            not_ephemeral: if modes.as_ref().is_some_and(has) {
                None
            } else {
                Some(modes.map_or(at, |entry| entry.at))
            },
            subject,
            at: spec.and_then(|spec| spec.entry("tokenRequests")).map_or(at, |entry| entry.at),
        }
    }
}
