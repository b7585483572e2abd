//! Classes under the operator's settings file: profiles and the guard.

use serde_json::Value;

use super::{check_text, findings};

const OPERATOR: &str = r#"
profiles:
  prod:
    provider: vault
    parameters:
      vaultAddress: https://vault.example:8200
      vaultAuthMountPath: k8s-prod
      roleName: "{namespace}.{serviceAccount}"
    namespaces:
      deny: [sandbox]
guard:
  refuseDefaultServiceAccount: true
  modes:
    refuseDefaultServiceAccount: warn
  addresses:
    vault: { allow: [] }
"#;

const MANIFESTS: &str = "apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  name: web
  namespace: NAMESPACE
spec:
  provider: vault
  parameters:
    profile: prod
    objects: |
      - objectName: password
        secretPath: secret/data/db
        secretKey: password
---
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: NAMESPACE
spec:
  serviceAccountName: ACCOUNT
  containers:
    - name: web
      image: web
      volumeMounts: [{ name: secrets, mountPath: /secrets, readOnly: true }]
  volumes:
    - name: secrets
      csi:
        driver: secrets-store.csi.k8s.io
        readOnly: true
        volumeAttributes: { secretProviderClass: web }
";

fn manifests(namespace: &str, account: &str) -> String {
    MANIFESTS.replace("NAMESPACE", namespace).replace("ACCOUNT", account)
}

fn under_operator(text: &str, more: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keymount.yaml");
    std::fs::write(&file, OPERATOR).unwrap();
    let args = [&["--config", file.to_str().unwrap(), "--output", "json"], more].concat();
    let (code, out, err) = check_text(text, &args);
    assert!(err.is_empty(), "{err}");
    (code, out)
}

#[test]
fn a_profile_stands_under_the_class_for_the_pod_that_mounts_it() {
    let (code, out) = under_operator(&manifests("shop", "web"), &[]);
    assert_eq!((code, findings(&out)), (0, Vec::new()), "{out}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let login = answer["classes"][0]["login"].to_string();
    for said in ["https://vault.example:8200", "k8s-prod", "shop.web", "prod"] {
        assert!(login.contains(said), "{said}: {login}");
    }
}

#[test]
fn what_the_profile_keeps_is_no_word_of_the_class() {
    let text =
        manifests("shop", "web").replace("    profile: prod\n", "    profile: prod\n    roleName: admin\n");
    let (code, out) = under_operator(&text, &[]);
    assert_eq!((code, findings(&out)), (1, vec![(10, "parameter-invalid".to_owned())]), "{out}");
    assert!(out.contains("operator: add roleName to profiles.prod.override"), "{out}");
    let (code, out) =
        under_operator(&manifests("shop", "web").replace("profile: prod", "profile: other"), &[]);
    assert_eq!((code, findings(&out)), (1, vec![(9, "parameter-invalid".to_owned())]), "{out}");
}

#[test]
fn the_guard_is_asked_for_each_pod() {
    let id = |line, id: &str| (line, id.to_owned());
    let (code, out) = under_operator(&manifests("sandbox", "web"), &[]);
    assert_eq!((code, findings(&out)), (1, vec![id(27, "guard-refuses")]), "{out}");
    let (code, out) = under_operator(&manifests("shop", "default"), &["--strict"]);
    assert_eq!(code, 2, "{out}");
    assert!(findings(&out).contains(&id(21, "guard-warns")), "{out}");
    let text = manifests("shop", "web")
        .replace("profile: prod", "vaultAddress: https://elsewhere.example\n    roleName: web");
    let (code, out) = under_operator(&text, &[]);
    assert_eq!(code, 1, "{out}");
    assert!(findings(&out).contains(&id(8, "guard-refuses")), "{out}");
}

#[test]
fn without_the_file_the_profile_is_a_note() {
    let (code, out, _) = check_text(&manifests("shop", "web"), &["--output", "json", "--strict"]);
    assert_eq!((code, findings(&out)), (0, vec![(9, "profile-not-given".to_owned())]), "{out}");
}
