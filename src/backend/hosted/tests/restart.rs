//! Decision 5: the next process has the same credentials, and the same proofs.

use super::*;
use crate::error::Kind;

#[tokio::test(start_paused = true)]
async fn a_restart_serves_the_same_bytes_without_a_login_or_a_lease() {
    let world = World::new();
    world.paper.book().lease_max = 600 * MINUTE;
    let before = world.ask(&web(), "db:ro cert:web once:z").await.unwrap();
    drive(5 * MINUTE).await;
    let world = world.restart(|_| {}).await;
    assert_eq!(world.sessions().len(), 1);
    assert_eq!(world.ask(&web(), "db:ro cert:web once:z").await.unwrap(), before);
    assert_eq!(
        (world.paper.count("login"), world.paper.count("read"), world.paper.count("revoke")),
        (1, 3, 0)
    );
    drive(90 * MINUTE).await;
    assert_eq!(world.paper.living().len(), 1, "the new process renews");
}

/// The driver's rotation may be off: no Mount ever comes to the new process.
#[tokio::test(start_paused = true)]
async fn what_was_taken_over_is_renewed_before_any_mount() {
    let world = World::new();
    world.paper.book().lease_max = 600 * MINUTE;
    world.good(&web(), "db:ro").await;
    let world = world.restart(|_| {}).await;
    drive(100 * MINUTE).await;
    assert_eq!(world.paper.living().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn proof_is_required_as_before() {
    let world = World::new();
    world.good(&web(), "db:ro").await;
    let world = world.restart(|_| {}).await;
    world.paper.book().faults.insert("login", Kind::Denied);
    world.rotate(&web()).await;
    assert_eq!(world.ask(&web(), "db:ro").await.unwrap_err().kind(), Kind::Denied);
}

#[tokio::test(start_paused = true)]
async fn static_values_are_never_on_the_shelf() {
    let world = World::new();
    world.paper.book().values.insert("a".into(), "static-value".into());
    world.good(&web(), "kv:a").await;
    assert!(world.shelf.0.lock().unwrap().is_empty());
    world.ask(&web(), "kv:a db:ro").await.unwrap();
    let files = world.shelf.0.lock().unwrap().clone();
    assert_eq!(files.len(), 1);
    let text = String::from_utf8(files.values().next().unwrap().clone()).unwrap();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "static-value");
    assert!(!text.contains("static-value") && !text.contains(&encoded), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_bad_file_costs_its_session_only() {
    let world = World::new();
    let kept = world.good(&pod("app", "web", "web-1"), "db:ro").await;
    world.good(&web(), "db:ro").await;
    {
        let mut files = world.shelf.0.lock().unwrap();
        let name = files.keys().find(|name| name.contains("uid-of-web-0")).unwrap().clone();
        files.insert(name, b"{\"form\":1".to_vec());
        files.insert("paper-foreign".into(), b"{\"form\":99}".to_vec());
    }
    let world = world.restart(|_| {}).await;
    assert_eq!((world.sessions().len(), world.heard.count("handoff read")), (1, 2));
    assert_eq!(world.good(&pod("app", "web", "web-1"), "db:ro").await, kept);
    assert!(world.ask(&web(), "db:ro").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_file_under_another_sessions_name_is_refused() {
    let world = World::new();
    world.good(&web(), "db:ro").await;
    {
        let mut files = world.shelf.0.lock().unwrap();
        let (name, content) = files.pop_first().unwrap();
        files.insert(format!("{name}0"), content);
    }
    let world = world.restart(|_| {}).await;
    assert_eq!((world.sessions().len(), world.heard.count("handoff read")), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_ended_meanwhile_is_not_taken_over() {
    let world = World::new();
    world.good(&web(), "db:ro").await;
    world.stop.cancel();
    drive(11 * MINUTE).await;
    let world = world.restart(|_| {}).await;
    assert!(world.sessions().is_empty() && world.shelf.0.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_restart_changes_nothing_for_a_pod_that_is_gone_by_then() {
    let world = World::with(|wishes| wishes.liveness = true);
    world.paper.book().lease_max = 600 * MINUTE;
    world.pods.0.lock().unwrap().insert(web().uid, Presence::There);
    world.good(&web(), "db:ro").await;
    drive(7 * MINUTE).await;
    let world = world.restart(|wishes| wishes.liveness = true).await;
    world.pods.0.lock().unwrap().insert(web().uid, Presence::Gone);
    drive(MINUTE).await;
    assert_eq!(world.heard.count("revoked pod_gone ok"), 1, "the process before had seen it");
    assert!(world.paper.living().is_empty());
}
