//! Making series, and moving them: a label that does not fit is nobody's failure.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, Result};

use super::definitions::{Definition, Shape};

/// Makes series and registers them.
#[derive(Clone, Copy)]
pub(super) struct Register<'a>(pub(super) &'a Registry);

// === impl Register ===

impl Register<'_> {
    pub(super) fn counter(self, define: &Definition) -> Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(define.name, define.help), define.labels)?)
    }

    pub(super) fn gauge(self, define: &Definition) -> Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(Opts::new(define.name, define.help), define.labels)?)
    }

    pub(super) fn histogram(self, define: &Definition) -> Result<HistogramVec> {
        let options = HistogramOpts::new(define.name, define.help);
        let options = match define.shape {
            Shape::Histogram(buckets) => options.buckets(buckets.to_vec()),
            Shape::Counter | Shape::Gauge => options,
        };
        self.add(HistogramVec::new(options, define.labels)?)
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

/// So many more than before.
pub(super) fn add(gauge: &IntGaugeVec, labels: &[&str], more: usize) {
    if let Ok(gauge) = gauge.get_metric_with_label_values(labels) {
        gauge.add(i64::try_from(more).unwrap_or(i64::MAX));
    }
}

/// How long one took.
pub(super) fn observe(histogram: &HistogramVec, labels: &[&str], took: Duration) {
    if let Ok(histogram) = histogram.get_metric_with_label_values(labels) {
        histogram.observe(took.as_secs_f64());
    }
}
