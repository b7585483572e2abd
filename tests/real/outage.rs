//! Sealed, stopped, restarted: final codes, our text, and good again by itself.

use std::time::{Duration, Instant};

use serde_json::json;
use tonic::Code;

use crate::support::eventually;
use crate::world::{PASSWORD, World, object, trust};

#[tokio::test(flavor = "multi_thread")]
async fn sealed_and_unsealed() {
    let Some(world) = World::new("out-seal").await else { return };
    let pod = world.pod("a").await;
    let mount = world.mount(&pod, &object("p", "secret/data/out-seal/db", "password")).await;
    world.call(&mount).await.unwrap();
    world.bao.seal().await;
    let (code, message) = world.refused(&mount.clone().timeout(Some(Duration::from_secs(4)))).await;
    assert_eq!(code, Code::Internal, "{message}");
    assert!(
        message.starts_with("stage=read") && message.contains("http=503") && message.contains("sealed"),
        "{message}"
    );
    world.bao.unseal().await;
    assert_eq!(world.call(&mount).await.unwrap().text("p").as_deref(), Some(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_and_restarted() {
    let Some(mut world) = World::new("out-stop").await else { return };
    let pod = world.pod("a").await;
    let mount = world.mount(&pod, &object("p", "secret/data/out-stop/db", "password")).await;
    world.call(&mount).await.unwrap();
    world.bao.stop();
    let watch = Instant::now();
    let (code, message) = world.refused(&mount).await;
    assert_eq!(code, Code::Internal, "{message}");
    assert!(message.contains("connection refused") && message.contains("backend=vault"), "{message}");
    assert!(
        watch.elapsed() < Duration::from_secs(40),
        "the kubelet tries again by itself: {:?}",
        watch.elapsed()
    );
    world.bao.restart().await;
    trust(&world.bao, world.kube).await;
    world.put("out-stop/db", json!({ "password": PASSWORD })).await;
    assert_eq!(world.call(&mount).await.unwrap().text("p").as_deref(), Some(PASSWORD));
}

/// A start of the backend during the first mount is waited for: no pod waits for the kubelet's backoff.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage_is_waited_out() {
    let Some(mut world) = World::new("out-short").await else { return };
    let pod = world.pod("a").await;
    let mount = world.mount(&pod, &object("p", "secret/data/out-short/db", "password")).await;
    world.bao.child().pause();
    let (provider, waiting) = (world.provider.clone(), mount.clone());
    let call = tokio::spawn(async move { provider.mount(&waiting).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.bao.child().resume();
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_in_flight_finishes_at_a_stop_and_readiness_goes_first() {
    let Some(mut world) = World::new("out-term").await else { return };
    let pod = world.pod("a").await;
    let mount = world.mount(&pod, &object("p", "secret/data/out-term/db", "password")).await;
    world.bao.child().pause();
    let provider = world.provider.clone();
    let call = tokio::spawn(async move { provider.mount(&mount).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.keymount.child().term();
    let keymount = &world.keymount;
    let unready = || async { keymount.admin("readyz").await.is_some_and(|reply| reply.status == 503) };
    assert!(eventually(Duration::from_secs(5), unready).await, "readiness goes first");
    assert!(keymount.admin("livez").await.is_some_and(|reply| reply.status == 200));
    world.bao.child().resume();
    assert_eq!(call.await.unwrap().unwrap().text("p").as_deref(), Some(PASSWORD));
    assert_eq!(world.keymount.child().wait_exit(Duration::from_secs(10)), Some(0));
}
