//! Profiles and the guard stand before what is kept, and before whoever takes it over.

use super::*;
use crate::backend::{Part, Profile, Setting};
use crate::error::Kind;
use crate::guard::{Mode, Names, Pattern};

fn setting(key: &str) -> Option<Setting> {
    (key == "role").then_some(Setting { decides: "role", part: Part::Login })
}

fn profile(name: &str, role: &str) -> Profile {
    Profile {
        name: name.into(),
        provider: "paper",
        settings: setting,
        parameters: [("role".to_owned(), role.to_owned())].into(),
        overrides: std::collections::BTreeSet::new(),
        is_default: false,
        max_in_flight: None,
        rate: None,
    }
}

fn denying(namespace: &str) -> guard::Policy {
    let namespaces = Names { allow: Vec::new(), deny: vec![Pattern::parse(namespace).unwrap()] };
    guard::Policy { namespaces, ..guard::Policy::default() }
}

impl guard::Recorder for Heard {
    fn refused(&self, _: &'static str, namespace: &str, class: &str, rule: &'static str, mode: &'static str) {
        self.note(format!("refused {namespace} {class} {rule} {mode}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_too_long_gets_nothing_that_is_kept() {
    let world = World::with(|wishes| {
        wishes.guard.max_token_life = Some(Duration::from_secs(100_000));
    });
    world.good(&web(), "kv:a").await;
    let long = |seconds: u64| {
        let (mut claims, now) = (Issuer::claims(&web(), "paper"), world.paper.clock.unix());
        (claims["iat"], claims["exp"]) = (now.into(), (now + seconds).into());
        world.issuer.mint(&claims)
    };
    let by = Deadline::after(MINUTE);
    for _ in 0..2 {
        let refused = world.ask_by(&web(), &long(100_001), &[("objects", "kv:a")], by).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Denied);
        assert!(
            refused.to_string().starts_with("stage=guard rule=maxTokenLife backend=paper pod=app/web-0"),
            "{refused}"
        );
    }
    assert_eq!((world.paper.count("login"), world.paper.count("read")), (1, 1), "nothing was asked for it");
    assert_eq!(world.heard.count("refused app class maxTokenLife enforce"), 2, "each Mount is counted");
    assert_eq!(world.good(&web(), "kv:a").await, "one", "nor was the session touched");
    assert_eq!(world.paper.count("login"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_guard_stands_before_mounts_that_keep_nothing_too() {
    let world = World::with(|wishes| {
        wishes.policy.keep = false;
        wishes.guard = denying("app");
    });
    assert_eq!(world.ask(&web(), "kv:a").await.unwrap_err().kind(), Kind::Denied);
    assert_eq!(world.paper.count("login"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_warning_lets_the_mount_go_on_and_counts_it() {
    let world = World::with(|wishes| wishes.guard = guard::Policy { mode: Mode::Warn, ..denying("app") });
    assert_eq!(world.good(&web(), "kv:a").await, "one");
    assert_eq!(world.heard.count("refused app class namespaces warn"), 1);
}

/// What proves nothing is refused as that, whatever the policy says of the names it gives.
#[tokio::test(start_paused = true)]
async fn a_bad_proof_is_none_before_it_breaks_a_rule() {
    let world = World::with(|wishes| wishes.guard = denying("app"));
    let foreign = world.fresh_token(&pod("app", "web", "web-1"));
    let by = Deadline::after(MINUTE);
    let refused = world.ask_by(&web(), &foreign, &[("objects", "kv:a")], by).await.unwrap_err();
    assert_eq!((refused.kind(), world.heard.count("refused")), (Kind::Unauthenticated, 0));
}

#[tokio::test(start_paused = true)]
async fn two_profiles_of_one_scope_have_one_session_and_two_scopes_have_two() {
    let world = World::with(|wishes| {
        let named = [profile("one", "{namespace}"), profile("same", "app"), profile("other", "else")];
        wishes.profiles = Profiles::new(named);
    });
    for (profile, logins) in [("one", 1), ("same", 1), ("other", 2)] {
        world.ask_with(&web(), &[("objects", "kv:a"), ("profile", profile)]).await.unwrap();
        assert_eq!(world.paper.count("login"), logins, "{profile}");
    }
    let refused = world.ask_with(&web(), &[("objects", "kv:a"), ("profile", "one"), ("role", "admin")]).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Invalid, "a pod's attribute is a class's parameter");
    assert_eq!(world.paper.count("login"), 2);
    let class =
        [("objects", "kv:a"), ("profile", "same")].map(|(key, text)| (key.to_owned(), text.to_owned()));
    let class = class.into_iter().collect();
    assert_eq!(world.provider.class_of(&web(), &class).as_deref(), Some("class"), "an old driver's rotation");
}

#[tokio::test(start_paused = true)]
async fn a_process_takes_over_under_its_own_profiles_and_rules() {
    let role =
        |role: &'static str| move |wishes: &mut Wishes| wishes.profiles = Profiles::new([profile("p", role)]);
    let class = [("objects", "db:ro"), ("profile", "p")];
    let world = World::with(role("{namespace}"));
    world.ask_with(&web(), &class).await.unwrap();
    let world = world.restart(role("{namespace}")).await;
    assert_eq!(world.sessions().len(), 1, "the same settings");
    world.ask_with(&web(), &class).await.unwrap();
    assert_eq!(world.paper.count("login"), 1);
    let world = world.restart(role("another")).await;
    assert_eq!(world.sessions().len(), 0, "its scope is another");
    world.ask_with(&web(), &class).await.unwrap();
    assert_eq!(world.paper.count("login"), 2);
    let world = world
        .restart(|wishes| {
            role("another")(wishes);
            wishes.guard = denying("app");
        })
        .await;
    assert_eq!(world.sessions().len(), 0, "its namespace is refused");
    assert_eq!(world.heard.count("refused"), 0, "no Mount was");
    assert!(world.ask_with(&web(), &class).await.is_err());
}
