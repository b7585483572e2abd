//! What a real API server says: strict validation of every object, and which pod security level is reached.

use serde_json::{Value, json};

use crate::helm::{Helm, Object, objects, only};
use crate::matrix::SETS;
use crate::support::http::Reply;
use crate::support::kube::Kube;
use crate::support::{eventually, parts};

/// Definitions of others' kinds, with the fields that the chart uses and no other, so that a misspelt one is refused.
async fn install_definitions(kube: &Kube) {
    let definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in std::fs::read_to_string("tests/chart/crds/monitoring.yaml").unwrap().split("\n---\n") {
        kube.apply_yaml(definitions, definition).await;
    }
    for path in [
        "monitoring.coreos.com/v1/podmonitors",
        "monitoring.coreos.com/v1/servicemonitors",
        "monitoring.coreos.com/v1/prometheusrules",
        "security.openshift.io/v1/securitycontextconstraints",
    ] {
        let served = || async { kube.get(&format!("apis/{path}")).await.status == 200 };
        assert!(eventually(std::time::Duration::from_secs(30), served).await, "{path} is not served");
    }
}

async fn accepted(kube: &Kube, object: &Object) {
    let reply: Reply = kube.dry_run_yaml(&object.collection(), &object.text).await;
    // An object that is there already: a conflict has passed validation.
    assert!(reply.ok() || reply.status == 409, "{} {}\n{}", reply.status, reply.body, object.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_accepts_every_object_strictly() {
    let Some(helm) = Helm::require() else { return };
    let (Some(kube), Some(deploy)) = (Kube::shared().await, parts::require("CSI_DEPLOY")) else { return };
    kube.install_driver_objects(&deploy).await;
    install_definitions(kube).await;
    let mut kinds = std::collections::BTreeSet::new();
    for (_, values) in SETS {
        for object in helm.objects(values) {
            if object.kind() == "Pod" {
                kube.service_account("kube-system", "default").await;
            }
            accepted(kube, &object).await;
            kinds.insert(object.kind().to_owned());
        }
    }
    let wanted = [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "DaemonSet",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "SecretProviderClass",
        "SecurityContextConstraints",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    ];
    assert!(wanted.iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_accepts_the_plain_manifests_strictly() {
    let (Some(kube), Some(deploy)) = (Kube::shared().await, parts::require("CSI_DEPLOY")) else { return };
    kube.install_driver_objects(&deploy).await;
    kube.service_account("shop", "web").await;
    for file in ["manifests/keymount.yaml", "manifests/csidriver.yaml", "manifests/example.yaml"] {
        let found = objects(&std::fs::read_to_string(file).unwrap());
        assert!(!found.is_empty(), "{file}");
        for object in found {
            accepted(kube, &object).await;
        }
    }
}

/// The strictness itself: a field that nobody knows is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_field_is_refused() {
    let Some(helm) = Helm::require() else { return };
    let Some(kube) = Kube::shared().await else { return };
    let objects = helm.objects(&[]);
    let object = objects.iter().find(|object| object.kind() == "DaemonSet").unwrap();
    let text = object.text.replace("terminationGracePeriodSeconds", "terminationGraceSeconds");
    let reply = kube.dry_run_yaml(&object.collection(), &text).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

/// What the admission of a level says to the DaemonSet's pod; `None` where it is let in.
async fn refused(kube: &Kube, level: &str, values: &[&str]) -> Option<String> {
    let helm = Helm::require()?;
    let namespace = format!("level-{level}");
    kube.service_account(&namespace, "keymount").await;
    let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
    kube.merge_patch(&format!("api/v1/namespaces/{namespace}"), &label).await;
    let objects = helm.objects(values);
    let mut spec = only(&objects, "DaemonSet")["spec"]["template"]["spec"].clone();
    // The priority is kept for some namespaces, and is not what is asked here.
    spec.as_object_mut().unwrap().remove("priorityClassName");
    let pod: Value =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "keymount"}, "spec": spec});
    let path = format!("api/v1/namespaces/{namespace}/pods");
    let reply = kube.dry_run_yaml(&path, &pod.to_string()).await;
    if reply.ok() {
        return None;
    }
    let text = reply.body["message"].as_str().unwrap().to_owned();
    let (_, broken) = text.split_once("violates PodSecurity ").unwrap_or_else(|| panic!("{text}"));
    Some(broken.split_once(": ").unwrap().1.to_owned())
}

/// docs/install.md says which levels are reached and what is in the way of the next: this, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_hostpaths_and_the_root_of_the_init_step_are_in_the_way_of_a_level() {
    let (Some(kube), Some(_)) = (Kube::shared().await, parts::require("HELM_BIN")) else { return };
    assert_eq!(refused(kube, "privileged", &[]).await, None);
    let baseline = r#"hostPath volumes (volumes "providers", "run")"#;
    assert_eq!(refused(kube, "baseline", &[]).await.as_deref(), Some(baseline));
    let restricted = refused(kube, "restricted", &[]).await.unwrap();
    let expected = r#"restricted volume types (volumes "providers", "run" use restricted volume type "hostPath"), runAsNonRoot != true (pod or container "prepare" must set securityContext.runAsNonRoot=true), runAsUser=0 (container "prepare" must not set runAsUser=0)"#;
    assert_eq!(restricted, expected);
    let docs = std::fs::read_to_string("docs/install.md").unwrap();
    assert!(docs.contains(baseline), "docs/install.md quotes it");
}
