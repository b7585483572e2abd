//! Through the real driver v1.5.6: it names the socket's path as authority, rotates by itself, and says less
//! when it does.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::csi::{Driver, Options};
use crate::support::eventually;
use crate::support::kube_objects::PodRef;
use crate::world::{PASSWORD, World, object};

const ROTATION: Options = Options { rotation: true, interval: Duration::from_millis(500) };
const SOON: Duration = Duration::from_secs(30);

async fn set_up(namespace: &str, options: Options) -> Option<(World, Driver)> {
    let world = World::new(namespace).await?;
    let driver = Driver::start_old(world.kube, &world.keymount.providers(), options, "vault").await?;
    let path = format!("secret/data/{namespace}/db");
    let objects = object("db/password", &path, "password")
        + "  filePermission: 0400\n"
        + &object("user", &path, "username");
    let class = [("roleName", "web"), ("objects", &*objects)];
    world.kube.class(namespace, "web-secrets", "vault", &class, None).await;
    Some((world, driver))
}

async fn publish(world: &World, driver: &Driver, pod: &PodRef) {
    let published = driver.kubelet_publish(pod, &world.tokens(pod).await).await;
    published.unwrap_or_else(|status| panic!("{status:?}\n{}\n{}", world.keymount.logs(), driver.log()));
}

/// Another password, and then in the mounted file without the kubelet's doing.
async fn rotates(world: &World, driver: &Driver, pod: &PodRef, password: &str) {
    let data = json!({ "username": "app-user", "password": password });
    world.put(&format!("{}/db", world.namespace), data).await;
    let is_new =
        || async { driver.tree(pod).get("db/password").is_some_and(|file| file.1 == password.as_bytes()) };
    assert!(eventually(SOON, is_new).await, "{}\n{}", world.keymount.logs(), driver.log());
}

async fn versions(world: &World, pod: &PodRef) -> String {
    let status: Option<Value> = world.kube.pod_status(pod).await;
    status.map(|status| status["objects"].to_string()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_rotation_by_the_driver_itself_unpublish() {
    let Some((world, driver)) = set_up("old-life", ROTATION).await else { return };
    let pod = world.pod("a").await;
    publish(&world, &driver, &pod).await;
    assert!(driver.is_mounted(&pod));
    let tree = driver.tree(&pod);
    assert_eq!(tree["db/password"], (0o400, PASSWORD.as_bytes().to_vec()));
    assert_eq!(tree["user"], (0o644, b"app-user".to_vec()));
    let before = versions(&world, &pod).await;
    assert!(before.contains("db/password"), "{before}");

    rotates(&world, &driver, &pod, "rotated-by-itself").await;
    let is_written = || async { versions(&world, &pod).await != before };
    assert!(eventually(SOON, is_written).await, "{before}");
    rotates(&world, &driver, &pod, "rotated-once-more").await;
    // Rotation names no class; the session that the first mount began knows it (decision 12).
    let sample = r#"keymount_mounts_total{namespace="old-life",outcome="ok",provider="vault",secret_provider_class="web-secrets"}"#;
    assert!(world.keymount.metric(sample).await.is_some_and(|count| count >= 3.0));

    // A pod is terminating before its volumes go: of any other pod the old driver rotates the bare folder.
    world.kube.delete_pod(&pod).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    driver.unpublish(&pod).await.unwrap();
    assert!(!driver.is_mounted(&pod) && !driver.target_exists(&pod));
}

/// Each deadline is another entry of the connection's table, so that the authority is evicted from it on the way.
#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_a_connections_table_holds() {
    let Some((world, driver)) = set_up("old-many", Options { rotation: false, ..ROTATION }).await else {
        return;
    };
    let pod = world.pod("a").await;
    let tokens = world.tokens(&pod).await;
    for call in 0..150 {
        let published = driver.kubelet_publish(&pod, &tokens).await;
        assert!(published.is_ok(), "call {call}: {published:?}\n{}", world.keymount.logs());
        assert_eq!(driver.tree(&pod)["user"].1, b"app-user", "call {call}");
        driver.unpublish(&pod).await.unwrap();
    }
    let logs = world.keymount.logs();
    assert_eq!(logs.matches("a driver older than v1.6.0").count(), 1, "one connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_is_restarted_between_two_rotations() {
    let Some((mut world, driver)) = set_up("old-again", ROTATION).await else { return };
    let (first, second) = (world.pod("a").await, world.pod("b").await);
    publish(&world, &driver, &first).await;
    world.keymount.kill9();
    world.keymount.restart().await;
    publish(&world, &driver, &second).await;
    assert_eq!(driver.tree(&second)["user"].1, b"app-user");
    rotates(&world, &driver, &first, "after-a-kill").await;
    world.keymount.restart().await;
    rotates(&world, &driver, &first, "after-a-restart").await;
    assert_eq!(driver.tree(&second)["user"].1, b"app-user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_the_kubelet_with_our_text() {
    let Some((world, driver)) = set_up("old-none", ROTATION).await else { return };
    let objects = object("user", "secret/data/old-none/nothing", "username");
    let class = [("roleName", "web"), ("objects", &*objects)];
    world.kube.class("old-none", "web-secrets", "vault", &class, None).await;
    let pod = world.pod("a").await;
    let tokens = world.tokens(&pod).await;
    // The driver reads classes by a watch, which may lag behind.
    let is_refused = || async {
        let refused = driver.kubelet_publish(&pod, &tokens).await.err();
        refused.is_some_and(|status| status.message().contains("stage=read object=user"))
    };
    assert!(eventually(SOON, is_refused).await, "{}", driver.log());
    assert!(!driver.is_mounted(&pod));
}
