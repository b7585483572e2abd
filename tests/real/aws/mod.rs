//! `provider: aws` against ministack, by tokens of a real API server.

mod agent;
mod driver;
mod identity;
mod operators;
mod reads;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::support::aws::{ACCOUNT, Ministack, REGION};
use crate::support::keymount::Keymount;
use crate::support::kube::Kube;
use crate::support::kube_objects::{PodRef, Token};
use crate::support::provider::{Mount, MountResponse, Provider};

const STS: &str = "sts.amazonaws.com";

struct World {
    kube: &'static Kube,
    aws: Ministack,
    keymount: Keymount,
    provider: Provider,
    namespace: String,
    /// The role of `web`, which reads what is under the namespace's name.
    role: String,
}

impl World {
    async fn new(namespace: &str) -> Option<Self> {
        Self::with(namespace, &[]).await
    }

    async fn with(namespace: &str, more: &[&str]) -> Option<Self> {
        let (kube, aws) = (Kube::shared().await?, Ministack::start().await?);
        let role = aws.role("web", &subject(namespace, "web"), reads(namespace)).await;
        let url = aws.url();
        let mut args = vec!["--provider", "aws", "--aws-endpoint-url", &url, "--aws-region", REGION];
        if !more.contains(&"--refresh-interval") {
            args.extend(["--refresh-interval", "1ms", "--min-refresh-interval", "1ms"]);
        }
        args.extend(more);
        let keymount = Keymount::start(&args).await;
        let provider = keymount.provider("aws").await;
        Some(Self { kube, aws, keymount, provider, namespace: namespace.to_owned(), role })
    }

    async fn pod(&self, name: &str, account: &str) -> PodRef {
        self.kube.pod(&self.namespace, name, account, "web-secrets").await
    }

    async fn tokens(&self, pod: &PodRef) -> BTreeMap<String, Token> {
        self.kube.pod_tokens(pod, &[STS, "pods.eks.amazonaws.com"]).await
    }

    async fn mount(&self, pod: &PodRef, class: &[(&str, &str)]) -> Mount {
        Mount::new(pod, class, &self.tokens(pod).await)
    }

    /// What a pod of `web` gets for these objects by its role.
    async fn read(&self, pod: &PodRef, objects: &str) -> MountResponse {
        self.read_as(pod, &[("roleArn", &self.role), ("objects", objects)]).await
    }

    async fn read_as(&self, pod: &PodRef, class: &[(&str, &str)]) -> MountResponse {
        let mount = self.mount(pod, class).await;
        self.call(&mount)
            .await
            .unwrap_or_else(|status| panic!("{status:?}\n{}\n{}", self.keymount.logs(), self.aws.log()))
    }

    async fn refused(&self, pod: &PodRef, class: &[(&str, &str)]) -> (Code, String) {
        let mount = self.mount(pod, class).await;
        let status = self.call(&mount).await.expect_err("must be refused");
        (status.code(), status.message().to_owned())
    }

    async fn call(&self, mount: &Mount) -> Result<MountResponse, Status> {
        self.provider.mount(mount).await
    }
}

fn subject(namespace: &str, account: &str) -> String {
    format!("system:serviceaccount:{namespace}:{account}")
}

/// Reads of what begins with this name; ministack sees parameters as `*`.
fn reads(prefix: &str) -> Value {
    json!([
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
         "Resource": format!("arn:aws:secretsmanager:*:{ACCOUNT}:secret:{prefix}/*")},
        {"Effect": "Allow", "Action": ["ssm:GetParameters", "ssm:GetParametersByPath"], "Resource": "*"},
    ])
}

/// The same, in batches too.
fn batches(prefix: &str) -> Value {
    let mut statements = reads(prefix);
    let batch = json!({"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"});
    statements.as_array_mut().expect("a list").push(batch);
    statements
}
