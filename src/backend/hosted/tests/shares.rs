//! Decision 3: what is shared, and what never is.

use super::*;
use crate::error::Kind;

fn replica(at: usize) -> Pod {
    pod("app", "web", &format!("web-{at}"))
}

#[tokio::test(start_paused = true)]
async fn replicas_log_in_each_and_read_once() {
    let world = World::new();
    world.paper.book().slow = Duration::from_millis(20);
    let pods: Vec<_> = (0..110).map(replica).collect();
    let all = futures_util::future::join_all(pods.iter().map(|pod| world.ask(pod, "kv:a kv:b"))).await;
    assert!(all.into_iter().all(|answer| answer.unwrap() == ["one", "two"]));
    assert_eq!((world.paper.count("login"), world.paper.count("read")), (110, 2));
    assert_eq!(world.heard.count("shared"), 2 * 109);
}

/// All take the value over as old as it is, so that they ask in one step from then on.
#[tokio::test(start_paused = true)]
async fn replicas_refresh_with_one_read_an_interval() {
    let world = World::new();
    for _ in 0..40 {
        for at in 0..20 {
            world.good(&replica(at), "kv:a").await;
            drive(Duration::from_secs(3)).await;
        }
    }
    let minutes = 40;
    assert!(world.paper.count("read") <= minutes, "{} in {minutes} minutes", world.paper.count("read"));
    assert!(world.paper.count("read") >= minutes * 8 / 10);
}

#[tokio::test(start_paused = true)]
async fn a_new_pod_is_given_nothing_older_than_a_minute() {
    let world = World::new();
    let class = [("objects", "kv:a"), ("refreshInterval", "1h")];
    world.ask_with(&replica(0), &class).await.unwrap();
    drive(Duration::from_secs(59)).await;
    world.ask_with(&replica(1), &class).await.unwrap();
    assert_eq!(world.paper.count("read"), 1);
    drive(Duration::from_secs(2)).await;
    world.ask_with(&replica(2), &class).await.unwrap();
    assert_eq!(world.paper.count("read"), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_crosses_namespace_account_authority_or_scope() {
    let world = World::new();
    world.good(&replica(0), "kv:a").await;
    world.good(&pod("other", "web", "web-0-other"), "kv:a").await;
    world.good(&pod("app", "batch", "batch-0"), "kv:a").await;
    world.paper.book().policies.insert("more".into());
    world.good(&replica(1), "kv:a").await;
    assert_eq!((world.paper.count("read"), world.heard.count("shared")), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_nobody_shares_nothing() {
    let world = World::new();
    world.paper.book().policies.insert("nobody".into());
    world.good(&replica(0), "kv:a").await;
    world.good(&replica(1), "kv:a").await;
    assert_eq!(world.paper.count("read"), 2);
}

/// `own:` may look shareable until it is answered; the answer says that it is not.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_shared_is_asked_for_by_each() {
    let world = World::new();
    world.paper.book().slow = Duration::from_millis(20);
    let pods: Vec<_> = (0..10).map(replica).collect();
    let all = futures_util::future::join_all(pods.iter().map(|pod| world.good(pod, "own:x"))).await;
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!((different.len(), world.paper.count("read own:x")), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn nothing_minted_is_shared() {
    let world = World::new();
    let all: Vec<_> = futures_util::future::join_all((0..5).map(|at| {
        let (world, pod) = (&world, replica(at));
        async move { world.good(&pod, "db:ro").await }
    }))
    .await;
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn sharing_can_be_turned_off() {
    let world = World::with(|wishes| wishes.policy.share = false);
    world.good(&replica(0), "kv:a").await;
    world.good(&replica(1), "kv:a").await;
    assert_eq!(world.paper.count("read"), 2);
}

/// A server that is down is down for all who waited; a refusal is the asker's own.
#[tokio::test(start_paused = true)]
async fn waiters_share_an_outage_and_not_a_refusal() {
    for (kind, reads) in [(Kind::Unavailable, 1), (Kind::NotFound, 1), (Kind::Denied, 10)] {
        let world = World::new();
        world.paper.book().slow = Duration::from_millis(20);
        world.paper.book().faults.insert("fetch", kind);
        let pods: Vec<_> = (0..5).map(replica).collect();
        let all = futures_util::future::join_all(pods.iter().map(|pod| world.ask(pod, "kv:a"))).await;
        assert!(all.into_iter().all(|answer| answer.unwrap_err().kind() == kind));
        assert_eq!(world.paper.count("read"), reads, "{kind:?}");
    }
}

/// With the last pod that has it, a shared value is gone.
#[tokio::test(start_paused = true)]
async fn a_shared_value_lives_no_longer_than_its_pods() {
    let world = World::with(|wishes| wishes.policy.max_sessions = 1);
    world.good(&replica(0), "kv:a").await;
    world.good(&pod("app", "batch", "batch-0"), "kv:b").await;
    assert_eq!(world.provider.inventory().kept_bytes, 3, "b only");
    world.good(&replica(1), "kv:a").await;
    assert_eq!(world.paper.count("read kv:a"), 2);
}
