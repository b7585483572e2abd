//! Decision 2: nobody gets what is kept without proving itself, and what a login says counts.

use super::*;
use crate::error::Kind;

#[tokio::test(start_paused = true)]
async fn the_same_token_logs_in_once_an_hour() {
    let world = World::new();
    for _ in 0..50 {
        assert_eq!(world.good(&web(), "kv:a").await, "one");
        drive(MINUTE).await;
    }
    assert_eq!(world.paper.count("login"), 1);
    drive(10 * MINUTE).await;
    world.good(&web(), "kv:a").await;
    assert_eq!(world.paper.count("login"), 2, "--reauth-interval has passed");
}

#[tokio::test(start_paused = true)]
async fn a_changed_token_logs_in_once_and_both_prove_from_then_on() {
    let world = World::new();
    world.good(&web(), "kv:a").await;
    let old = world.token(&web());
    world.rotate(&web()).await;
    world.good(&web(), "kv:a").await;
    world.good(&web(), "kv:a").await;
    assert_eq!(world.paper.count("login"), 2);
    drive(Duration::from_secs(1)).await;
    assert_eq!(world.paper.count("revoke"), 1, "of equal authority, the new login's token goes back");
    let by = Deadline::after(MINUTE);
    assert!(world.ask_by(&web(), &old, &[("objects", "kv:a")], by).await.is_ok());
    assert_eq!(world.paper.count("login"), 2);
    assert_eq!(world.paper.count("read"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_never_proved_gets_nothing_that_is_kept() {
    let world = World::new();
    world.good(&web(), "kv:a").await;
    let forged = world.issuer.forge(&Issuer::claims(&web(), "paper"));
    world.paper.book().faults.insert("login", Kind::Denied);
    let by = Deadline::after(MINUTE);
    let refused = world.ask_by(&web(), &forged, &[("objects", "kv:a")], by).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Denied);
}

/// With the cluster's keys a stranger cannot even end the session.
#[tokio::test(start_paused = true)]
async fn a_forged_token_does_not_reach_the_login() {
    let world = World::with(|wishes| wishes.keys = true);
    world.good(&web(), "kv:a").await;
    let forged = world.issuer.forge(&Issuer::claims(&web(), "paper"));
    let by = Deadline::after(MINUTE);
    let refused = world.ask_by(&web(), &forged, &[("objects", "kv:a")], by).await.unwrap_err();
    assert_eq!((refused.kind(), world.paper.count("login")), (Kind::Unauthenticated, 1));
    assert_eq!(world.good(&web(), "kv:a").await, "one");
}

#[tokio::test(start_paused = true)]
async fn what_the_keys_prove_is_served_at_once_and_logged_in_behind() {
    let world = World::with(|wishes| wishes.keys = true);
    world.good(&web(), "db:ro").await;
    world.rotate(&web()).await;
    world.paper.book().slow = Duration::from_secs(5);
    let watch = crate::time::Stopwatch::start();
    world.good(&web(), "db:ro").await;
    assert!(watch.elapsed() < Duration::from_secs(1));
    assert_eq!(world.paper.count("login"), 1);
    drive(MINUTE).await;
    assert_eq!(world.paper.count("login"), 2, "behind");
    assert_eq!((world.paper.count("read"), world.paper.living().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_role_cuts_the_pod_off_with_its_next_token() {
    for (keys, kind) in [(false, Kind::Denied), (true, Kind::Denied), (false, Kind::Invalid)] {
        let world = World::with(|wishes| wishes.keys = keys);
        world.good(&web(), "db:ro").await;
        world.paper.book().faults.insert("login", kind);
        assert!(world.ask(&web(), "db:ro").await.is_ok(), "its token has not changed");
        world.rotate(&web()).await;
        let _ = world.ask(&web(), "db:ro").await;
        drive(Duration::from_secs(1)).await;
        assert_eq!(world.ask(&web(), "db:ro").await.unwrap_err().kind(), kind);
        assert!(world.sessions().is_empty() && world.heard.count("ended denied") == 1);
        assert_eq!(world.paper.count("revoke"), 0, "nothing proves that the pod is gone");
    }
}

#[tokio::test(start_paused = true)]
async fn another_authority_takes_over_all_reads_and_the_old_one_keeps_its_leases() {
    let world = World::new();
    let before = world.ask(&web(), "kv:a db:ro").await.unwrap();
    world.paper.book().policies.insert("more".into());
    world.paper.book().values.insert("a".into(), "changed".into());
    world.rotate(&web()).await;
    let after = world.ask(&web(), "kv:a db:ro").await.unwrap();
    assert_eq!((after[0].as_str(), &after[1]), ("changed", &before[1]));
    drive(55 * MINUTE).await;
    assert_eq!(
        (world.paper.count("revoke"), world.paper.living().len()),
        (0, 1),
        "still renewed by the old token"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_new_login_may_not_ask_for_is_not_served_any_more() {
    let world = World::new();
    world.ask(&web(), "kv:a db:ro").await.unwrap();
    world.paper.book().forbidden.insert("db:ro".into());
    assert!(world.ask(&web(), "kv:a db:ro").await.is_ok(), "not known yet");
    world.rotate(&web()).await;
    let refused = world.ask(&web(), "kv:a db:ro").await.unwrap_err();
    assert!(refused.kind() == Kind::Denied && refused.to_string().contains("object=db:ro"), "{refused}");
}

/// A truly denied pod must not storm the login endpoint.
#[tokio::test(start_paused = true)]
async fn a_refused_login_is_remembered_for_the_token_and_a_short_while() {
    let world = World::new();
    world.paper.book().faults.insert("login", Kind::Denied);
    for _ in 0..20 {
        assert!(world.ask(&web(), "kv:a").await.is_err());
    }
    assert_eq!(world.paper.count("login"), 1);
    assert!(world.ask(&pod("app", "web", "web-1"), "kv:a").await.is_err());
    assert_eq!(world.paper.count("login"), 2, "another pod asks for itself");
    world.paper.book().faults.clear();
    drive(Duration::from_secs(11)).await;
    assert_eq!(world.good(&web(), "kv:a").await, "one");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_login_ends_no_session() {
    let world = World::new();
    let first = world.good(&web(), "db:ro").await;
    world.paper.book().faults.insert("login", Kind::Unavailable);
    world.rotate(&web()).await;
    assert_eq!(world.ask(&web(), "db:ro").await.unwrap_err().kind(), Kind::Unavailable, "it proves nothing");
    world.paper.book().faults.clear();
    assert_eq!(world.good(&web(), "db:ro").await, first);
}

#[tokio::test(start_paused = true)]
async fn mounts_of_a_new_pod_wait_for_one_login() {
    let world = World::new();
    world.paper.book().slow = Duration::from_secs(1);
    let web = web();
    let (one, other, third) =
        tokio::join!(world.ask(&web, "kv:a"), world.ask(&web, "kv:a kv:b"), world.ask(&web, "db:ro"));
    assert!(one.is_ok() && other.is_ok() && third.is_ok());
    assert_eq!((world.paper.count("login"), world.paper.count("read")), (1, 3));
}

/// Decision 12: an old driver's rotation names no class.
#[tokio::test(start_paused = true)]
async fn a_mount_without_a_class_is_known_by_what_it_asks() {
    let world = World::new();
    world.good(&web(), "kv:a").await;
    let class_of = |pod: &Pod, objects: &str| {
        let parameters: Parameters = [("objects".to_owned(), objects.to_owned())].into_iter().collect();
        world.provider.class_of(pod, &parameters)
    };
    assert_eq!(class_of(&web(), "kv:a").as_deref(), Some("class"));
    assert_eq!(class_of(&web(), "kv:b"), None);
    assert_eq!(class_of(&pod("app", "web", "web-1"), "kv:a"), None);
}

#[tokio::test(start_paused = true)]
async fn sessions_are_bounded_and_those_that_hold_something_go_last() {
    let world = World::with(|wishes| wishes.policy.max_sessions = 3);
    let first = world.good(&pod("app", "web", "dynamic"), "db:ro").await;
    for at in 0..5 {
        world.good(&pod("app", "web", &format!("web-{at}")), "kv:a").await;
        drive(Duration::from_secs(1)).await;
    }
    assert_eq!((world.sessions().len(), world.heard.count("ended full")), (3, 3));
    assert_eq!(world.good(&pod("app", "web", "dynamic"), "db:ro").await, first);
}

/// A proxy's page, a file of ours that is being replaced: not the server's no.
#[tokio::test(start_paused = true)]
async fn only_the_server_itself_can_deny() {
    let world = World::new();
    let first = world.good(&web(), "db:ro").await;
    world.paper.book().not_the_server = true;
    world.paper.book().faults.insert("login", Kind::NotFound);
    world.rotate(&web()).await;
    assert_eq!(world.ask(&web(), "db:ro").await.unwrap_err().kind(), Kind::NotFound);
    world.paper.book().faults.clear();
    assert_eq!(world.good(&web(), "db:ro").await, first, "the session is there");
}

/// Old drivers make a token for each call: two first Mounts, two tokens, one session.
#[tokio::test(start_paused = true)]
async fn two_first_logins_make_one_session() {
    let world = World::new();
    world.paper.book().slow = Duration::from_millis(100);
    let (web, by) = (web(), Deadline::after(MINUTE));
    let one = world.fresh_token(&web);
    drive(Duration::from_secs(1)).await;
    let two = world.fresh_token(&web);
    let (first, second) = tokio::join!(
        world.ask_by(&web, &one, &[("objects", "db:ro")], by),
        world.ask_by(&web, &two, &[("objects", "db:ro")], by)
    );
    assert_eq!(first.unwrap(), second.unwrap());
    drive(MINUTE).await;
    assert_eq!((world.sessions().len(), world.paper.living().len()), (1, 1));
    assert_eq!((world.paper.count("login"), world.paper.count("revoke")), (2, 1));
}
