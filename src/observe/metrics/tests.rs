#![expect(clippy::indexing_slicing, reason = "a series that is not there must end the test")]
use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::backend::{Entry, Inventory, Minted, Recorder as _};
use crate::guard::Recorder as _;
use crate::mount::Recorder as _;
use crate::time::HandHeld;

fn metrics(most_classes: usize) -> Metrics {
    let Ok(metrics) = Metrics::new(most_classes, Arc::new(HandHeld::at(1000))) else {
        unreachable!("fresh registry")
    };
    metrics
}

fn text(metrics: &Metrics, kept: &[Kept]) -> String {
    String::from_utf8(metrics.text(kept)).unwrap_or_default()
}

#[track_caller]
fn assert_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|shown| shown == *line), "{line}\n{text}");
    }
}

fn at(unix: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(unix)
}

/// A session of a made-up pod, with a value for each end.
fn session(namespace: &str, classes: &[&str], ends: &[Option<u64>]) -> Entry {
    let minted = ends.iter().map(|ends| Minted {
        read: "database/creds/app".into(),
        expires: ends.map(at),
        renewable: true,
        overdue: ends.is_some_and(|ends| ends < 3000),
    });
    Entry {
        provider: "vault",
        namespace: namespace.into(),
        pod: "some-pod".into(),
        uid: "some-uid".into(),
        service_account: "some-account".into(),
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
        place: "https://some-place".into(),
        credential_expires: Some(at(5000)),
        static_values: 1,
        minted: minted.collect(),
        mounts: 1,
        last_asked: Some(at(900)),
        last_refresh: None,
        last_error: Some("some error".into()),
        refresh_never_seen: ends.is_empty(),
    }
}

fn kept(sessions: Vec<Entry>) -> [Kept; 2] {
    [
        ("vault", Inventory { sessions, kept_bytes: 77 }),
        ("local", Inventory { kept_bytes: 77, ..Inventory::default() }),
    ]
}

#[tokio::test]
async fn mounts_and_requests_are_counted_by_class_and_status() {
    let metrics = metrics(1);
    metrics.mounted("vault", "shop", "web", None, Duration::from_millis(7));
    metrics.mounted("vault", "shop", "more", Some((Kind::Denied, Phase::Refresh)), Duration::from_millis(7));
    metrics.request("vault", "login", "200", Duration::from_millis(2));
    metrics.queued("vault", Duration::from_millis(2));
    assert_lines(
        &text(&metrics, &[]),
        &[
            r#"keymount_mounts_total{namespace="shop",outcome="ok",provider="vault",secret_provider_class="web"} 1"#,
            r#"keymount_mounts_total{namespace="other",outcome="denied",provider="vault",secret_provider_class="other"} 1"#,
            r#"keymount_mount_failures_total{namespace="other",outcome="denied",phase="refresh",provider="vault",secret_provider_class="other"} 1"#,
            r#"keymount_last_success_timestamp_seconds{namespace="shop",provider="vault",secret_provider_class="web"} 1000"#,
            r#"keymount_backend_requests_total{operation="login",provider="vault",status="200"} 1"#,
            r#"keymount_backend_queue_wait_seconds_count{provider="vault"} 1"#,
            concat!(r#"keymount_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
        ],
    );
}

#[tokio::test]
async fn what_happens_to_leases_is_counted() {
    let metrics = metrics(1);
    metrics.renewed("vault", "lease", "capped");
    metrics.minted("vault", "ending", "ok");
    metrics.shared("vault");
    metrics.revoked("vault", "pod_gone", "denied");
    metrics.ended("vault", "idle");
    metrics.handoff_failed("vault", "write");
    metrics.outlived("vault");
    metrics.refused("vault", "shop", "web", "refuseDefaultServiceAccount", "warn");
    assert_lines(
        &text(&metrics, &[]),
        &[
            r#"keymount_renewals_total{outcome="capped",provider="vault",what="lease"} 1"#,
            r#"keymount_minted_total{outcome="ok",provider="vault",reason="ending"} 1"#,
            r#"keymount_shared_reads_total{provider="vault"} 1"#,
            r#"keymount_revoked_total{outcome="denied",provider="vault",reason="pod_gone"} 1"#,
            r#"keymount_sessions_ended_total{provider="vault",reason="idle"} 1"#,
            r#"keymount_short_terms_total{provider="vault"} 1"#,
            r#"keymount_handoff_failures_total{provider="vault",what="write"} 1"#,
            r#"keymount_guard_refusals_total{mode="warn",namespace="shop",provider="vault",rule="refuseDefaultServiceAccount",secret_provider_class="web"} 1"#,
        ],
    );
}

#[tokio::test]
async fn what_is_kept_is_counted_and_no_pod_is_named() {
    let sessions = vec![
        session("shop", &["web", "more"], &[Some(4000), Some(3000), None]),
        session("shop", &["web"], &[Some(2000)]),
        session("shop", &["endless"], &[None]),
        session("shop", &["static"], &[]),
        session("shop", &[""], &[Some(9)]),
    ];
    let shown = text(&metrics(500), &kept(sessions));
    let soonest = |class: &str, ends: u64| {
        format!(
            r#"keymount_soonest_expiry_timestamp_seconds{{namespace="shop",provider="vault",secret_provider_class="{class}"}} {ends}"#
        )
    };
    assert_lines(
        &shown,
        &[
            r#"keymount_sessions{provider="vault"} 5"#,
            r#"keymount_sessions{provider="local"} 0"#,
            r#"keymount_leases{provider="vault"} 6"#,
            r#"keymount_refresh_never_seen{provider="vault"} 1"#,
            r#"keymount_refresh_never_seen{provider="local"} 0"#,
            "keymount_kept_bytes 77",
            &soonest("web", 2000),
            &soonest("more", 3000),
            &soonest("unknown", 9),
        ],
    );
    assert_eq!(shown.matches("keymount_soonest_expiry_timestamp_seconds{").count(), 3, "{shown}");
    assert!(!shown.contains("some"), "{shown}");
}

#[tokio::test]
async fn what_vanished_is_not_shown() {
    let metrics = metrics(500);
    let full = kept(vec![session("shop", &["web"], &[Some(2000)])]);
    assert!(text(&metrics, &full).contains("keymount_soonest_expiry_timestamp_seconds{"));
    let shown = text(&metrics, &kept(Vec::new()));
    assert!(!shown.contains("keymount_soonest_expiry_timestamp_seconds"), "{shown}");
    assert_lines(
        &shown,
        &[r#"keymount_sessions{provider="vault"} 0"#, r#"keymount_leases{provider="vault"} 0"#],
    );
}

#[tokio::test]
async fn classes_past_the_bound_share_the_soonest_end() {
    let sessions = vec![
        session("a", &["x"], &[Some(5000)]),
        session("a", &["y"], &[Some(3000)]),
        session("b", &["x"], &[Some(4000)]),
    ];
    assert_lines(
        &text(&metrics(1), &kept(sessions)),
        &[
            r#"keymount_soonest_expiry_timestamp_seconds{namespace="a",provider="vault",secret_provider_class="x"} 5000"#,
            r#"keymount_soonest_expiry_timestamp_seconds{namespace="other",provider="vault",secret_provider_class="other"} 3000"#,
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn requests_of_the_last_hour_are_told_for_every_provider() {
    let metrics = metrics(1);
    metrics.request("vault", "read", "200", Duration::ZERO);
    metrics.request("vault", "read", "503", Duration::ZERO);
    let lines = [
        r#"keymount_backend_requests_per_hour{provider="vault"} 2"#,
        r#"keymount_backend_requests_per_hour{provider="local"} 0"#,
    ];
    assert_lines(&text(&metrics, &kept(Vec::new())), &lines);
    tokio::time::advance(Duration::from_secs(3600)).await;
    let none = [r#"keymount_backend_requests_per_hour{provider="vault"} 0"#];
    assert_lines(&text(&metrics, &kept(Vec::new())), &none);
}

#[tokio::test]
async fn what_fails_or_is_overdue_is_counted_by_class() {
    let mut mounted = session("shop", &["web", "tls"], &[Some(2000), Some(4000)]);
    mounted.last_refresh = Some(at(800));
    let mut waiting = session("shop", &["web"], &[]);
    waiting.last_refresh = None;
    let mut good = session("shop", &["good"], &[Some(5000)]);
    (good.last_refresh, good.last_error) = (Some(at(900)), None);
    let shown = text(&metrics(500), &kept(vec![mounted, waiting, good]));
    let line = |name: &str, class: &str| {
        format!(r#"{name}{{namespace="shop",provider="vault",secret_provider_class="{class}"}} 1"#)
    };
    let [web, tls] = ["web", "tls"].map(|class| line("keymount_failing_sessions", class));
    assert_lines(&shown, &[&web, &tls, &line("keymount_leases_overdue", "web")]);
    assert_eq!(shown.matches("keymount_failing_sessions{").count(), 2, "{shown}");
    assert_eq!(shown.matches("keymount_leases_overdue{").count(), 2, "{shown}");
}

/// What is defined is what is shown, with these very labels: n of n.
#[tokio::test]
async fn every_series_is_defined_and_every_definition_is_a_series() {
    let metrics = metrics(500);
    metrics.mounted("vault", "shop", "web", None, Duration::ZERO);
    metrics.mounted("vault", "shop", "web", Some((Kind::Denied, Phase::First)), Duration::ZERO);
    metrics.request("vault", "read", "200", Duration::ZERO);
    metrics.queued("vault", Duration::ZERO);
    metrics.served("vault", "https://a:8200/");
    metrics.renewed("vault", "token", "ok");
    metrics.minted("vault", "first", "ok");
    metrics.shared("vault");
    metrics.revoked("vault", "replaced", "ok");
    metrics.ended("vault", "idle");
    metrics.outlived("vault");
    metrics.handoff_failed("vault", "read");
    metrics.refused("vault", "shop", "web", "namespaces", "enforce");
    metrics.set_ready("vault", true);
    let mut failing = session("shop", &["web"], &[Some(2000)]);
    failing.last_refresh = Some(at(1));
    let shown = text(&metrics, &kept(vec![failing]));
    let types = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: std::collections::BTreeMap<_, _> =
        types.filter(|(name, _)| !name.starts_with("process_")).collect();
    let defined: std::collections::BTreeSet<_> = definitions().iter().map(|define| define.name).collect();
    assert_eq!(defined, types.keys().copied().collect(), "defined, shown");
    assert_eq!(defined.len(), definitions().len(), "each once");
    for define in definitions() {
        assert_eq!(define.shape.to_string(), types[define.name], "{}", define.name);
        let mut labels: Vec<_> = define.labels.iter().map(|label| format!("{label}=\"")).collect();
        labels.sort();
        let begins = |line: &&str| {
            let rest = line.strip_prefix(define.name).unwrap_or_default();
            ["{", " ", "_bucket{", "_count"].iter().any(|next| rest.starts_with(next))
        };
        let sample = shown.lines().find(begins).unwrap_or_default();
        for label in &labels {
            assert!(sample.contains(label.as_str()), "{label} of {sample}");
        }
    }
}
