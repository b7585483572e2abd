//! What is seen from outside.

use std::time::Duration;

use crate::support::issuer::Issuer;
use crate::support::keymount::Keymount;
use crate::support::parts;
use crate::support::provider::Mount;
use crate::world::{OBJECTS, World, pod};

#[tokio::test(flavor = "multi_thread")]
async fn mounts_are_counted_by_class_and_outcome_and_the_log_has_one_line_each() {
    let world = World::with(&["--log-format", "json"]).await;
    let good = world.mount(&pod("a"), OBJECTS);
    world.call(&good).await.unwrap();
    world.refused(&good.clone().without("csi.storage.k8s.io/serviceAccount.tokens")).await;
    let labels = |outcome: &str| {
        format!(
            r#"keymount_mounts_total{{namespace="shop",outcome="{outcome}",provider="local",secret_provider_class="web-secrets"}}"#
        )
    };
    assert_eq!(world.keymount.metric(&labels("ok")).await, Some(1.0));
    assert_eq!(world.keymount.metric(&labels("unauthenticated")).await, Some(1.0));
    assert_eq!(world.keymount.metric(r#"keymount_provider_ready{provider="local"}"#).await, Some(1.0));
    let logs = world.keymount.logs();
    let lines: Vec<serde_json::Value> =
        logs.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mounts: Vec<_> = lines.iter().filter(|line| line["message"] == "mount").collect();
    assert_eq!(mounts.len(), 2, "{logs}");
    assert_eq!(mounts[0]["pod"], "shop/a");
    assert_eq!(mounts[0]["class"], "web-secrets");
    assert_eq!(mounts[0]["objects"], "db/password,user");
    assert_eq!(mounts[0]["outcome"], "ok");
    assert!(mounts[0]["millis"].is_number());
    assert_eq!(mounts[1]["outcome"], "unauthenticated");
}

/// A driver whose own timer fired is no reason to lose the line.
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_whose_caller_went_away_is_reported() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let keymount = Keymount::start(&["--provider", "vault", "--vault-addr", &silent]).await;
    let (issuer, pod) = (Issuer::new("one"), pod("a"));
    let tokens = std::collections::BTreeMap::from([("vault".to_owned(), issuer.token(&pod, "vault", 600))]);
    let class = [("roleName", "web"), ("objects", "- {objectName: x, secretPath: secret/data/x}")];
    let mount = Mount::new(&pod, &class, &tokens);
    let provider = keymount.provider("vault").await;
    let _ = tokio::time::timeout(Duration::from_millis(300), provider.mount(&mount)).await;
    assert!(keymount.logged("the driver went away before the answer", Duration::from_secs(5)).await);
    let sample = r#"keymount_mounts_total{namespace="shop",outcome="deadline",provider="vault",secret_provider_class="web-secrets"}"#;
    assert_eq!(keymount.metric(sample).await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_to_mend() {
    let Some(promtool) = parts::require("PROMTOOL_BIN") else { return };
    let world = World::new().await;
    world.call(&world.mount(&pod("a"), OBJECTS)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics");
    std::fs::write(&file, world.keymount.metrics().await).unwrap();
    let output = std::process::Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(file).unwrap())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.trim().is_empty(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_past_the_bound_share_one_series() {
    let world = World::with(&["--metrics-max-classes", "8"]).await;
    for at in 0..5 {
        let mount = world.mount(&pod("a"), OBJECTS).set("secretProviderClass", &format!("class-{at}"));
        world.call(&mount).await.unwrap();
    }
    let metrics = world.keymount.metrics().await;
    let series = metrics.lines().filter(|line| line.starts_with("keymount_mounts_total{")).count();
    assert_eq!(series, 3, "{metrics}");
    assert!(metrics.contains(r#"secret_provider_class="other"} 3"#), "{metrics}");
}

/// A node's other pods can reach the port, and a probe that is kept out ends the process.
#[tokio::test(flavor = "multi_thread")]
async fn held_connections_do_not_keep_a_probe_out() {
    let world = World::new().await;
    let port = world.keymount.admin_port();
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let probe = tokio::time::timeout(std::time::Duration::from_secs(1), world.keymount.admin("livez")).await;
    assert_eq!(probe.unwrap().map(|reply| reply.status), Some(200));
}
