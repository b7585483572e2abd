//! What pods share, and that nothing crosses from one to another.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::json;

use super::{creds, pods};
use crate::support::provider::Mount;
use crate::world::{PASSWORD, World, object};

const INTERVAL: [&str; 4] = ["--refresh-interval", "60s", "--min-refresh-interval", "30s"];

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_ten_replicas_read_each_object_once() {
    let Some(world) = World::with("cross-many", &INTERVAL).await else { return };
    let path = "secret/data/cross-many/db";
    world.put("cross-many/two", json!({ "k": "the-second-one" })).await;
    let objects = object("p", path, "password")
        + &object("u", path, "username")
        + &object("k", "secret/data/cross-many/two", "k");
    let all = pods(&world, (0..110).map(|at| format!("web-{at}")), "web").await;
    let mounts = join_all(all.iter().map(|pod| world.mount(pod, &objects))).await;
    for round in 0..2 {
        let answers = join_all(mounts.iter().map(|mount| world.call(mount))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().text("p").as_deref() == Some(PASSWORD)));
        let (logins, reads) =
            (world.bao.requests("auth/kubernetes/login"), world.bao.requests("secret/data/cross-many"));
        assert_eq!(
            (logins, reads),
            (110, 2),
            "round {round}: each logged in by itself, and one read an object"
        );
    }
    let shared = world.keymount.metric(r#"keymount_shared_reads_total{provider="vault"}"#).await;
    assert_eq!(shared, Some(109.0 * 2.0));
}

/// Two namespaces, many accounts, each asking for what is its own and for what answers differently to each.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_crosses_between_two_hundred_identities() {
    let Some(mut world) = World::with("cross-a", &INTERVAL).await else { return };
    world.bao.pki("pki", "web", "1h").await;
    let path = |path| format!("path \"{path}\" {{ capabilities = [\"read\", \"create\", \"update\"] }}\n");
    world.bao.policy("own", &["cubbyhole/mine", "auth/token/lookup-self"].map(path).concat()).await;
    any_account(&world).await;
    let objects = object("me", "auth/token/lookup-self", "accessor")
        + &object("cert", "pki/issue/web", "serial_number")
        + "  method: PUT\n  secretArgs: { common_name: a.svc, ttl: 5m }\n";
    let mut asked: Vec<(String, Mount)> = Vec::new();
    for namespace in ["cross-a", "cross-b"] {
        namespace.clone_into(&mut world.namespace);
        world.put(&format!("{namespace}/db"), json!({ "password": format!("only-for-{namespace}") })).await;
        for account in 0..100 {
            let pod = world.pod_as(&format!("p-{account}"), &format!("sa-{account}")).await;
            let own = objects.clone() + &object("p", &format!("secret/data/{namespace}/db"), "password");
            asked.push((format!("only-for-{namespace}"), world.mount(&pod, &own).await));
        }
    }
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for wave in asked.chunks(25) {
        for (expected, answer) in
            wave.iter().zip(join_all(wave.iter().map(|(_, mount)| world.call(mount))).await)
        {
            let answer = answer.unwrap_or_else(|status| panic!("{status:?}"));
            assert_eq!(answer.text("p").as_ref(), Some(&expected.0));
            for object in ["me", "cert"] {
                assert!(
                    seen.entry(object).or_default().insert(answer.text(object).unwrap()),
                    "{object} crossed"
                );
            }
        }
    }
    assert!(seen.values().all(|values| values.len() == 200));
    let shared = world.keymount.metric(r#"keymount_shared_reads_total{provider="vault"}"#).await;
    assert!(shared.is_none_or(|count| count < 0.5), "{shared:?}");
}

/// The kubernetes role of the tests, for any account, with what each token may do for itself.
async fn any_account(world: &World) {
    world
        .bao
        .role(
            "kubernetes",
            "web",
            json!({
                "bound_service_account_names": ["*"], "bound_service_account_namespaces": ["*"], "audience": "vault",
                "token_policies": ["pods", "own"], "token_ttl": "10m",
            }),
        )
        .await;
}

/// What answers differently to each token is nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn own_answers_are_not_shared_between_replicas() {
    let Some(world) = World::with("cross-own", &INTERVAL).await else { return };
    world
        .bao
        .policy("own", "path \"cubbyhole/*\" { capabilities = [\"read\", \"create\", \"update\"] }")
        .await;
    any_account(&world).await;
    let (one, two) = (world.pod("a").await, world.pod("b").await);
    let me = object("me", "auth/token/lookup-self", "accessor");
    let (first, second) = (world.read(&one, &me).await, world.read(&two, &me).await);
    assert_ne!(first.text("me"), second.text("me"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_never_share_what_was_minted() {
    let Some(leases) = super::Leases::new("cross-db", "10m", "1h", &INTERVAL).await else { return };
    let all = pods(&leases.world, (0..8).map(|at| format!("web-{at}")), "web").await;
    let objects = creds();
    let mounts = join_all(all.iter().map(|pod| leases.world.mount(pod, &objects))).await;
    let answers = join_all(mounts.iter().map(|mount| leases.call(mount))).await;
    let users: BTreeSet<_> = answers.iter().map(|answer| answer.text("user").unwrap()).collect();
    assert_eq!((users.len(), leases.made()), (8, 8));
}

/// A stranger is refused however much is kept for others.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_served_to_nobody_without_proof() {
    let Some(leases) = super::Leases::new("cross-proof", "10m", "1h", &INTERVAL).await else { return };
    let pod = leases.world.pod("a").await;
    let mount = leases.mount(&pod).await;
    leases.user(&mount).await;
    let other = leases.world.pod("b").await;
    let foreign = leases.world.tokens(&other).await;
    let thief = Mount::new(&pod, &[("roleName", "web"), ("objects", &creds())], &foreign);
    let (code, message) = leases.world.refused(&thief).await;
    assert!(code == tonic::Code::Unauthenticated && message.contains("not bound to this pod"), "{message}");
    let none = Mount::new(&pod, &[("roleName", "web"), ("objects", &creds())], &BTreeMap::new());
    assert_eq!(leases.world.refused(&none).await.0, tonic::Code::Unauthenticated);
    leases.user(&mount).await;
    assert_eq!(leases.made(), 1);
}
