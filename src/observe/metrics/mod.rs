//! The Prometheus series. No pod name, path or secret id is ever a label.

mod definitions;
mod kept;
mod leases;
mod mounts;
mod refusals;
mod register;
mod requests;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Encoder, IntGaugeVec, Registry, TextEncoder};

pub use self::definitions::{Definition, Shape, definitions};

use self::definitions::{BUILD, READY};
use self::leases::Leases;
use self::mounts::Mounts;
use self::refusals::Refusals;
use self::register::{Register, set};
use self::requests::Requests;
use super::Kept;
use super::bounded::Classes;
use super::page::{Recent, View};
use crate::error::{Error, Kind, Stage};
use crate::mount::Phase;
use crate::time::Clock;
use crate::{backend, guard, mount};

/// Every series of the process.
pub struct Metrics {
    registry: Registry,
    classes: Classes,
    clock: Arc<dyn Clock>,
    mounts: Mounts,
    requests: Requests,
    leases: Leases,
    refusals: Refusals,
    ready: IntGaugeVec,
    recent: Recent,
}

// === impl Metrics ===

impl Metrics {
    /// Registers everything; at most `most_classes` classes have series of their own.
    pub fn new(most_classes: usize, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::register(most_classes, clock).map_err(|error| {
            Error::new(Kind::Internal, Stage::Start, format!("cannot register metrics: {error}"))
        })
    }

    fn register(most_classes: usize, clock: Arc<dyn Clock>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let make = Register(&registry);
        set(&make.gauge(&BUILD)?, &[env!("CARGO_PKG_VERSION")], 1);
        Ok(Self {
            mounts: Mounts::new(make)?,
            requests: Requests::new(make, clock.clone())?,
            leases: Leases::new(make)?,
            refusals: Refusals::new(make)?,
            ready: make.gauge(&READY)?,
            recent: Recent::default(),
            classes: Classes::new(most_classes),
            clock,
            registry,
        })
    }

    /// Sets whether a provider's socket answers.
    pub fn set_ready(&self, provider: &str, ready: bool) {
        set(&self.ready, &[provider], ready);
    }

    /// What the page for humans shows; the names of pods only if `pods`.
    pub(super) fn view(&self, ready: &[(&'static str, bool)], kept: &[Kept], pods: bool) -> View {
        let (unix, moment) = (self.clock.unix(), self.clock.moment().after_start());
        View::new(ready, kept, &self.recent.now(moment), &self.classes, unix, pods)
    }

    /// The exposition text, with gauges of what is kept now.
    pub fn text(&self, kept: &[Kept]) -> Vec<u8> {
        for (provider, _) in kept {
            self.requests.settle(provider);
        }
        let mut families = self.registry.gather();
        families.extend(kept::families(kept, &self.classes).unwrap_or_default());
        let mut text = Vec::new();
        // Writing to memory fails only on inconsistent families, which registration has excluded.
        let _ = TextEncoder::new().encode(&families, &mut text);
        text
    }
}

impl mount::Recorder for Metrics {
    fn mounted(
        &self,
        provider: &'static str,
        namespace: &str,
        class: &str,
        failed: Option<(Kind, Phase)>,
        took: Duration,
    ) {
        let (namespace, class) = self.classes.labels(namespace, class);
        self.recent.mounted(provider, (namespace, class), failed.map(|(kind, _)| kind), self.clock.unix());
        let class = [provider, namespace, class];
        self.mounts.ended(class, failed.map_or("ok", |(kind, _)| kind.as_str()), took);
        match failed {
            Some((kind, phase)) => self.mounts.failed(class, kind.as_str(), phase.as_str()),
            None => self.mounts.succeeded(class, self.clock.unix()),
        }
    }
}

impl guard::Recorder for Metrics {
    fn refused(
        &self,
        provider: &'static str,
        namespace: &str,
        class: &str,
        rule: &'static str,
        mode: &'static str,
    ) {
        let (namespace, class) = self.classes.labels(namespace, class);
        self.refusals.broken([provider, namespace, class], rule, mode);
    }
}

impl backend::Recorder for Metrics {
    fn request(&self, provider: &'static str, operation: &'static str, status: &str, took: Duration) {
        self.recent.answered(provider, took, self.clock.moment().after_start());
        self.requests.answered(provider, operation, status, took);
    }

    fn queued(&self, provider: &'static str, waited: Duration) {
        self.requests.queued(provider, waited);
    }

    fn served(&self, provider: &'static str, server: &str) {
        self.requests.served(provider, server);
    }

    fn renewed(&self, provider: &'static str, what: &'static str, outcome: &'static str) {
        self.leases.renewed(provider, what, outcome);
    }

    fn minted(&self, provider: &'static str, reason: &'static str, outcome: &'static str) {
        self.leases.minted(provider, reason, outcome);
    }

    fn shared(&self, provider: &'static str) {
        self.leases.shared(provider);
    }

    fn revoked(&self, provider: &'static str, reason: &'static str, outcome: &'static str) {
        self.leases.revoked(provider, reason, outcome);
    }

    fn ended(&self, provider: &'static str, reason: &'static str) {
        self.leases.ended(provider, reason);
    }

    fn outlived(&self, provider: &'static str) {
        self.leases.outlived(provider);
    }

    fn handoff_failed(&self, provider: &'static str, what: &'static str) {
        self.leases.handoff_failed(provider, what);
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}
