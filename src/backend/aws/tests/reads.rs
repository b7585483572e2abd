#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
//! Secrets, parameters, and what becomes files.

use super::super::fake::{ROLE, Version};
use super::support::{OTHER, REGION, World, map};
use crate::error::Kind;

#[tokio::test]
async fn a_secret_is_called_and_cut_as_the_incumbent_does() {
    let world = World::new().await;
    world.fake.state().put(REGION, "app/db", r#"{"user":"me","a-b":"c","port":5432}"#);
    let objects = r#"
- objectName: app/db
  objectType: secretsmanager
  jmesPath:
  - Path: user
    ObjectAlias: db/user
  - path: '"a-b"'
    objectAlias: hyphen
    filePermission: "0400"
  - {path: to_string(port), objectAlias: port}
"#;
    let whole = r#"{"user":"me","a-b":"c","port":5432}"#;
    let expected = map([("app_db", whole), ("db_user", "me"), ("hyphen", "c"), ("port", "5432")]);
    assert_eq!(world.read(objects).await, expected);
    let class = [("roleArn", ROLE), ("objects", objects), ("pathTranslation", "fAlSe")];
    assert_eq!(world.files(&class).await.keys().collect::<Vec<_>>(), ["app/db", "db/user", "hyphen", "port"]);
    let secrets = world.ask(objects).await.unwrap();
    assert_eq!(secrets.iter().map(|secret| secret.mode).collect::<Vec<_>>(), [None, None, Some(0o400), None]);
    assert_eq!(secrets[0].object.as_str(), "app_db", "the object of a version is called as its file");
}

#[tokio::test]
async fn versions_labels_and_bytes() {
    let world = World::new().await;
    let version = |id: &str, stages: &[&str], text: Option<&str>, binary: Option<&str>| Version {
        id: id.into(),
        stages: stages.iter().map(|stage| (*stage).to_owned()).collect(),
        text: text.map(str::to_owned),
        binary: binary.map(str::to_owned),
    };
    let versions = vec![
        version("v1", &["AWSPREVIOUS"], Some("old"), None),
        version("v2", &["AWSCURRENT"], None, Some("/wAB")),
    ];
    world.fake.state().secrets.insert((REGION.into(), "x".into()), versions);
    let objects = "- {objectName: x, objectType: secretsmanager, objectVersion: v1, objectAlias: by-version}\n\
                   - {objectName: x, objectType: secretsmanager, objectVersionLabel: AWSPREVIOUS, objectAlias: by-label}\n\
                   - {objectName: x, objectType: secretsmanager, objectAlias: now}\n\
                   - {objectName: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:x-AbCdEf', objectAlias: arn}";
    let secrets = world.ask(objects).await.unwrap();
    let bytes: Vec<_> =
        secrets.iter().map(|secret| secrecy::ExposeSecret::expose_secret(&secret.bytes).to_vec()).collect();
    assert_eq!(bytes, [b"old".to_vec(), b"old".to_vec(), vec![255, 0, 1], vec![255, 0, 1]]);
    assert_eq!(world.fake.count("BatchGetSecretValue"), 1, "what is current is read together");
    assert_eq!(world.fake.count("GetSecretValue"), 2);
}

#[tokio::test]
async fn parameters_come_in_tens_and_no_name_twice_in_one() {
    let world = World::new().await;
    for at in 0..12 {
        world.fake.state().put_parameter(REGION, &format!("/app/p{at}"), &format!("v{at}"));
    }
    world.fake.state().put_parameter(REGION, "/app/p0", "second");
    world.fake.state().parameters.get_mut(&(REGION.to_owned(), "/app/p0".to_owned())).unwrap()[0].labels =
        vec!["first".into()];
    let mut objects: String = (0..12)
        .map(|at| format!("- {{objectName: /app/p{at}, objectType: ssmparameter}}\n"))
        .collect::<Vec<_>>()
        .concat();
    objects += "- {objectName: /app/p0, objectType: ssmparameter, objectVersionLabel: first, objectAlias: labelled}\n\
                - {objectName: /app/p0, objectType: ssmparameter, objectVersion: 1, objectAlias: versioned}\n\
                - {objectName: 'arn:aws:ssm:eu-central-1:123456789012:parameter/app/p1', objectAlias: arn}\n";
    world.fake.state().put_parameter(REGION, "arn", "unused");
    let files = world
        .read(&objects.replace(
            "parameter/app/p1', objectAlias: arn",
            "parameter/app/p1', objectAlias: arn, optional: true",
        ))
        .await;
    assert_eq!(files["_app_p0"], "second");
    assert_eq!(
        (files["labelled"].as_str(), files["versioned"].as_str()),
        ("v1".replace('1', "0").as_str(), "v0")
    );
    assert_eq!(files["_app_p11"], "v11");
    // Tens: the twelve and the ARN in two, the label and the version each where its name is not yet.
    assert!(world.fake.count("GetParameters") <= 4, "{:?}", world.fake.calls());
}

#[tokio::test]
async fn a_denied_parameter_is_named_and_its_neighbours_are_not() {
    let world = World::new().await;
    for name in ["a", "b"] {
        world.fake.state().put_parameter(REGION, name, "v");
    }
    world.fake.state().denied.insert("b".into());
    let objects = "- {objectName: a, objectType: ssmparameter}\n- {objectName: b, objectType: ssmparameter}\n- {objectName: c, objectType: ssmparameter}";
    let (kind, text) = world.fault(&[("roleArn", ROLE), ("objects", objects)]).await;
    assert_eq!(kind, Kind::Denied, "{text}");
    assert!(text.contains("object=b") && text.contains("object=c") && !text.contains("object=a"), "{text}");
    assert!(
        text.contains("code=AccessDeniedException")
            && text.contains("allow ssm:GetParameters on arn:aws:ssm:eu-central-1:123456789012:parameter/b"),
        "{text}"
    );
    assert!(text.contains("code=ParameterNotFound") && text.contains("invalid parameters: c"), "{text}");
}

#[tokio::test]
async fn a_tree_of_parameters_becomes_files() {
    let world = World::new().await;
    for at in 0..25 {
        world.fake.state().put_parameter(REGION, &format!("/app/many/p{at:02}"), "v");
    }
    world.fake.state().put_parameter(REGION, "/app/many/deep/x", "deep");
    let flat = world.read("- {objectType: ssmparameter, path: /app/many/}").await;
    assert_eq!((flat.len(), flat["p24"].as_str()), (25, "v"));
    assert_eq!(world.fake.count("GetParametersByPath"), 3, "pages of ten");
    let deep =
        world.read("- {objectType: ssmparameter, path: /app/many, recursive: true, objectAlias: all}").await;
    assert_eq!((deep.len(), deep["all/deep_x"].as_str()), (26, "deep"));
    let (kind, text) =
        world.fault(&[("roleArn", ROLE), ("objects", "- {objectType: ssmparameter, path: /none}")]).await;
    assert!(kind == Kind::NotFound && text.contains("there is no parameter below /none"), "{text}");
}

#[tokio::test]
async fn every_key_of_a_secret_becomes_a_file() {
    let world = World::new().await;
    world.fake.state().put(
        REGION,
        "all",
        r#"{"user":"me","n":12345678901234567890,"o":{"b":1},"a/b":"slash"}"#,
    );
    world.fake.state().put(REGION, "text", "no json");
    let files =
        world.read("- {objectName: all, objectType: secretsmanager, allKeys: true, objectAlias: dir}").await;
    let expected = map([
        ("dir/user", "me"),
        ("dir/n", "12345678901234567890"),
        ("dir/o", r#"{"b":1}"#),
        ("dir/a_b", "slash"),
    ]);
    assert_eq!(files, expected);
    let (_, text) = world
        .fault(&[
            ("roleArn", ROLE),
            ("objects", "- {objectName: text, objectType: secretsmanager, allKeys: true}"),
        ])
        .await;
    assert_eq!(
        text,
        "stage=pick object=text backend=aws region=eu-central-1 id=text: allKeys needs a JSON object, and the value is none"
    );
}

#[tokio::test]
async fn every_expression_that_finds_nothing_is_named_in_the_incumbents_words() {
    let world = World::new().await;
    world.fake.state().put(REGION, "x", r#"{"num":1,"s":"secret-value"}"#);
    world.fake.state().put(REGION, "plain", "secret-value");
    let objects = "- {objectName: x, objectType: secretsmanager, jmesPath: [{path: num, objectAlias: a}, {path: none, objectAlias: b}, {path: .s, objectAlias: c}]}\n\
                   - {objectName: plain, objectType: secretsmanager, jmesPath: [{path: num, objectAlias: d}]}";
    let (_, text) = world.fault(&[("roleArn", ROLE), ("objects", objects)]).await;
    for expected in [
        "object=x backend=aws region=eu-central-1 id=x part=a: Invalid JMES search result type for path:num. Only string is allowed.; hint: write to_string",
        "part=b: JMES Path - none for object alias - b does not point to a valid object.",
        "part=c: Invalid JMES Path: .s.",
        "object=plain backend=aws region=eu-central-1 id=plain: Invalid JSON used with jmesPath in secret: plain.",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("secret-value"), "{text}");
}

#[tokio::test]
async fn the_other_region_is_asked_only_if_the_first_cannot_be() {
    let world = World::new().await;
    world.fake.state().put(REGION, "x", "first");
    world.fake.state().put(OTHER, "x", "second");
    world.fake.state().put(OTHER, "y-there", "third");
    world.fake.state().put_parameter(OTHER, "p", "fourth");
    let class = |objects: &'static str| [("roleArn", ROLE), ("failoverRegion", OTHER), ("objects", objects)];
    let one = "- {objectName: x, objectType: secretsmanager}";
    assert_eq!(world.files(&class(one)).await, map([("x", "first")]));
    assert!(!world.fake.calls().iter().any(|call| call.ends_with(OTHER)), "{:?}", world.fake.calls());
    for action in ["GetSecretValue", "BatchGetSecretValue", "GetParameters"] {
        world.fake.script_in(REGION, action, 100, 500, "InternalServiceError");
    }
    let all = "- {objectName: x, objectType: secretsmanager, objectAlias: a}\n\
               - {objectName: absent, objectType: secretsmanager, objectAlias: b, failoverObject: {objectName: y-there}}\n\
               - {objectName: p, objectType: ssmparameter}";
    assert_eq!(world.files(&class(all)).await, map([("a", "second"), ("b", "third"), ("p", "fourth")]));
    let (kind, text) = world.fault(&class("- {objectName: none, objectType: secretsmanager}")).await;
    assert_eq!(kind, Kind::NotFound);
    assert!(text.contains("region=eu-west-1") && text.contains("before=stage=read"), "{text}");
}

#[tokio::test]
async fn a_denial_is_not_asked_around() {
    let world = World::new().await;
    world.fake.state().put(OTHER, "x", "second");
    let class = [
        ("roleArn", ROLE),
        ("failoverRegion", OTHER),
        ("objects", "- {objectName: x, objectType: secretsmanager}"),
    ];
    let (kind, text) = world.fault(&class).await;
    assert!(kind == Kind::NotFound && text.contains("looked for in eu-central-1"), "{text}");
    world.fake.state().denied.insert("x".into());
    assert_eq!(world.fault(&class).await.0, Kind::Denied);
    assert!(!world.fake.calls().iter().any(|call| call.ends_with(OTHER)));
}

#[tokio::test]
async fn an_optional_object_may_be_absent_and_nothing_else() {
    let world = World::new().await;
    world.fake.state().put(REGION, "x", "v");
    let objects = "- {objectName: x, objectType: secretsmanager}\n- {objectName: none, objectType: secretsmanager, optional: true}";
    assert_eq!(world.read(objects).await, map([("x", "v")]));
    world.fake.state().denied.insert("none".into());
    assert_eq!(world.fault(&[("roleArn", ROLE), ("objects", objects)]).await.0, Kind::Denied);
}

#[tokio::test]
async fn throttling_and_outages_are_sat_out_and_then_said() {
    let world = World::new().await;
    world.fake.state().put(REGION, "x", "v");
    let one = "- {objectName: x, objectType: secretsmanager}";
    world.fake.script("GetSecretValue", 2, 400, "ThrottlingException", "Rate exceeded");
    world.fake.script("AssumeRoleWithWebIdentity", 1, 500, "InternalFailure", "try later");
    assert_eq!(world.read(one).await, map([("x", "v")]));
    assert_eq!((world.fake.count("AssumeRoleWithWebIdentity"), world.fake.count("GetSecretValue")), (2, 3));
    world.fake.script("GetSecretValue", 100, 400, "ThrottlingException", "Rate exceeded");
    let (kind, text) = world.fault(&[("roleArn", ROLE), ("objects", one)]).await;
    assert_eq!(kind, Kind::Throttled);
    assert!(
        text.contains(
            "http=400 code=ThrottlingException request=request-1: Rate exceeded; hint: the account's limit"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_proxys_page_is_no_answer_of_aws() {
    let world = World::new().await;
    world.fake.script("GetSecretValue", 9, 403, "", "<html>blocked</html>");
    let (kind, text) =
        world.fault(&[("roleArn", ROLE), ("objects", "- {objectName: x, objectType: secretsmanager}")]).await;
    assert!(
        kind != Kind::NotFound && text.contains("http=403") && !text.contains("blocked"),
        "{kind:?} {text}"
    );
}

#[tokio::test]
async fn the_largest_secrets_fit_and_a_class_is_bounded() {
    let world = World::new().await;
    let large = "\u{1}".repeat(65_536);
    for at in 0..20 {
        world.fake.state().put(REGION, &format!("s{at}"), &large);
    }
    let objects: String = (0..20)
        .map(|at| format!("- {{objectName: s{at}, objectType: secretsmanager}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let files = world.read(&objects).await;
    assert!(
        files.len() == 20 && files["s19"] == large,
        "an answer of a batch that is too large is asked for one by one"
    );
    let copies: String = (0..200)
        .map(|at| format!("- {{objectName: s0, objectType: secretsmanager, objectAlias: a{at}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let (kind, text) = world.fault(&[("roleArn", ROLE), ("objects", &copies)]).await;
    assert!(kind == Kind::Precondition && text.contains("larger than a volume may be"), "{text}");
}
