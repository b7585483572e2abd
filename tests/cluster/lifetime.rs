//! What outlives keymount, and what ends with its pod.

use std::time::Duration;

use crate::install::{World, log, rolled};
use crate::kubectl::{delete, kubectl, wait};
use crate::mounting::APP;
use crate::support::eventually;
use crate::workload::Workload;

/// A new version of keymount: the same certificate, the same lease, no login.
pub async fn rolls(world: &World) {
    let workload = Workload(APP.to_owned());
    let certificate = workload.file("app/tls.crt").unwrap();
    let (leases, tokens) = (world.backend.leases().await, world.backend.tokens().await);
    kubectl(&["rollout", "restart", "daemonset/keymount"]);
    println!("  replaced and ready after {:.1} s", rolled());
    // The new process has answered for the old one's pod.
    let mounted = || log().iter().any(|line| line["class"] == APP && line["outcome"] == "ok").then_some(());
    println!("  first Mount by the new one {:.1} s later", wait("a Mount", 300, mounted).1);
    world.backend.secret("password", "after the update").await;
    workload.has_read("app/password after the update", 300);
    assert_eq!(workload.file("app/tls.crt").unwrap(), certificate);
    assert_eq!(world.backend.leases().await, leases);
    assert!(world.backend.tokens().await <= tokens, "the new process logged in anew");
}

/// The pod's folder is gone, so its login is, and the certificate with it.
pub async fn revokes(world: &World) {
    assert_eq!(world.backend.leases().await.len(), 1);
    let tokens = world.backend.tokens().await;
    let began = std::time::Instant::now();
    delete("pod", APP);
    let gone = began.elapsed().as_secs_f64();
    let revoked =
        eventually(Duration::from_secs(120), || async { world.backend.leases().await.is_empty() }).await;
    assert!(revoked, "{:?}", world.backend.leases().await);
    println!("  pod gone after {gone:.1} s, lease revoked after {:.1} s", began.elapsed().as_secs_f64());
    assert!(world.backend.tokens().await < tokens);
}
