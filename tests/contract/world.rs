//! What most of these tests start from: an issuer, a store, a served `local`, a pod.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempfile::TempDir;
use tonic::{Code, Status};

use crate::support::issuer::Issuer;
use crate::support::keymount::Keymount;
use crate::support::kube_objects::{PodRef, Token};
use crate::support::provider::{Mount, MountResponse, Provider};
use crate::support::secrets;

pub const PASSWORD: &str = "correct-horse-battery";
pub const OBJECTS: &str = "- {objectName: db/password, secretPath: shop/db, secretKey: password, filePermission: 0400}\n\
                           - {objectName: user, secretPath: shop/db, secretKey: username}\n";

pub struct World {
    pub issuer: Issuer,
    pub keymount: Keymount,
    pub provider: Provider,
    folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(more: &[&str]) -> Self {
        let (folder, issuer) = (tempfile::tempdir().unwrap(), Issuer::new("one"));
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("jwks.json"), issuer.jwks().to_string()).unwrap();
        write_store(folder.path().join("store.yaml"), PASSWORD);
        let (store, jwks) = (path("store.yaml"), path("jwks.json"));
        let mut args = vec!["--provider", "local", "--local-store", &store, "--jwks-file", &jwks];
        args.extend(more);
        let keymount = Keymount::start(&args).await;
        let provider = keymount.provider("local").await;
        Self { issuer, keymount, provider, folder }
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store.yaml")
    }

    /// Puts another password into the store.
    pub fn rotate(&self, password: &str) {
        write_store(self.store(), password);
    }

    /// A good Mount of `pod`.
    pub fn mount(&self, pod: &PodRef, objects: &str) -> Mount {
        mount_with(pod, objects, "local", self.issuer.token(pod, "local", 600))
    }

    pub async fn call(&self, mount: &Mount) -> Result<MountResponse, Status> {
        self.provider.mount(mount).await
    }

    /// The code and text of a Mount that must fail.
    pub async fn refused(&self, mount: &Mount) -> (Code, String) {
        let status = self.call(mount).await.expect_err("must be refused");
        (status.code(), status.message().to_owned())
    }
}

/// A Mount of `pod` with this token, under this audience.
pub fn mount_with(pod: &PodRef, objects: &str, audience: &str, token: Token) -> Mount {
    let tokens = BTreeMap::from([(audience.to_owned(), token)]);
    Mount::new(pod, &[("objects", objects)], &tokens)
}

fn write_store(path: PathBuf, password: &str) {
    secrets::remember(password);
    let yaml = format!(
        "secrets:\n  shop/db:\n    data: {{ username: app-user, password: {password} }}\n    allow:\n      - {{ namespace: shop, serviceAccount: web }}\n  \
         shop/big:\n    value: \"{}\"\n    allow:\n      - {{ namespace: shop, serviceAccount: web }}\n",
        "x".repeat(5 * 1024 * 1024)
    );
    let beside = path.with_extension("new");
    std::fs::write(&beside, yaml).unwrap();
    std::fs::rename(beside, path).unwrap();
}

pub fn pod(name: &str) -> PodRef {
    PodRef {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-of-{name}"),
        service_account: "web".to_owned(),
        class: "web-secrets".to_owned(),
        volume: "secrets".to_owned(),
        attributes: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}
