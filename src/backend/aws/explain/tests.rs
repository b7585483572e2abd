#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::backend::aws::Config;
use crate::backend::aws::fake::{Fake, Heard};
use crate::backend::conformance::Issuer;
use crate::backend::explain::{Asker, Explainer};

const ROLE: &str = "arn:aws:iam::123456789012:role/shop/web";
const OBJECTS: &str = "\
- {objectName: shop/db, objectType: secretsmanager, jmesPath: [{path: user, objectAlias: user}]}
- {objectName: /shop/url, objectType: ssmparameter, objectVersion: 3, objectAlias: url}
- {path: /shop/all, objectType: ssmparameter, recursive: true, objectAlias: all}
- {objectName: keys, objectType: credentials}
";

fn aws(config: Config) -> Aws {
    let config = Config { region: Some("eu-central-1".into()), ..config };
    Aws::new(config, None, Arc::new(Heard::default())).unwrap()
}

fn class(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn setup(pairs: &[(&str, &str)], askers: &[Asker]) -> Vec<String> {
    let circle = Circle { policy: "web-secrets", policies: &["web-secrets".into()], askers };
    Explainer::setup(&aws(Config::default()), &class(pairs), &circle).unwrap()
}

fn asker(namespace: &str, account: &str) -> Asker {
    Asker { namespace: Some(namespace.into()), service_account: Some(account.into()) }
}

fn found(pairs: &[(&str, &str)]) -> Vec<(&'static str, Option<usize>, &'static str)> {
    let found = Explain::advise(&aws(Config::default()), &class(pairs));
    found.iter().map(|advice| (advice.rule.id, advice.object, advice.key)).collect()
}

/// Whoever reads another parameter or field adds it to the list.
#[test]
fn everything_that_is_read_is_in_the_vocabulary() {
    let parameters = [
        include_str!("../params.rs"),
        include_str!("../params/identity.rs"),
        include_str!("../params/objects.rs"),
    ]
    .concat();
    let fields = [include_str!("../params/objects.rs"), include_str!("../params/validate.rs")].concat();
    let words = Explain::vocabulary(&aws(Config::default()));
    let called = |source: &str, calls: &[&str]| -> Vec<String> {
        let names = calls.iter().flat_map(|call| {
            let rest = source.match_indices(call).filter_map(|(at, _)| source.get(at + call.len()..));
            rest.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect::<Vec<_>>()
        });
        names.collect()
    };
    let read = called(&parameters, &["parameters.get(\"", "self.arn(\"", "self.span(\""]);
    assert!(read.len() >= 10, "{read:?}");
    for name in read {
        assert!(words.parameters.contains(&name), "{name}");
    }
    let read =
        called(&fields, &["own(node, \"", "switch(node, \"", "node.get(\"", "node.list(\"", "text(\""]);
    assert!(read.len() >= 15, "{read:?}");
    for name in read {
        assert!(words.has_field(&name) && words.has_field(&name.to_uppercase()), "{name}");
    }
    assert!(!words.has_field("secretPath"));
}

#[test]
fn a_class_is_told_with_its_requests_and_files() {
    let class = class(&[("roleArn", ROLE), ("failoverRegion", "eu-west-1"), ("objects", OBJECTS)]);
    let told = Explainer::explain(&aws(Config::default()), &class).unwrap();
    let shown: Vec<_> = told.requests.iter().map(|one| one.shown.as_str()).collect();
    assert_eq!(
        shown,
        [
            "secretsmanager:GetSecretValue shop/db in eu-central-1, else shop/db in eu-west-1",
            "ssm:GetParameters /shop/url version 3 in eu-central-1, else /shop/url version 3 in eu-west-1",
            "ssm:GetParametersByPath (recursive) /shop/all in eu-central-1, else /shop/all in eu-west-1",
            "the login's own credentials: no request",
        ]
    );
    assert!(told.requests.iter().all(|one| !one.mints), "nothing is made that must be given back");
    assert_eq!(
        told.requests[1].needs,
        r#"{"Action":"ssm:GetParameters","Effect":"Allow","Resource":["arn:aws:ssm:eu-central-1:123456789012:parameter/shop/url","arn:aws:ssm:eu-west-1:123456789012:parameter/shop/url"]}"#
    );
    let files: Vec<_> =
        told.files.iter().map(|file| (file.object.as_str(), file.request, file.is_many)).collect();
    assert_eq!(
        files,
        [
            ("shop_db", 0, false),
            ("user", 0, false),
            ("url", 1, false),
            ("all/*", 2, true),
            ("keys", 3, false)
        ]
    );
    assert_eq!(told.audience.as_deref(), Some("sts.amazonaws.com"));
    let fact = |key| told.login.iter().find(|(name, _)| *name == key).map(|(_, text)| text.as_str());
    assert_eq!(fact("role"), Some(ROLE));
    assert_eq!(fact("region"), Some("eu-central-1, else eu-west-1"));
    assert_eq!(fact("session"), Some("NAMESPACE-SERVICEACCOUNT-POD of the pod that asks"));
    assert_eq!(told.account, ROLE);
    let said = told.differences.join("\n");
    for part in ["asks both regions", "does not know roleArn", "cannot write all, keys"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_role_is_made_with_its_trust_and_its_policy() {
    let objects =
        "- {objectName: shop/db, objectType: secretsmanager}\n- {objectName: p:3, objectType: ssmparameter}";
    let commands =
        setup(&[("roleArn", ROLE), ("objects", objects)], &[asker("shop", "web"), asker("shop", "api")]);
    let expected = [
        "aws iam create-role --role-name web --path /shop/ \\\n  --assume-role-policy-document \
         '{\"Statement\":[{\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Condition\":{\"StringEquals\":\
         {\"ISSUER:aud\":\"sts.amazonaws.com\",\"ISSUER:sub\":[\"system:serviceaccount:shop:api\",\
         \"system:serviceaccount:shop:web\"]}},\"Effect\":\"Allow\",\"Principal\":{\"Federated\":\
         \"arn:aws:iam::123456789012:oidc-provider/ISSUER\"}}],\"Version\":\"2012-10-17\"}'",
        "aws iam put-role-policy --role-name web --policy-name web-secrets \\\n  --policy-document \
         '{\"Statement\":[{\"Action\":\"secretsmanager:GetSecretValue\",\"Effect\":\"Allow\",\"Resource\":\
         \"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-??????\"},{\"Action\":\
         \"ssm:GetParameters\",\"Effect\":\"Allow\",\"Resource\":\
         \"arn:aws:ssm:eu-central-1:123456789012:parameter/p\"}],\"Version\":\"2012-10-17\"}'",
    ];
    assert_eq!(commands, expected);
}

#[test]
fn what_only_the_cluster_knows_is_a_blank_and_each_account_is_bound() {
    let one = ("objects", "- {objectName: x, objectType: secretsmanager}");
    let commands = setup(&[one], &[]);
    assert!(commands[0].contains("role-name ROLE ") && commands[0].contains(":NAMESPACE:SERVICE_ACCOUNT"));
    assert_eq!(
        commands[2],
        "kubectl annotate serviceaccount --namespace NAMESPACE SERVICE_ACCOUNT \
         eks.amazonaws.com/role-arn=arn:aws:iam::ACCOUNT:role/ROLE"
    );
    let commands = setup(&[("usePodIdentity", "true"), one], &[asker("shop", "web")]);
    assert!(commands[0].contains("pods.eks.amazonaws.com") && commands[0].contains("sts:TagSession"));
    assert!(commands[2].starts_with("aws eks create-pod-identity-association --cluster-name CLUSTER"));
    let further = "arn:aws:iam::999999999999:role/further";
    let chain = [("roleArn", ROLE), ("assumeRoleArn", further), ("externalId", "id-1"), one];
    let commands = setup(&chain, &[asker("shop", "web")]);
    assert!(commands[1].contains("\"sts:AssumeRole\"") && commands[1].contains(further), "{commands:?}");
    assert!(
        commands[2].contains("\"sts:ExternalId\":\"id-1\"") && commands[2].contains(ROLE),
        "{commands:?}"
    );
    assert!(commands[3].contains(":999999999999:secret:x-??????"), "of the reader's account: {commands:?}");
}

#[test]
fn what_is_seldom_meant_is_said() {
    let role = ("roleArn", ROLE);
    let sm = |rest: &str| format!("- {{objectType: secretsmanager, {rest}}}");
    assert_eq!(found(&[]), [("aws-role-missing", None, "roleArn")]);
    assert_eq!(
        found(&[role, ("preferredAddressType", "ipv6")]),
        [("aws-address-type", None, "preferredAddressType")]
    );
    let agent = ("usePodIdentity", "true");
    assert_eq!(
        found(&[agent, ("preferredAddressType", "v6")]),
        [("aws-address-type", None, "preferredAddressType")]
    );
    assert_eq!(found(&[role, ("region", "cn-north-1")]), [("aws-partition", None, "roleArn")]);
    for (objects, id, key) in [
        (sm("objectName: n"), "aws-name-is-switch", "objectName"),
        (sm("objectName: a, objectAlias: '\"a-b\"'"), "aws-alias-quoted", "objectAlias"),
        (sm("objectName: a, jmesPath: [{path: .user, objectAlias: u}]"), "aws-jmes-path", "jmesPath"),
        (sm("objectName: a, JMESPath: [{Path: a-b, objectAlias: u}]"), "aws-jmes-path", "jmesPath"),
        (sm("objectName: 'arn:aws:secretsmanager:eu-central-1:1:secret:x'"), "aws-no-failover", "objectName"),
    ] {
        let class = [role, ("failoverRegion", "eu-west-1"), ("objects", objects.as_str())];
        assert_eq!(found(&class), [(id, Some(0), key)], "{objects}");
    }
}

#[test]
fn what_is_usual_is_not_said() {
    for (pairs, objects) in [
        (vec![("roleArn", ROLE)], "- {objectName: a, objectType: secretsmanager}"),
        (vec![("usePodIdentity", "true"), ("preferredAddressType", "IPv6")], OBJECTS),
        (
            vec![("roleArn", ROLE), ("region", "us-east-1")],
            "- {objectName: \"n\", objectType: secretsmanager, jmesPath: [{path: '\"a-b\"', objectAlias: u}]}",
        ),
    ] {
        let class: Vec<_> = pairs.into_iter().chain([("objects", objects)]).collect();
        assert_eq!(found(&class), [], "{objects}");
    }
}

async fn reached(config: Config, more: &[(&str, &str)]) -> Result<String, Error> {
    let one = ("objects", "- {objectName: x, objectType: secretsmanager}");
    let pairs: Vec<_> = more.iter().copied().chain([one]).collect();
    let aws = aws(config);
    let (scope, _) = aws.parse(&class(&pairs)).unwrap();
    aws.reach(&scope, Deadline::after(Duration::from_secs(5))).await
}

#[tokio::test]
async fn sts_and_the_agent_are_met_without_a_token() {
    let fake = Fake::start(Arc::new(Issuer::new())).await;
    let address = fake.address.clone();
    let config =
        || Config { endpoint: Some(address.clone()), agent: Some(address.clone()), ..Config::default() };
    let said = reached(config(), &[("roleArn", ROLE)]).await.unwrap();
    assert_eq!(said, format!("STS answers in eu-central-1 ({address})"));
    let said = reached(config(), &[("usePodIdentity", "true")]).await.unwrap();
    assert_eq!(said, "the EKS Pod Identity agent answers");
    {
        let state = fake.state();
        assert!(state.seen.iter().all(|seen| seen.key.is_empty()), "nobody signs");
        assert!(state.sessions.is_empty());
    }
    let nobody = || Some("http://127.0.0.1:1".to_owned());
    let config = Config { endpoint: nobody(), agent: nobody(), ..Config::default() };
    for class in [("roleArn", ROLE), ("usePodIdentity", "true")] {
        let error = reached(config.clone(), &[class]).await.unwrap_err().to_string();
        assert!(error.starts_with("stage=reach backend=aws") && error.contains("hint: "), "{error}");
    }
}
