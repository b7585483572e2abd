#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! How many calls of AWS's a mount and a refresh cost, beside the incumbent's formula
//! (docs/aws.md prints the table).

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use super::super::Config;
use super::super::fake::ROLE;
use super::support::{REGION, World};
use crate::backend::conformance::pod;
use crate::lease::Policy;

/// What is read of each kind by every pod.
const SECRETS: usize = 5;
const PARAMETERS: usize = 12;

/// A policy whose values are old after this long, so that a later Mount is a refresh.
fn hasty(after: Duration) -> Policy {
    Policy { refresh: after, floor: after, ..Policy::default() }
}

fn objects() -> String {
    let mut text = String::new();
    for at in 0..SECRETS {
        writeln!(text, "- {{objectName: s{at}, objectType: secretsmanager}}").unwrap();
    }
    for at in 0..PARAMETERS {
        writeln!(text, "- {{objectName: /p{at}, objectType: ssmparameter}}").unwrap();
    }
    text
}

async fn world(config: Config, after: Duration) -> World {
    let world = World::with(config, None, hasty(after)).await;
    for at in 0..SECRETS {
        world.fake.state().put(REGION, &format!("s{at}"), "v");
    }
    for at in 0..PARAMETERS {
        world.fake.state().put_parameter(REGION, &format!("/p{at}"), "v");
    }
    world
}

/// Secrets Manager's, Parameter Store's and STS's calls of one Mount of each of `pods`.
async fn turn(world: &World, pods: usize, own_roles: bool) -> [usize; 3] {
    world.fake.state().seen.clear();
    let objects = objects();
    for at in 0..pods {
        let (account, role) = match own_roles {
            true => (format!("web{at}"), format!("{ROLE}{at}")),
            false => ("web".to_owned(), ROLE.to_owned()),
        };
        world.fake.state().trust.entry(role.clone()).or_default().insert(("app".into(), account.clone()));
        let pod = pod("app", &account, &format!("pod-{at}"));
        world.ask_as(&pod, &[("roleArn", &role), ("objects", &objects)]).await.unwrap();
    }
    let count = |actions: &[&str]| actions.iter().map(|action| world.fake.count(action)).sum();
    [
        count(&["GetSecretValue", "BatchGetSecretValue"]),
        count(&["GetParameters"]),
        count(&["AssumeRoleWithWebIdentity"]),
    ]
}

#[tokio::test]
async fn calls_of_a_mount_and_of_a_refresh() {
    for (pods, own_roles, batch) in [
        (1, false, true),
        (1, false, false),
        (20, false, true),
        (20, true, true),
        (110, false, true),
        (110, true, true),
    ] {
        // Long enough that no value grows old within a turn.
        let after = Duration::from_secs(if pods == 1 { 1 } else { 5 });
        let world = world(Config { batch, ..Config::default() }, after).await;
        let first = turn(&world, pods, own_roles).await;
        tokio::time::sleep(after.mul_f64(1.15)).await;
        let second = turn(&world, pods, own_roles).await;
        // What the incumbent calls at each: M of one, ⌈S/10⌉ of the other, one of STS, for every pod.
        let theirs = [SECRETS, PARAMETERS.div_ceil(10), 1].map(|calls| calls * pods);
        let readers = if own_roles { pods } else { 1 };
        let expected = [if batch { 1 } else { SECRETS }, 2].map(|calls| calls * readers);
        let roles = if own_roles { "own roles" } else { "one role" };
        let line = format!(
            "calls of SM, SSM, STS: {pods} pods, {roles}, batch {batch}: first {first:?}, refresh {second:?}; incumbent {theirs:?}"
        );
        writeln!(std::io::stderr(), "{line}").unwrap();
        assert_eq!(first[2], pods, "each pod logs in once");
        assert_eq!(second[2], 0, "and not again while its session lives");
        // A busy machine may take longer for a turn than values are good: then some are read twice.
        for seen in [first, second] {
            let fits = |(seen, expected): (&usize, usize)| (expected..=expected * 3).contains(seen);
            assert!(seen.iter().zip(expected).all(fits), "{line}");
        }
    }
}

#[tokio::test]
async fn a_role_that_may_not_read_in_batches_is_asked_once() {
    let world = world(Config::default(), Duration::from_millis(300)).await;
    world.fake.state().denied.insert("BatchGetSecretValue".into());
    let first = turn(&world, 1, false).await;
    assert_eq!(first, [1 + SECRETS, 2, 1], "one refusal, then one by one");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(turn(&world, 1, false).await, [SECRETS, 2, 0], "the refusal is remembered");
}
