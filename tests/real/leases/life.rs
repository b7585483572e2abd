//! One credential's life: as long as its TTLs allow, and no longer than its pod.

use std::time::{Duration, Instant};

use super::{CREDS, Leases, creds, revoke_logins, seconds};
use crate::support::eventually;

/// TTL 20 s, at most 60 s, refreshed each 2 s for three minutes.
#[tokio::test(flavor = "multi_thread")]
async fn three_minutes_of_refreshes_cost_the_fewest_credentials() {
    let Some(leases) = Leases::new("lease-life", "20s", "60s", &[]).await else { return };
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let (begin, mut users) = (Instant::now(), Vec::<String>::new());
    while begin.elapsed() < Duration::from_secs(180) {
        let user = leases.user(&mount).await;
        if users.last() != Some(&user) {
            let alive = leases.pg.roles();
            assert!(
                users.last().is_none_or(|old| alive.contains(old)),
                "{users:?} must overlap, alive: {alive:?}"
            );
            users.push(user);
        }
        seconds(2).await;
    }
    assert!((3..=4).contains(&users.len()), "180 s of at most 60 s each: {users:?}");
    assert_eq!(leases.made(), users.len());
    assert_eq!(leases.world.bao.requests("auth/kubernetes/login"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_refreshes_are_one_credential_one_login_and_one_version() {
    let Some(leases) = Leases::new("lease-ten", "10m", "1h", &[]).await else { return };
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let first = leases.call(&mount).await;
    for _ in 0..9 {
        let next = leases.call(&mount).await;
        assert_eq!((&next.files, &next.object_version), (&first.files, &first.object_version));
    }
    assert_eq!((leases.made(), leases.world.bao.requests("auth/kubernetes/login")), (1, 1));
    let metrics = leases.world.keymount.metrics().await;
    assert!(
        metrics.contains(r#"keymount_minted_total{outcome="ok",provider="vault",reason="first"} 1"#),
        "{metrics}"
    );
    let [session] =
        leases.world.keymount.sessions().await["sessions"].as_array().unwrap().clone().try_into().unwrap();
    assert_eq!(
        (session["pod"].as_str(), session["minted"][0]["renewable"].as_bool()),
        (Some("a"), Some(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_revoked_on_the_server_is_healed_in_the_next_refresh() {
    let Some(leases) = Leases::new("lease-heal", "10m", "1h", &[]).await else { return };
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let first = leases.user(&mount).await;
    revoke_logins(&leases.world.bao).await;
    let dropped = || async { leases.pg.roles().is_empty() };
    assert!(eventually(Duration::from_secs(10), dropped).await);
    let second = leases.user(&mount).await;
    assert_ne!(first, second);
    assert_eq!((leases.made(), leases.world.bao.requests("auth/kubernetes/login")), (2, 2), "one retry");
}

/// Somebody revokes the leases of a whole role: an emergency rotation.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_lease_is_replaced_in_the_next_refresh() {
    let Some(leases) = Leases::new("lease-prefix", "10m", "1h", &[]).await else { return };
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let first = leases.user(&mount).await;
    leases.world.bao.put("sys/leases/revoke-prefix/database/creds/ro", serde_json::json!({})).await;
    assert_ne!(leases.user(&mount).await, first);
    assert_eq!(leases.world.bao.requests("auth/kubernetes/login"), 1);
}

/// One Mount is all that comes where the driver's rotation is off.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_renewed_without_any_refresh() {
    let Some(leases) = Leases::new("lease-off", "6s", "10m", &[]).await else { return };
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let user = leases.user(&mount).await;
    seconds(20).await;
    assert_eq!(leases.pg.roles(), std::slice::from_ref(&user), "renewed past three of its terms");
    assert_eq!(leases.user(&mount).await, user);
    assert_eq!(leases.world.bao.requests("auth/token/revoke"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_gone_is_revoked_and_without_a_source_nobody_is() {
    let kubelet = tempfile::tempdir().unwrap();
    let folder = kubelet.path().display().to_string();
    let flags = ["--pod-liveness", "kubelet-dir", "--kubelet-pods-dir", &folder];
    let Some(leases) = Leases::new("lease-gone", "10m", "1h", &flags).await else { return };
    let (pod, other) = (leases.world.pod("a").await, leases.world.pod("b").await);
    for pod in [&pod, &other] {
        std::fs::create_dir(kubelet.path().join(&pod.uid)).unwrap();
    }
    let gone = leases.user(&leases.mount(&pod).await).await;
    let stays = leases.user(&leases.mount(&other).await).await;
    // The keeper has seen them once.
    seconds(6).await;
    std::fs::remove_dir(kubelet.path().join(&pod.uid)).unwrap();
    let dropped = || async { leases.pg.roles() == [stays.clone()] };
    assert!(eventually(Duration::from_secs(20), dropped).await, "{gone} {:?}", leases.pg.roles());
    let metrics = leases.world.keymount.metrics().await;
    let revoked = r#"keymount_revoked_total{outcome="ok",provider="vault",reason="pod_gone"} 1"#;
    assert!(metrics.contains(revoked), "{metrics}");
}

/// The class's other object fails: the credential waits for the next try, and nobody else gets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_mount_leaves_its_credential_to_the_next() {
    let Some(leases) = Leases::new("lease-fail", "10m", "1h", &[]).await else { return };
    let pod = leases.world.pod("a").await;
    let objects = creds() + &crate::world::object("late", "secret/data/lease-fail/late", "x");
    let mount = leases.world.mount(&pod, &objects).await;
    for _ in 0..3 {
        leases.world.refused(&mount).await;
    }
    assert_eq!(leases.made(), 1);
    leases.world.put("lease-fail/late", serde_json::json!({ "x": "here-now" })).await;
    assert_eq!(leases.call(&mount).await.text("late").as_deref(), Some("here-now"));
    assert_eq!((leases.made(), leases.world.bao.lease_count(CREDS).await), (1, 1));
}

/// Decision 15: a caller that drops its Mount in the middle of a mint.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_orphan() {
    let Some(leases) = Leases::new("lease-drop", "10m", "1h", &[]).await else { return };
    let mount = leases.mount(&leases.world.pod("a").await).await;
    for wait in [1, 3, 5, 10, 15, 20, 25, 30, 35] {
        let _ = tokio::time::timeout(Duration::from_millis(wait), leases.world.call(&mount)).await;
    }
    let user = leases.user(&mount).await;
    assert_eq!((leases.pg.roles(), leases.made()), (vec![user], 1));
}

/// A batch token is stored nowhere: neither renewed nor revoked, and what it made ends with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_token_lives_its_term_and_is_replaced_before_its_end() {
    let Some(leases) = Leases::new("lease-batch", "10m", "1h", &[]).await else { return };
    leases.role(&["pods"], serde_json::json!({ "token_type": "batch", "token_ttl": "15s" })).await;
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let mut users = vec![leases.user(&mount).await];
    for _ in 0..12 {
        seconds(2).await;
        users.push(leases.user(&mount).await);
    }
    users.dedup();
    assert!((2..=4).contains(&users.len()), "24 s of 15 s, less a third: {users:?}");
    let bao = &leases.world.bao;
    assert_eq!((bao.requests("auth/token/renew-self"), bao.requests("auth/token/revoke-self")), (0, 0));
}

/// A periodic token has no maximum: as long as it is renewed, what it made lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_periodic_token_is_renewed_past_its_period() {
    let Some(leases) = Leases::new("lease-period", "10m", "1h", &[]).await else { return };
    leases.role(&["pods"], serde_json::json!({ "token_ttl": 0, "token_period": "6s" })).await;
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let user = leases.user(&mount).await;
    seconds(20).await;
    assert_eq!(leases.user(&mount).await, user);
    assert!(leases.world.bao.requests("auth/token/renew-self") >= 3);
    assert_eq!((leases.made(), leases.world.bao.requests("auth/kubernetes/login")), (1, 1));
}
