//! Decision 4: how often what is asked.

use super::*;
use crate::error::Kind;

#[tokio::test(start_paused = true)]
async fn static_values_are_read_once_an_interval() {
    let world = World::new();
    for _ in 0..48 {
        world.ask(&web(), "kv:a kv:b").await.unwrap();
        drive(Duration::from_secs(75)).await;
    }
    assert_eq!(world.paper.count("read"), 2 * 48, "each refresh is later than the interval of a minute");
    let world = World::new();
    for _ in 0..48 {
        world.ask_with(&web(), &[("objects", "kv:a"), ("refreshInterval", "5m")]).await.unwrap();
        drive(Duration::from_secs(75)).await;
    }
    assert!((10..=12).contains(&world.paper.count("read")), "{}", world.paper.count("read"));
}

#[tokio::test(start_paused = true)]
async fn no_class_has_values_read_more_often_than_the_floor() {
    let world = World::new();
    for _ in 0..100 {
        world.ask_with(&web(), &[("objects", "kv:a"), ("refreshInterval", "1s")]).await.unwrap();
        drive(Duration::from_secs(3)).await;
    }
    assert!((8..=10).contains(&world.paper.count("read")), "{}", world.paper.count("read"));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_seen_after_the_interval() {
    let world = World::new();
    world.good(&web(), "kv:a").await;
    world.paper.book().values.insert("a".into(), "new".into());
    drive(Duration::from_secs(30)).await;
    assert_eq!(world.good(&web(), "kv:a").await, "one");
    drive(Duration::from_secs(37)).await;
    assert_eq!(world.good(&web(), "kv:a").await, "new");
}

/// Decision 9: within the interval nothing is asked, so nothing fails; after it there is no stale answer.
#[tokio::test(start_paused = true)]
async fn an_outage_is_felt_after_the_interval_and_over_with_the_outage() {
    let world = World::new();
    world.good(&web(), "kv:a").await;
    world.paper.book().faults.insert("fetch", Kind::Unavailable);
    drive(Duration::from_secs(30)).await;
    assert_eq!(world.good(&web(), "kv:a").await, "one");
    drive(Duration::from_secs(37)).await;
    assert_eq!(world.ask(&web(), "kv:a").await.unwrap_err().kind(), Kind::Unavailable);
    assert!(world.sessions()[0].last_error.as_ref().unwrap().contains("object=kv:a"));
    world.paper.book().faults.clear();
    assert_eq!(world.good(&web(), "kv:a").await, "one");
    assert_eq!((world.paper.count("login"), world.sessions()[0].last_error.clone()), (1, None));
}

#[tokio::test(start_paused = true)]
async fn a_static_roles_password_is_read_again_at_its_end() {
    let world = World::with(|wishes| wishes.policy.refresh = 60 * MINUTE);
    world.paper.book().lease_ttl = 10 * MINUTE;
    world.good(&web(), "role:st").await;
    drive(9 * MINUTE).await;
    assert_eq!(world.good(&web(), "role:st").await, "password-2");
    drive(MINUTE + Duration::from_secs(2)).await;
    assert_eq!(world.good(&web(), "role:st").await, "password-3");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_replaced_when_a_third_of_its_life_is_left_or_as_the_class_says() {
    for (before, kept_until, replaced_at) in [(None, 39, 41), (Some("30m"), 29, 31)] {
        let world = World::new();
        world.paper.book().lease_ttl = 60 * MINUTE;
        let class: Vec<_> =
            [("objects", "cert:web")].into_iter().chain(before.map(|it| ("renewBefore", it))).collect();
        let first = world.ask_with(&web(), &class).await.unwrap();
        let mut at = 0;
        for _ in 0..kept_until {
            drive(MINUTE).await;
            at += 1;
            assert_eq!(world.ask_with(&web(), &class).await.unwrap(), first, "{before:?} minute {at}");
        }
        drive(2 * MINUTE).await;
        assert_eq!(at + 2, replaced_at);
        assert_ne!(world.ask_with(&web(), &class).await.unwrap(), first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_nothing_ends_is_made_once_unless_the_class_wants_it_again() {
    let world = World::new();
    for _ in 0..20 {
        assert_eq!(world.good(&web(), "once:z").await, "once-2");
        drive(MINUTE).await;
    }
    let world = World::new();
    for _ in 0..20 {
        world.ask_with(&web(), &[("objects", "once:z"), ("refreshInterval", "5m")]).await.unwrap();
        drive(MINUTE).await;
    }
    assert!((3..=4).contains(&world.paper.count("read")), "{}", world.paper.count("read"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_using_uses_up_serves_one_gathering() {
    let world = World::new();
    world.paper.book().uses = true;
    world.ask(&web(), "kv:a kv:b").await.unwrap();
    world.ask(&web(), "kv:a kv:b").await.unwrap();
    assert_eq!(world.paper.count("login"), 1);
    drive(2 * MINUTE).await;
    world.ask(&web(), "kv:a kv:b").await.unwrap();
    assert_eq!((world.paper.count("login"), world.paper.count("renew")), (2, 0));
}

/// A token that only reads is not renewed: the next read that is due logs in again.
#[tokio::test(start_paused = true)]
async fn a_token_that_ran_out_is_replaced_when_there_is_something_to_read() {
    let world = World::new();
    world.paper.book().token_ttl = 5 * MINUTE;
    for _ in 0..10 {
        assert_eq!(world.good(&web(), "kv:a").await, "one");
        drive(2 * MINUTE).await;
    }
    assert_eq!((world.paper.count("renew"), world.heard.count("ended")), (0, 0));
    assert!((4..=7).contains(&world.paper.count("login")), "{}", world.paper.count("login"));
}

#[tokio::test(start_paused = true)]
async fn values_beyond_the_budget_are_served_and_not_kept() {
    let world = World::with(|wishes| wishes.policy.max_bytes = 16);
    world.ask(&web(), "kv:a kv:b").await.unwrap();
    assert_eq!(world.sessions()[0].static_values, 1);
    assert_eq!(world.ask(&web(), "kv:a kv:b").await.unwrap(), ["one", "two"]);
    assert_eq!(world.paper.count("read"), 3);
    assert!(world.provider.inventory().kept_bytes <= 4);
}

#[tokio::test(start_paused = true)]
async fn without_sessions_every_mount_asks_and_gives_back_what_was_not_delivered() {
    let world = World::with(|wishes| wishes.policy.keep = false);
    world.good(&web(), "db:ro").await;
    world.good(&web(), "db:ro").await;
    assert_eq!((world.paper.count("login"), world.paper.count("read"), world.sessions().len()), (2, 2, 0));
    assert!(world.ask(&web(), "db:ro kv:none").await.is_err());
    drive(Duration::from_secs(1)).await;
    assert_eq!((world.paper.count("revoke"), world.paper.living().len()), (1, 2));
}
