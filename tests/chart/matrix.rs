//! The sets of values that everything is rendered for.

use crate::helm::{Helm, Object, only};

const TEST: &str =
    r#"test.parameters={"roleName":"web","objects":"- objectName: a\n  secretPath: secret/data/a\n"}"#;

/// Each set, `--set-json` each.
pub const SETS: [(&str, &[&str]); 15] = [
    ("the defaults", &[]),
    ("one provider, a test", &[r#"providers=["openbao"]"#, r#"test.provider="openbao""#, TEST]),
    ("root", &["nonRoot=false", "podLiveness.enabled=true"]),
    (
        "liveness",
        &[
            "podLiveness.enabled=true",
            r#"podLiveness.kubeletRootDir="/var/snap/microk8s/common/var/lib/kubelet""#,
        ],
    ),
    ("no hand-off", &["handoff.enabled=false"]),
    ("keys", &["jwks.enabled=true", r#"jwks.issuer="https://kubernetes.default.svc.cluster.local""#]),
    (
        "local",
        &[
            r#"providers=["vault","local"]"#,
            "jwks.enabled=true",
            r#"settings={"local-store":"/etc/keymount/local/store.yaml","local-audience":"here"}"#,
            r#"extraVolumes=[{"name":"store","secret":{"secretName":"store"}}]"#,
            r#"extraVolumeMounts=[{"name":"store","mountPath":"/etc/keymount/local","readOnly":true}]"#,
        ],
    ),
    (
        "aws beside vault",
        &[
            r#"providers=["aws","vault"]"#,
            r#"settings={"aws-region":"eu-central-1","aws-use-fips":true,"vault-addr":"https://a:8200"}"#,
            r#"ca.configMap="vault-ca""#,
        ],
    ),
    ("aws by annotations", &[r#"providers=["aws"]"#, "lookupServiceAccounts.enabled=true"]),
    (
        "settings of every type",
        &[
            r#"settings={"vault-addr":"https://a:8200","vault-allowed-address":["https://a:8200","https://b:8200"],"max-session-bytes":67108864,"vault-rate":0.5,"debug":true}"#,
            r#"config={"openbao-addr":"https://b:8200"}"#,
            r#"ca.configMap="vault-ca""#,
        ],
    ),
    (
        "everything seen",
        &[
            r#"metrics.podMonitor={"enabled":true,"labels":{"release":"prometheus"}}"#,
            r#"metrics.serviceMonitor={"enabled":true,"labels":{"release":"prometheus"}}"#,
            "metrics.annotations=false",
        ],
    ),
    (
        "alarms and pictures",
        &[
            r#"metrics.prometheusRule={"enabled":true,"labels":{"release":"prometheus"}}"#,
            r#"metrics.dashboard={"enabled":true,"annotations":{"grafana_folder":"Platform"}}"#,
        ],
    ),
    (
        "closed in",
        &[
            "networkPolicy.enabled=true",
            r#"networkPolicy.egress=[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8"}}],"ports":[{"port":8200,"protocol":"TCP"}]}]"#,
            r#"networkPolicy.metricsFrom=[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"monitoring"}}}]"#,
            "podDisruptionBudget.enabled=true",
        ],
    ),
    ("closed in altogether", &["networkPolicy.enabled=true", "networkPolicy.dns=false"]),
    (
        "another place and look",
        &[
            r#"image={"repository":"registry.example/team/keymount","digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}"#,
            r#"imagePullSecrets=[{"name":"pull"}]"#,
            r#"fullnameOverride="secrets""#,
            r#"serviceAccount={"name":"secrets-reader","annotations":{"a/b":"c"}}"#,
            "updateStrategy.maxUnavailable=1",
            "openshift.enabled=true",
            r#"affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"type","operator":"NotIn","values":["virtual-kubelet"]}]}]}}}"#,
            r#"extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]"#,
            r#"extraEnvFrom=[{"secretRef":{"name":"more"}}]"#,
            r#"extraArgs=["--log-level=debug"]"#,
            r#"hostAliases=[{"ip":"10.0.0.1","hostnames":["vault.example"]}]"#,
            r#"dnsConfig={"options":[{"name":"ndots","value":"1"}]}"#,
            r#"podLabels={"team":"platform"}"#,
            r#"podAnnotations={"a":"b"}"#,
            r#"commonLabels={"part":"secrets"}"#,
        ],
    ),
];

#[test]
fn each_set_is_linted() {
    let Some(helm) = Helm::require() else { return };
    for (name, values) in SETS {
        let said = helm.lint(values);
        assert!(said.is_ok(), "{name}: {said:?}");
    }
}

/// What a reviewer asks first: nothing privileged in any set, a role or a token only where it is asked for.
#[test]
fn nothing_has_a_role_a_token_or_a_capability() {
    let Some(helm) = Helm::require() else { return };
    for (name, values) in SETS {
        let objects = helm.objects(values);
        let roles = objects.iter().filter(|object| object.text.contains("rbac.authorization.k8s.io")).count();
        let looks_up = values.contains(&"lookupServiceAccounts.enabled=true");
        assert_eq!(roles, if looks_up { 2 } else { 0 }, "{name}");
        let spec = &only(&objects, "DaemonSet")["spec"]["template"]["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{name}");
        let token = objects.iter().any(|object| object.text.contains("serviceAccountToken:"));
        assert_eq!(token, looks_up || values.contains(&"jwks.enabled=true"), "{name}");
        for host in ["hostNetwork", "hostPID", "hostIPC", "hostUsers"] {
            assert!(spec[host].is_null(), "{name}: {host}");
        }
        for container in containers(spec) {
            let context = &container["securityContext"];
            assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]), "{name}");
            assert!(context["capabilities"]["add"].is_null() && context["privileged"].is_null(), "{name}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        }
    }
}

/// The one right that there is, and nothing beside it.
#[test]
fn the_look_up_may_get_service_accounts_and_nothing_else() {
    let Some(helm) = Helm::require() else { return };
    let objects = helm.objects(&[r#"providers=["aws"]"#, "lookupServiceAccounts.enabled=true"]);
    let rules = &only(&objects, "ClusterRole")["rules"];
    let wanted = serde_json::json!([{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]}]);
    assert_eq!(*rules, wanted);
    let binding = only(&objects, "ClusterRoleBinding");
    assert_eq!(binding["roleRef"]["name"], only(&objects, "ClusterRole")["metadata"]["name"]);
    let account =
        serde_json::json!([{"kind": "ServiceAccount", "name": "keymount", "namespace": "kube-system"}]);
    assert_eq!(binding["subjects"], account);
}

#[test]
fn the_serving_container_is_root_only_where_that_is_asked_for() {
    let Some(helm) = Helm::require() else { return };
    for (name, values) in SETS {
        let objects = helm.objects(values);
        let spec = &only(&objects, "DaemonSet")["spec"]["template"]["spec"];
        let context = &spec["containers"][0]["securityContext"];
        let root = values.contains(&"nonRoot=false");
        assert_eq!(context["runAsUser"], if root { 0 } else { 65532 }, "{name}");
        assert_eq!(context["runAsNonRoot"] == true, !root, "{name}");
        assert_eq!(spec["initContainers"].is_null(), root, "{name}");
        // The kubelet's folder is root's, 0750: looking into it needs that group and nothing else does.
        let group = !root && values.contains(&"podLiveness.enabled=true");
        assert_eq!(spec["securityContext"]["supplementalGroups"].is_array(), group, "{name}");
    }
}

#[test]
fn the_daemonset_never_surges_and_is_on_every_node() {
    let Some(helm) = Helm::require() else { return };
    for (name, values) in SETS {
        let objects = helm.objects(values);
        let spec = &only(&objects, "DaemonSet")["spec"];
        assert_eq!(spec["updateStrategy"]["rollingUpdate"]["maxSurge"], 0, "{name}");
        assert_eq!(
            spec["template"]["spec"]["tolerations"],
            serde_json::json!([{"operator": "Exists"}]),
            "{name}"
        );
        assert_eq!(spec["template"]["spec"]["priorityClassName"], "system-node-critical", "{name}");
    }
}

/// Templates of Prometheus and Grafana are in braces as the chart's own are: they must come through as they stand.
#[test]
fn alerts_and_dashboard_come_through_as_they_are() {
    let Some(helm) = Helm::require() else { return };
    let objects = helm.objects(&["metrics.prometheusRule.enabled=true", "metrics.dashboard.enabled=true"]);
    let file = |name: &str| std::fs::read_to_string(format!("charts/keymount/files/{name}")).unwrap();
    let alerts: serde_json::Value = serde_saphyr::from_str(&file("alerts.yaml")).unwrap();
    assert_eq!(only(&objects, "PrometheusRule")["spec"], alerts);
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let dashboard = only(&objects, "ConfigMap")["data"]["keymount.json"].as_str().unwrap();
    assert_eq!(parse(dashboard), parse(&file("dashboard.json")));
}

/// Another user's folder is refused at the start: each user has its own, so that changing the user is no outage.
#[test]
fn the_hand_off_is_the_users_own() {
    let Some(helm) = Helm::require() else { return };
    let folder = |values: &[&str]| {
        let args = args(&helm.objects(values), "keymount");
        args.into_iter().find_map(|arg| arg.strip_prefix("--handoff=").map(str::to_owned))
    };
    assert_eq!(folder(&[]).as_deref(), Some("/run/keymount/handoff-65532"));
    assert_eq!(folder(&["nonRoot=false"]).as_deref(), Some("/run/keymount/handoff-0"));
    assert_eq!(folder(&["runAsUser=1001"]).as_deref(), Some("/run/keymount/handoff-1001"));
    assert_eq!(folder(&["handoff.enabled=false"]), None);
}

/// A DaemonSet's controller deletes a pod that its selector takes for one too many (seen in a real cluster).
#[test]
fn no_other_pod_is_the_daemonsets() {
    let Some(helm) = Helm::require() else { return };
    let objects = helm.objects(&[TEST]);
    let selector =
        only(&objects, "DaemonSet")["spec"]["selector"]["matchLabels"].as_object().unwrap().clone();
    let labels = &only(&objects, "Pod")["metadata"]["labels"];
    assert!(selector.iter().any(|(name, value)| labels[name] != *value), "{labels}");
}

pub fn containers(spec: &serde_json::Value) -> Vec<&serde_json::Value> {
    let lists = [&spec["initContainers"], &spec["containers"]];
    lists.into_iter().filter_map(|list| list.as_array()).flatten().collect()
}

/// The arguments of a container of the DaemonSet.
pub fn args(objects: &[Object], name: &str) -> Vec<String> {
    let spec = &only(objects, "DaemonSet")["spec"]["template"]["spec"];
    let container = containers(spec).into_iter().find(|container| container["name"] == name);
    container.map(|container| serde_json::from_value(container["args"].clone()).unwrap()).unwrap_or_default()
}
