//! K12 of the contract, as far as it goes without a kubelet: a first mount with
//! rotation on and the backend down ends in an error, never in an OK with an
//! unmounted folder (docs/driver-contract.md, 4.4).

use std::time::Duration;

use crate::support::csi::{Driver, Options};
use crate::world::{World, object, trust};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_never_starts_on_an_empty_volume() {
    let Some(mut world) = World::new("hazard").await else { return };
    // Above three seconds: the driver's own retries must fall into the interval for the hazard to show.
    let options = Options { rotation: true, interval: Duration::from_secs(8) };
    let Some(driver) = Driver::start(world.kube, &world.keymount.providers(), options).await else { return };
    let objects = object("p", "secret/data/hazard/db", "password");
    world
        .kube
        .class("hazard", "web-secrets", "vault", &[("roleName", "web"), ("objects", &objects)], None)
        .await;
    let pod = world.pod("a").await;
    let tokens = world.tokens(&pod).await;

    world.bao.stop();
    for attempt in 0..2 {
        let status = driver.kubelet_publish(&pod, &tokens).await.expect_err("the backend is down");
        assert!(crate::support::csi::is_final(status.code()), "attempt {attempt}: {status:?}");
        assert!(status.message().contains("connection refused"), "the pod's event says why: {status:?}");
        assert!(!driver.is_mounted(&pod) && !driver.target_exists(&pod), "the kubelet may try again");
    }

    world.bao.restart().await;
    trust(&world.bao, world.kube).await;
    world.put("hazard/db", serde_json::json!({ "password": "here-again" })).await;
    driver.kubelet_publish(&pod, &tokens).await.unwrap();
    assert!(driver.is_mounted(&pod));
    assert_eq!(driver.tree(&pod)["p"].1, b"here-again");
}
