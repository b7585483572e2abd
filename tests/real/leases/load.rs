//! What a backend's trouble costs: final codes, bounded retries, no herd, files untouched.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Leases, creds, pods, seconds};
use crate::support::csi::{Driver, Options, is_final};

/// Through the real driver: mounted files stay as they are while the server is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_leaves_mounted_files_and_leases_alone() {
    let Some(leases) = Leases::new("load-out", "10m", "1h", &[]).await else { return };
    let world = &leases.world;
    let Some(driver) = Driver::start(world.kube, &world.keymount.providers(), Options::default()).await
    else {
        return;
    };
    let objects = creds() + &crate::world::object("p", "secret/data/load-out/db", "password");
    world
        .kube
        .class("load-out", "web-secrets", "vault", &[("roleName", "web"), ("objects", &objects)], None)
        .await;
    let pod = world.pod("a").await;
    let tokens = world.tokens(&pod).await;
    driver.kubelet_publish(&pod, &tokens).await.unwrap();
    let tree = driver.tree(&pod);
    world.bao.seal().await;
    let (before, failed) = (world.bao.audit().len(), |count| {
        format!(
            r#"keymount_mounts_total{{namespace="load-out",outcome="unavailable",provider="vault",secret_provider_class="web-secrets"}} {count}"#
        )
    });
    for round in 1..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        // The driver says that all is well: it masks what a refresh is answered.
        driver.republish(&pod, &tokens).await.unwrap();
        assert!(world.keymount.metrics().await.contains(&failed(round)));
        assert_eq!(driver.tree(&pod), tree, "untouched");
    }
    let new = world.pod("b").await;
    let status = driver.kubelet_publish(&new, &world.tokens(&new).await).await.unwrap_err();
    assert!(is_final(status.code()) && status.message().contains("sealed"), "{status:?}");
    let tries = world.bao.audit().len() - before;
    assert!(tries <= 3 * 8, "bounded retries: {tries}");
    world.bao.unseal().await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    driver.republish(&pod, &tokens).await.unwrap();
    assert_eq!(driver.tree(&pod), tree, "the same credential after the outage");
    assert_eq!(leases.made(), 1);
}

/// The server comes back: no session is lost, nobody logs in again, and reads do not come in a heap.
#[tokio::test(flavor = "multi_thread")]
async fn recovery_brings_no_herd() {
    let flags = ["--vault-max-inflight", "4"];
    let Some(leases) = Leases::new("load-herd", "10m", "1h", &flags).await else { return };
    let world = &leases.world;
    let all = pods(world, (0..40).map(|at| format!("web-{at}")), "web").await;
    let objects = creds();
    let mounts = join_all(all.iter().map(|pod| world.mount(pod, &objects))).await;
    join_all(mounts.iter().map(|mount| leases.call(mount))).await;
    world.bao.seal().await;
    seconds(2).await;
    world.bao.unseal().await;
    let answers = join_all(mounts.iter().map(|mount| world.call(mount))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((leases.made(), world.bao.requests("auth/kubernetes/login")), (40, 40));
}

/// A pod that may not log in asks once for its token, however often it is mounted.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_pod_does_not_storm_the_login() {
    let Some(leases) = Leases::new("load-deny", "10m", "1h", &[]).await else { return };
    let pod = leases.world.pod_as("a", "nobody").await;
    let mount = leases.world.mount(&pod, &creds()).await;
    for _ in 0..20 {
        let (code, _) = leases.world.refused(&mount).await;
        assert_eq!(code, tonic::Code::PermissionDenied);
    }
    let logins = leases.world.bao.requests("auth/kubernetes/login");
    assert!(logins <= 2, "{logins}");
}

/// `--vault-rate`: the server sees no more than it was promised.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept() {
    let flags = ["--vault-rate", "10"];
    let Some(leases) = Leases::new("load-rate", "10m", "1h", &flags).await else { return };
    let world = &leases.world;
    let all = pods(world, (0..20).map(|at| format!("web-{at}")), "web").await;
    let objects = creds();
    let mounts = join_all(all.iter().map(|pod| world.mount(pod, &objects))).await;
    let begin = std::time::Instant::now();
    join_all(mounts.iter().map(|mount| leases.call(mount))).await;
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(2800), "40 requests, ten at once, then ten a second: {took:?}");
    let waited =
        world.keymount.metric(r#"keymount_backend_queue_wait_seconds_count{provider="vault"}"#).await;
    assert_eq!(waited, Some(40.0));
}
