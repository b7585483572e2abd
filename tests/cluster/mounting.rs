//! What a pod reads, and when.

use serde_json::{Value, json};

use crate::install::{World, log};
use crate::kubectl::{apply, delete, get, kubectl, run, wait};
use crate::workload::{Workload, class, class_in, reads as reading};

/// Past a kubelet's sync (90 s at most) and the driver's own interval (2 min by default).
const ROTATION: u64 = 300;

pub const APP: &str = "app";

/// A kubelet-issued token, a real login, a value, a nested path, a leased certificate: in the container, not root.
pub async fn reads(world: &World) {
    world.backend.secret("password", "one").await;
    let objects = "- objectName: password\n  secretPath: secret/data/web/password\n  secretKey: value\n\
        - objectName: nested/password\n  secretPath: secret/data/web/password\n  secretKey: value\n\
        - objectName: tls.crt\n  secretPath: pki/issue/web\n  secretKey: certificate\n  method: PUT\n  secretArgs: {common_name: web.example}\n";
    class(APP, &json!({"roleName": "web", "objects": objects}));
    let workload = Workload::begin(APP, &[APP]);
    println!("  first pod: {:.1} s from apply to Running", workload.runs(60));
    workload.has_read("app/password one", 20);
    workload.has_read("app/nested/password one", 20);
    assert!(workload.file("app/tls.crt").unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(world.backend.leases().await.len(), 1);
}

pub async fn reads_two_classes(world: &World) {
    for name in ["a", "b"] {
        world.backend.secret(name, &format!("value of {name}")).await;
        class(name, &reading(&[name]));
    }
    let workload = Workload::begin("two", &["a", "b"]);
    println!("  second pod: {:.1} s from apply to Running", workload.runs(60));
    workload.has_read("a/a value of a", 20);
    workload.has_read("b/b value of b", 20);
    println!("  deleted in {:.1} s", workload.end());
}

/// A class of the same name, of a provider that does not exist, in another namespace.
pub async fn own_namespace(_: &World) {
    let other = "keymount-test-other";
    kubectl(&["create", "namespace", other]);
    class_in(other, "a", "invalidprovider", &json!({"objects": ""}));
    let workload = Workload::begin("own", &["a"]);
    workload.runs(60);
    workload.has_read("a/a value of a", 20);
    workload.end();
    delete("namespace", other);
}

/// The driver's own Secret of what is mounted: with the class's labels, renewed, and gone with the last pod.
/// Only where the driver may write Secrets (its `syncSecret.enabled`): `KEYMOUNT_TEST_SYNC=1`.
pub async fn synced(world: &World) {
    if std::env::var_os("KEYMOUNT_TEST_SYNC").is_none() {
        println!("  skipped: KEYMOUNT_TEST_SYNC is not set");
        return;
    }
    world.backend.secret("synced", "one").await;
    let data = json!([{"objectName": "synced", "key": "password"}]);
    let object =
        json!({"secretName": "synced", "type": "Opaque", "labels": {"environment": "test"}, "data": data});
    apply(
        &json!({"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass", "metadata": {"name": "synced"},
        "spec": {"provider": "vault", "parameters": reading(&["synced"]), "secretObjects": [object]}}),
    );
    let workload = Workload::begin("synced", &["synced"]);
    workload.runs(60);
    let holds = |base64: &str| {
        wait(&format!("the Secret to hold {base64}"), ROTATION, || {
            let secret = get("secret", "synced")?;
            (secret["data"]["password"] == base64).then_some(secret)
        })
    };
    let (secret, seconds) = holds("b25l");
    assert_eq!(secret["metadata"]["labels"]["environment"], "test");
    println!("  Secret made after {seconds:.1} s");
    world.backend.secret("synced", "two").await;
    println!("  Secret renewed after {:.1} s", holds("dHdv").1);
    workload.end();
    let gone = || get("secret", "synced").is_none().then_some(());
    println!("  Secret gone {:.1} s after its pod", wait("no Secret", 60, gone).1);
}

pub async fn rotates(world: &World) {
    let workload = Workload(APP.to_owned());
    let certificate = workload.file("app/tls.crt");
    for value in ["two", "three"] {
        world.backend.secret("password", value).await;
        let seconds = workload.has_read(&format!("app/password {value}"), ROTATION);
        println!("  value {value} in the container after {seconds:.1} s");
    }
    assert_eq!(workload.file("app/nested/password").as_deref(), Some("three"));
    assert_eq!(workload.file("app/tls.crt"), certificate, "what is leased stays");
    assert_eq!(world.backend.leases().await.len(), 1);
    println!("  the kubelet's calls, seconds apart: {:?}", gaps());
    let restarts =
        run(&["get", "pod", APP, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"], "");
    assert_eq!(restarts.as_deref(), Ok("0"));
}

/// Seconds between the Mounts of the app's pod.
fn gaps() -> Vec<f64> {
    let seconds = |line: &Value| {
        let time = line["timestamp"].as_str()?.split_once('T')?.1.trim_end_matches('Z').to_owned();
        let parts: Vec<f64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
        Some(parts[0].mul_add(3600.0, parts[1].mul_add(60.0, parts[2])))
    };
    let lines = log().into_iter().filter(|line| line["class"] == APP);
    let times: Vec<f64> = lines.filter_map(|line| seconds(&line)).collect();
    times.windows(2).map(|two| ((two[1] - two[0]) * 10.0).round() / 10.0).collect()
}
