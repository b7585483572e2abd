#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]
//! As whom: STS, the agent, further roles, annotations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::super::Config;
use super::super::fake::ROLE;
use super::support::{OTHER, REGION, World, files, map};
use crate::backend::Accounts;
use crate::backend::conformance::pod;
use crate::error::{Error, Kind};
use crate::lease::Policy;
use crate::time::Deadline;

const ONE: &str = "- {objectName: x, objectType: secretsmanager}";
const FURTHER: &str = "arn:aws:iam::999999999999:role/further";

/// No sessions: each Mount logs in.
const BARE: Policy = Policy {
    keep: false,
    share: true,
    max_sessions: 10,
    max_bytes: 1_000_000,
    refresh: Duration::from_secs(60),
    floor: Duration::from_secs(30),
    reauth: Duration::from_secs(60),
    idle: Duration::from_secs(60),
};

async fn world() -> World {
    let world = World::new().await;
    world.fake.state().put(REGION, "x", "v");
    world
}

#[tokio::test]
async fn sts_is_shown_the_pods_token_and_names_the_pod() {
    let world = world().await;
    let class = [("roleArn", ROLE), ("objects", ONE), ("sessionDuration", "30m")];
    assert_eq!(world.files(&class).await, map([("x", "v")]));
    let state = world.fake.state();
    let [login, read] = [&state.seen[0], &state.seen[1]];
    assert_eq!((login.action.as_str(), login.key.as_str()), ("AssumeRoleWithWebIdentity", ""), "not signed");
    assert_eq!(login.fields["RoleArn"], ROLE);
    assert_eq!(login.fields["RoleSessionName"], "app-web-web-0");
    assert_eq!(login.fields["DurationSeconds"], "1800");
    assert_eq!(read.region, REGION);
    assert!(state.sessions.contains_key(&read.key), "signed with what the login gave");
    drop(state);
    assert_eq!(world.heard.all(), ["login 200", "read 200"]);
}

#[tokio::test]
async fn a_further_role_is_taken_with_the_first_ones_credentials() {
    let world = world().await;
    world.fake.state().external_ids.insert(FURTHER.into(), "id-1".into());
    let class = [("roleArn", ROLE), ("assumeRoleArn", FURTHER), ("externalId", "id-1"), ("objects", ONE)];
    assert_eq!(world.files(&class).await, map([("x", "v")]));
    {
        let state = world.fake.state();
        let keys: Vec<_> = state.seen.iter().map(|seen| seen.key.as_str()).collect();
        assert_eq!(keys, ["", "ASIA0000000000000001", "ASIA0000000000000002"]);
        assert_eq!(state.seen[1].fields["ExternalId"], "id-1");
        assert_eq!(state.seen[1].fields["RoleSessionName"], "app-web-web-0");
    }
    let (kind, text) = world.fault(&[("roleArn", ROLE), ("assumeRoleArn", FURTHER), ("objects", ONE)]).await;
    assert_eq!(kind, Kind::Denied);
    assert!(
        text.contains("action=sts:AssumeRole")
            && text.contains(&format!("allow sts:AssumeRole on {FURTHER}")),
        "{text}"
    );
}

#[tokio::test]
async fn the_agent_is_shown_the_raw_token() {
    let world = world().await;
    world.fake.state().associated.insert(("app".into(), "web".into()));
    assert_eq!(world.files(&[("usePodIdentity", "true"), ("objects", ONE)]).await, map([("x", "v")]));
    assert!(world.fake.state().seen[0].key.starts_with("eyJ"), "no Bearer in front");
    world.fake.state().associated.clear();
    let (kind, text) = world.fault(&[("usePodIdentity", "true"), ("objects", ONE)]).await;
    assert_eq!(kind, Kind::Denied);
    assert!(text.contains("create a Pod Identity association for the service account app:web"), "{text}");
    assert!(!text.contains("eyJ"), "{text}");
}

#[tokio::test]
async fn a_further_role_behind_the_agent() {
    let world = world().await;
    world.fake.state().associated.insert(("app".into(), "web".into()));
    let class = [("usePodIdentity", "true"), ("assumeRoleArn", FURTHER), ("objects", ONE)];
    assert_eq!(world.files(&class).await, map([("x", "v")]));
    assert_eq!(world.fake.calls()[..2], ["agent ".to_owned(), format!("AssumeRole {REGION}")]);
}

#[tokio::test]
async fn an_agent_that_is_busy_is_asked_again() {
    let world = world().await;
    world.fake.state().associated.insert(("app".into(), "web".into()));
    world.fake.script("agent", 1, 500, "", "AccessDeniedException? no: EKS is out");
    world.fake.script("agent", 1, 429, "", "slow down");
    assert_eq!(world.files(&[("usePodIdentity", "true"), ("objects", ONE)]).await, map([("x", "v")]));
    assert_eq!(world.fake.count("agent"), 3);
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_named() {
    let config = Config { agent: Some("http://127.0.0.1:1".into()), ..Config::default() };
    let world = World::with(config, None, BARE).await;
    let (kind, text) = world.fault(&[("usePodIdentity", "true"), ("objects", ONE)]).await;
    assert!(kind == Kind::Unavailable && text.contains("EKS Pod Identity Agent"), "{text}");
}

#[tokio::test]
async fn a_refusal_that_may_be_an_outage_is_asked_about_once_more() {
    let world = world().await;
    world.fake.script(
        "AssumeRoleWithWebIdentity",
        1,
        400,
        "InvalidIdentityToken",
        "Couldn't retrieve verification key",
    );
    assert_eq!(world.read(ONE).await, map([("x", "v")]));
    assert_eq!(world.fake.count("AssumeRoleWithWebIdentity"), 2);
}

#[tokio::test]
async fn another_regions_sts_stands_in() {
    let world = world().await;
    // The login is not signed, so that the fake cannot tell its region: two tries, then the other.
    world.fake.script("AssumeRoleWithWebIdentity", 2, 503, "ServiceUnavailable", "down");
    let class = [("roleArn", ROLE), ("failoverRegion", OTHER), ("objects", ONE)];
    assert_eq!(world.files(&class).await, map([("x", "v")]));
    assert_eq!(world.fake.count("AssumeRoleWithWebIdentity"), 3);
}

/// A cluster whose accounts have these annotations.
struct Annotated(Mutex<Option<&'static str>>);

impl Accounts for Annotated {
    fn annotation<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
        key: &'a str,
        _: Deadline,
    ) -> BoxFuture<'a, Result<Option<String>, Error>> {
        assert_eq!((namespace, name, key), ("app", "web", "eks.amazonaws.com/role-arn"));
        Box::pin(std::future::ready(Ok(self.0.lock().unwrap().map(str::to_owned))))
    }
}

#[tokio::test]
async fn an_incumbents_class_finds_its_role_where_the_operator_allows_it() {
    let world = world().await;
    let (kind, text) = world.fault(&[("objects", ONE)]).await;
    assert_eq!(kind, Kind::Invalid);
    assert_eq!(
        text,
        "stage=login backend=aws: An IAM role must be associated with service account web (namespace: app); \
         hint: write roleArn into the class or its profile; or start keymount with --lookup-service-accounts, and \
         let it get serviceaccounts, so that the annotation eks.amazonaws.com/role-arn is looked up"
    );
    assert_eq!(world.fake.calls(), Vec::<String>::new());
    let accounts = Arc::new(Annotated(Mutex::new(Some(ROLE))));
    let world = World::with(Config::default(), Some(accounts.clone()), BARE).await;
    world.fake.state().put(REGION, "x", "v");
    assert_eq!(world.files(&[("objects", ONE)]).await, map([("x", "v")]));
    *accounts.0.lock().unwrap() = None;
    let (_, text) = world.fault(&[("objects", ONE)]).await;
    assert!(text.contains("hint: annotate the service account"), "{text}");
}

#[tokio::test]
async fn a_role_that_does_not_trust_the_account_says_so() {
    let world = world().await;
    let stranger = pod("app", "stranger", "s-0");
    let errors = world.ask_as(&stranger, &[("roleArn", ROLE), ("objects", ONE)]).await.unwrap_err();
    assert_eq!(errors.kind(), Kind::Denied);
    assert_eq!(
        errors.to_string(),
        "stage=login backend=aws action=sts:AssumeRoleWithWebIdentity region=eu-central-1 \
         role=arn:aws:iam::123456789012:role/web http=403 code=AccessDenied request=request-1: \
         Not authorized to perform sts:AssumeRoleWithWebIdentity; hint: the trust policy of \
         arn:aws:iam::123456789012:role/web must allow sts:AssumeRoleWithWebIdentity to the cluster's OIDC \
         provider, with sub system:serviceaccount:app:stranger and aud sts.amazonaws.com"
    );
}

#[tokio::test]
async fn credentials_become_files_and_are_replaced_before_they_end() {
    let policy = Policy::default();
    let world = World::with(Config::default(), None, policy).await;
    let objects = "- {objectName: aws/process.json, objectType: credentials}\n\
                   - {objectName: aws/credentials, objectType: credentials, format: profile, profile: web}";
    let class = [("roleArn", ROLE), ("pathTranslation", "False"), ("objects", objects)];
    let first = world.files(&class).await;
    let process: serde_json::Value = serde_json::from_str(&first["aws/process.json"]).unwrap();
    assert_eq!((&process["Version"], &process["AccessKeyId"]), (&1.into(), &"ASIA0000000000000001".into()));
    assert!(first["aws/credentials"].starts_with("[web]\naws_access_key_id = ASIA0000000000000001\n"));
    assert_eq!(world.files(&class).await, first, "the same until they must be replaced");
    assert_eq!(world.fake.calls(), ["AssumeRoleWithWebIdentity "]);
    // Sessions that are nearly over when they begin.
    let world = World::with(Config::default(), None, policy).await;
    world.fake.state().ttl = 6;
    let first = world.files(&class).await;
    tokio::time::sleep(Duration::from_millis(4500)).await;
    let second = world.files(&class).await;
    assert_ne!(first, second, "less than a third was left");
    assert_eq!(world.fake.count("AssumeRoleWithWebIdentity"), 2);
}

/// The same role read by two pods: one read. By the agent: each for itself.
#[tokio::test]
async fn pods_of_one_role_share_reads_and_pods_of_the_agent_do_not() {
    let world = World::with(Config::default(), None, Policy::default()).await;
    world.fake.state().put(REGION, "x", "v");
    world.fake.state().associated.insert(("app".into(), "web".into()));
    for (class, reads) in
        [([("roleArn", ROLE), ("objects", ONE)], 1), ([("usePodIdentity", "true"), ("objects", ONE)], 2)]
    {
        world.fake.state().seen.clear();
        for name in ["web-1", "web-2"] {
            let secrets = world.ask_as(&pod("app", "web", name), &class).await.unwrap();
            assert_eq!(files(&secrets), map([("x", "v")]));
        }
        assert_eq!(world.fake.count("GetSecretValue"), reads, "{class:?}");
        assert_eq!(world.fake.state().seen.len(), 2 + reads, "each logs in by itself");
    }
    world.settle().await;
}
