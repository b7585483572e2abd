//! Secrets and parameters.

use serde_json::json;
use tonic::Code;

use super::{World, batches, subject};

#[tokio::test(flavor = "multi_thread")]
async fn an_incumbents_class_reads_secrets_and_parameters() {
    let Some(world) = World::new("aws-reads").await else { return };
    world.aws.secret("aws-reads/db", &json!({"user": "app-user", "pass-word": "hunter2-but-longer"})).await;
    world.aws.parameter("/p-reads/level", "value-of-level").await;
    world.aws.parameter("/p-reads/other", "value-of-other").await;
    let objects = r#"
- objectName: "aws-reads/db"
  objectType: "secretsmanager"
  objectAlias: db
  jmesPath:
    - Path: user
      ObjectAlias: db-user
    - path: '"pass-word"'
      objectAlias: db-password
      filePermission: "0400"
- objectName: /p-reads/level
  objectType: ssmparameter
- objectName: /p-reads/other
  objectType: ssmparameter
  objectAlias: nested/other
"#;
    let pod = world.pod("a", "web").await;
    let answer = world.read(&pod, objects).await;
    assert_eq!(answer.text("db-user").as_deref(), Some("app-user"));
    assert_eq!(answer.tree()["db-password"], (0o400, b"hunter2-but-longer".to_vec()));
    assert_eq!(answer.text("_p-reads_level").as_deref(), Some("value-of-level"));
    assert_eq!(answer.text("nested_other").as_deref(), Some("value-of-other"));
    assert_eq!(
        world.read(&pod, objects).await.versions(),
        answer.versions(),
        "unchanged values, unchanged versions"
    );
    world.aws.rotate("aws-reads/db", r#"{"user":"new-user-name","pass-word":"x"}"#).await;
    assert_eq!(world.read(&pod, objects).await.text("db-user").as_deref(), Some("new-user-name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_labels_trees_and_keys() {
    let Some(world) = World::new("aws-more").await else { return };
    world.aws.secret("aws-more/all", &json!({"one": "value-one", "two": 2})).await;
    world.aws.secret("aws-more/x", &json!("the-first-value")).await;
    world.aws.rotate("aws-more/x", "the-second-value").await;
    for (name, value) in [("a", "value-a"), ("b/c", "value-c")] {
        world.aws.parameter(&format!("/p-more/tree/{name}"), value).await;
    }
    world.aws.parameter("/p-more/tree/a", "value-a-2").await;
    let objects = "\
- {objectName: aws-more/x, objectType: secretsmanager, objectVersionLabel: AWSPREVIOUS, objectAlias: before}
- {objectName: aws-more/x, objectType: secretsmanager, objectAlias: now}
- {objectName: /p-more/tree/a, objectType: ssmparameter, objectVersion: 1, objectAlias: a1}
- {objectName: aws-more/all, objectType: secretsmanager, allKeys: true, objectAlias: all}
- {objectType: ssmparameter, path: /p-more/tree, recursive: true, objectAlias: tree}
";
    let pod = world.pod("a", "web").await;
    let answer = world.read(&pod, objects).await;
    for (file, expected) in [
        ("before", "the-first-value"),
        ("now", "the-second-value"),
        ("a1", "value-a"),
        ("all/one", "value-one"),
        ("all/two", "2"),
        ("tree/a", "value-a-2"),
        ("tree/b_c", "value-c"),
    ] {
        assert_eq!(answer.text(file).as_deref(), Some(expected), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_read_where_the_role_may_and_else_one_by_one() {
    let Some(world) = World::new("aws-batch").await else { return };
    let batching = world.aws.role("batching", &subject("aws-batch", "web"), batches("aws-batch")).await;
    let mut objects = Vec::new();
    for at in 0..25 {
        world.aws.secret(&format!("aws-batch/s{at}"), &json!(format!("value-number-{at}"))).await;
        objects.push(format!("- {{objectName: aws-batch/s{at}, objectType: secretsmanager}}\n"));
    }
    let objects = objects.concat();
    let pod = world.pod("a", "web").await;
    let one_by_one = world.read_as(&pod, &[("roleArn", &world.role), ("objects", &objects)]).await;
    let together = world.read_as(&pod, &[("roleArn", &batching), ("objects", &objects)]).await;
    assert_eq!(together.tree(), one_by_one.tree());
    assert_eq!(together.text("aws-batch_s24").as_deref(), Some("value-number-24"));
    // One refusal, remembered; 25 single reads; then two batches, of 20 and of 5. Each login is one more.
    let sent = |status: &str| {
        format!("keymount_backend_requests_total{{operation=\"read\",provider=\"aws\",status=\"{status}\"}}")
    };
    let metrics = world.keymount.metrics().await;
    let count = |status: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&sent(status)));
        line.and_then(|line| line.trim().parse::<u32>().ok()).unwrap_or_else(|| panic!("{status}: {metrics}"))
    };
    assert_eq!(count("200"), 27, "{metrics}");
    assert!((1..=2).contains(&count("403")), "two batches are refused at the same time at most: {metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failing_object_is_named_with_what_to_allow() {
    let Some(world) = World::new("aws-denied").await else { return };
    world.aws.secret("aws-denied/mine", &json!("mine-and-good")).await;
    world.aws.secret("theirs/db", &json!("not-for-everybody")).await;
    let objects = "\
- {objectName: aws-denied/mine, objectType: secretsmanager}
- {objectName: theirs/db, objectType: secretsmanager}
- {objectName: aws-denied/none, objectType: secretsmanager}
- {objectName: /aws-denied/none, objectType: ssmparameter}
";
    let pod = world.pod("a", "web").await;
    let (code, text) = world.refused(&pod, &[("roleArn", &world.role), ("objects", objects)]).await;
    assert_eq!(code, Code::PermissionDenied, "{text}");
    for expected in [
        "object=theirs/db",
        "code=AccessDeniedException",
        "allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-central-1:123456789012:secret:theirs/db-??????",
        "object=aws-denied/none",
        "code=ResourceNotFoundException",
        "object=/aws-denied/none",
        "invalid parameters: /aws-denied/none",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("object=aws-denied/mine"), "{text}");
}
