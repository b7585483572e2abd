//! The real helm, and what it renders.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::parts;

pub const CHART: &str = "charts/keymount";
pub const NAMESPACE: &str = "kube-system";
/// The cluster that is rendered for; without it helm takes the oldest that it knows.
const KUBERNETES: [&str; 2] = ["--kube-version", "1.36.3"];

/// A helm that asks no cluster.
pub struct Helm(PathBuf);

/// One object: its own text, as the API server would get it, and what it says.
pub struct Object {
    pub text: String,
    pub value: Value,
}

impl Helm {
    pub fn require() -> Option<Self> {
        parts::require("HELM_BIN").map(Self)
    }

    fn run(&self, args: &[&str]) -> Result<String, String> {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(&self.0);
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HOME"] {
            command.env(variable, home.path());
        }
        let output = command.env_remove("KUBECONFIG").args(args).output().unwrap();
        let [out, err] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        if output.status.success() { Ok(out) } else { Err(out + &err) }
    }

    /// Everything, tests included, for these values.
    pub fn template(&self, values: &[&str]) -> Result<String, String> {
        let mut args = vec!["template", "keymount", CHART, "--namespace", NAMESPACE];
        args.extend(KUBERNETES);
        args.extend(values.iter().flat_map(|value| ["--set-json", value]));
        self.run(&args)
    }

    /// What goes into manifests/keymount.yaml.
    pub fn manifest(&self) -> String {
        let file = "manifests/values.yaml";
        let mut args = vec!["template", "keymount", CHART, "--namespace", NAMESPACE, "--values", file];
        args.extend(KUBERNETES);
        self.run(&args).unwrap()
    }

    pub fn lint(&self, values: &[&str]) -> Result<String, String> {
        let mut args = vec!["lint", "--strict", CHART];
        args.extend(KUBERNETES);
        args.extend(values.iter().flat_map(|value| ["--set-json", value]));
        self.run(&args)
    }

    /// What an install into this cluster would print.
    pub fn notes(&self, kubeconfig: &Path, values: &[&str]) -> String {
        let kubeconfig = kubeconfig.display().to_string();
        let mut args = vec!["install", "keymount", CHART, "--namespace", NAMESPACE];
        args.extend(["--dry-run=server", "--kubeconfig", &kubeconfig]);
        args.extend(values.iter().flat_map(|value| ["--set-json", value]));
        let text = self.run(&args).unwrap();
        text.split_once("NOTES:\n").unwrap().1.to_owned()
    }

    #[track_caller]
    pub fn objects(&self, values: &[&str]) -> Vec<Object> {
        objects(&self.template(values).unwrap_or_else(|error| panic!("{values:?}: {error}")))
    }
}

/// The documents of a rendering.
pub fn objects(text: &str) -> Vec<Object> {
    let documents = text.split("\n---\n").map(|document| document.trim_start_matches("---\n").to_owned());
    let documents = documents.filter(|document| document.lines().any(|line| line.starts_with("kind:")));
    documents
        .map(|text| Object {
            value: serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")),
            text,
        })
        .collect()
}

impl Object {
    pub fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap()
    }

    /// Where its like are created.
    pub fn collection(&self) -> String {
        let version = self.value["apiVersion"].as_str().unwrap();
        let base = if version.contains('/') { format!("apis/{version}") } else { format!("api/{version}") };
        let plural = match self.kind() {
            "NetworkPolicy" => "networkpolicies".to_owned(),
            "SecretProviderClass" => "secretproviderclasses".to_owned(),
            kind @ "SecurityContextConstraints" => return format!("{base}/{}", kind.to_lowercase()),
            kind @ ("ClusterRole" | "ClusterRoleBinding" | "CSIDriver") => {
                return format!("{base}/{}s", kind.to_lowercase());
            }
            kind => kind.to_lowercase() + "s",
        };
        let namespace = self.value["metadata"]["namespace"].as_str().unwrap_or("default");
        format!("{base}/namespaces/{namespace}/{plural}")
    }
}

/// The only object of this kind.
#[track_caller]
pub fn only<'a>(objects: &'a [Object], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object.kind() == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    &first.value
}
