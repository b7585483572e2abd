//! The manifests, by a real API server's strict dry run.

use crate::support::http::Reply;
use crate::support::kube::Kube;
use crate::support::parts;

/// The documents of a manifest file.
fn documents(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let documents = text.split("\n---\n").map(str::to_owned);
    documents.filter(|document| document.contains("kind:")).collect()
}

fn path(document: &str) -> &'static str {
    let kind = document.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap();
    match kind {
        "ServiceAccount" => "api/v1/namespaces/kube-system/serviceaccounts",
        "DaemonSet" => "apis/apps/v1/namespaces/kube-system/daemonsets",
        "CSIDriver" => "apis/storage.k8s.io/v1/csidrivers",
        "SecretProviderClass" => "apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop/secretproviderclasses",
        "Pod" => "api/v1/namespaces/shop/pods",
        other => panic!("a manifest of an unknown kind: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_accepts_them_strictly() {
    let (Some(kube), Some(deploy)) = (Kube::shared().await, parts::require("CSI_DEPLOY")) else { return };
    kube.install_driver_objects(&deploy).await;
    kube.service_account("shop", "web").await;
    for file in ["manifests/keymount.yaml", "manifests/csidriver.yaml", "manifests/example.yaml"] {
        for document in documents(file) {
            let reply: Reply = kube.dry_run_yaml(path(&document), &document).await;
            // The driver's own CSIDriver object is there already: a conflict has passed validation.
            assert!(reply.ok() || reply.status == 409, "{file}: {} {}\n{document}", reply.status, reply.body);
        }
    }
}

#[test]
fn the_daemonset_uses_only_flags_that_exist() {
    let text = std::fs::read_to_string("manifests/keymount.yaml").unwrap();
    let flags = text.lines().filter_map(|line| line.trim().strip_prefix("- --"));
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_keymount"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut count = 0;
    for flag in flags {
        count += 1;
        let name = flag.split('=').next().unwrap();
        assert!(help.contains(&format!("--{name} ")), "--{name}");
    }
    assert!(count >= 5);
}
