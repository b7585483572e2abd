//! Nothing is served without proof, before or after a good mount of the same pod.

use tonic::Code;

use crate::support::issuer::{Issuer, claims};
use crate::support::kube_objects::{PodRef, Token};
use crate::support::provider::Mount;
use crate::world::{OBJECTS, World, mount_with, pod};

/// Every bad proof, and what its refusal says.
fn bad(world: &World, pod: &PodRef) -> Vec<(Mount, &'static str)> {
    let other = PodRef { name: "other".into(), uid: "uid-of-other".into(), ..pod.clone() };
    let account = PodRef { service_account: "db".into(), ..pod.clone() };
    let namespace = PodRef { namespace: "bank".into(), ..pod.clone() };
    let with = |token: Token| mount_with(pod, OBJECTS, "local", token);
    let mut unbound = claims(pod, "local", 600);
    unbound["kubernetes.io"].as_object_mut().unwrap().remove("pod");
    let mut early = claims(pod, "local", 600);
    early["nbf"] = (early["exp"].as_i64().unwrap() - 300).into();
    let mut endless = claims(pod, "local", 600);
    endless.as_object_mut().unwrap().remove("exp");
    let good = world.issuer.token(pod, "local", 600);
    let changed = |token: &str| Token { token: token.to_owned(), ..good.clone() };
    let (signed, signature) = good.token.rsplit_once('.').unwrap();
    let payload = signed.split_once('.').unwrap().1;
    let none = "eyJhbGciOiJub25lIn0";
    let hmac = "eyJhbGciOiJIUzI1NiJ9";
    vec![
        (
            with(good.clone()).without("csi.storage.k8s.io/serviceAccount.tokens"),
            "brought no service-account token",
        ),
        (
            mount_with(pod, OBJECTS, "vault", world.issuer.token(pod, "vault", 600)),
            "for other audiences only (vault)",
        ),
        (with(world.issuer.token(pod, "vault", 600)), "for another audience"),
        (with(world.issuer.token(pod, "local", -60)), "expired"),
        (with(world.issuer.token(&other, "local", 600)), "not bound to this pod"),
        (with(world.issuer.token(&account, "local", 600)), "another service account"),
        (with(world.issuer.token(&namespace, "local", 600)), "another namespace"),
        (with(world.issuer.sign(&unbound)), "not bound to this pod"),
        (with(world.issuer.sign(&early)), "not valid yet"),
        (with(world.issuer.sign(&endless)), "no claims"),
        (with(Issuer::new("one").token(pod, "local", 600)), "none of the cluster's keys"),
        (with(Issuer::new("two").token(pod, "local", 600)), "none of the cluster's keys"),
        (with(changed("garbage")), "not a JWT"),
        (with(changed("a.b.c")), "no claims"),
        (with(changed(&format!("{signed}.AAAA{}", &signature[4..]))), "none of the cluster's keys"),
        (with(changed(&format!("{none}.{payload}."))), "not a JWT"),
        (with(changed(&format!("{none}.{payload}.{signature}"))), "not signed with RS256 or ES256"),
        (with(changed(&format!("{hmac}.{payload}.{signature}"))), "not signed with RS256 or ES256"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_proof_is_refused_before_and_after_a_good_mount() {
    let world = World::new().await;
    let pod = pod("a");
    for round in ["before", "after"] {
        for (mount, text) in bad(&world, &pod) {
            let (code, message) = world.refused(&mount).await;
            assert_eq!(code, Code::Unauthenticated, "{round}: {message}");
            assert!(
                message.starts_with("stage=proof") && message.contains(text),
                "{round} {text}: {message}"
            );
        }
        assert!(world.call(&world.mount(&pod, OBJECTS)).await.is_ok(), "{round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_audience_shows_the_lines_to_add() {
    let world = World::new().await;
    let mount = world.mount(&pod("a"), OBJECTS).without("csi.storage.k8s.io/serviceAccount.tokens");
    let (_, message) = world.refused(&mount.clone().set("audience", "special")).await;
    assert!(message.contains("kubectl edit csidriver secrets-store.csi.k8s.io"), "{message}");
    assert!(message.contains(r#"spec: {tokenRequests: [{audience: "special"}]}"#), "{message}");
}

/// An admin may paste what the hint says.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_audience_is_not_repeated_in_a_hint() {
    let world = World::new().await;
    let mount = world.mount(&pod("a"), OBJECTS).set("audience", "x\"}]}]' ; reboot #\u{1b}[2J");
    let (_, message) = world.refused(&mount).await;
    let hint = message.split("hint: ").nth(1).unwrap();
    assert!(!hint.contains("reboot") && !message.contains('\u{1b}'), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_reads_only_what_its_service_account_may() {
    let world = World::new().await;
    let stranger = PodRef { service_account: "db".into(), ..pod("b") };
    let (code, message) = world.refused(&world.mount(&stranger, OBJECTS)).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    assert!(message.contains("object=db/password") && message.contains("object=user"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_taken_from_the_file_without_a_restart() {
    let world = World::new().await;
    let (pod, next) = (pod("a"), Issuer::new("next"));
    let mount = mount_with(&pod, OBJECTS, "local", next.token(&pod, "local", 600));
    assert_eq!(world.refused(&mount).await.0, Code::Unauthenticated);
    std::fs::write(world.store().with_file_name("jwks.json"), next.jwks().to_string() + "\n").unwrap();
    assert!(world.call(&mount).await.is_ok());
}
