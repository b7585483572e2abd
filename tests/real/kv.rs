//! KV v1 and v2 through both logins: values, versions, whole answers, one read for each path.

use serde_json::{Value, json};
use tonic::Code;

use crate::support::provider::Mount;
use crate::support::secrets;
use crate::world::{PASSWORD, World, object};

#[tokio::test(flavor = "multi_thread")]
async fn a_pods_secret_arrives_by_the_kubernetes_and_by_the_jwt_login() {
    let Some(world) = World::new("kv-logins").await else { return };
    let pod = world.pod("a").await;
    let objects = object("db/password", "secret/data/kv-logins/db", "password") + "  filePermission: 0400\n";
    let answer = world.read(&pod, &objects).await;
    assert_eq!(answer.tree()["db/password"], (0o400, PASSWORD.as_bytes().to_vec()));
    let by_jwt = world.mount(&pod, &objects).await.set("vaultAuthMountPath", "jwt");
    assert_eq!(world.call(&by_jwt).await.unwrap(), answer, "the same bytes and versions");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_is_read_once_for_all_its_objects() {
    let Some(world) = World::new("kv-once").await else { return };
    let (pod, path) = (world.pod("a").await, "secret/data/kv-once/db");
    let objects = object("u", path, "username")
        + &object("p", path, "password")
        + &object("q", &format!("/v1/{path}"), "password");
    let answer = world.read(&pod, &objects).await;
    assert_eq!(answer.text("u").as_deref(), Some("app-user"));
    assert_eq!(answer.text("q").as_deref(), Some(PASSWORD));
    assert_eq!(world.bao.requests(path), 1, "{:#?}", world.bao.audit());
    assert_eq!(world.bao.requests("auth/kubernetes/login"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kv1_numbers_binary_and_encodings() {
    let Some(world) = World::new("kv1").await else { return };
    world.bao.kv1("kv1").await;
    let pod = world.pod("a").await;
    let data = json!({ "big": 12_345_678_901_234_567_890_u64, "map": { "b": [1, 2.50], "a": "<&>" }, "key": "aGVsbG8=", "hex": "68656c6c6f" });
    world.bao.put("kv1/kv1/x", data).await;
    let read = |name: &str, key: &str| object(name, "kv1/kv1/x", key);
    let objects = read("big", "big")
        + &read("map", "map")
        + &read("key", "key")
        + "  encoding: base64\n"
        + &read("hex", "hex")
        + "  encoding: HEX\n";
    let answer = world.read(&pod, &objects).await;
    assert_eq!(answer.text("big").as_deref(), Some("12345678901234567890"), "a number keeps its digits");
    assert_eq!(answer.text("map").as_deref(), Some(r#"{"a":"\u003c\u0026\u003e","b":[1,2.5]}"#), "Go's JSON");
    assert_eq!(answer.text("key").as_deref(), Some("hello"));
    assert_eq!(answer.text("hex").as_deref(), Some("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn older_deleted_and_destroyed_versions() {
    let Some(world) = World::new("kv-versions").await else { return };
    let (pod, path) = (world.pod("a").await, "kv-versions/v");
    for value in ["first-value", "second-value", "third-value"] {
        world.put(path, json!({ "x": value })).await;
    }
    let at = |version: u32| object("x", &format!("secret/data/{path}?version={version}"), "x");
    assert_eq!(world.read(&pod, &at(1)).await.text("x").as_deref(), Some("first-value"));
    world.bao.put(&format!("secret/delete/{path}"), json!({ "versions": [2] })).await;
    world.bao.put(&format!("secret/destroy/{path}"), json!({ "versions": [1] })).await;
    for (version, word) in [(2, "deleted"), (1, "destroyed"), (9, "")] {
        let mount = world.mount(&pod, &at(version)).await;
        let (code, message) = world.refused(&mount).await;
        assert_eq!(code, Code::NotFound, "{message}");
        assert!(
            message.contains(word) && message.contains("object=x") && message.contains(path),
            "{message}"
        );
    }
    assert_eq!(
        world.read(&pod, &object("x", &format!("secret/data/{path}"), "x")).await.text("x").as_deref(),
        Some("third-value")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_keeps_its_shape_and_its_bytes() {
    let Some(world) = World::new("kv-whole").await else { return };
    let pod = world.pod("a").await;
    let objects = "- {objectName: all.json, secretPath: secret/data/kv-whole/db}\n";
    let first = world.read(&pod, objects).await;
    let text = first.text("all.json").unwrap();
    let keys: Vec<_> = ["request_id", "lease_id", "lease_duration", "renewable", "data", "warnings"]
        .iter()
        .map(|key| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key}: {text}")))
        .collect();
    assert!(keys.is_sorted(), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["data"]["data"]["password"], PASSWORD);
    assert_eq!(world.read(&pod, objects).await, first, "an unchanged secret is the same file");
    world.put("kv-whole/db", json!({ "password": "changed-value" })).await;
    assert_ne!(world.read(&pod, objects).await.versions(), first.versions());
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_by_namespace_keep_pods_apart_and_every_failing_object_is_named() {
    let Some(world) = World::new("kv-mine").await else { return };
    world.put("kv-theirs/db", json!({ "password": "not-for-everybody" })).await;
    let pod = world.pod("a").await;
    let objects = object("mine", "secret/data/kv-mine/db", "password")
        + &object("theirs", "secret/data/kv-theirs/db", "password")
        + &object("none", "secret/data/kv-mine/none", "password")
        + &object("key", "secret/data/kv-mine/db", "absent");
    let mount = world.mount(&pod, &objects).await;
    let (code, message) = world.refused(&mount).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    for name in ["object=theirs", "object=none", "object=key"] {
        assert!(message.contains(name), "{name}: {message}");
    }
    assert!(!message.contains("object=mine"), "{message}");
    assert!(message.contains("secret/data/kv-theirs/db") && message.contains("http=403"), "{message}");
    assert_eq!(world.bao.requests("auth/kubernetes/login"), 2, "a refusal logs in once more, and only once");
}

#[tokio::test(flavor = "multi_thread")]
async fn optional_covers_what_is_not_there_and_nothing_else() {
    let Some(world) = World::new("kv-optional").await else { return };
    let pod = world.pod("a").await;
    let optional = |path: &str| object("maybe", path, "x") + "  optional: true\n";
    let there = object("db", "secret/data/kv-optional/db", "password");
    let answer = world.read(&pod, &(there.clone() + &optional("secret/data/kv-optional/none"))).await;
    assert_eq!(answer.tree().keys().collect::<Vec<_>>(), ["db"]);
    let mount = world.mount(&pod, &(there + &optional("secret/data/elsewhere/none"))).await;
    assert_eq!(world.refused(&mount).await.0, Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_and_openbaos_own_names() {
    let Some(world) = World::new("kv-openbao").await else { return };
    let url = world.bao.url();
    world.bao.put("sys/namespaces/team", json!({})).await;
    let openbao = crate::support::keymount::Keymount::start(&[
        "--provider",
        "openbao",
        "--openbao-addr",
        "http://127.0.0.1:1",
    ])
    .await;
    let pod = world.pod("a").await;
    let tokens = world.kube.pod_tokens(&pod, &["openbao", "vault"]).await;
    let objects = object("p", "secret/data/kv-openbao/db", "password");
    let class = [
        ("baoRoleName", "web"),
        ("baoAddress", url.as_str()),
        ("objects", objects.as_str()),
        ("audience", "vault"),
    ];
    let provider = openbao.provider("openbao").await;
    let answer = provider.mount(&Mount::new(&pod, &class, &tokens)).await.unwrap();
    assert_eq!(answer.text("p").as_deref(), Some(PASSWORD));
    let elsewhere = Mount::new(&pod, &class, &tokens)
        .set("baoNamespace", "team")
        .set("vaultAddress", "http://127.0.0.1:2");
    let status = provider.mount(&elsewhere).await.expect_err("no such auth mount there");
    assert!(
        status.message().contains("namespace=team") && status.message().starts_with("stage=login"),
        "{status:?}"
    );
    secrets::remember(PASSWORD);
}
