use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::backend::{Entry, Inventory, Minted, Recorder as _};
use crate::error::Kind;
use crate::mount::{Phase, Recorder as _};
use crate::observe::{Kept, Metrics};
use crate::time::HandHeld;

const NOW: u64 = 1_700_000_000;

fn at(unix: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(unix)
}

fn session(class: &str) -> Entry {
    let minted = Minted {
        read: "database/creds/secret-path".into(),
        expires: Some(at(NOW + 720)),
        renewable: true,
        overdue: true,
    };
    Entry {
        provider: "vault",
        namespace: "shop".into(),
        pod: "web-0".into(),
        uid: "some-uid".into(),
        service_account: "some-account".into(),
        classes: vec![class.into()],
        place: "https://some-place".into(),
        credential_expires: None,
        static_values: 1,
        minted: vec![minted],
        mounts: 3,
        last_asked: Some(at(NOW - 40)),
        last_refresh: Some(at(NOW - 40)),
        last_error: Some("some error".into()),
        refresh_never_seen: false,
    }
}

fn metrics() -> Metrics {
    let Ok(metrics) = Metrics::new(500, Arc::new(HandHeld::at(NOW))) else { unreachable!("fresh registry") };
    metrics
}

fn shown(metrics: &Metrics, kept: &[Kept], ready: bool, pods: bool) -> String {
    html(&metrics.view(&[("vault", ready)], kept, pods))
}

#[tokio::test]
async fn trouble_is_said_and_what_is_well_is_not() {
    let metrics = metrics();
    assert!(shown(&metrics, &[], true, false).contains("All is well"));
    metrics.mounted("vault", "shop", "web", None, Duration::ZERO);
    assert!(shown(&metrics, &[], true, false).contains("All is well"));
    metrics.mounted("vault", "shop", "web", Some((Kind::Denied, Phase::Refresh)), Duration::ZERO);
    let page = shown(&metrics, &[], false, false);
    for part in ["1 provider not ready, 1 class in trouble", ">denied<", "1 ok, 1 failed", "0s ago"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("All is well"));
}

#[tokio::test]
async fn pods_are_named_only_where_they_may_be_and_nothing_else_of_them() {
    let metrics = metrics();
    let kept = [("vault", Inventory { sessions: vec![session("web")], kept_bytes: 4096 })];
    let page = shown(&metrics, &kept, true, false);
    for part in ["in 12m", "1 lease overdue", "1 pod on old files", "4 KiB"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let named = shown(&metrics, &kept, true, true);
    assert!(!page.contains("web-0") && named.contains("shop/web-0"), "{named}");
    for secret in ["some", "secret-path"] {
        assert!(!named.contains(secret), "{secret}\n{named}");
    }
}

/// A class's name is its author's word, and Kubernetes alone keeps it plain.
#[tokio::test]
async fn names_cannot_leave_their_place() {
    let metrics = metrics();
    let evil = r#"<script>alert(1)</script>" onload="x"#;
    metrics.mounted("vault", evil, evil, None, Duration::ZERO);
    let kept = [("vault", Inventory { sessions: vec![session(evil)], kept_bytes: 0 })];
    let page = shown(&metrics, &kept, true, true);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn the_sparkline_has_a_point_for_each_minute_that_was_asked_in() {
    let metrics = metrics();
    assert!(shown(&metrics, &[], true, false).contains("No request in the last hour"));
    for (millis, minutes) in [(4, 1), (8, 2), (2, 1)] {
        metrics.request("vault", "read", "200", Duration::from_millis(millis));
        tokio::time::advance(Duration::from_secs(60 * minutes)).await;
    }
    let page = shown(&metrics, &[], true, false);
    let path = page.split("<path d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
    assert!(page.contains("at most 8.0 ms"), "{page}");
}

/// The policy's hash is that of the style which is sent.
#[test]
fn the_policy_lets_in_this_style_and_nothing_else() {
    let policy = headers().find(|(name, _)| name == "content-security-policy").map(|(_, value)| value);
    let policy = policy.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains(&hash),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = html(&View::default());
    let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next());
    assert_eq!(style, Some(STYLE));
    assert!(!page.contains("<script") && !page.contains("style=\"") && !page.contains("http:"), "{page}");
}
