//! Decision 4: renewed while it is wanted, replaced before its end, revoked on proof only.

use super::*;
use crate::error::Kind;

/// Mounts every `gap` for `span`; the different answers, and that none was dead when it was served.
async fn refreshed(world: &World, span: Duration, gap: Duration) -> Vec<String> {
    let mut answers: Vec<String> = Vec::new();
    for _ in 0..span.as_secs() / gap.as_secs() {
        let answer = world.good(&web(), "db:ro").await;
        let lease = answer.trim_start_matches("user-").parse().unwrap();
        assert!(world.paper.living().contains(&lease), "{answer} is dead");
        if answers.last() != Some(&answer) {
            answers.push(answer);
        }
        drive(gap).await;
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_credential_lives_as_long_as_its_maximum_allows() {
    let world = World::new();
    (world.paper.book().lease_ttl, world.paper.book().lease_max) = (Duration::from_secs(20), MINUTE);
    let answers = refreshed(&world, 3 * MINUTE, Duration::from_secs(2)).await;
    assert!((3..=4).contains(&answers.len()), "{answers:?}");
    assert_eq!(world.heard.count("minted first ok"), 1);
    assert_eq!(world.paper.count("revoke"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_old_one_still_lives_when_the_new_one_is_served() {
    let world = World::new();
    (world.paper.book().lease_ttl, world.paper.book().lease_max) = (4 * MINUTE, 20 * MINUTE);
    let mut before = world.good(&web(), "db:ro").await;
    let mut changes = 0;
    for _ in 0..120 {
        drive(Duration::from_secs(75)).await;
        let now = world.good(&web(), "db:ro").await;
        if now != before {
            changes += 1;
            assert_eq!(world.paper.living().len(), 2, "both overlap");
        }
        before = now;
    }
    assert!((7..=9).contains(&changes), "{changes} in 150 minutes of at most 20");
}

/// The lease never outlives its token: a token that cannot live on is replaced with what it made.
#[tokio::test(start_paused = true)]
async fn the_tokens_end_bounds_the_lease() {
    let world = World::new();
    (world.paper.book().token_ttl, world.paper.book().token_max) = (10 * MINUTE, 30 * MINUTE);
    world.paper.book().lease_max = 600 * MINUTE;
    let answers = refreshed(&world, 120 * MINUTE, MINUTE).await;
    assert!((4..=6).contains(&answers.len()), "{answers:?}");
    assert_eq!(world.paper.count("login"), answers.len() + world.heard.count("revoked replaced"));
}

/// What nobody renewed or replaced in time is told, while there is still time.
#[tokio::test(start_paused = true)]
async fn a_lease_that_should_have_been_renewed_is_overdue() {
    let world = World::new();
    world.paper.book().lease_max = 600 * MINUTE;
    let overdue = || world.sessions()[0].minted.iter().map(|minted| minted.overdue).collect::<Vec<_>>();
    world.good(&web(), "db:ro").await;
    for _ in 0..30 {
        drive(MINUTE).await;
        assert_eq!(overdue(), [false], "it is renewed");
    }
    world.paper.book().faults.insert("renew", Kind::Unavailable);
    let mut spent = 0;
    while overdue() != [true] {
        assert!(spent < 10 * 60, "its whole term");
        drive(Duration::from_secs(10)).await;
        spent += 10;
    }
    assert_eq!(world.paper.living().len(), 1, "told before its end");
    world.good(&web(), "db:ro").await;
    assert_eq!(overdue(), [false], "the Mount had another one made");
}

/// The driver's rotation is off by default: then one Mount is all that ever comes.
#[tokio::test(start_paused = true)]
async fn silence_is_renewed_for_and_never_revokes() {
    let world = World::new();
    world.paper.book().lease_max = 600 * MINUTE;
    world.good(&web(), "db:ro").await;
    drive(119 * MINUTE).await;
    assert_eq!(world.paper.living().len(), 1);
    assert!(world.sessions()[0].refresh_never_seen);
    drive(20 * MINUTE).await;
    assert!(world.sessions().is_empty(), "idle");
    assert_eq!((world.paper.living().len(), world.paper.count("revoke")), (0, 0), "it ran out by itself");
    assert!(world.shelf.0.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_exists_is_renewed_for_and_one_that_is_gone_is_revoked() {
    let world = World::with(|wishes| wishes.liveness = true);
    world.paper.book().lease_max = 6000 * MINUTE;
    world.paper.book().token_max = 6000 * MINUTE;
    world.pods.0.lock().unwrap().insert(web().uid, Presence::There);
    world.good(&web(), "db:ro").await;
    drive(600 * MINUTE).await;
    assert_eq!(world.paper.living().len(), 1, "its driver has said nothing for ten hours");
    world.pods.0.lock().unwrap().insert(web().uid, Presence::Gone);
    drive(Duration::from_secs(16)).await;
    assert_eq!((world.paper.living().len(), world.heard.count("revoked pod_gone ok")), (0, 1));
    assert!(world.sessions().is_empty() && world.shelf.0.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_never_seen_is_not_taken_for_gone() {
    let world = World::with(|wishes| wishes.liveness = true);
    world.pods.0.lock().unwrap().insert(web().uid, Presence::Gone);
    world.good(&web(), "db:ro").await;
    drive(10 * MINUTE).await;
    assert_eq!((world.paper.living().len(), world.paper.count("revoke")), (1, 0));
}

/// A class with one object that fails: what was made for the other waits for the next try.
#[tokio::test(start_paused = true)]
async fn what_never_reached_its_pod_waits_and_is_given_back_in_the_end() {
    let world = World::new();
    assert!(world.ask(&web(), "db:ro kv:none").await.is_err());
    drive(MINUTE).await;
    assert!(world.ask(&web(), "db:ro kv:none").await.is_err());
    assert_eq!((world.paper.living().len(), world.heard.count("minted")), (1, 1));
    drive(12 * MINUTE).await;
    assert_eq!((world.paper.living().len(), world.heard.count("revoked undelivered ok")), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_what_it_began_to_the_next() {
    let world = World::new();
    world.paper.book().slow = Duration::from_secs(2);
    let left = tokio::time::timeout(Duration::from_secs(3), world.ask(&web(), "db:ro")).await;
    assert!(left.is_err(), "it goes in the middle of the mint");
    drive(Duration::from_secs(5)).await;
    let answer = world.good(&web(), "db:ro").await;
    assert_eq!((answer.as_str(), world.paper.count("read")), ("user-2", 1));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_for_a_while_is_tried_again() {
    let world = World::new();
    let first = world.good(&web(), "db:ro").await;
    drive(5 * MINUTE).await;
    world.paper.book().faults.insert("renew", Kind::Unavailable);
    drive(3 * MINUTE).await;
    world.paper.book().faults.clear();
    drive(2 * MINUTE).await;
    assert_eq!(world.good(&web(), "db:ro").await, first);
    let tries = world.heard.count("renewed lease unavailable");
    assert!((2..=10).contains(&tries), "with pauses: {tries}");
}

/// A policy without renewal: said once, never in a loop, and replaced only when needed.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_forbidden_is_not_tried_again() {
    let world = World::new();
    world.paper.book().faults.insert("renew", Kind::Denied);
    let answers = refreshed(&world, 60 * MINUTE, MINUTE).await;
    assert!((8..=10).contains(&answers.len()), "600 s each, less a third: {answers:?}");
    let tries = world.paper.count("renew lease");
    assert!(tries > 0 && tries <= answers.len(), "at most once each: {tries}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_any_more_is_replaced_when_two_thirds_are_over() {
    let world = World::new();
    world.paper.book().faults.insert("renew", Kind::Invalid);
    let first = world.good(&web(), "db:ro").await;
    for _ in 0..6 {
        drive(MINUTE).await;
        assert_eq!(world.good(&web(), "db:ro").await, first);
    }
    drive(MINUTE).await;
    assert_ne!(world.good(&web(), "db:ro").await, first);
}

/// One long silence of the driver must not cost a new credential at every later Mount.
#[tokio::test(start_paused = true)]
async fn a_gap_longer_than_the_term_does_not_mint_at_every_mount() {
    let world = World::new();
    world.paper.book().lease_max = 20 * MINUTE;
    world.good(&web(), "db:ro").await;
    drive(90 * MINUTE).await;
    let answers = refreshed(&world, 20 * MINUTE, MINUTE).await;
    assert!(answers.len() <= 3, "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_sessions_are_kept_for_half_an_hour() {
    let world = World::new();
    for at in 0..1000 {
        world.good(&pod("app", "web", &format!("web-{at}")), "db:ro").await;
    }
    let mut most = Vec::new();
    for _ in 0..30 {
        let before = world.paper.count("renew");
        drive(MINUTE).await;
        most.push(world.paper.count("renew") - before);
    }
    assert_eq!((world.paper.living().len(), world.sessions().len()), (1000, 1000));
    let all: usize = most.iter().sum();
    assert!(most.iter().max().unwrap() * 4 < all, "spread, not in one heap: {most:?}");
    assert!(world.provider.0.host.keeper.waiting() <= 1000);
}

/// A class that asks for something else now: what it asked for before is not kept alive.
#[tokio::test(start_paused = true)]
async fn what_no_class_asks_for_any_more_runs_out() {
    let world = World::new();
    world.paper.book().lease_max = 600 * MINUTE;
    world.good(&web(), "db:ro").await;
    world.good(&web(), "db:rw").await;
    assert_eq!(world.sessions()[0].minted.len(), 1);
    for _ in 0..12 {
        drive(MINUTE).await;
        world.good(&web(), "db:rw").await;
    }
    assert_eq!((world.paper.living().len(), world.paper.count("revoke")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_term_shorter_than_the_gap_is_told_once() {
    let world = World::new();
    (world.paper.book().lease_ttl, world.paper.book().lease_max) = (MINUTE, MINUTE);
    for _ in 0..5 {
        world.good(&web(), "db:ro").await;
        drive(2 * MINUTE).await;
    }
    assert_eq!(world.heard.count("outlived"), 1);
}

/// One namespace makes many sessions: it pushes out its own.
#[tokio::test(start_paused = true)]
async fn a_tenant_pushes_out_its_own_sessions() {
    let world = World::with(|wishes| wishes.policy.max_sessions = 10);
    for at in 0..3 {
        world.good(&pod("quiet", "web", &format!("q-{at}")), "kv:a").await;
    }
    for at in 0..50 {
        world.good(&pod("loud", "web", &format!("l-{at}")), "once:z").await;
    }
    let quiet = world.sessions().iter().filter(|entry| entry.namespace == "quiet").count();
    assert_eq!((quiet, world.sessions().len()), (3, 10));
}

/// Ten minutes without the server: no session is lost, nobody logs in again, and what is
/// asked is bounded; its end brings each pod one read, not a heap.
#[tokio::test(start_paused = true)]
async fn a_long_outage_costs_no_session_and_ends_without_a_herd() {
    let world = World::new();
    world.paper.book().lease_ttl = 30 * MINUTE;
    let pods: Vec<_> = (0..50).map(|at| pod("app", &format!("web-{at}"), &format!("pod-{at}"))).collect();
    for pod in &pods {
        world.ask(pod, "kv:a db:ro").await.unwrap();
    }
    for operation in ["login", "fetch", "renew", "check"] {
        world.paper.book().faults.insert(operation, Kind::Unavailable);
    }
    let before = world.paper.book().log.len();
    for _ in 0..8 {
        drive(Duration::from_secs(75)).await;
        for pod in &pods {
            assert_eq!(world.ask(pod, "kv:a db:ro").await.unwrap_err().kind(), Kind::Unavailable);
        }
    }
    let asked = world.paper.book().log.len() - before;
    assert!(asked <= 8 * 50 * 2, "a read and a check for each Mount: {asked}");
    world.paper.book().faults.clear();
    let before = world.paper.count("read");
    for pod in &pods {
        world.ask(pod, "kv:a db:ro").await.unwrap();
    }
    assert_eq!((world.paper.count("read") - before, world.paper.count("login")), (50, 50));
    assert_eq!((world.paper.living().len(), world.heard.count("ended")), (50, 0));
}
