//! What an operator takes away is gone with the pod's next token, or sooner.

use serde_json::json;

use super::{Leases, creds, seconds};
use crate::world::object;

/// Another policy on the role: the token that the pod's next token gets may not make users any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_role_cuts_off_with_the_next_token() {
    let Some(leases) = Leases::new("cut-narrow", "10m", "1h", &[]).await else { return };
    let pod = leases.world.pod("a").await;
    let mount = leases.mount(&pod).await;
    leases.user(&mount).await;
    leases.world.bao.policy("less", "path \"secret/data/*\" { capabilities = [\"read\"] }").await;
    leases.role(&["less"], json!({})).await;
    leases.user(&mount).await;
    let (code, message) = leases.world.refused(&leases.mount(&pod).await).await;
    assert!(code == tonic::Code::PermissionDenied && message.contains("object=user"), "{message}");
    let (code, _) = leases.world.refused(&mount).await;
    assert_eq!(code, tonic::Code::PermissionDenied, "the old token proves the same session");
}

/// The policy keeps its name and loses a path: no login would show that, the question for it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_policy_cuts_off_with_the_next_token() {
    let Some(leases) = Leases::new("cut-policy", "10m", "1h", &[]).await else { return };
    let pod = leases.world.pod("a").await;
    leases.user(&leases.mount(&pod).await).await;
    leases.world.bao.policy("pods", "path \"secret/data/*\" { capabilities = [\"read\"] }").await;
    let (code, message) = leases.world.refused(&leases.mount(&pod).await).await;
    assert!(code == tonic::Code::PermissionDenied && message.contains("object=user"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_role_cuts_off_with_the_next_token_and_by_the_clock() {
    let flags = ["--reauth-interval", "5s"];
    let Some(leases) = Leases::new("cut-role", "10m", "1h", &flags).await else { return };
    let (pod, quiet) = (leases.world.pod("a").await, leases.world.pod("b").await);
    let (mount, same_token) = (leases.mount(&pod).await, leases.mount(&quiet).await);
    leases.user(&mount).await;
    leases.user(&same_token).await;
    leases.world.bao.delete("auth/kubernetes/role/web").await;
    let (_, message) = leases.world.refused(&leases.mount(&pod).await).await;
    assert!(message.contains("stage=login") && message.contains("invalid role name"), "{message}");
    seconds(6).await;
    let (_, message) = leases.world.refused(&same_token).await;
    assert!(message.contains("stage=login"), "--reauth-interval has passed: {message}");
    assert!(leases.world.keymount.sessions().await["sessions"].as_array().unwrap().is_empty());
}

/// A policy without renewal: said once, no loop, and replaced before the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_renewal_costs_one_try_a_credential() {
    let Some(leases) = Leases::new("cut-renew", "12s", "10m", &[]).await else { return };
    let deny = |path: &str| format!("path \"{path}\" {{ capabilities = [\"deny\"] }}\n");
    let read = "path \"database/creds/*\" { capabilities = [\"read\"] }\n";
    leases
        .world
        .bao
        .policy("still", &(read.to_owned() + &deny("sys/leases/renew") + &deny("auth/token/renew-self")))
        .await;
    leases.role(&["still"], json!({})).await;
    let mount = leases.mount(&leases.world.pod("a").await).await;
    for _ in 0..20 {
        leases.user(&mount).await;
        seconds(2).await;
    }
    let (made, tries) = (leases.made(), leases.world.bao.requests("sys/leases/renew"));
    assert!((4..=6).contains(&made), "40 s of 12 s, less a third: {made}");
    assert!(tries <= made, "{tries} tries for {made}");
}

/// `token_no_default_policy`: the token may do nothing but its work.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_without_the_default_policy_work() {
    let Some(leases) = Leases::new("cut-default", "10m", "1h", &[]).await else { return };
    leases.world.bao.policy("bare", "path \"database/creds/*\" { capabilities = [\"read\"] }").await;
    leases.role(&["bare"], json!({ "token_no_default_policy": true })).await;
    let pod = leases.world.pod("a").await;
    let mount = leases.mount(&pod).await;
    let user = leases.user(&mount).await;
    for _ in 0..3 {
        assert_eq!(leases.user(&mount).await, user);
    }
    assert_eq!(
        leases.user(&leases.mount(&pod).await).await,
        user,
        "a new token, and it may not ask what it may do"
    );
    assert_eq!(leases.made(), 1);
}

/// Static reads of a token that ran out cost a login, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_two_seconds_serves() {
    let Some(leases) = Leases::new("cut-short", "10m", "1h", &[]).await else { return };
    leases.role(&["pods"], json!({ "token_ttl": "2s", "token_max_ttl": "2s" })).await;
    let pod = leases.world.pod("a").await;
    let objects = object("p", "secret/data/cut-short/db", "password") + &creds();
    let mount = leases.world.mount(&pod, &objects).await;
    for _ in 0..4 {
        leases.user(&mount).await;
        seconds(1).await;
    }
}
