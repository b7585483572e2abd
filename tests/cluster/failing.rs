//! A pod that cannot have its files waits, with the reason in its events, and never starts on an empty volume.

use serde_json::json;

use crate::install::{World, pods, rolled};
use crate::kubectl::{kubectl, wait};
use crate::workload::{Workload, class, reads};

pub async fn refused(_: &World) {
    class(
        "refused",
        &json!({"roleName": "web", "objects":
        "- objectName: mine\n  secretPath: secret/data/other/team\n  secretKey: value\n"}),
    );
    let workload = Workload::begin("refused", &["refused"]);
    let text = [
        "FailedMount",
        "code = PermissionDenied",
        "object=mine",
        "http=403",
        "hint: a policy of role web needs",
    ];
    println!("  our text in the event after {:.1} s", workload.warned(&text, 60));
    workload.waits(5);
    workload.end();
}

/// The driver's own text, where there is no class: nothing of ours is asked.
pub async fn no_class(_: &World) {
    let workload = Workload::begin("nothing", &["no-such-class"]);
    workload.warned(&["FailedMount", "failed to get secretproviderclass", "not found"], 60);
    workload.waits(3);
    workload.end();
}

/// K12: with UNAVAILABLE in place of our code the pod would run on an empty volume.
pub async fn backend_down(world: &World) {
    world.backend.secret("late", "there at last").await;
    let mut parameters = reads(&["late"]);
    parameters["vaultAddress"] = json!(world.backend.nobody);
    class("late", &parameters);
    let workload = Workload::begin("late", &["late"]);
    let text = ["FailedMount", "code = Internal", "stage=login", "connection refused: nobody listens there"];
    println!("  our text in the event after {:.1} s", workload.warned(&text, 130));
    workload.waits(30);
    parameters["vaultAddress"] = json!(world.backend.address);
    class("late", &parameters);
    println!("  it runs {:.1} s after the backend is there", workload.runs(200));
    workload.has_read("late/late there at last", 20);
    workload.end();
}

/// No keymount on the node at all, as while a node is new.
pub async fn provider_down(world: &World) {
    world.backend.secret("early", "waited for").await;
    class("early", &reads(&["early"]));
    select(&json!({"keymount-test": "nowhere"}));
    wait("no keymount", 60, || pods().is_empty().then_some(()));
    std::thread::sleep(std::time::Duration::from_secs(2));
    let workload = Workload::begin("early", &["early"]);
    workload.waits(15);
    select(&json!({"keymount-test": null}));
    println!("  keymount ready after {:.1} s", rolled());
    println!("  the pod runs {:.1} s after that", workload.runs(200));
    workload.has_read("early/early waited for", 20);
    workload.end();
}

fn select(nodes: &serde_json::Value) {
    let change = json!({"spec": {"template": {"spec": {"nodeSelector": nodes}}}}).to_string();
    kubectl(&["patch", "daemonset", "keymount", "--type=merge", "-p", &change]);
}
