//! The operator's side: roles by template, and `keymount check`.

use std::process::Command;

use serde_json::{Value, json};
use tonic::Code;

use super::{STS, World, reads, subject};
use crate::support::aws::{ACCOUNT, ISSUER, REGION};
use crate::support::fetch::{Desk, Ended, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_role_by_template_is_each_accounts_own_and_no_class_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("keymount.yaml");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{{namespace}}-{{serviceAccount}}");
    let yaml = format!("profiles:\n  roles: {{ provider: aws, parameters: {{ roleArn: \"{role}\" }} }}\n");
    std::fs::write(&config, yaml).unwrap();
    let config = config.display().to_string();
    let Some(world) = World::with("aws-roles", &["--config", &config]).await else { return };
    world.aws.role("aws-roles-web", &subject("aws-roles", "web"), reads("aws-roles")).await;
    world.aws.secret("aws-roles/x", &json!("value-of-roles")).await;
    let objects = "- {objectName: aws-roles/x, objectType: secretsmanager, objectAlias: x}";
    let class = [("profile", "roles"), ("objects", objects)];
    let pod = world.pod("a", "web").await;
    let response = world.read_as(&pod, &class).await;
    assert_eq!(response.text("x").as_deref(), Some("value-of-roles"));
    // One that is trusted too is still not the operator's.
    let (code, text) = world.refused(&pod, &[&class[..], &[("roleArn", &world.role)]].concat()).await;
    assert_eq!(code, Code::InvalidArgument, "{text}");
    assert!(text.contains("parameter=roleArn profile=roles: the profile sets this"), "{text}");
    let stranger = world.pod("b", "stranger").await;
    let (_, text) = world.refused(&stranger, &class).await;
    assert!(text.contains("role/aws-roles-stranger"), "{text}");
}

struct Checked {
    world: World,
    desk: Desk,
}

impl Checked {
    async fn new(namespace: &str, role: &str) -> Option<Self> {
        let world = World::new(namespace).await?;
        world.aws.secret(&format!("{namespace}/db"), &json!("value-of-check")).await;
        let pod = world.pod("app", "web").await;
        let token = world.tokens(&pod).await[STS].token.clone();
        let class = format!(
            "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n\
             metadata: {{ name: web-secrets, namespace: {namespace} }}\n\
             spec:\n  provider: aws\n  parameters:\n    roleArn: arn:aws:iam::{ACCOUNT}:role/{role}\n    objects: |\n      \
             - {{ objectName: {namespace}/db, objectType: secretsmanager, objectAlias: db }}\n\
             ---\napiVersion: v1\nkind: Pod\nmetadata: {{ name: app, namespace: {namespace} }}\n\
             spec:\n  serviceAccountName: web\n  containers:\n    - name: app\n      volumeMounts: [{{ name: s, mountPath: /s }}]\n  \
             volumes:\n    - name: s\n      csi: {{ driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: \
             {{ secretProviderClass: web-secrets }} }}\n"
        );
        let desk = Desk::new(&class, &token, &[]);
        Some(Self { world, desk })
    }

    fn check(&self, more: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
        command
            .arg("check")
            .arg(self.desk.path("class.yaml"))
            .args(["--aws-region", REGION])
            .args(["--aws-endpoint-url", &self.world.aws.url()]);
        run(command.args(more))
    }

    fn live(&self) -> Ended {
        self.check(&["--live", "--token", &self.desk.path("token").display().to_string()])
    }

    /// The documents of the commands that it prints: the trust, then the policy.
    fn documents(&self) -> Vec<Value> {
        let (code, out, err) = self.check(&["--output", "json"]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        let document = |command: &Value| {
            let text = command.as_str().unwrap().split('\'').nth(1).unwrap().to_owned();
            serde_json::from_str(&text).unwrap()
        };
        answer["classes"][0]["setup"].as_array().unwrap().iter().map(document).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_check_prints_is_enough_and_what_it_asks_is_true() {
    let Some(checked) = Checked::new("aws-check", "checked").await else { return };
    let (code, out, _) = checked.live();
    assert!(code == 3 && out.contains(&format!("ok      reach   STS answers in {REGION}")), "{code} {out}");
    assert!(out.contains("NOT OK  login"), "{out}");
    let [trust, policy] = <[Value; 2]>::try_from(checked.documents()).unwrap();
    let mut trust: Value = serde_json::from_str(&trust.to_string().replace("ISSUER", ISSUER)).unwrap();
    // AWS compares a token's list of audiences too; ministack knows only those that are one text.
    let claims = trust["Statement"][0]["Condition"]["StringEquals"].as_object_mut().unwrap();
    assert_eq!(claims.remove(&format!("{ISSUER}:aud")), Some(json!(STS)));
    checked.world.aws.role_trusting("checked", &trust, policy["Statement"].clone()).await;
    let (code, out, err) = checked.live();
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("db  would be 14 bytes") && !out.contains("value-of-check"), "{out}");
}
