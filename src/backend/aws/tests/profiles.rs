#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]
//! The operator's role by template, for classes that name none.

use std::collections::BTreeSet;

use super::super::{Config, profile_faults, setting};
use super::support::{REGION, World, map};
use crate::backend::conformance::pod;
use crate::backend::{Profile, Profiles};
use crate::error::Kind;
use crate::lease::Policy;

const ONE: &str = "- {objectName: x, objectType: secretsmanager}";
const TEMPLATE: &str = "arn:aws:iam::123456789012:role/{namespace}-{serviceAccount}";
const OWN: &str = "arn:aws:iam::123456789012:role/app-web";
const OTHER: &str = "arn:aws:iam::123456789012:role/other";

fn profile(parameters: &[(&str, &str)], overrides: &[&'static str]) -> Profile {
    Profile {
        name: "prod".into(),
        provider: "aws",
        settings: setting,
        parameters: parameters.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
        overrides: overrides.iter().copied().collect::<BTreeSet<_>>(),
        is_default: false,
        max_in_flight: None,
        rate: None,
    }
}

/// A world in which `app/web` may take two roles.
async fn world(profile: Profile) -> World {
    let policy = Policy { keep: false, ..Policy::default() };
    let world = World::under(Profiles::new([profile]), Config::default(), None, policy).await;
    for role in [OWN, OTHER] {
        world.fake.state().trust.entry(role.into()).or_default().insert(("app".into(), "web".into()));
    }
    world.fake.state().put(REGION, "x", "v");
    world
}

fn role_asked_for(world: &World) -> String {
    let state = world.fake.state();
    let role = state.seen.iter().find_map(|seen| seen.fields["RoleArn"].as_str());
    role.unwrap().to_owned()
}

#[tokio::test]
async fn a_profiles_template_names_each_accounts_own_role() {
    let world = world(profile(&[("roleArn", TEMPLATE)], &[])).await;
    let class = [("profile", "prod"), ("objects", ONE)];
    assert_eq!(world.files(&class).await, map([("x", "v")]));
    assert_eq!(role_asked_for(&world), OWN);
    let errors = world.ask_as(&pod("app", "other", "o-0"), &class).await.unwrap_err();
    assert!(errors.to_string().contains("role=arn:aws:iam::123456789012:role/app-other"), "{errors}");
    let errors = world.ask_as(&pod("app", "../admin", "o-0"), &class).await.unwrap_err();
    assert!(errors.to_string().contains("not a name that Kubernetes gives"), "{errors}");
}

#[tokio::test]
async fn a_class_has_its_own_role_only_where_the_profile_lets_it() {
    let class = [("profile", "prod"), ("roleArn", OTHER), ("objects", ONE)];
    let strict = world(profile(&[("roleArn", TEMPLATE)], &[])).await;
    let (kind, text) = strict.fault(&class).await;
    let said = "parameter=roleArn profile=prod: the profile sets this, and lets no class say otherwise";
    assert!(kind == Kind::Invalid && text.contains(said), "{text}");
    // The agent would take whatever role the association names.
    let (_, text) = strict.fault(&[("profile", "prod"), ("usePodIdentity", "true"), ("objects", ONE)]).await;
    assert!(text.contains("the profile sets roleArn, which decides the same"), "{text}");
    assert!(strict.fake.state().seen.is_empty(), "nobody was asked");
    let lenient = world(profile(&[("roleArn", TEMPLATE)], &["role"])).await;
    assert_eq!(lenient.files(&class).await, map([("x", "v")]));
    assert_eq!(role_asked_for(&lenient), OTHER);
}

/// Most classes of the incumbent name their region: that is no way of their own.
#[tokio::test]
async fn a_default_profile_is_for_classes_with_a_region_and_not_for_those_with_a_role() {
    let world = world(Profile { is_default: true, ..profile(&[("roleArn", TEMPLATE)], &[]) }).await;
    assert_eq!(world.files(&[("region", REGION), ("objects", ONE)]).await, map([("x", "v")]));
    assert_eq!(role_asked_for(&world), OWN);
    world.fake.state().seen.clear();
    assert_eq!(world.files(&[("roleArn", OTHER), ("objects", ONE)]).await, map([("x", "v")]));
    assert_eq!(role_asked_for(&world), OTHER);
    world.fake.state().associated.insert(("app".into(), "web".into()));
    assert_eq!(world.files(&[("usePodIdentity", "true"), ("objects", ONE)]).await, map([("x", "v")]));
}

#[test]
fn what_is_wrong_for_every_pod_is_said_at_the_start() {
    let said = |parameters: &[(&str, &str)]| -> Vec<String> {
        profile_faults(&Config::default(), &profile(parameters, &[]))
            .iter()
            .map(|error| error.context("parameter").unwrap_or_default().to_owned())
            .collect()
    };
    let good = [
        ("roleArn", TEMPLATE),
        ("assumeRoleArn", "arn:aws:iam::1:role/{pod}"),
        ("externalId", "{namespace}"),
        ("sessionDuration", "30m"),
        ("pathTranslation", "False"),
        ("refreshInterval", "5m"),
    ];
    // No region: the class may name one.
    assert_eq!(said(&good), [""; 0]);
    assert_eq!(said(&[("externalId", "x1")]), [""; 0], "the class may name the role");
    for (key, text) in [
        ("roleArn", "role/{namespace}"),
        ("assumeRoleArn", "arn:aws:s3:::{namespace}"),
        ("usePodIdentity", "maybe"),
        ("region", "eu central"),
        ("failoverRegion", "eu.central"),
        ("sessionDuration", "1s"),
        ("pathTranslation", "__"),
        ("refreshInterval", "5"),
    ] {
        let with_region = [("region", REGION), (key, text)];
        let parameters = if key == "region" { &with_region[1..] } else { &with_region[..] };
        assert_eq!(said(parameters), [key], "{text}");
    }
}
