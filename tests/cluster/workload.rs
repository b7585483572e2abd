//! Classes, and pods that mount them and say what they read.

use serde_json::{Value, json};

use crate::kubectl::{NAMESPACE, apply, get, kubectl, run, wait};

pub fn class(name: &str, parameters: &Value) {
    class_in(NAMESPACE, name, "vault", parameters);
}

pub fn class_in(namespace: &str, name: &str, provider: &str, parameters: &Value) {
    apply(&json!({"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass",
        "metadata": {"name": name, "namespace": namespace}, "spec": {"provider": provider, "parameters": parameters}}));
}

/// Parameters of a class that reads `secret/web/NAME` into a file of that name.
pub fn reads(names: &[&str]) -> Value {
    let object = |name: &&str| {
        format!("- objectName: {name}\n  secretPath: secret/data/web/{name}\n  secretKey: value\n")
    };
    json!({"roleName": "web", "objects": names.iter().map(object).collect::<String>()})
}

/// A pod, not root, that prints every file of its volumes whenever one changes.
pub struct Workload(pub String);

const WATCH: &str = r#"while :; do now=$(for f in $(find /secrets -type f -path '*/..2*'); do echo "$f $(cat "$f" | tr '\n' '|')"; done)
if [ "$now" != "$before" ]; then echo "$now" | sed 's,/secrets/\([^/]*\)/\.\.[^/]*/,\1/,'; echo .; before=$now; fi; sleep 0.3; done"#;

impl Workload {
    pub fn begin(name: &str, classes: &[&str]) -> Self {
        let image = std::env::var("KEYMOUNT_TEST_BUSYBOX").unwrap_or_else(|_| "busybox:1.37".into());
        let volume = |class: &&str| {
            json!({"name": class, "csi": {"driver": "secrets-store.csi.k8s.io",
            "readOnly": true, "volumeAttributes": {"secretProviderClass": class}}})
        };
        let mount =
            |class: &&str| json!({"name": class, "mountPath": format!("/secrets/{class}"), "readOnly": true});
        let container = json!({"name": "app", "image": image, "imagePullPolicy": "IfNotPresent",
            "args": ["sh", "-c", WATCH], "volumeMounts": classes.iter().map(mount).collect::<Vec<_>>(),
            "securityContext": {"runAsUser": 1000, "runAsNonRoot": true, "allowPrivilegeEscalation": false}});
        apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
            "serviceAccountName": "web", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
            "containers": [container], "volumes": classes.iter().map(volume).collect::<Vec<_>>()}}));
        Self(name.to_owned())
    }

    pub fn phase(&self) -> String {
        get("pod", &self.0).map(|pod| pod["status"]["phase"].as_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Seconds until it runs.
    #[track_caller]
    pub fn runs(&self, limit: u64) -> f64 {
        let look = || (self.phase() == "Running").then_some(());
        wait(&format!("{} runs", self.0), limit, look).1
    }

    /// Everything it has read so far, a line a file: `CLASS/PATH CONTENT`.
    pub fn log(&self) -> String {
        run(&["logs", &self.0], "").unwrap_or_default()
    }

    /// Seconds until it has read this line.
    #[track_caller]
    pub fn has_read(&self, line: &str, limit: u64) -> f64 {
        let look = || self.log().lines().any(|one| one.trim_end_matches('|') == line).then_some(());
        wait(&format!("{} reads {line}", self.0), limit, look).1
    }

    /// The content of a file as it was read last.
    pub fn file(&self, path: &str) -> Option<String> {
        let log = self.log();
        log.lines().rev().find_map(|line| line.strip_prefix(path)?.strip_prefix(' ').map(str::to_owned))
    }

    /// The texts of its warnings.
    pub fn events(&self) -> Vec<String> {
        let fields = format!("involvedObject.name={},type=Warning", self.0);
        let list: Value =
            serde_json::from_str(&kubectl(&["get", "events", "-o", "json", "--field-selector", &fields]))
                .unwrap();
        let texts = list["items"].as_array().unwrap().iter();
        texts
            .map(|event| {
                format!("{}: {}", event["reason"].as_str().unwrap(), event["message"].as_str().unwrap())
            })
            .collect()
    }

    /// Seconds until a warning holds all of this.
    #[track_caller]
    pub fn warned(&self, parts: &[&str], limit: u64) -> f64 {
        let all = |text: &String| parts.iter().all(|part| text.contains(part));
        wait(&format!("a warning of {} with {parts:?}", self.0), limit, || {
            self.events().iter().any(all).then_some(())
        })
        .1
    }

    /// It does not start, all this time.
    #[track_caller]
    pub fn waits(&self, seconds: u64) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        while std::time::Instant::now() < end {
            assert_eq!(self.phase(), "Pending", "{}: it must not start without its files", self.0);
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    }

    pub fn end(self) -> f64 {
        let began = std::time::Instant::now();
        crate::kubectl::delete("pod", &self.0);
        began.elapsed().as_secs_f64()
    }
}
