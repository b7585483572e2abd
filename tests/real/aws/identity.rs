//! As whom.

use aws_credential_types::Credentials;
use serde_json::{Value, json};
use tonic::Code;

use super::{STS, World, reads, subject};
use crate::support::aws::{ACCOUNT, caller};
use crate::support::secrets;

const ONE: &str = "- {objectName: aws-who/x, objectType: secretsmanager}";

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_for_whom_it_trusts() {
    let Some(world) = World::new("aws-trust").await else { return };
    world.aws.secret("aws-trust/x", &json!("value-of-trust")).await;
    let objects = "- {objectName: aws-trust/x, objectType: secretsmanager}";
    let class = [("roleArn", world.role.as_str()), ("objects", objects)];
    let stranger = world.pod("s", "stranger").await;
    let (code, text) = world.refused(&stranger, &class).await;
    assert_eq!(code, Code::PermissionDenied, "{text}");
    assert!(
        text.contains("the trust policy of") && text.contains("system:serviceaccount:aws-trust:stranger"),
        "{text}"
    );
    // A token of another pod, of another audience, or none at all.
    let pod = world.pod("a", "web").await;
    let mut mount = world.mount(&pod, &class).await;
    let other = world.mount(&stranger, &class).await;
    mount.attributes.insert(
        "csi.storage.k8s.io/serviceAccount.tokens".into(),
        other.attributes["csi.storage.k8s.io/serviceAccount.tokens"].clone(),
    );
    assert_eq!(world.call(&mount).await.unwrap_err().code(), Code::Unauthenticated);
    let tokens = world.kube.pod_tokens(&pod, &["vault"]).await;
    let mount = crate::support::provider::Mount::new(&pod, &class, &tokens);
    let status = world.call(&mount).await.unwrap_err();
    assert!(status.code() == Code::Unauthenticated && status.message().contains(STS), "{status:?}");
    assert!(status.message().contains("tokenRequests"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_role_with_an_external_id() {
    let Some(world) = World::new("aws-chain").await else { return };
    world.aws.secret("aws-chain/x", &json!("value-of-chain")).await;
    let first = json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]);
    let first = world.aws.role("first", &subject("aws-chain", "web"), first).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
        "Condition": {"StringEquals": {"sts:ExternalId": "id-of-chain"}},
    }]});
    let second = world.aws.role_trusting("second", &trust, reads("aws-chain")).await;
    let objects = "- {objectName: aws-chain/x, objectType: secretsmanager, objectAlias: x}";
    let pod = world.pod("a", "web").await;
    let class = [
        ("roleArn", first.as_str()),
        ("assumeRoleArn", second.as_str()),
        ("externalId", "id-of-chain"),
        ("objects", objects),
    ];
    assert_eq!(world.read_as(&pod, &class).await.text("x").as_deref(), Some("value-of-chain"));
    let (code, text) = world.refused(&pod, &[class[0], class[1], ("externalId", "another"), class[3]]).await;
    assert_eq!(code, Code::PermissionDenied, "{text}");
    assert!(text.contains("action=sts:AssumeRole") && text.contains("sts:ExternalId"), "{text}");
    let (code, text) = world.refused(&pod, &[class[0], class[3]]).await;
    assert_eq!(code, Code::PermissionDenied, "the first role reads nothing: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_annotation_of_a_service_account_names_the_role_where_it_is_allowed() {
    let Some(world) = World::new("aws-who").await else { return };
    world.aws.secret("aws-who/x", &json!("value-of-who")).await;
    let pod = world.pod("a", "web").await;
    let (code, text) = world.refused(&pod, &[("objects", ONE)]).await;
    assert_eq!(code, Code::InvalidArgument, "{text}");
    assert!(
        text.contains("An IAM role must be associated with service account web (namespace: aws-who)"),
        "{text}"
    );
    assert!(text.contains("--lookup-service-accounts") && text.contains("roleArn"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let (ca, token) = (folder.path().join("ca.crt"), folder.path().join("token"));
    std::fs::write(&ca, world.kube.ca_pem()).unwrap();
    std::fs::write(&token, "no-token-of-the-cluster").unwrap();
    let (url, ca, token_file) =
        (world.kube.url().to_owned(), ca.display().to_string(), token.display().to_string());
    let more = [
        "--lookup-service-accounts",
        "--kubernetes-url",
        &url,
        "--kubernetes-ca-file",
        &ca,
        "--kubernetes-token-file",
        &token_file,
    ];
    let namespace = "aws-who-2";
    let Some(world) = World::with(namespace, &more).await else { return };
    world.aws.secret("aws-who-2/x", &json!("value-of-who-2")).await;
    let pod = world.pod("a", "web").await;
    let objects = "- {objectName: aws-who-2/x, objectType: secretsmanager, objectAlias: x}";
    let (code, text) = world.refused(&pod, &[("objects", objects)]).await;
    assert!(code == Code::FailedPrecondition && text.contains("get on serviceaccounts"), "{code:?} {text}");
    std::fs::write(&token, "admin-token-of-the-tests\n").unwrap();
    let (code, text) = world.refused(&pod, &[("objects", objects)]).await;
    assert!(
        code == Code::InvalidArgument && text.contains("annotate the service account"),
        "{code:?} {text}"
    );
    let change = json!({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": world.role}}});
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/other");
    let other = world.pod("b", "other").await;
    world.kube.merge_patch(&path, &change).await;
    let (code, text) = world.refused(&other, &[("objects", objects)]).await;
    assert!(
        code == Code::PermissionDenied && text.contains(&world.role),
        "the annotation is read, and trusts another: {text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_as_files_are_the_pods_and_work() {
    let Some(world) = World::new("aws-keys").await else { return };
    let objects = "\
- {objectName: process.json, objectType: credentials}
- {objectName: credentials, objectType: credentials, format: profile}
";
    let pod = world.pod("the-pod", "web").await;
    let class = [("roleArn", world.role.as_str()), ("objects", objects)];
    let answer = world.read_as(&pod, &class).await;
    let process: Value = serde_json::from_str(&answer.text("process.json").unwrap()).unwrap();
    let field = |name: &str| process[name].as_str().unwrap().to_owned();
    secrets::remember(&field("SecretAccessKey"));
    secrets::remember(&field("SessionToken"));
    assert!(answer.text("credentials").unwrap().contains(&field("SecretAccessKey")));
    let keys = Credentials::new(
        field("AccessKeyId"),
        field("SecretAccessKey"),
        Some(field("SessionToken")),
        None,
        "tests",
    );
    let who = caller(&world.aws, &keys).await;
    assert_eq!(who.status, 200, "{}", who.body);
    assert!(
        who.body.to_string().contains("assumed-role/web/aws-keys-web-the-pod"),
        "CloudTrail names the pod: {}",
        who.body
    );
    assert_eq!(
        world.read_as(&pod, &class).await.text("process.json"),
        answer.text("process.json"),
        "not made anew each time"
    );
    assert!(!world.keymount.logs().contains(&field("SecretAccessKey")));
}
