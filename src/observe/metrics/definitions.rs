//! Every series, once: its name, shape, labels and meaning. `docs/reference/metrics.md` is made
//! of this table; alerts and dashboard are held to it.

use std::fmt;

/// What kind of series it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Only grows, until the process ends.
    Counter,
    /// What is so now.
    Gauge,
    /// How long things took, with the upper bounds of its buckets in seconds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name, which ends in its unit.
    pub name: &'static str,
    /// Its kind.
    pub shape: Shape,
    /// The labels of its series.
    pub labels: &'static [&'static str],
    /// What it counts, as the exposition says it.
    pub help: &'static str,
    /// What its labels' values mean, and when to look at it; Markdown.
    pub notes: &'static str,
}

/// The labels of a class.
pub(super) const CLASS: [&str; 3] = ["provider", "namespace", "secret_provider_class"];

const PROVIDER: &[&str] = &["provider"];
const OUTCOME: &[&str] = &["provider", "namespace", "secret_provider_class", "outcome"];
const REQUEST: &[&str] = &["provider", "operation", "status"];

/// From a cached answer to the driver's deadline.
const MOUNT_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 25.0, 110.0];
/// From a server on the same node to one that is lost.
const REQUEST_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

/// Names one metric and adds it to the list of all.
macro_rules! metrics {
    ($($id:ident = $shape:expr, $name:literal, $labels:expr, $help:literal, $notes:literal;)*) => {
        $(pub(super) const $id: Definition =
            Definition { name: $name, shape: $shape, labels: $labels, help: $help, notes: $notes };)*

        /// Every metric of ours.
        const ALL: &[&Definition] = &[$(&$id),*];
    };
}

metrics! {
    MOUNTS = Shape::Counter, "keymount_mounts_total", OUTCOME,
        "Mounts answered, by class and outcome",
        "`outcome` is `ok` or the kind of error ([errors](errors.md)).";
    MOUNT_FAILURES = Shape::Counter, "keymount_mount_failures_total",
        &["provider", "namespace", "secret_provider_class", "outcome", "phase"],
        "Mounts that failed, by whether the pod had its files already",
        "`phase` is `first` (the pod waits in ContainerCreating) or `refresh` (it runs on the files of before). What pods had before keymount started is not known to it: their failures count as `first` until a Mount of theirs succeeds.";
    MOUNT_SECONDS_SPENT = Shape::Histogram(MOUNT_SECONDS), "keymount_mount_duration_seconds", OUTCOME,
        "How long Mounts took, by class and outcome",
        "Waiting for a turn included.";
    LAST_SUCCESS = Shape::Gauge, "keymount_last_success_timestamp_seconds", &CLASS,
        "When a Mount of the class last succeeded",
        "Seconds since 1970. Old where the driver does not rotate, or where every refresh fails.";
    REQUESTS = Shape::Counter, "keymount_backend_requests_total", REQUEST,
        "Requests to backends, by operation and status",
        "`operation` is `login`, `read`, `renew`, `check` or `revoke`; `status` an HTTP status (rare ones as `4xx`, `5xx`), or what came instead: `connect`, `tls`, `timeout`, `queue_full` and the like.";
    REQUEST_SECONDS_SPENT = Shape::Histogram(REQUEST_SECONDS), "keymount_backend_request_duration_seconds", REQUEST,
        "How long backend requests took",
        "From the request's turn to its answer.";
    SERVED = Shape::Counter, "keymount_backend_server_answers_total", &["provider", "server"],
        "Answers of the operator's servers, where a provider or a profile has several",
        "Which of a list serves. Servers that only classes name are not told apart.";
    QUEUE_SECONDS = Shape::Histogram(REQUEST_SECONDS), "keymount_backend_queue_wait_seconds", PROVIDER,
        "How long requests waited for their turn at their server",
        "The limits are `--vault-max-inflight` and `--vault-rate`.";
    REQUESTS_PER_HOUR = Shape::Gauge, "keymount_backend_requests_per_hour", PROVIDER,
        "Requests to backends in the last hour",
        "What the node costs the backend.";
    READY = Shape::Gauge, "keymount_provider_ready", PROVIDER,
        "1 while the provider's socket is ours and answers",
        "What `/readyz` says, for each provider; dialled at each scrape.";
    SESSIONS = Shape::Gauge, "keymount_sessions", PROVIDER,
        "Sessions that are kept",
        "One for each pod and login; `--max-sessions` bounds them.";
    FAILING_SESSIONS = Shape::Gauge, "keymount_failing_sessions", &CLASS,
        "Sessions whose last Mount failed after one had succeeded: their pods keep the files of before",
        "`keymount status` names them, with the error. Absent where there is none.";
    NEVER_REFRESHED = Shape::Gauge, "keymount_refresh_never_seen", PROVIDER,
        "Sessions whose pod was mounted once, long ago, and never refreshed",
        "The driver's rotation seems to be off.";
    LEASES = Shape::Gauge, "keymount_leases", PROVIDER,
        "Values that were made for one pod",
        "Dynamic credentials, certificates and the like that are kept.";
    OVERDUE = Shape::Gauge, "keymount_leases_overdue", &CLASS,
        "Values made for pods that should have been renewed or replaced a good while ago, and were not",
        "Half of the margin before their end has passed (a third of their life, or `renewBefore`). Absent where there is none.";
    SOONEST = Shape::Gauge, "keymount_soonest_expiry_timestamp_seconds", &CLASS,
        "When the first of the values ends that were made for pods of the class",
        "Seconds since 1970; absent where there is none. It moves as leases are renewed.";
    KEPT_BYTES = Shape::Gauge, "keymount_kept_bytes", &[],
        "Bytes of all values that are kept",
        "`--max-session-bytes` bounds them.";
    RENEWALS = Shape::Counter, "keymount_renewals_total", &["provider", "what", "outcome"],
        "Renewals of tokens and leases, by outcome",
        "`what` is `token` or `lease`; `outcome` is `ok`, `capped` (the server grants no more: the next Mount has a new one made) or the kind of error.";
    MINTED = Shape::Counter, "keymount_minted_total", &["provider", "reason", "outcome"],
        "Credentials made for Mounts, by reason and outcome",
        "`reason` is `first`, or why the one before did not do: `ending`, `gone`, `interval`.";
    SHARED = Shape::Counter, "keymount_shared_reads_total", PROVIDER,
        "Answers that another pod's token had read",
        "Requests that `--shared-reads` saved.";
    REVOKED = Shape::Counter, "keymount_revoked_total", &["provider", "reason", "outcome"],
        "Credentials given back, by reason and outcome",
        "`reason` is `pod_gone`, `undelivered` or `replaced`; `outcome` is `ok` or the kind of error.";
    ENDED = Shape::Counter, "keymount_sessions_ended_total", &["provider", "reason"],
        "Sessions that ended, by reason",
        "`reason` is `idle`, `full` (`--max-sessions`), `denied`, and with a revocation `pod_gone` or `undelivered`.";
    SHORT_TERMS = Shape::Counter, "keymount_short_terms_total", PROVIDER,
        "Sessions whose leases live shorter than their Mounts are apart",
        "Their pods are without a valid credential for a while.";
    HANDOFF_FAILURES = Shape::Counter, "keymount_handoff_failures_total", &["provider", "what"],
        "Hand-off files that could not be written, read or removed",
        "`what` is `write`, `read` or `remove`.";
    GUARD_REFUSALS = Shape::Counter, "keymount_guard_refusals_total",
        &["provider", "namespace", "secret_provider_class", "rule", "mode"],
        "Rules of the operator's guard that Mounts broke",
        "`mode` is `enforce` (refused) or `warn` (let through); `rule` is the key of the guard's rule.";
    BUILD = Shape::Gauge, "keymount_build_info", &["version"],
        "Always 1; the version is in the label",
        "";
}

// === impl Shape ===

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        })
    }
}

/// Every metric that keymount has, `process_*` aside.
pub fn definitions() -> &'static [&'static Definition] {
    ALL
}
