//! The objects that the tests want in the Kubernetes API, and the tokens it gives out.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::kube::Kube;
use super::{eventually, secrets};

pub const DRIVER: &str = "secrets-store.csi.k8s.io";
const CLASS_API: &str = "apis/secrets-store.csi.x-k8s.io/v1";

/// One pod's one CSI volume.
#[derive(Debug, Clone)]
pub struct PodRef {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub service_account: String,
    pub class: String,
    /// The volume's name in the pod.
    pub volume: String,
    /// What the pod's author adds to `volumeAttributes`.
    pub attributes: BTreeMap<String, String>,
    /// The data of the `nodePublishSecretRef`.
    pub secrets: BTreeMap<String, String>,
}

impl PodRef {
    /// Another volume of the same pod, for another class.
    pub fn volume(&self, volume: &str, class: &str) -> Self {
        Self { volume: volume.to_owned(), class: class.to_owned(), ..self.clone() }
    }
}

/// A service account token as the kubelet hands it on.
#[derive(Debug, Clone, Serialize)]
pub struct Token {
    pub token: String,
    #[serde(rename = "expirationTimestamp")]
    pub expiration: String,
}

impl Kube {
    pub async fn namespace(&self, name: &str) {
        self.create("api/v1/namespaces", &json!({"metadata": {"name": name}})).await;
    }

    /// A service account, and its namespace where that is missing.
    pub async fn service_account(&self, namespace: &str, name: &str) {
        self.namespace(namespace).await;
        let path = format!("api/v1/namespaces/{namespace}/serviceaccounts");
        self.create(&path, &json!({"metadata": {"name": name}})).await;
    }

    /// A pod on `node1` with one CSI volume `secrets` of `class`, and the service account it runs as.
    pub async fn pod(&self, namespace: &str, name: &str, service_account: &str, class: &str) -> PodRef {
        self.service_account(namespace, service_account).await;
        let volume = json!({"name": "secrets", "csi": {
            "driver": DRIVER, "readOnly": true, "volumeAttributes": {"secretProviderClass": class},
        }});
        let container = json!({"name": "app", "image": "none.invalid/app"});
        let object = json!({"metadata": {"name": name}, "spec": {
            "serviceAccountName": service_account, "nodeName": "node1", "automountServiceAccountToken": false,
            "containers": [container], "volumes": [volume],
        }});
        let created = self.create(&format!("api/v1/namespaces/{namespace}/pods"), &object).await;
        PodRef {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: created["metadata"]["uid"].as_str().expect("a new pod").to_owned(),
            service_account: service_account.to_owned(),
            class: class.to_owned(),
            volume: "secrets".to_owned(),
            attributes: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// The pod is gone from the API at once. TokenReview refuses a token bound to it within ten seconds: the
    /// API server remembers for that long that a token was good.
    pub async fn delete_pod(&self, pod: &PodRef) {
        self.delete(&format!("api/v1/namespaces/{}/pods/{}", pod.namespace, pod.name)).await;
    }

    /// A token bound to the pod, as the kubelet asks for it. The API server gives 600 seconds at least.
    pub async fn pod_token(&self, pod: &PodRef, audience: &str, seconds: u32) -> Token {
        let bound = json!({"kind": "Pod", "apiVersion": "v1", "name": pod.name, "uid": pod.uid});
        let spec = json!({"audiences": [audience], "expirationSeconds": seconds, "boundObjectRef": bound});
        self.token_request(&pod.namespace, &pod.service_account, &spec).await
    }

    /// The tokens of several audiences, an hour each.
    pub async fn pod_tokens(&self, pod: &PodRef, audiences: &[&str]) -> BTreeMap<String, Token> {
        let mut tokens = BTreeMap::new();
        for &audience in audiences {
            tokens.insert(audience.to_owned(), self.pod_token(pod, audience, 3600).await);
        }
        tokens
    }

    async fn token_request(&self, namespace: &str, service_account: &str, spec: &Value) -> Token {
        let path = format!("api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token");
        let body = self.create(&path, &json!({"spec": spec})).await;
        let field = |name: &str| body["status"][name].as_str().expect("a token").to_owned();
        secrets::remember(&field("token"));
        Token { token: field("token"), expiration: field("expirationTimestamp") }
    }

    /// Any claims under the cluster's own signature, for tokens that TokenRequest refuses to make: expired,
    /// of another issuer, with claims missing.
    pub fn mint(&self, claims: &Value) -> String {
        let key =
            jsonwebtoken::EncodingKey::from_rsa_pem(self.service_account_key().as_bytes()).expect("key");
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        let token = jsonwebtoken::encode(&header, claims, &key).expect("a token");
        secrets::remember(&token);
        token
    }

    /// A token whose bearer may ask TokenReview: OpenBao's own identity in the cluster.
    pub async fn reviewer_token(&self) -> String {
        let make = || async {
            self.service_account("token-reviewer", "openbao").await;
            let binding = json!({
                "metadata": {"name": "openbao-token-reviewer"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                            "name": "system:auth-delegator"},
                "subjects": [{"kind": "ServiceAccount", "namespace": "token-reviewer", "name": "openbao"}],
            });
            self.create("apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await;
            self.token_request("token-reviewer", "openbao", &json!({"expirationSeconds": 7200})).await.token
        };
        self.reviewer_cell().get_or_init(make).await.clone()
    }

    /// The driver's resource definitions and its CSIDriver object, from the driver's own files.
    pub async fn install_driver_objects(&self, deploy: &Path) {
        self.driver_objects_cell().get_or_init(|| self.install(deploy)).await;
    }

    async fn install(&self, deploy: &Path) {
        let crds = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let text = |name: &str| std::fs::read_to_string(deploy.join(name)).expect(name);
        for kind in ["secretproviderclasses", "secretproviderclasspodstatuses"] {
            self.apply_yaml(crds, &text(&format!("secrets-store.csi.x-k8s.io_{kind}.yaml"))).await;
        }
        self.apply_yaml("apis/storage.k8s.io/v1/csidrivers", &text("csidriver.yaml")).await;
        for kind in ["secretproviderclasses", "secretproviderclasspodstatuses"] {
            let path = format!("{CLASS_API}/{kind}");
            let served = || async { self.get(&path).await.status == 200 };
            assert!(eventually(Duration::from_secs(20), served).await, "{kind} is not served");
        }
    }

    /// The audiences of the CSIDriver object. Drivers before v1.6.0 read them there when they rotate.
    pub async fn token_requests(&self, audiences: &[&str]) {
        let requests: Vec<_> = audiences.iter().map(|audience| json!({"audience": audience})).collect();
        let path = format!("apis/storage.k8s.io/v1/csidrivers/{DRIVER}");
        self.merge_patch(&path, &json!({"spec": {"tokenRequests": requests}})).await;
    }

    /// A SecretProviderClass; an older one of the same name is replaced. `secret_objects` is `spec.secretObjects`.
    pub async fn class(
        &self,
        namespace: &str,
        name: &str,
        provider: &str,
        parameters: &[(&str, &str)],
        secret_objects: Option<Value>,
    ) {
        self.namespace(namespace).await;
        let parameters: BTreeMap<_, _> = parameters.iter().copied().collect();
        let mut spec = json!({"provider": provider, "parameters": parameters});
        if let Some(objects) = secret_objects {
            spec["secretObjects"] = objects;
        }
        let path = format!("{CLASS_API}/namespaces/{namespace}/secretproviderclasses");
        self.delete(&format!("{path}/{name}")).await;
        let kind = json!({"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass",
                          "metadata": {"name": name}, "spec": spec});
        self.create(&path, &kind).await;
    }

    /// What the driver wrote about a mount (`objects` holds the ids and versions), once it did.
    pub async fn pod_status(&self, pod: &PodRef) -> Option<Value> {
        let reply = self.get(&status_path(pod)).await;
        reply.ok().then(|| reply.body["status"].clone())
    }
}

/// The SecretProviderClassPodStatus of a volume.
pub fn status_path(pod: &PodRef) -> String {
    let PodRef { namespace, name, class, .. } = pod;
    format!("{CLASS_API}/namespaces/{namespace}/secretproviderclasspodstatuses/{name}-{namespace}-{class}")
}
