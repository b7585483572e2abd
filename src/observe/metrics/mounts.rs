//! Series of Mounts, by class.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Result};

use super::register::{Register, count, observe, set};

/// From a cached answer to the driver's deadline.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 25.0, 110.0];

/// The labels of a class.
pub(super) const CLASS: [&str; 3] = ["provider", "namespace", "secret_provider_class"];

/// Series of Mounts.
pub(super) struct Mounts {
    total: IntCounterVec,
    seconds: HistogramVec,
    last_success: IntGaugeVec,
}

// === impl Mounts ===

impl Mounts {
    pub(super) fn new(make: Register<'_>) -> Result<Self> {
        let [provider, namespace, class] = CLASS;
        let outcome = [provider, namespace, class, "outcome"];
        Ok(Self {
            total: make.counter(
                "keymount_mounts_total",
                "Mounts answered, by class and outcome",
                &outcome,
            )?,
            seconds: make.histogram(
                "keymount_mount_duration_seconds",
                "How long Mounts took, by class and outcome",
                &outcome,
                &SECONDS,
            )?,
            last_success: make.gauge(
                "keymount_last_success_timestamp_seconds",
                "When a Mount of the class last succeeded",
                &CLASS,
            )?,
        })
    }

    /// A Mount of the class ended.
    pub(super) fn ended(&self, class: [&str; 3], outcome: &str, took: Duration) {
        let [provider, namespace, class] = class;
        let labels = [provider, namespace, class, outcome];
        count(&self.total, &labels);
        observe(&self.seconds, &labels, took);
    }

    /// One succeeded, at `unix` seconds.
    pub(super) fn succeeded(&self, class: [&str; 3], unix: u64) {
        set(&self.last_success, &class, unix);
    }
}
