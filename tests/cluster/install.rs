//! keymount as its chart installs it, and everything beside it that the cases need.

use std::process::Command;

use serde_json::{Value, json};

use crate::backend::Backend;
use crate::kubectl::{NAMESPACE, delete, get, kubectl, run, wait};
use crate::support::parts;
use crate::workload::Workload;

const DRIVER: &str = "secrets-store.csi.k8s.io";
const RELEASE: &str = "keymount";
const POD: &str = "app.kubernetes.io/name=keymount";

pub struct World {
    pub backend: Backend,
    /// The CSIDriver's audiences before us.
    requests: Value,
}

impl World {
    pub async fn begin() -> Self {
        assert!(std::env::var_os("KUBECONFIG").is_some(), "KUBECONFIG names no cluster (docs/cluster.md)");
        clean();
        kubectl(&["create", "namespace", NAMESPACE]);
        let (_, _) = wait("the default service account", 60, || get("serviceaccount", "default"));
        kubectl(&["create", "serviceaccount", "web"]);
        let driver = get("csidriver", DRIVER).expect("the CSI driver is not installed");
        assert_eq!(driver["spec"]["requiresRepublish"], true, "the driver's rotation is off");
        let requests = driver["spec"]["tokenRequests"].clone();
        let world = Self { requests, backend: Backend::begin().await };
        let mut wanted = world.requests.as_array().cloned().unwrap_or_default();
        if !wanted.iter().any(|request| request["audience"] == "vault") {
            wanted.push(json!({"audience": "vault"}));
        }
        requests_are(&Value::Array(wanted));
        let installed = helm(&world.chart(&["upgrade", "--install"]));
        installed.unwrap_or_else(|error| panic!("{error}\n{}", picture()));
        println!("keymount ready {:.1} s after the install", rolled());
        world
    }

    /// The chart as it ships, but for what the cases need: liveness, and times that fit into a test.
    fn chart(&self, verb: &[&str]) -> Vec<String> {
        let image = std::env::var("KEYMOUNT_IMAGE").unwrap_or_else(|_| "keymount:0.1.0".into());
        let (repository, tag) = image.rsplit_once(':').expect("KEYMOUNT_IMAGE is NAME:TAG");
        let mut args: Vec<String> = verb.iter().map(|&arg| arg.to_owned()).collect();
        args.extend(
            [RELEASE, "charts/keymount", "--namespace", NAMESPACE, "--timeout=120s"].map(str::to_owned),
        );
        for value in [
            r#"providers=["vault"]"#.to_owned(),
            format!("image={}", json!({"repository": repository, "tag": tag})),
            "podLiveness.enabled=true".to_owned(),
            format!("settings.vault-addr={}", json!(self.backend.address)),
            "settings.vault-allow-http=true".to_owned(),
            r#"settings.refresh-interval="2s""#.to_owned(),
            r#"settings.min-refresh-interval="2s""#.to_owned(),
            format!(
                "test.parameters={}",
                json!({"roleName": "web", "objects": "- objectName: a\n  secretPath: secret/data/web/helm\n  secretKey: value\n"})
            ),
        ] {
            args.extend(["--set-json".to_owned(), value]);
        }
        args
    }
}

/// The cluster is left as it was found.
impl Drop for World {
    fn drop(&mut self) {
        requests_are(&self.requests);
        clean();
    }
}

fn clean() {
    let _ = helm(&["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait"].map(str::to_owned));
    delete("clusterrolebinding", "keymount-test-openbao");
    delete("namespace", "keymount-test-other");
    delete("namespace", NAMESPACE);
}

fn requests_are(requests: &Value) {
    let change = json!({"spec": {"tokenRequests": requests}}).to_string();
    kubectl(&["patch", "csidriver", DRIVER, "--type=merge", "-p", &change]);
}

fn helm(args: &[String]) -> Result<String, String> {
    let program = parts::part("HELM_BIN").unwrap_or_else(|| "helm".into());
    let output = Command::new(program).args(args).output().expect("helm");
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    if output.status.success() { Ok(out) } else { Err(out + &err) }
}

/// What there is to see when a case has failed.
pub fn picture() -> String {
    let asked: [&[&str]; 4] = [
        &["get", "pods", "-o", "wide"],
        &["get", "events", "--sort-by=.lastTimestamp"],
        &["describe", "pod", "-l", POD],
        &["logs", "-l", POD, "--all-containers", "--tail=60"],
    ];
    asked.map(|args| run(args, "").unwrap_or_else(|error| error)).join("\n")
}

/// Every pod of keymount that is not on its way out.
pub fn pods() -> Vec<Value> {
    let list = kubectl(&["get", "pods", "-l", POD, "-o", "json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    let pods = list["items"].as_array().unwrap().iter();
    pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
}

/// Seconds until each node has a ready pod of what was asked for last.
pub fn rolled() -> f64 {
    let began = std::time::Instant::now();
    kubectl(&["rollout", "status", "daemonset/keymount", "--timeout=300s"]);
    began.elapsed().as_secs_f64()
}

/// What keymount logged, every pod of it.
pub fn log() -> Vec<Value> {
    let text = run(&["logs", "-l", POD, "-c", "keymount", "--tail=-1"], "").unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The pods are what the chart says, and the API server let them in as that.
pub async fn runs_confined(_: &World) {
    let pods = pods();
    let spec = &pods[0]["spec"];
    let context = &spec["containers"][0]["securityContext"];
    assert_eq!((&context["runAsUser"], &context["runAsNonRoot"]), (&json!(65532), &json!(true)));
    for container in [&spec["initContainers"][0], &spec["containers"][0]] {
        let context = &container["securityContext"];
        assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}));
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    }
    let mounts = spec["containers"][0]["volumeMounts"].as_array().unwrap();
    let token = mounts.iter().any(|mount| mount["mountPath"].as_str().unwrap().contains("serviceaccount"));
    assert!(!token, "a service-account token is mounted");
    let name = pods[0]["metadata"]["name"].as_str().unwrap();
    let status = kubectl(&["exec", name, "-c", "keymount", "--", "/keymount", "status"]);
    assert!(status.contains("vault     ready"), "{status}");
    let ready =
        kubectl(&["get", "--raw", &format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}:8089/proxy/readyz")]);
    assert_eq!(ready, "vault ready\n");
}

/// The chart's own test mounts; and where the backend has nothing it does not end well.
pub async fn helm_test(world: &World) {
    let test = ["test", RELEASE, "--namespace", NAMESPACE, "--timeout=20s"].map(str::to_owned);
    let refused = helm(&test);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("timed out")),
        "there is no such secret yet: {refused:?}"
    );
    world.backend.secret("helm", "there").await;
    let passed = helm(&test);
    assert!(passed.as_ref().is_ok_and(|said| said.contains("Succeeded")), "{passed:?}");
}

/// The incumbents' way, uid 0 without capabilities, in place of what runs: it starts and mounts.
pub async fn root_without_capabilities(world: &World) {
    let mut args = world.chart(&["upgrade"]);
    args.extend(["--set-json", "nonRoot=false", "--wait"].map(str::to_owned));
    helm(&args).unwrap_or_else(|error| panic!("{error}"));
    println!("  ready as root after {:.1} s", rolled());
    let root = |pod: &Value| pod["spec"]["containers"][0]["securityContext"]["runAsUser"] == 0;
    assert!(pods().iter().all(root));
    let workload = Workload::begin("rooted", &["a"]);
    workload.runs(60);
    workload.has_read("a/a value of a", 20);
    workload.end();
}

/// Tokens are verified by the cluster's own keys, read with keymount's own token and without a role.
pub async fn verifies_by_the_clusters_keys(world: &World) {
    let server =
        kubectl(&["-n", "default", "get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"]);
    let settings = |issuer: &str| {
        let jwks =
            json!({"enabled": true, "url": format!("https://{server}/openid/v1/jwks"), "issuer": issuer});
        let mut args = world.chart(&["upgrade"]);
        args.extend(["--set-json".to_owned(), format!("jwks={jwks}"), "--wait".to_owned()]);
        helm(&args).unwrap_or_else(|error| panic!("{error}"));
        rolled();
    };
    settings("https://another.cluster");
    let refused = Workload::begin("foreign", &["a"]);
    refused.warned(&["FailedMount", "code = Unauthenticated", "the token is of another issuer"], 60);
    refused.waits(3);
    settings("");
    println!("  it runs {:.1} s after the right issuer", refused.runs(120));
    refused.has_read("a/a value of a", 20);
    refused.end();
}
