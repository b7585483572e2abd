//! A real Kubernetes API server on an etcd of its own. There are no nodes and no controllers: pods are
//! objects, and the tests do what the kubelet would do (see `csi`).

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::http::{Http, Reply};
use super::kube_start::{Files, api_command, start_etcd, write_kubeconfig};
use super::process::{Child, Spec};
use super::{eventually, parts, ports};

pub(super) const ADMIN: &str = "admin-token-of-the-tests";
pub const ISSUER: &str = "https://kubernetes.default.svc";

/// An API server; dropping it kills it and its etcd.
pub struct Kube {
    api: std::sync::Mutex<Child>,
    _etcd: Child,
    http: Http,
    ca: String,
    service_account_key: String,
    service_account_pem: String,
    reviewer: OnceCell<String>,
    driver_objects: OnceCell<()>,
    home: TempDir,
}

impl Kube {
    /// The API server that the tests of this process share, each in its own namespace: a start takes seconds.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Kube>> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await.as_ref()
    }

    /// One of its own, for a test that stops it; `None` when a part is not installed.
    pub async fn start() -> Option<Self> {
        let (program, etcd) = (parts::require("KUBE_APISERVER")?, parts::require("ETCD_BIN")?);
        let home = tempfile::tempdir().expect("folder");
        let files = Files::write(home.path());
        let (etcd, etcd_url) = start_etcd(&etcd, home.path());
        let port = ports::free();
        let url = format!("https://127.0.0.1:{port}");
        let command = api_command(&program, &files, &etcd_url, port);
        let api = Child::start(Spec { name: "kube-apiserver", command, home: home.path(), stop: "TERM" });
        let http = Http::new(url.clone(), Some(&files.ca), "authorization");
        write_kubeconfig(home.path(), &url, &files.ca);
        let kube = Self {
            api: api.into(),
            _etcd: etcd,
            http,
            ca: files.ca,
            service_account_key: files.service_account_key,
            service_account_pem: files.service_account_pem,
            reviewer: OnceCell::new(),
            driver_objects: OnceCell::new(),
            home,
        };
        let ready = eventually(Duration::from_secs(60), || async {
            kube.try_get("readyz").await.is_some_and(|reply| reply.status == 200)
        });
        assert!(ready.await, "the API server does not start: {}", kube.api(|api| api.log()));
        Some(kube)
    }

    pub fn url(&self) -> &str {
        self.http.base()
    }

    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// A kubeconfig file of a cluster administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    /// The public key of service account tokens.
    pub fn service_account_pem(&self) -> &str {
        &self.service_account_pem
    }

    /// The key that signs service account tokens, for tokens that TokenRequest would not give out.
    pub fn service_account_key(&self) -> &str {
        &self.service_account_key
    }

    pub(super) fn reviewer_cell(&self) -> &OnceCell<String> {
        &self.reviewer
    }

    pub(super) fn driver_objects_cell(&self) -> &OnceCell<()> {
        &self.driver_objects
    }

    /// Does something with the server's process: `kube.api(|api| api.pause())`.
    pub fn api<T>(&self, act: impl FnOnce(&mut Child) -> T) -> T {
        act(&mut self.api.lock().expect("not poisoned"))
    }

    /// From here on nobody listens at [`Self::url`].
    pub fn stop(&self) {
        self.api(|api| api.end(Duration::from_secs(2)));
    }

    /// `None` when the server does not answer.
    pub async fn try_get(&self, path: &str) -> Option<Reply> {
        self.http.json("GET", path, ADMIN, None).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.try_get(path).await.expect("an answer")
    }

    /// Posts an object to its collection; one that is there already is left alone.
    pub async fn create(&self, path: &str, object: &Value) -> Value {
        let reply = self.http.json("POST", path, ADMIN, Some(object)).await.expect("an answer");
        if reply.status == 409 { reply.body } else { reply.expect_ok(path) }
    }

    /// Posts one YAML document to its collection; one that is there already is left alone.
    pub async fn apply_yaml(&self, path: &str, yaml: &str) {
        let body = ("application/yaml", yaml.to_owned());
        let reply = self.http.send("POST", path, ADMIN, Some(body)).await.expect("an answer");
        if reply.status != 409 {
            reply.expect_ok(path);
        }
    }

    /// What the API server says to one YAML document, unknown fields included; nothing is stored.
    pub async fn dry_run_yaml(&self, path: &str, yaml: &str) -> Reply {
        let path = format!("{path}?dryRun=All&fieldValidation=Strict");
        let body = ("application/yaml", yaml.to_owned());
        self.http.send("POST", &path, ADMIN, Some(body)).await.expect("an answer")
    }

    pub async fn merge_patch(&self, path: &str, change: &Value) -> Value {
        let body = ("application/merge-patch+json", change.to_string());
        self.http.send("PATCH", path, ADMIN, Some(body)).await.expect("an answer").expect_ok(path)
    }

    /// Deletes at once, not after a grace period; what is not there is left alone.
    pub async fn delete(&self, path: &str) {
        let now = serde_json::json!({"gracePeriodSeconds": 0, "propagationPolicy": "Background"});
        let reply = self.http.json("DELETE", path, ADMIN, Some(&now)).await.expect("an answer");
        if reply.status != 404 {
            reply.expect_ok(path);
        }
    }

    /// The keys of service account tokens, as the API server publishes them.
    pub async fn jwks(&self) -> Value {
        self.get("openid/v1/jwks").await.expect_ok("jwks")
    }
}
