//! The Prometheus series. No pod name, path or secret id is ever a label.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use super::bounded::{self, Classes};
use crate::error::{Error, Kind, Stage};
use crate::time::Clock;
use crate::{backend, mount};

/// From a cached answer to the driver's deadline.
const MOUNT_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 25.0, 110.0];
const BACKEND_SECONDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

/// Every series of the process.
pub struct Metrics {
    registry: Registry,
    classes: Classes,
    clock: std::sync::Arc<dyn Clock>,
    mounts: IntCounterVec,
    mount_seconds: HistogramVec,
    last_success: GaugeVec,
    backend_requests: IntCounterVec,
    backend_seconds: HistogramVec,
    ready: IntGaugeVec,
}

// === impl Metrics ===

impl Metrics {
    /// Registers everything; at most `most_classes` classes have series of their own.
    pub fn new(most_classes: usize, clock: std::sync::Arc<dyn Clock>) -> Result<Self, Error> {
        Self::register(most_classes, clock).map_err(|error| {
            Error::new(Kind::Internal, Stage::Start, format!("cannot register metrics: {error}"))
        })
    }

    fn register(most_classes: usize, clock: std::sync::Arc<dyn Clock>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let class = ["provider", "namespace", "secret_provider_class"];
        let with_outcome = ["provider", "namespace", "secret_provider_class", "outcome"];
        let request = ["provider", "operation", "status"];
        let build = Gauge::with_opts(
            Opts::new("keymount_build_info", "Always 1; the version is in the label")
                .const_label("version", env!("CARGO_PKG_VERSION")),
        )?;
        build.set(1.0);
        registry.register(Box::new(build))?;
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            mounts: add(
                &registry,
                IntCounterVec::new(
                    Opts::new("keymount_mounts_total", "Mounts answered, by class and outcome"),
                    &with_outcome,
                )?,
            )?,
            mount_seconds: add(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "keymount_mount_duration_seconds",
                        "How long Mounts took, by class and outcome",
                    )
                    .buckets(MOUNT_SECONDS.to_vec()),
                    &with_outcome,
                )?,
            )?,
            last_success: add(
                &registry,
                GaugeVec::new(
                    Opts::new(
                        "keymount_last_success_timestamp_seconds",
                        "When a Mount of the class last succeeded",
                    ),
                    &class,
                )?,
            )?,
            backend_requests: add(
                &registry,
                IntCounterVec::new(
                    Opts::new(
                        "keymount_backend_requests_total",
                        "Requests to backends, by operation and status",
                    ),
                    &request,
                )?,
            )?,
            backend_seconds: add(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "keymount_backend_request_duration_seconds",
                        "How long backend requests took",
                    )
                    .buckets(BACKEND_SECONDS.to_vec()),
                    &request,
                )?,
            )?,
            ready: add(
                &registry,
                IntGaugeVec::new(
                    Opts::new("keymount_provider_ready", "1 while the provider's socket is ours and answers"),
                    &["provider"],
                )?,
            )?,
            classes: Classes::new(most_classes),
            clock,
            registry,
        })
    }

    /// Sets whether a provider's socket answers.
    pub fn set_ready(&self, provider: &str, ready: bool) {
        if let Ok(gauge) = self.ready.get_metric_with_label_values(&[provider]) {
            gauge.set(ready.into());
        }
    }

    /// The exposition text.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to memory fails only on inconsistent families, which registration has excluded.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

impl mount::Recorder for Metrics {
    fn mounted(
        &self,
        provider: &'static str,
        namespace: &str,
        class: &str,
        outcome: Option<Kind>,
        took: Duration,
    ) {
        let (namespace, class) = self.classes.labels(namespace, class);
        let labels = [provider, namespace, class, outcome.map_or("ok", Kind::as_str)];
        if let Ok(counter) = self.mounts.get_metric_with_label_values(&labels) {
            counter.inc();
        }
        if let Ok(histogram) = self.mount_seconds.get_metric_with_label_values(&labels) {
            histogram.observe(took.as_secs_f64());
        }
        if outcome.is_none()
            && let Ok(gauge) = self.last_success.get_metric_with_label_values(&[provider, namespace, class])
        {
            gauge.set(std::time::Duration::from_secs(self.clock.unix()).as_secs_f64());
        }
    }
}

impl backend::Recorder for Metrics {
    fn request(&self, provider: &'static str, operation: &'static str, status: &str, took: Duration) {
        let labels = [provider, operation, bounded::status(status)];
        if let Ok(counter) = self.backend_requests.get_metric_with_label_values(&labels) {
            counter.inc();
        }
        if let Ok(histogram) = self.backend_seconds.get_metric_with_label_values(&labels) {
            histogram.observe(took.as_secs_f64());
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::backend::Recorder as _;
    use crate::mount::Recorder as _;
    use crate::time::HandHeld;

    #[test]
    fn mounts_and_requests_are_counted_by_class_and_status() {
        let Ok(metrics) = Metrics::new(1, Arc::new(HandHeld::at(1000))) else {
            unreachable!("fresh registry")
        };
        metrics.mounted("vault", "shop", "web", None, Duration::from_millis(7));
        metrics.mounted("vault", "shop", "more", Some(Kind::Denied), Duration::from_millis(7));
        metrics.request("vault", "login", "200", Duration::from_millis(2));
        let text = String::from_utf8(metrics.text()).unwrap_or_default();
        for line in [
            r#"keymount_mounts_total{namespace="shop",outcome="ok",provider="vault",secret_provider_class="web"} 1"#,
            r#"keymount_mounts_total{namespace="other",outcome="denied",provider="vault",secret_provider_class="other"} 1"#,
            r#"keymount_last_success_timestamp_seconds{namespace="shop",provider="vault",secret_provider_class="web"} 1000"#,
            r#"keymount_backend_requests_total{operation="login",provider="vault",status="200"} 1"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
