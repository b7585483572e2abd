//! keymount in a real cluster: any that `KUBECONFIG` names, with the Secrets Store CSI driver installed and
//! keymount's image on its nodes (docs/cluster.md). `make cluster-test`; not a part of `make test`.
//!
//! The cases share one installation and run one after another, each on what the one before left.
#![allow(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unused_async,
    clippy::unwrap_used,
    reason = "test code: a broken set-up must end the test where it broke; each case is async, whether it waits or not"
)]

#[path = "../support/mod.rs"]
mod support;

mod backend;
mod failing;
mod install;
mod kubectl;
mod lifetime;
mod mounting;
mod workload;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Instant;

use futures_util::FutureExt as _;

use self::install::World;

type Case = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

const CASES: [(&str, Case); 15] = [
    ("it runs with what it ships with", |world| Box::pin(install::runs_confined(world))),
    ("helm test passes and fails as it should", |world| Box::pin(install::helm_test(world))),
    ("a pod reads its secrets", |world| Box::pin(mounting::reads(world))),
    ("a pod with two classes reads both", |world| Box::pin(mounting::reads_two_classes(world))),
    ("a class is looked up in the pod's namespace", |world| Box::pin(mounting::own_namespace(world))),
    ("the driver's Secret follows", |world| Box::pin(mounting::synced(world))),
    ("a rotation reaches the file", |world| Box::pin(mounting::rotates(world))),
    ("a rolling update makes no new lease", |world| Box::pin(lifetime::rolls(world))),
    ("a refused pod waits with our text", |world| Box::pin(failing::refused(world))),
    ("a pod without a class waits", |world| Box::pin(failing::no_class(world))),
    ("a dead backend leaves the pod waiting", |world| Box::pin(failing::backend_down(world))),
    ("a dead provider leaves the pod waiting", |world| Box::pin(failing::provider_down(world))),
    ("a deleted pod's lease is revoked", |world| Box::pin(lifetime::revokes(world))),
    ("it verifies tokens by the cluster's keys", |world| {
        Box::pin(install::verifies_by_the_clusters_keys(world))
    }),
    ("it runs as root without capabilities", |world| Box::pin(install::root_without_capabilities(world))),
];

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster() {
    let began = Instant::now();
    let world = World::begin().await;
    println!("set up in {:.1} s", began.elapsed().as_secs_f64());
    let (mut passed, mut broken) = (0, Vec::new());
    // For work on one of them; what it needs of those before it is to be named too.
    let asked = std::env::var("KEYMOUNT_CLUSTER_CASES").unwrap_or_default();
    let chosen = CASES.iter().filter(|(name, _)| asked.split(',').any(|part| name.contains(part)));
    for (name, case) in chosen {
        let began = Instant::now();
        let ended = AssertUnwindSafe(case(&world)).catch_unwind().await;
        let verdict = if ended.is_ok() { "ok" } else { "FAILED" };
        println!("{verdict}: {name}, {:.1} s", began.elapsed().as_secs_f64());
        match ended {
            Ok(()) => passed += 1,
            Err(_) => broken.push(*name),
        }
    }
    if !broken.is_empty() {
        println!("{}", install::picture());
    }
    println!("{passed} passed, {} failed", broken.len());
    drop(world);
    assert!(broken.is_empty(), "{broken:?}");
}
