//! `keymount check` and a real OpenBao: what it prints is enough, and what it asks is true.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::leases::{Leases, creds};
use crate::support::fetch::{Desk, Ended, run};
use crate::support::kube_objects::PodRef;
use crate::support::{eventually, parts, secrets};
use crate::world::{PASSWORD, World, object};

/// A class and the pod that mounts it, as manifests.
fn manifests(pod: &PodRef, provider: &str, parameters: &str, objects: &str) -> String {
    let objects = objects.trim_end().replace('\n', "\n      ");
    let PodRef { namespace, name, service_account, .. } = pod;
    format!(
        "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n\
         metadata: {{ name: web-secrets, namespace: {namespace} }}\n\
         spec:\n  provider: {provider}\n  parameters:\n{parameters}    objects: |\n      {objects}\n\
         ---\napiVersion: v1\nkind: Pod\nmetadata: {{ name: {name}, namespace: {namespace} }}\n\
         spec:\n  serviceAccountName: {service_account}\n  containers:\n    - name: app\n      volumeMounts: \
         [{{ name: s, mountPath: /s }}]\n  volumes:\n    - name: s\n      csi: {{ driver: secrets-store.csi.k8s.io, \
         readOnly: true, volumeAttributes: {{ secretProviderClass: web-secrets }} }}\n"
    )
}

struct Checked {
    world: World,
    desk: Desk,
}

impl Checked {
    async fn new(namespace: &str, parameters: &str) -> Option<Self> {
        let world = World::new(namespace).await?;
        world.bao.pki("pki", "web", "1h").await;
        let pod = world.pod("app").await;
        let objects = object("password", &format!("secret/data/{namespace}/db"), "password")
            + "- objectName: web.crt\n  secretPath: pki/issue/web\n  method: PUT\n  secretKey: certificate\n  \
               secretArgs: { common_name: web.shop.svc }\n";
        let token = world.kube.pod_token(&pod, "openbao", 3600).await.token;
        let yaml = manifests(&pod, "openbao", parameters, &objects);
        let desk = Desk::new(&yaml, &token, &["--openbao-addr", &world.bao.url()]);
        Some(Self { world, desk })
    }

    fn check(&self, more: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
        command
            .arg("check")
            .arg(self.desk.path("class.yaml"))
            .args(["--openbao-addr", &self.world.bao.url()]);
        run(command.args(more))
    }

    fn live(&self, more: &[&str]) -> Ended {
        let token = self.desk.path("token").display().to_string();
        self.check(&[&["--live", "--token", &token], more].concat())
    }

    /// The commands that it prints, as it prints them.
    fn setup(&self) -> Vec<String> {
        let (code, out, err) = self.check(&["--output", "json"]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        let commands = answer["classes"][0]["setup"].as_array().unwrap();
        commands.iter().map(|command| command.as_str().unwrap().to_owned()).collect()
    }

    /// Types one as root.
    fn type_in(&self, command: &str) {
        let program = parts::require("BAO_BIN").unwrap();
        let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", command])
            .env("PATH", path)
            .env("BAO_ADDR", self.world.bao.url())
            .env("BAO_TOKEN", "root");
        let (code, out, err) = run(&mut shell);
        assert_eq!(code, 0, "{command}\n{out}{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_commands_are_enough_and_one_rule_less_is_named() {
    let Some(checked) = Checked::new("check-setup", "    roleName: checked\n").await else { return };
    let (code, out, _) = checked.live(&[]);
    assert!(
        code == 1 && out.contains("NOT OK  login") && out.contains("create auth/kubernetes/role/checked"),
        "{code} {out}"
    );
    let setup = checked.setup();
    for command in &setup {
        checked.type_in(command);
    }
    assert_eq!(checked.desk.run(&["--quiet"]), (0, String::new(), String::new()));
    assert_eq!(checked.desk.text("password").as_deref(), Some(PASSWORD));
    assert!(checked.desk.text("web.crt").is_some_and(|text| text.contains("BEGIN CERTIFICATE")));

    let before = (checked.world.bao.token_count().await, checked.world.bao.requests("pki/issue/web"));
    let (code, out, err) = checked.live(&[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let size = format!("ok      files   0644  password  would be {} bytes", PASSWORD.len());
    for part in [
        "ok      reach   openbao 2.",
        "all 2 requests are allowed",
        &size,
        "only the permission was asked after",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let after = (checked.world.bao.token_count().await, checked.world.bao.requests("pki/issue/web"));
    assert_eq!(before, after, "nothing is left, and nothing was made");
    let (code, out, _) = checked.live(&["--mint"]);
    assert!(code == 0 && out.contains("0644  web.crt  would be "), "{out}");
    assert_eq!(checked.world.bao.token_count().await, before.0);

    let less = setup[0].lines().filter(|line| !line.contains("pki/issue")).collect::<Vec<_>>().join("\n");
    assert_ne!(less, setup[0]);
    checked.type_in(&less);
    let (code, out, _) = checked.live(&[]);
    let text = "error[live]: permits: stage=read object=web.crt backend=openbao path=pki/issue/web: \
                the policies of this login do not allow it";
    assert!(code == 3 && out.contains(text), "{code} {out}");
    let hint = "hint: a policy of role checked needs: path \"pki/issue/web\" { capabilities = [\"create\", \"update\"] }";
    assert!(out.contains(hint) && out.contains(&size), "{out}");
    assert_eq!(checked.world.bao.token_count().await, before.0, "given back after a refusal too");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_a_jwt_mount_are_enough_too() {
    let Some(checked) = Checked::new("check-jwt", "    roleName: checked\n    vaultAuthMethod: jwt\n").await
    else {
        return;
    };
    for command in checked.setup() {
        checked.type_in(&command);
    }
    assert_eq!(checked.desk.run(&["--quiet"]), (0, String::new(), String::new()));
    assert_eq!(checked.desk.text("password").as_deref(), Some(PASSWORD));
    // The role is bound to this account.
    let other = checked.world.pod_as("other", "strange").await;
    checked.desk.put("token", &checked.world.kube.pod_token(&other, "openbao", 3600).await.token);
    let (code, out, _) = checked.live(&[]);
    assert!(code == 3 && out.contains("NOT OK  login"), "{code} {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_minted_for_a_look_is_revoked_at_once() {
    let Some(leases) = Leases::new("check-mint", "1h", "2h", &[]).await else { return };
    let world = &leases.world;
    let pod = world.pod("app").await;
    let token = world.kube.pod_token(&pod, "vault", 3600).await.token;
    let yaml = manifests(&pod, "vault", "    roleName: web\n", &creds());
    let desk = Desk::new(&yaml, &token, &[]);
    let live = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
        command.arg("check").arg(desk.path("class.yaml")).args([
            "--live",
            "--vault-addr",
            &world.bao.url(),
            "--token",
        ]);
        run(command.arg(desk.path("token")).args(more))
    };
    assert_eq!(live(&[]).0, 0);
    assert_eq!(leases.made(), 0, "only the permission was asked after");
    let (code, out, err) = live(&["--mint", "--output", "json"]);
    assert_eq!((code, err.as_str(), leases.made()), (0, "", 1), "{out}");
    assert_eq!(world.bao.requests("auth/token/revoke-self"), 2, "each look gives its login back");
    let gone = || async { world.bao.lease_count("database/creds").await == 0 };
    assert!(eventually(Duration::from_secs(10), gone).await, "{out}");
    secrets::assert_none("check", &out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_server_and_a_foreign_certificate_are_said_before_the_login() {
    let Some(checked) = Checked::new("check-sealed", "    roleName: checked\n").await else { return };
    checked.world.bao.put("sys/seal", json!({})).await;
    let (code, out, _) = checked.live(&[]);
    assert!(code == 4 && out.contains("the server is sealed; hint: unseal it"), "{code} {out}");
    assert!(out.contains("NOT OK  reach   stage=reach backend=openbao"), "{out}");
    let Some(tls) = crate::support::bao::Bao::start_tls().await else { return };
    let token = checked.desk.path("token").display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
    command.arg("check").arg(checked.desk.path("class.yaml")).args([
        "--openbao-addr",
        &tls.url(),
        "--live",
        "--token",
        &token,
    ]);
    let (code, out, _) = run(&mut command);
    assert!(
        code == 4 && out.contains("NOT OK  reach") && out.contains("trust the server's CA"),
        "{code} {out}"
    );
}
