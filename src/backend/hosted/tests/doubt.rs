//! What died on the server is found out, healed once, and not looked for in a loop.

use super::*;
use crate::error::Kind;

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_healed_in_the_next_refresh() {
    let world = World::new();
    let before = world.ask(&web(), "kv:a db:ro").await.unwrap();
    world.paper.revoke_all();
    drive(2 * MINUTE).await;
    let after = world.ask(&web(), "kv:a db:ro").await.unwrap();
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1], before[1], "it died with its token");
    assert_eq!((world.paper.count("login"), world.paper.living().len()), (2, 1));
    assert_eq!(world.heard.count("minted gone ok"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_lease_is_found_by_the_check_of_an_interval() {
    let world = World::new();
    let before = world.good(&web(), "db:ro").await;
    world.paper.book().leases.clear();
    assert_eq!(world.good(&web(), "db:ro").await, before, "not asked within the interval");
    drive(2 * MINUTE).await;
    assert_ne!(world.good(&web(), "db:ro").await, before);
    assert_eq!(world.paper.count("login"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_that_the_keeper_meets_is_settled_by_the_next_mount() {
    let world = World::with(|wishes| wishes.policy.refresh = 600 * MINUTE);
    let before = world.good(&web(), "db:ro").await;
    world.paper.revoke_all();
    drive(8 * MINUTE).await;
    assert_eq!(world.heard.count("renewed token denied") + world.heard.count("renewed lease denied"), 1);
    let after = world.good(&web(), "db:ro").await;
    assert_ne!(after, before);
    assert_eq!((world.paper.count("login"), world.paper.living().len()), (2, 1));
}

/// `token_no_default_policy`: the token may renew nothing and ask nothing, and lives all the same.
#[tokio::test(start_paused = true)]
async fn a_token_that_may_not_even_ask_about_itself_is_not_taken_for_dead() {
    let world = World::new();
    world.paper.book().no_lookup = true;
    world.paper.book().faults.extend([("renew", Kind::Denied), ("check", Kind::Denied)]);
    let mut answers = vec![world.good(&web(), "db:ro").await];
    for _ in 0..60 {
        drive(MINUTE).await;
        answers.push(world.good(&web(), "db:ro").await);
    }
    answers.dedup();
    assert!(answers.len() <= 11, "a credential of 10 minutes for an hour: {}", answers.len());
    assert!(world.paper.count("login") <= 2 * answers.len(), "{}", world.paper.count("login"));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_cannot_be_made_now_changes_nothing() {
    let world = World::new();
    let before = world.good(&web(), "db:ro").await;
    world.paper.book().faults.insert("check", Kind::Unavailable);
    drive(2 * MINUTE).await;
    assert_eq!(world.good(&web(), "db:ro").await, before, "its term says that it lives");
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_denied_costs_a_login_each_five_minutes_at_most() {
    let world = World::new();
    world.paper.book().forbidden.insert("kv:a".into());
    for _ in 0..60 {
        assert_eq!(world.ask(&web(), "kv:a").await.unwrap_err().kind(), Kind::Denied);
        drive(Duration::from_secs(20)).await;
    }
    assert!(world.paper.count("login") <= 1 + 4, "{}", world.paper.count("login"));
    world.paper.book().forbidden.clear();
    assert_eq!(world.good(&web(), "kv:a").await, "one", "no login is needed for that");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_forgotten_only_by_who_used_it() {
    let world = World::new();
    world.good(&web(), "kv:a").await;
    let key = super::super::session::Key::new("web".to_owned(), &web());
    let old = world.provider.0.sessions.get(&key).unwrap();
    world.provider.0.end(&old, "denied");
    world.good(&web(), "kv:a").await;
    world.provider.0.end(&old, "denied");
    assert_eq!(world.sessions().len(), 1);
}
