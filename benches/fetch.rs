//! From start to files: `keymount fetch` beside `bao agent`, in turn, in one run; and
//! how large the two programs are. `make bench`.
#![allow(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench: a broken set-up must end it where it broke"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::bao::Bao;
use support::fetch::Desk;
use support::issuer::Issuer;
use support::kube_objects::PodRef;
use support::parts;

const ROUNDS: usize = 20;
const OBJECTS: usize = 5;

#[tokio::main]
async fn main() {
    let (Some(bao), Some(program)) = (Bao::start().await, parts::require("BAO_BIN")) else { return };
    let issuer = Issuer::new("fetch");
    fill(&bao, &issuer).await;
    let url = bao.url();
    let token = issuer.token(&pod(), "vault", 3600).token;
    let desk = Desk::new(&class(), &token, &["--vault-addr", &url, "--vault-mount", "jwt"]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let watch = Instant::now();
        assert_eq!(desk.run(&["--quiet", "--out", &format!("{}-{round}", desk.out().display())]).0, 0);
        ours.push(watch.elapsed());
        let folder = tempfile::tempdir().unwrap();
        let config = agent(folder.path(), &url, &desk.path("token"));
        let mut command = Command::new(&program);
        command.arg("agent").arg(format!("-config={}", config.display())).env("HOME", folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let watch = Instant::now();
        assert!(command.status().unwrap().success());
        theirs.push(watch.elapsed());
        for at in 1..=OBJECTS {
            let text = std::fs::read_to_string(folder.path().join(format!("o{at}"))).unwrap();
            assert_eq!(text, format!("value-{at}"));
        }
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    println!("{:<34}{:>14}{:>14}{:>8}", "", "keymount fetch", "bao agent", "ratio");
    println!("{:<34}{ours:>12.1}ms{theirs:>12.1}ms{:>8.2}", "start to 5 files and exit, p50", ours / theirs);
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    let (ours, theirs) = (size(Path::new(env!("CARGO_BIN_EXE_keymount"))), size(&program));
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let mib = |size: u64| size as f64 / (1024.0 * 1024.0);
    let ratio = mib(ours) / mib(theirs);
    println!("{:<34}{:>11.1}MiB{:>11.1}MiB{ratio:>8.2}", "the program", mib(ours), mib(theirs));
}

async fn fill(bao: &Bao, issuer: &Issuer) {
    bao.put("sys/auth/jwt", json!({ "type": "jwt" })).await;
    bao.put("auth/jwt/config", json!({ "jwt_validation_pubkeys": [issuer.pem()] })).await;
    bao.policy("app", "path \"secret/data/*\" { capabilities = [\"read\"] }").await;
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["app"] });
    bao.role("jwt", "web", role).await;
    for at in 1..=OBJECTS {
        bao.put(&format!("secret/data/o{at}"), json!({ "data": { "value": format!("value-{at}") } })).await;
    }
}

fn pod() -> PodRef {
    PodRef {
        namespace: "app".into(),
        name: "fetch".into(),
        uid: "uid-fetch".into(),
        service_account: "web".into(),
        class: "bench".into(),
        volume: "secrets".into(),
        attributes: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

fn class() -> String {
    let object =
        |at| format!("      - {{objectName: o{at}, secretPath: secret/data/o{at}, secretKey: value}}\n");
    let objects: String = (1..=OBJECTS).map(object).collect();
    format!(
        "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {{ name: bench }}\n\
         spec:\n  provider: vault\n  parameters:\n    roleName: web\n    objects: |\n{objects}"
    )
}

/// An agent that logs in, writes the same files and ends.
fn agent(folder: &Path, url: &str, token: &Path) -> std::path::PathBuf {
    let template = |at| {
        format!(
            "template {{\n  contents = \"{{{{ with secret \\\"secret/data/o{at}\\\" }}}}{{{{ .Data.data.value }}}}{{{{ end }}}}\"\n  \
             destination = \"{}\"\n}}\n",
            folder.join(format!("o{at}")).display()
        )
    };
    let templates: String = (1..=OBJECTS).map(template).collect();
    let text = format!(
        "exit_after_auth = true\nvault {{\n  address = \"{url}\"\n}}\nauto_auth {{\n  method \"jwt\" {{\n    \
         mount_path = \"auth/jwt\"\n    config = {{\n      path = \"{}\"\n      role = \"web\"\n      \
         remove_jwt_after_reading = false\n    }}\n  }}\n}}\n{templates}",
        token.display()
    );
    let path = folder.join("agent.hcl");
    std::fs::write(&path, text).unwrap();
    path
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
