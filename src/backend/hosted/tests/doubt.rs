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

/// Two volumes of one pod find out at once that its token is dead.
#[tokio::test(start_paused = true)]
async fn two_that_heal_at_once_log_in_once_and_revoke_nothing() {
    let world = World::new();
    let web = web();
    world.ask(&web, "kv:a kv:b").await.unwrap();
    world.paper.revoke_all();
    world.paper.book().slow = Duration::from_millis(50);
    drive(2 * MINUTE).await;
    let (one, two) =
        tokio::join!(world.ask_as(&web, "one", "kv:a db:ro"), world.ask_as(&web, "two", "kv:b db:rw"));
    assert!(one.is_ok() && two.is_ok());
    drive(MINUTE).await;
    assert_eq!(
        (world.paper.count("login"), world.paper.count("revoke"), world.paper.living().len()),
        (2, 0, 2)
    );
}

/// The token that a use would use up is not used to renew what it made.
#[tokio::test(start_paused = true)]
async fn leases_of_a_token_that_counts_its_uses_are_not_renewed() {
    let world = World::new();
    world.paper.book().uses = true;
    let first = world.good(&web(), "db:ro").await;
    for _ in 0..6 {
        drive(MINUTE).await;
        assert_eq!(world.good(&web(), "db:ro").await, first);
    }
    drive(MINUTE).await;
    assert_ne!(world.good(&web(), "db:ro").await, first, "replaced when a third is left");
    assert_eq!(world.paper.count("renew"), 0);
}

/// A server that refuses once what it should not: without any Mount it is asked again.
#[tokio::test(start_paused = true)]
async fn a_doubt_without_mounts_is_cleared_by_the_keeper() {
    let world = World::new();
    world.paper.book().lease_max = 600 * MINUTE;
    world.paper.book().lease_ttl = 60 * MINUTE;
    world.good(&web(), "db:ro").await;
    drive(30 * MINUTE).await;
    world.paper.book().faults.insert("renew", Kind::Denied);
    world.paper.book().no_lookup = true;
    drive(12 * MINUTE).await;
    world.paper.book().faults.clear();
    world.paper.book().no_lookup = false;
    drive(70 * MINUTE).await;
    assert_eq!(world.paper.living().len(), 1);
}

/// What a login of another authority read is not for those who waited under the old one.
#[tokio::test(start_paused = true)]
async fn who_waits_gets_nothing_that_another_authority_read() {
    let world = World::new();
    world.paper.book().token_ttl = 5 * MINUTE;
    let (one, two) = (pod("app", "web", "web-1"), pod("app", "web", "web-2"));
    world.good(&one, "kv:a").await;
    drive(3 * MINUTE).await;
    world.good(&two, "kv:a").await;
    // The first pod's token has run out; its next login gives more.
    drive(3 * MINUTE).await;
    world.paper.book().policies.insert("more".into());
    world.paper.book().slow = Duration::from_millis(50);
    let shared = world.heard.count("shared");
    let (first, second) = tokio::join!(world.ask(&one, "kv:a"), world.ask(&two, "kv:a"));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(world.heard.count("shared"), shared, "each asked for itself");
}
