//! K1 to K5, K8: what a Mount is answered with.

use tonic::Code;

use crate::support::provider::{Mount, MountResponse};
use crate::world::{OBJECTS, PASSWORD, World, pod};

#[tokio::test(flavor = "multi_thread")]
async fn k1_malformed_parts_are_invalid_arguments() {
    let world = World::new().await;
    let good = world.mount(&pod("a"), OBJECTS);
    let token = "csi.storage.k8s.io/serviceAccount.tokens";
    let cases: Vec<(Mount, &str)> = vec![
        (good.clone().without("csi.storage.k8s.io/pod.uid"), "attributes lacks csi.storage.k8s.io/pod.uid"),
        (good.clone().set(token, "[]"), "is not a JSON map of audience"),
        (good.clone().secrets("[]"), "secrets is neither null nor a JSON object"),
        (good.clone().secrets("{"), "secrets is neither null nor a JSON object"),
        (Mount { permission: String::new(), ..good.clone() }, "permission is not a decimal file mode"),
        (Mount { permission: "512".into(), ..good.clone() }, "permission is not a decimal file mode"),
        (Mount { permission: "rw-r--r--".into(), ..good.clone() }, "permission is not a decimal file mode"),
        (good.clone().set("objects", ""), "objects"),
        (good.clone().set("objects", "- ["), "objects"),
        (good.clone().set("objects", "7"), "objects"),
    ];
    for (mount, text) in cases {
        let (code, message) = world.refused(&mount).await;
        assert_eq!(code, Code::InvalidArgument, "{message}");
        assert!(message.contains(text), "{text}: {message}");
    }
    assert!(world.call(&good).await.is_ok(), "it still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_every_absent_form_of_secrets_is_the_same() {
    let world = World::new().await;
    let good = world.mount(&pod("a"), OBJECTS);
    let tokens = good.attributes["csi.storage.k8s.io/serviceAccount.tokens"].clone();
    let tokens_only = serde_json::json!({ "csi.storage.k8s.io/serviceAccount.tokens": tokens }).to_string();
    let expected = world.call(&good).await.unwrap();
    for secrets in ["null", "", "{}", tokens_only.as_str()] {
        assert_eq!(world.call(&good.clone().secrets(secrets)).await.unwrap(), expected, "{secrets:.40}");
    }
    // Kubernetes 1.35 may send them there only, with a driver that does not copy them.
    let moved = good.without("csi.storage.k8s.io/serviceAccount.tokens").secrets(&tokens_only);
    assert_eq!(world.call(&moved).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_k4_files_modes_and_versions() {
    let world = World::new().await;
    let mount = world.mount(&pod("a"), OBJECTS);
    let first = world.call(&mount).await.unwrap();
    let tree = first.tree();
    assert_eq!(tree["db/password"], (0o400, PASSWORD.as_bytes().to_vec()));
    assert_eq!(tree["user"], (0o644, b"app-user".to_vec()));
    assert_eq!(first.versions().keys().collect::<Vec<_>>(), ["db/password", "user"]);
    assert_eq!(world.call(&mount).await.unwrap().versions(), first.versions(), "stable");
    world.rotate("another-password");
    let second = world.call(&mount).await.unwrap();
    assert_eq!(second.text("db/password").as_deref(), Some("another-password"));
    assert_ne!(second.versions()["db/password"], first.versions()["db/password"]);
    assert_eq!(second.versions()["user"], first.versions()["user"], "an unchanged object keeps its version");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_would_break_the_volume_fail_it_before_anything_is_answered() {
    let world = World::new().await;
    for (one, other, text) in [
        ("../x", "y", "begin with `..`"),
        ("/x", "y", "must be relative"),
        ("x/./y", "z", "empty, `.` or `..` component"),
        ("x", "x/y", "the other needs it as a folder"),
    ] {
        let objects = format!(
            "- {{objectName: {one}, secretPath: shop/db, secretKey: username}}\n- {{objectName: {other}, secretPath: shop/db, secretKey: username}}\n"
        );
        let (code, message) = world.refused(&world.mount(&pod("a"), &objects)).await;
        assert_eq!(code, Code::InvalidArgument, "{message}");
        assert!(message.contains(text), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failing_object_is_named() {
    let world = World::new().await;
    let objects = "- {objectName: a, secretPath: shop/db, secretKey: username}\n- {objectName: b, secretPath: shop/none}\n\
                   - {objectName: c, secretPath: shop/db, secretKey: none}\n";
    let (code, message) = world.refused(&world.mount(&pod("a"), objects)).await;
    assert_eq!(code, Code::NotFound, "{message}");
    assert!(
        message.contains("object=b ") && message.contains("object=c ") && !message.contains("object=a "),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn k5_an_answer_over_the_drivers_limit_is_refused_with_a_final_code() {
    let world = World::new().await;
    let (code, message) =
        world.refused(&world.mount(&pod("a"), "- {objectName: big, secretPath: shop/big}")).await;
    assert_eq!(code, Code::FailedPrecondition);
    assert!(message.contains("object=big") && message.contains("--max-call-recv-msg-size"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn k8_four_hundred_mounts_at_once_on_one_connection() {
    let world = World::new().await;
    let calls = (0..400).map(|at| {
        let mount = world.mount(&pod(&format!("pod-{at}")), OBJECTS);
        let provider = world.provider.clone();
        tokio::spawn(async move { provider.mount(&mount).await })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.text("db/password").as_deref(), Some(PASSWORD));
    }
}

/// Not a `MountRequest`: its attributes are a number.
#[derive(Clone, PartialEq, prost::Message)]
struct Strange {
    #[prost(uint64, tag = "1")]
    attributes: u64,
}

/// tonic answers these itself, before our handler: `INTERNAL` and `OUT_OF_RANGE`, were it not for the outer layer.
#[tokio::test(flavor = "multi_thread")]
async fn k1_what_is_no_request_or_too_large_a_one_is_an_invalid_argument() {
    let world = World::new().await;
    let provider = &world.provider;
    let strange = provider.call::<_, MountResponse>("Mount", Strange { attributes: 7 }, None).await;
    assert_eq!(strange.expect_err("no request").code(), Code::InvalidArgument);
    let large = world.mount(&pod("a"), OBJECTS).set("x", &"x".repeat(5 * 1024 * 1024));
    assert_eq!(world.refused(&large).await.0, Code::InvalidArgument);
    assert!(world.call(&world.mount(&pod("a"), OBJECTS)).await.is_ok());
}
