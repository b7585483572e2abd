//! Sealed, stopped, restarted: final codes, our text, and good again by itself.

use std::time::{Duration, Instant};

use serde_json::json;
use tonic::Code;

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
        message.starts_with("stage=login") && message.contains("http=503") && message.contains("sealed"),
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
