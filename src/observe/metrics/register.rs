//! Making series, and moving them: a label that does not fit is nobody's failure.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, Result};

/// Makes series and registers them.
#[derive(Clone, Copy)]
pub(super) struct Register<'a>(pub(super) &'a Registry);

// === impl Register ===

impl Register<'_> {
    pub(super) fn counter(self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    pub(super) fn gauge(self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub(super) fn histogram(
        self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec> {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?)
    }

    fn add<C: Collector + Clone + 'static>(self, collector: C) -> Result<C> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }
}

/// One more.
pub(super) fn count(counter: &IntCounterVec, labels: &[&str]) {
    if let Ok(counter) = counter.get_metric_with_label_values(labels) {
        counter.inc();
    }
}

/// What it is now.
pub(super) fn set<N: TryInto<i64>>(gauge: &IntGaugeVec, labels: &[&str], value: N) {
    if let Ok(gauge) = gauge.get_metric_with_label_values(labels) {
        gauge.set(value.try_into().unwrap_or(i64::MAX));
    }
}

/// How long one took.
pub(super) fn observe(histogram: &HistogramVec, labels: &[&str], took: Duration) {
    if let Ok(histogram) = histogram.get_metric_with_label_values(labels) {
        histogram.observe(took.as_secs_f64());
    }
}
