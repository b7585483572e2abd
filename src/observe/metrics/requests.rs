//! Series of requests to backends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Result};

use super::definitions::{QUEUE_SECONDS, REQUEST_SECONDS_SPENT, REQUESTS, REQUESTS_PER_HOUR, SERVED};
use super::register::{Register, count, observe, set};
use super::window::Window;
use crate::observe::bounded;
use crate::time::Clock;

/// Series of requests to backends.
pub(super) struct Requests {
    clock: Arc<dyn Clock>,
    total: IntCounterVec,
    seconds: HistogramVec,
    waited: HistogramVec,
    served: IntCounterVec,
    hourly: IntGaugeVec,
    /// By provider.
    windows: Mutex<BTreeMap<&'static str, Window>>,
}

// === impl Requests ===

impl Requests {
    pub(super) fn new(make: Register<'_>, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self {
            total: make.counter(&REQUESTS)?,
            seconds: make.histogram(&REQUEST_SECONDS_SPENT)?,
            waited: make.histogram(&QUEUE_SECONDS)?,
            served: make.counter(&SERVED)?,
            hourly: make.gauge(&REQUESTS_PER_HOUR)?,
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

    /// One of several servers answered.
    pub(super) fn served(&self, provider: &'static str, server: &str) {
        count(&self.served, &[provider, server]);
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
