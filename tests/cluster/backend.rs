//! A real OpenBao, as a pod that the provider's pods can reach, and a way to it for the test.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kubectl::{NAMESPACE, apply, get, kubectl, wait};
use crate::support::http::{Http, Reply};
use crate::support::process::{Child, Spec};

const ROOT: &str = "root";

pub struct Backend {
    /// Where pods reach it.
    pub address: String,
    /// An address where nobody serves.
    pub nobody: String,
    http: Http,
    _forward: Child,
    _home: TempDir,
}

impl Backend {
    pub async fn begin() -> Self {
        apply(&objects());
        let (ip, seconds) = wait("the pod of OpenBao", 120, || {
            let pod = get("pod", "openbao")?;
            let ready = pod["status"]["containerStatuses"][0]["ready"] == true;
            ready.then(|| pod["status"]["podIP"].as_str().unwrap().to_owned())
        });
        println!("OpenBao ready after {seconds:.1} s at {ip}");
        let home = tempfile::tempdir().unwrap();
        let (forward, port) = forward(&home);
        let http = Http::new(format!("http://127.0.0.1:{port}"), None, "x-vault-token");
        let [address, nobody] = [8200, 8299].map(|port| format!("http://{ip}:{port}"));
        let backend = Self { address, nobody, http, _forward: forward, _home: home };
        backend.set_up().await;
        backend
    }

    async fn set_up(&self) {
        // The address that pods have: the certificate of the API server names it everywhere.
        let server =
            kubectl(&["-n", "default", "get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"]);
        self.put("sys/auth/kubernetes", json!({"type": "kubernetes"})).await;
        self.put("auth/kubernetes/config", json!({"kubernetes_host": format!("https://{server}")})).await;
        let engine = json!({"type": "pki", "config": {"max_lease_ttl": "87600h"}});
        self.put("sys/mounts/pki", engine).await;
        let root = json!({"common_name": "test root", "ttl": "8760h", "key_type": "ec", "key_bits": 256});
        self.put("pki/root/generate/internal", root).await;
        let role = json!({"allow_any_name": true, "key_type": "ec", "key_bits": 256, "max_ttl": "24h",
            "ttl": "1h", "generate_lease": true});
        self.put("pki/roles/web", role).await;
        let policy = "path \"secret/data/web/*\" { capabilities = [\"read\"] }\npath \"pki/issue/web\" { capabilities = [\"update\"] }";
        self.put("sys/policies/acl/web", json!({"policy": policy})).await;
        let role = json!({"bound_service_account_names": ["web", "default"], "token_ttl": "1h", "token_max_ttl": "24h",
            "bound_service_account_namespaces": [NAMESPACE], "token_policies": ["web"], "audience": "vault"});
        self.put("auth/kubernetes/role/web", role).await;
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.http.json(method, &format!("v1/{path}"), ROOT, body).await.expect("OpenBao answers")
    }

    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.call("POST", path, Some(&body)).await.expect_ok(path)
    }

    pub async fn secret(&self, name: &str, value: &str) {
        self.put(&format!("secret/data/web/{name}"), json!({"data": {"value": value}})).await;
    }

    async fn list(&self, path: &str) -> Vec<String> {
        let reply = self.call("LIST", path, None).await;
        if reply.status == 404 {
            return Vec::new();
        }
        serde_json::from_value(reply.expect_ok(path)["data"]["keys"].clone()).unwrap()
    }

    /// The certificates that live.
    pub async fn leases(&self) -> Vec<String> {
        self.list("sys/leases/lookup/pki/issue/web/").await
    }

    /// The logins that live, and root's.
    pub async fn tokens(&self) -> usize {
        self.list("auth/token/accessors").await.len()
    }
}

/// A port of this machine that leads to it.
fn forward(home: &TempDir) -> (Child, u16) {
    let mut command = Command::new("kubectl");
    command.args(["--namespace", NAMESPACE, "port-forward", "--address=127.0.0.1", "pod/openbao", ":8200"]);
    let child = Child::start(Spec { name: "port-forward", command, home: home.path(), stop: "TERM" });
    let (port, _) = wait("the forwarded port", 20, || {
        let log = child.log();
        let (_, after) = log.split_once("127.0.0.1:")?;
        after.split_once(' ')?.0.parse().ok()
    });
    (child, port)
}

/// The pod, and its permission to ask the cluster whose a token is.
fn objects() -> Value {
    let image = std::env::var("KEYMOUNT_TEST_OPENBAO").unwrap_or_else(|_| "openbao/openbao:2.7.2".into());
    let args = [
        "server",
        "-dev",
        "-dev-no-store-token",
        "-dev-root-token-id=root",
        "-dev-listen-address=0.0.0.0:8200",
    ];
    let container = json!({
        "name": "openbao", "image": image, "imagePullPolicy": "IfNotPresent", "args": args,
        "env": [{"name": "HOME", "value": "/tmp"}],
        "readinessProbe": {"httpGet": {"path": "/v1/secret/config", "port": 8200,
            "httpHeaders": [{"name": "X-Vault-Token", "value": ROOT}]}, "periodSeconds": 1},
    });
    let subject = json!({"kind": "ServiceAccount", "name": "openbao", "namespace": NAMESPACE});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "openbao"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "keymount-test-openbao"}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "openbao"},
            "spec": {"serviceAccountName": "openbao", "terminationGracePeriodSeconds": 1, "containers": [container]}},
    ]})
}
