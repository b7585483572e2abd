//! Gauges of what is kept, made anew at each scrape: what vanished is not shown.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Registry, Result};

use super::definitions::{FAILING_SESSIONS, KEPT_BYTES, LEASES, NEVER_REFRESHED, OVERDUE, SESSIONS, SOONEST};
use super::register::{Register, add, set};
use crate::backend::{Entry, Inventory};
use crate::observe::Kept;
use crate::observe::bounded::Classes;

/// The label of a class that no Mount has named.
const UNKNOWN: &str = "unknown";

/// The gauges of one scrape.
struct Gauges {
    sessions: IntGaugeVec,
    failing: IntGaugeVec,
    never_seen: IntGaugeVec,
    leases: IntGaugeVec,
    overdue: IntGaugeVec,
    soonest: IntGaugeVec,
    bytes: IntGaugeVec,
}

/// The gauges of what is kept now.
pub(super) fn families(kept: &[Kept], classes: &Classes) -> Result<Vec<MetricFamily>> {
    let registry = Registry::new();
    let gauges = Gauges::new(Register(&registry))?;
    for (provider, inventory) in kept {
        gauges.count(provider, inventory);
        gauges.count_by_class(provider, inventory, classes);
        gauges.set_soonest(provider, inventory, classes);
    }
    gauges.set_bytes(kept);
    Ok(registry.gather())
}

// === impl Gauges ===

impl Gauges {
    fn new(make: Register<'_>) -> Result<Self> {
        Ok(Self {
            sessions: make.gauge(&SESSIONS)?,
            failing: make.gauge(&FAILING_SESSIONS)?,
            never_seen: make.gauge(&NEVER_REFRESHED)?,
            leases: make.gauge(&LEASES)?,
            overdue: make.gauge(&OVERDUE)?,
            soonest: make.gauge(&SOONEST)?,
            bytes: make.gauge(&KEPT_BYTES)?,
        })
    }

    fn count(&self, provider: &str, inventory: &Inventory) {
        let sessions = &inventory.sessions;
        let never_seen = sessions.iter().filter(|session| session.refresh_never_seen).count();
        set(&self.sessions, &[provider], sessions.len());
        set(&self.leases, &[provider], sessions.iter().map(|session| session.minted.len()).sum::<usize>());
        set(&self.never_seen, &[provider], never_seen);
    }

    /// A session that serves several classes of its pod counts for each.
    fn count_by_class(&self, provider: &str, inventory: &Inventory, classes: &Classes) {
        for session in &inventory.sessions {
            let overdue = session.minted.iter().filter(|minted| minted.overdue).count();
            for (namespace, class) in labels(session, classes) {
                let labels = [provider, namespace, class];
                if session.last_refresh.is_some() && session.last_error.is_some() {
                    add(&self.failing, &labels, 1);
                }
                if overdue > 0 {
                    add(&self.overdue, &labels, overdue);
                }
            }
        }
    }

    /// Classes past the bound share a series, so that theirs is the soonest of all.
    fn set_soonest(&self, provider: &str, inventory: &Inventory, classes: &Classes) {
        let mut soonest = BTreeMap::new();
        for (session, ends) in inventory.sessions.iter().filter_map(|session| Some((session, ends(session)?)))
        {
            for class in labels(session, classes) {
                let first = soonest.entry(class).or_insert(ends);
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

/// The labels of each class that the session serves.
fn labels<'a>(session: &'a Entry, classes: &'a Classes) -> impl Iterator<Item = (&'a str, &'a str)> {
    session.classes.iter().map(|class| {
        let class = if class.is_empty() { UNKNOWN } else { class };
        classes.labels(&session.namespace, class)
    })
}

/// When the first of what was made for the session's pod ends, in seconds since 1970.
fn ends(session: &Entry) -> Option<u64> {
    let ends = session.minted.iter().filter_map(|minted| minted.expires).min()?;
    Some(ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}
