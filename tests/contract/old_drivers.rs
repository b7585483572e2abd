//! C14: drivers v1.3.4 to v1.5.6, whose `:authority` is the socket's path.

use std::time::Duration;

use tonic::Code;

use crate::support::provider::Provider;
use crate::world::{OBJECTS, PASSWORD, World, pod};

/// Each deadline is a header of its own, so that the table of the connection turns over several times.
#[tokio::test(flavor = "multi_thread")]
async fn c14_three_hundred_calls_on_one_connection_of_an_old_driver() {
    let world = World::new().await;
    let provider = Provider::connect_as_old_driver(&world.keymount.sockets()[0]).await.unwrap();
    let mount = world.mount(&pod("a"), OBJECTS);
    let first = provider.mount(&mount).await.unwrap();
    for call in 0..300 {
        let mount = match call % 3 {
            0 => mount.clone().old_rotation(&first.object_version),
            _ => mount.clone().timeout(Some(Duration::from_micros(119_000_000 - call))),
        };
        let answer = provider.mount(&mount).await;
        let answer = answer.unwrap_or_else(|status| panic!("call {call}: {status:?}"));
        assert_eq!(answer.text("db/password").as_deref(), Some(PASSWORD), "call {call}");
    }
    let logs = world.keymount.logs();
    assert_eq!(logs.matches("a driver older than v1.6.0").count(), 1, "one connection: {logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c14_old_and_new_drivers_at_once_many_calls_each() {
    let world = World::new().await;
    let old = Provider::connect_as_old_driver(&world.keymount.sockets()[0]).await.unwrap();
    let calls = (0..200).map(|at| {
        let mount = world.mount(&pod(&format!("pod-{at}")), OBJECTS);
        let provider = if at % 4 == 0 { world.provider.clone() } else { old.clone() };
        tokio::spawn(async move { provider.mount(&mount).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap().text("user").as_deref(), Some("app-user"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c14_refusals_and_large_requests_of_an_old_driver() {
    let world = World::new().await;
    let old = Provider::connect_as_old_driver(&world.keymount.sockets()[0]).await.unwrap();
    let good = world.mount(&pod("a"), OBJECTS);
    let refused = old.mount(&good.clone().set("objects", "7")).await.expect_err("no list");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let large = old.mount(&good.clone().set("x", &"x".repeat(3 * 1024 * 1024))).await;
    assert!(large.is_ok(), "many frames, passed as they are");
    assert!(old.version().await.is_ok());
}
