//! Through the real driver v1.6.0 and its writer, the test playing the kubelet.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::csi::{Driver, Options};
use crate::support::eventually;
use crate::world::{PASSWORD, World, object};

async fn set_up(namespace: &str) -> Option<(World, Driver)> {
    let world = World::new(namespace).await?;
    let driver = Driver::start(world.kube, &world.keymount.providers(), Options::default()).await?;
    Some((world, driver))
}

fn objects(namespace: &str) -> String {
    let path = format!("secret/data/{namespace}/db");
    object("db/password", &path, "password") + "  filePermission: 0400\n" + &object("user", &path, "username")
}

/// A republish later than the driver's poll interval, which would be skipped within it.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(150)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_republish_with_changed_content_unpublish() {
    let Some((world, driver)) = set_up("drv-life").await else { return };
    let class = [("roleName", "web"), ("objects", &*objects("drv-life"))];
    world.kube.class("drv-life", "web-secrets", "vault", &class, None).await;
    let pod = world.pod("a").await;
    driver
        .kubelet_publish(&pod, &world.tokens(&pod).await)
        .await
        .unwrap_or_else(|status| panic!("{status:?}\n{}", world.keymount.logs()));
    assert!(driver.is_mounted(&pod));
    let tree = driver.tree(&pod);
    assert_eq!(tree["db/password"], (0o400, PASSWORD.as_bytes().to_vec()));
    assert_eq!(tree["user"], (0o644, b"app-user".to_vec()));
    let versions =
        |status: Option<Value>| status.map(|status| status["objects"].to_string()).unwrap_or_default();
    let before = versions(world.kube.pod_status(&pod).await);
    assert!(before.contains("db/password"), "{before}");

    pause().await;
    driver.republish(&pod, &world.tokens(&pod).await).await.unwrap();
    assert_eq!(versions(world.kube.pod_status(&pod).await), before, "unchanged content keeps its versions");
    world.put("drv-life/db", json!({ "username": "app-user", "password": "rotated-value" })).await;
    pause().await;
    driver.republish(&pod, &world.tokens(&pod).await).await.unwrap();
    assert_eq!(driver.tree(&pod)["db/password"].1, b"rotated-value");
    assert_ne!(versions(world.kube.pod_status(&pod).await), before);

    driver.unpublish(&pod).await.unwrap();
    assert!(!driver.is_mounted(&pod) && !driver.target_exists(&pod));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_classes_in_one_pod() {
    let Some((world, driver)) = set_up("drv-two").await else { return };
    let path = "secret/data/drv-two/db";
    for (class, key) in [("one", "username"), ("two", "password")] {
        let objects = object("nested/value", path, key);
        world
            .kube
            .class("drv-two", class, "vault", &[("roleName", "web"), ("objects", &objects)], None)
            .await;
    }
    let pod = world.kube.pod("drv-two", "a", "web", "one").await;
    let tokens = world.tokens(&pod).await;
    let (one, two) = (pod.volume("first", "one"), pod.volume("second", "two"));
    driver.kubelet_publish(&one, &tokens).await.unwrap();
    driver.kubelet_publish(&two, &tokens).await.unwrap();
    assert_eq!(driver.tree(&one)["nested/value"].1, b"app-user");
    assert_eq!(driver.tree(&two)["nested/value"].1, PASSWORD.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_is_restarted_between_two_publishes() {
    let Some((mut world, driver)) = set_up("drv-again").await else { return };
    let class = [("roleName", "web"), ("objects", &*objects("drv-again"))];
    world.kube.class("drv-again", "web-secrets", "vault", &class, None).await;
    let (first, second) = (world.pod("a").await, world.pod("b").await);
    driver.kubelet_publish(&first, &world.tokens(&first).await).await.unwrap();
    world.keymount.kill9();
    world.keymount.restart().await;
    driver.kubelet_publish(&second, &world.tokens(&second).await).await.unwrap();
    assert_eq!(driver.tree(&second)["user"].1, b"app-user");
    world.keymount.restart().await;
    pause().await;
    driver.republish(&first, &world.tokens(&first).await).await.unwrap();
    assert_eq!(driver.tree(&first)["user"].1, b"app-user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synced_kubernetes_secret_has_the_files_bytes() {
    let Some((world, driver)) = set_up("drv-sync").await else { return };
    let sync = json!([{ "secretName": "synced", "type": "Opaque", "data": [
        { "objectName": "db/password", "key": "password" }, { "objectName": "user", "key": "user" } ] }]);
    let class = [("roleName", "web"), ("objects", &*objects("drv-sync"))];
    world.kube.class("drv-sync", "web-secrets", "vault", &class, Some(sync)).await;
    let pod = world.pod("a").await;
    driver.kubelet_publish(&pod, &world.tokens(&pod).await).await.unwrap();
    let path = "api/v1/namespaces/drv-sync/secrets/synced";
    let there = || async { world.kube.get(path).await.status == 200 };
    assert!(eventually(Duration::from_secs(30), there).await, "{}", driver.log());
    let secret = world.kube.get(path).await.body;
    let decoded = |key: &str| {
        base64::engine::general_purpose::STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()
    };
    assert_eq!(decoded("password"), PASSWORD.as_bytes());
    assert_eq!(decoded("user"), b"app-user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_refresh_leaves_the_mounted_files_alone() {
    let Some((mut world, driver)) = set_up("drv-fail").await else { return };
    let class = [("roleName", "web"), ("objects", &*objects("drv-fail"))];
    world.kube.class("drv-fail", "web-secrets", "vault", &class, None).await;
    let pod = world.pod("a").await;
    driver.kubelet_publish(&pod, &world.tokens(&pod).await).await.unwrap();
    let before = driver.tree(&pod);
    world.bao.stop();
    pause().await;
    driver.republish(&pod, &world.tokens(&pod).await).await.expect("the driver masks a failed refresh");
    assert_eq!(driver.tree(&pod), before);
    assert!(driver.log().contains("stage=login"), "the driver logs our text");
}
