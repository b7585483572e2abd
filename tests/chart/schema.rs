//! Wrong values are refused before anything is applied, each with where it is.

use crate::helm::Helm;

/// A value that is wrong, and what is said of it.
const WRONG: [(&str, &str); 26] = [
    (r#"provider="vault""#, "provider"),
    ("providers=[]", "providers"),
    (r#"providers=["vault","vault"]"#, "providers"),
    (r#"providers=["va.ult"]"#, "providers/0"),
    (r#"providers="vault""#, "providers"),
    (r#"settings={"vault-adress":"https://a"}"#, "invalid propertyName 'vault-adress'"),
    (r#"settings={"handoff":"/run/x"}"#, "invalid propertyName 'handoff'"),
    (r#"settings={"vault-addr":{"a":"b"}}"#, "settings/vault-addr"),
    (r#"image.digest="sha256:abc""#, "image/digest"),
    (r#"image.tag="a b""#, "image/tag"),
    (r#"image.pullPolicy="Sometimes""#, "image/pullPolicy"),
    (r#"imagePullSecrets=["pull"]"#, "imagePullSecrets/0"),
    (r#"providersDir="relative""#, "providersDir"),
    (r#"handoff.hostPath="""#, "handoff/hostPath"),
    (r#"podLiveness.enabled="yes""#, "podLiveness/enabled"),
    (r#"jwks.url="http://kubernetes.default""#, "jwks/url"),
    ("runAsUser=0", "runAsUser"),
    ("admin.port=80", "admin/port"),
    (r#"metrics.podMonitor.interval="30""#, "metrics/podMonitor/interval"),
    ("updateStrategy.maxSurge=1", "updateStrategy"),
    (r#"updateStrategy.maxUnavailable="0%""#, "updateStrategy/maxUnavailable"),
    (r#"extraArgs=["debug"]"#, "extraArgs/0"),
    (r#"fullnameOverride="Key_Mount""#, "fullnameOverride"),
    (r#"podAnnotations={"a":1}"#, "podAnnotations/a"),
    (r#"test.parameters={"usePodIdentity":true}"#, "test/parameters/usePodIdentity"),
    ("replicas=3", "replicas"),
];

#[test]
fn a_wrong_value_is_refused_and_named() {
    let Some(helm) = Helm::require() else { return };
    for (value, place) in WRONG {
        let said = helm.template(&[value]).expect_err(value);
        let here = said.contains("specifications of the schema") && said.contains(place);
        assert!(here, "{value}: {said}");
    }
}

/// Each value for itself is right; together they cannot work.
#[test]
fn what_cannot_work_together_is_said_with_the_way_out() {
    let Some(helm) = Helm::require() else { return };
    let local = r#"providers=["local"]"#;
    let cases: [(&[&str], &str); 6] = [
        (&[local], "provider local has no login that verifies tokens: set jwks.enabled=true"),
        (&[local, "jwks.enabled=true"], "provider local needs settings.local-store"),
        (
            &[r#"providers=["openbao"]"#, r#"test.parameters={"roleName":"web"}"#],
            "test.provider vault is not one of providers",
        ),
        (&["lookupServiceAccounts.enabled=true"], "lookupServiceAccounts is for provider aws"),
        (&[r#"ca={"configMap":"a","secret":"b"}"#], "ca.configMap and ca.secret: choose one"),
        (
            &["jwks.enabled=true", r#"settings={"jwks-file":"/x"}"#],
            "jwks.enabled and settings.jwks-file: choose one",
        ),
    ];
    for (values, text) in cases {
        let said = helm.template(values).expect_err(text);
        assert!(said.contains(text), "{values:?}: {said}");
    }
}
