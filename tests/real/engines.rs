//! Engines that make something new at every request: once per mount, consistent, given back if not delivered.

use std::time::Duration;

use serde_json::json;

use crate::support::eventually;
use crate::support::postgres::Postgres;
use crate::support::secrets;
use crate::world::{World, object};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_user_and_its_password_match() {
    let (Some(world), Some(pg)) = (World::new("eng-db").await, Postgres::start().await) else { return };
    world.bao.database("database", &pg).await;
    world.bao.database_role("database", "ro", "10m", "1h").await;
    let pod = world.pod("a").await;
    let path = "database/creds/ro";
    let objects = object("user", path, "username") + &object("pass", path, "password");
    let answer = world.read(&pod, &objects).await;
    let (user, password) = (answer.text("user").unwrap(), answer.text("pass").unwrap());
    secrets::remember(&password);
    assert!(pg.can_login(&user, &password));
    assert_eq!(world.bao.lease_count("database/creds/").await, 1);
    assert_eq!(world.bao.requests(path), 1);
}

/// Without sessions nothing waits for the pod's next try.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_mount_minted_is_given_back() {
    let (Some(world), Some(pg)) =
        (World::with("eng-back", &["--sessions", "off"]).await, Postgres::start().await)
    else {
        return;
    };
    world.bao.database("database", &pg).await;
    world.bao.database_role("database", "ro", "10m", "1h").await;
    let pod = world.pod("a").await;
    let objects =
        object("user", "database/creds/ro", "username") + &object("none", "secret/data/eng-back/none", "x");
    let mount = world.mount(&pod, &objects).await;
    world.refused(&mount).await;
    let gone = || async { world.bao.lease_count("database/creds/").await == 0 };
    assert!(
        eventually(Duration::from_secs(5), gone).await,
        "{:?}",
        world.bao.leases("database/creds/").await
    );
    assert!(pg.roles().is_empty(), "{:?}", pg.roles());
}

/// K11: the driver's deadline fires and the call is cancelled while the credential is being made.
#[tokio::test(flavor = "multi_thread")]
async fn k11_a_cancelled_call_leaks_no_lease() {
    let (Some(world), Some(pg)) = (World::new("eng-cancel").await, Postgres::start().await) else { return };
    world.bao.database("database", &pg).await;
    world.bao.database_role("database", "ro", "10m", "1h").await;
    let pod = world.pod("a").await;
    let mount = world.mount(&pod, &object("user", "database/creds/ro", "username")).await;
    for wait in [1, 3, 5, 10, 15, 20, 25, 30, 35] {
        let _ = tokio::time::timeout(Duration::from_millis(wait), world.call(&mount)).await;
    }
    let answer = world.call(&mount).await.unwrap();
    let user = answer.text("user").unwrap();
    let one = || async { pg.roles() == [user.clone()] };
    assert!(eventually(Duration::from_secs(10), one).await, "{:?} beside {user}", pg.roles());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_with_different_arguments_are_different_requests() {
    let Some(world) = World::new("eng-pki").await else { return };
    world.bao.pki("pki", "web", "1h").await;
    let pod = world.pod("a").await;
    let issue = |name: &str, common: &str, key: &str| {
        object(name, "pki/issue/web", key)
            + &format!("  method: PUT\n  secretArgs: {{ common_name: {common}, ttl: 5m }}\n")
    };
    let objects = issue("a.crt", "a.svc", "certificate")
        + &issue("a.key", "a.svc", "private_key")
        + &issue("b.crt", "b.svc", "certificate");
    let answer = world.read(&pod, &objects).await;
    secrets::remember(&answer.text("a.key").unwrap());
    assert_ne!(answer.text("a.crt"), answer.text("b.crt"));
    assert_eq!(world.bao.requests("pki/issue/web"), 2, "one request for each set of arguments");
    assert!(answer.text("a.key").unwrap().contains("BEGIN EC PRIVATE KEY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_path_and_method_with_arguments() {
    let Some(world) = World::new("eng-any").await else { return };
    world.bao.put("sys/mounts/transit", json!({ "type": "transit" })).await;
    world.bao.put("transit/keys/k", json!({})).await;
    let pod = world.pod("a").await;
    let objects = object("c", "transit/encrypt/k", "ciphertext")
        + "  method: post\n  secretArgs: { plaintext: aGVsbG8= }\n";
    let answer = world.read(&pod, &objects).await;
    assert!(answer.text("c").unwrap().starts_with("vault:v1:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_out() {
    let Some(world) = World::new("eng-rate").await else { return };
    let pod = world.pod("a").await;
    world.bao.rate_limit("kv", "secret/", 1, "1s").await;
    let objects = object("a", "secret/data/eng-rate/db?version=1", "password")
        + &object("b", "secret/data/eng-rate/db", "password");
    assert_eq!(world.read(&pod, &objects).await.tree().len(), 2);
    let metrics = world.keymount.metrics().await;
    assert!(
        metrics
            .contains(r#"keymount_backend_requests_total{operation="read",provider="vault",status="429"}"#),
        "{metrics}"
    );
    world.bao.no_rate_limit("kv").await;
}
