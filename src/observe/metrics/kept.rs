//! Gauges of what is kept, made anew at each scrape: what vanished is not shown.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Registry, Result};

use super::mounts::CLASS;
use super::register::{Register, set};
use crate::backend::{Entry, Inventory};
use crate::observe::Kept;
use crate::observe::bounded::Classes;

/// The label of a class that no Mount has named.
const UNKNOWN: &str = "unknown";

/// The gauges of one scrape.
struct Gauges {
    sessions: IntGaugeVec,
    leases: IntGaugeVec,
    never_seen: IntGaugeVec,
    soonest: IntGaugeVec,
    bytes: IntGaugeVec,
}

/// The gauges of what is kept now.
pub(super) fn families(kept: &[Kept], classes: &Classes) -> Result<Vec<MetricFamily>> {
    let registry = Registry::new();
    let gauges = Gauges::new(Register(&registry))?;
    for (provider, inventory) in kept {
        gauges.count(provider, inventory);
        gauges.set_soonest(provider, inventory, classes);
    }
    gauges.set_bytes(kept);
    Ok(registry.gather())
}

// === impl Gauges ===

impl Gauges {
    fn new(make: Register<'_>) -> Result<Self> {
        let provider = ["provider"];
        Ok(Self {
            sessions: make.gauge("keymount_sessions", "Sessions that are kept", &provider)?,
            leases: make.gauge("keymount_leases", "Values that were made for one pod", &provider)?,
            never_seen: make.gauge(
                "keymount_refresh_never_seen",
                "Sessions whose pod was mounted once, long ago, and never refreshed",
                &provider,
            )?,
            soonest: make.gauge(
                "keymount_soonest_expiry_timestamp_seconds",
                "When the first of the values ends that were made for pods of the class",
                &CLASS,
            )?,
            bytes: make.gauge("keymount_kept_bytes", "Bytes of all values that are kept", &[])?,
        })
    }

    fn count(&self, provider: &str, inventory: &Inventory) {
        let sessions = &inventory.sessions;
        let never_seen = sessions.iter().filter(|session| session.refresh_never_seen).count();
        set(&self.sessions, &[provider], sessions.len());
        set(&self.leases, &[provider], sessions.iter().map(|session| session.minted.len()).sum::<usize>());
        set(&self.never_seen, &[provider], never_seen);
    }

    /// Classes past the bound share a series, so that theirs is the soonest of all.
    fn set_soonest(&self, provider: &str, inventory: &Inventory, classes: &Classes) {
        let mut soonest = BTreeMap::new();
        for (session, ends) in inventory.sessions.iter().filter_map(|session| Some((session, ends(session)?)))
        {
            for class in &session.classes {
                let class = if class.is_empty() { UNKNOWN } else { class };
                let first = soonest.entry(classes.labels(&session.namespace, class)).or_insert(ends);
                *first = ends.min(*first);
            }
        }
        for ((namespace, class), ends) in soonest {
            set(&self.soonest, &[provider, namespace, class], ends);
        }
    }

    /// Every inventory says what the whole process keeps.
    fn set_bytes(&self, kept: &[Kept]) {
        let bytes = kept.iter().map(|(_, inventory)| inventory.kept_bytes).max();
        set(&self.bytes, &[], bytes.unwrap_or_default());
    }
}

/// When the first of what was made for the session's pod ends, in seconds since 1970.
fn ends(session: &Entry) -> Option<u64> {
    let ends = session.minted.iter().filter_map(|minted| minted.expires).min()?;
    Some(ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}
