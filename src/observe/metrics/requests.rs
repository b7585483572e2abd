//! Series of requests to backends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Result};

use super::register::{Register, count, observe, set};
use super::window::Window;
use crate::observe::bounded;
use crate::time::Clock;

/// From a server on the same node to one that is lost.
const SECONDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

/// Series of requests to backends.
pub(super) struct Requests {
    clock: Arc<dyn Clock>,
    total: IntCounterVec,
    seconds: HistogramVec,
    waited: HistogramVec,
    hourly: IntGaugeVec,
    /// By provider.
    windows: Mutex<BTreeMap<&'static str, Window>>,
}

// === impl Requests ===

impl Requests {
    pub(super) fn new(make: Register<'_>, clock: Arc<dyn Clock>) -> Result<Self> {
        let request = ["provider", "operation", "status"];
        Ok(Self {
            total: make.counter(
                "keymount_backend_requests_total",
                "Requests to backends, by operation and status",
                &request,
            )?,
            seconds: make.histogram(
                "keymount_backend_request_duration_seconds",
                "How long backend requests took",
                &request,
                &SECONDS,
            )?,
            waited: make.histogram(
                "keymount_backend_queue_wait_seconds",
                "How long requests waited for their turn at their server",
                &["provider"],
                &SECONDS,
            )?,
            hourly: make.gauge(
                "keymount_backend_requests_per_hour",
                "Requests to backends in the last hour",
                &["provider"],
            )?,
            windows: Mutex::default(),
            clock,
        })
    }

    /// A request was answered, or failed.
    pub(super) fn answered(
        &self,
        provider: &'static str,
        operation: &'static str,
        status: &str,
        took: Duration,
    ) {
        let labels = [provider, operation, bounded::status(status)];
        count(&self.total, &labels);
        observe(&self.seconds, &labels, took);
        self.with_window(provider, Window::add);
    }

    /// A request waited for its turn.
    pub(super) fn queued(&self, provider: &'static str, waited: Duration) {
        observe(&self.waited, &[provider], waited);
    }

    /// Sets what the last hour was.
    pub(super) fn settle(&self, provider: &'static str) {
        let requests = self.with_window(provider, Window::total);
        set(&self.hourly, &[provider], requests);
    }

    fn with_window<T>(&self, provider: &'static str, use_it: impl FnOnce(&mut Window, Duration) -> T) -> T {
        let now = self.clock.moment().after_start();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(windows.entry(provider).or_default(), now)
    }
}
