//! What most of these tests start from: the cluster that they share, an OpenBao
//! that trusts it twice (TokenReview and public keys), a served `vault`.

use std::collections::BTreeMap;

use serde_json::json;
use tonic::{Code, Status};

use crate::support::bao::Bao;
use crate::support::bao_setup::Keys;
use crate::support::keymount::Keymount;
use crate::support::kube::Kube;
use crate::support::kube_objects::{PodRef, Token};
use crate::support::provider::{Mount, MountResponse, Provider};
use crate::support::secrets;

pub const PASSWORD: &str = "hunter2-but-longer";

pub struct World {
    pub kube: &'static Kube,
    pub bao: Bao,
    pub keymount: Keymount,
    pub provider: Provider,
    /// The namespace of this test's pods.
    pub namespace: String,
}

impl World {
    pub async fn new(namespace: &str) -> Option<Self> {
        Self::with(namespace, &[]).await
    }

    pub async fn with(namespace: &str, more: &[&str]) -> Option<Self> {
        let (kube, bao) = (Kube::shared().await?, Bao::start().await?);
        trust(&bao, kube).await;
        let url = bao.url();
        let mut args = vec!["--provider", "vault", "--vault-addr", url.as_str()];
        // Most tests change something and look at once; those of intervals say their own.
        if !more.contains(&"--refresh-interval") {
            args.extend(["--refresh-interval", "1ms", "--min-refresh-interval", "1ms"]);
        }
        args.extend(more);
        let keymount = Keymount::start(&args).await;
        let provider = keymount.provider("vault").await;
        let world = Self { kube, bao, keymount, provider, namespace: namespace.to_owned() };
        world.put(&format!("{namespace}/db"), json!({ "username": "app-user", "password": PASSWORD })).await;
        Some(world)
    }

    /// Writes a KV v2 secret under `secret/`.
    pub async fn put(&self, path: &str, data: serde_json::Value) {
        secrets::remember_json(&data);
        self.bao.put(&format!("secret/data/{path}"), json!({ "data": data })).await;
    }

    pub async fn pod(&self, name: &str) -> PodRef {
        self.pod_as(name, "web").await
    }

    pub async fn pod_as(&self, name: &str, account: &str) -> PodRef {
        self.kube.pod(&self.namespace, name, account, "web-secrets").await
    }

    pub async fn tokens(&self, pod: &PodRef) -> BTreeMap<String, Token> {
        self.kube.pod_tokens(pod, &["vault"]).await
    }

    /// A Mount of the pod with a fresh token, by the kubernetes auth mount unless told otherwise.
    pub async fn mount(&self, pod: &PodRef, objects: &str) -> Mount {
        Mount::new(pod, &[("roleName", "web"), ("objects", objects)], &self.tokens(pod).await)
    }

    pub async fn call(&self, mount: &Mount) -> Result<MountResponse, Status> {
        self.provider.mount(mount).await
    }

    pub async fn read(&self, pod: &PodRef, objects: &str) -> MountResponse {
        let mount = self.mount(pod, objects).await;
        self.call(&mount).await.unwrap_or_else(|status| panic!("{status:?}\n{}", self.keymount.logs()))
    }

    pub async fn refused(&self, mount: &Mount) -> (Code, String) {
        let status = self.call(mount).await.expect_err("must be refused");
        (status.code(), status.message().to_owned())
    }
}

/// Two auth mounts for the cluster, and one policy: a pod reads what is under its own namespace.
pub async fn trust(bao: &Bao, kube: &Kube) {
    bao.enable_kubernetes("kubernetes", kube).await;
    bao.enable_jwt("jwt", Keys::Pems(&[kube.service_account_pem().to_owned()])).await;
    let template =
        |accessor: &str, key: &str| format!("{{{{identity.entity.aliases.{accessor}.metadata.{key}}}}}");
    let by_kubernetes = template(&bao.accessor("kubernetes").await, "service_account_namespace");
    let by_jwt = template(&bao.accessor("jwt").await, "namespace");
    let read = |path: String| format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n");
    let own = [by_kubernetes, by_jwt]
        .map(|own| read(format!("secret/data/{own}/*")) + &read(format!("kv1/{own}/*")))
        .concat();
    let engines = "path \"pki/issue/*\" { capabilities = [\"update\"] }\npath \"database/creds/*\" { capabilities = [\"read\"] }\n\
                   path \"transit/*\" { capabilities = [\"update\"] }\n";
    bao.policy("pods", &(own + engines)).await;
    bao.role(
        "kubernetes",
        "web",
        json!({
            "bound_service_account_names": ["web", "strange"], "bound_service_account_namespaces": ["*"],
            "audience": "vault", "token_policies": ["pods"], "token_ttl": "10m",
        }),
    )
    .await;
    bao.role("jwt", "web", json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["pods"], "token_ttl": "10m",
        "claim_mappings": { "/kubernetes.io/namespace": "namespace" },
    }))
    .await;
}

/// A class's `objects` with one key of a KV v2 secret.
pub fn object(name: &str, path: &str, key: &str) -> String {
    format!("- objectName: {name}\n  secretPath: {path}\n  secretKey: {key}\n")
}
