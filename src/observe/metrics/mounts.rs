//! Series of Mounts, by class.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Result};

use super::definitions::{LAST_SUCCESS, MOUNT_FAILURES, MOUNT_SECONDS_SPENT, MOUNTS};
use super::register::{Register, count, observe, set};

/// Series of Mounts.
pub(super) struct Mounts {
    total: IntCounterVec,
    failures: IntCounterVec,
    seconds: HistogramVec,
    last_success: IntGaugeVec,
}

// === impl Mounts ===

impl Mounts {
    pub(super) fn new(make: Register<'_>) -> Result<Self> {
        Ok(Self {
            total: make.counter(&MOUNTS)?,
            failures: make.counter(&MOUNT_FAILURES)?,
            seconds: make.histogram(&MOUNT_SECONDS_SPENT)?,
            last_success: make.gauge(&LAST_SUCCESS)?,
        })
    }

    /// A Mount of the class ended.
    pub(super) fn ended(&self, class: [&str; 3], outcome: &str, took: Duration) {
        let [provider, namespace, class] = class;
        let labels = [provider, namespace, class, outcome];
        count(&self.total, &labels);
        observe(&self.seconds, &labels, took);
    }

    /// One failed.
    pub(super) fn failed(&self, class: [&str; 3], outcome: &str, phase: &str) {
        let [provider, namespace, class] = class;
        count(&self.failures, &[provider, namespace, class, outcome, phase]);
    }

    /// One succeeded, at `unix` seconds.
    pub(super) fn succeeded(&self, class: [&str; 3], unix: u64) {
        set(&self.last_success, &class, unix);
    }
}
