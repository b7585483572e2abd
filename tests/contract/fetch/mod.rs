//! `keymount fetch`: the driver's part without a driver, by the local store.

mod exits;
mod swaps;
mod texts;

use serde_json::json;

use crate::support::fetch::Desk;
use crate::support::issuer::Issuer;
use crate::support::secrets;
use crate::world::{OBJECTS, PASSWORD, pod};

/// A class of the local store with these objects.
pub fn class(name: &str, objects: &str) -> String {
    let objects = objects.replace('\n', "\n      ");
    format!(
        "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n\
         metadata: {{ name: {name}, namespace: shop }}\n\
         spec:\n  provider: local\n  parameters:\n    objects: |\n      {objects}\n"
    )
}

/// A store with the world's secret.
pub fn store(password: &str) -> String {
    secrets::remember(password);
    format!(
        "secrets:\n  shop/db:\n    data: {{ username: app-user, password: {password} }}\n    allow:\n      - {{ namespace: shop, serviceAccount: web }}\n"
    )
}

/// A pod's token, the world's class, and a store beside them.
pub fn desk() -> Desk {
    let token = Issuer::new("one").token(&pod("a"), "local", 600).token;
    Desk::new(&class("web-secrets", OBJECTS), &token, &[]).with_file(
        "--local-store",
        "store.yaml",
        &store(PASSWORD),
    )
}

#[test]
fn once_fills_the_folder_as_the_driver_fills_a_volume() {
    let desk = desk();
    let (code, out, err) = desk.run(&[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let lines: Vec<Vec<_>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    let shown: Vec<_> = lines.iter().map(|line| (line[0], line[1].len(), line[2])).collect();
    assert_eq!(shown, [("0400", 12, "db/password"), ("0644", 12, "user")]);
    assert_eq!(desk.text("db/password").as_deref(), Some(PASSWORD));
    assert_eq!([desk.mode("db/password"), desk.mode("user")], [0o400, 0o644]);
    let names = desk.listing();
    assert!(names[0].starts_with("..20") && names[1..] == ["..data", "db", "user"], "{names:?}");
    assert_eq!(desk.run(&["--quiet", "--mode", "0600"]), (0, String::new(), String::new()));
    assert_eq!([desk.mode("db/password"), desk.mode("user")], [0o400, 0o600]);
}

#[test]
fn a_jobs_token_needs_no_claims_of_a_pod() {
    let desk = desk();
    for claims in [json!({ "sub": "job" }), json!({ "aud": "local", "iss": "ci", "sub": "job" })] {
        desk.put("token", &Issuer::new("ci").sign(&claims).token);
        let (code, _, err) = desk.run(&[]);
        assert!(code == 3 && err.contains("service account shop/default may not read"), "{code} {err}");
        assert_eq!(desk.run(&["--service-account", "web", "--quiet"]), (0, String::new(), String::new()));
    }
}

#[test]
fn names_come_from_the_downward_api_too() {
    let desk = desk();
    desk.put("token", &Issuer::new("ci").sign(&json!({ "sub": "job" })).token);
    let ended = desk.run_in(&[], &[("POD_NAMESPACE", "bank"), ("POD_NAME", "job-1")]);
    assert!(ended.0 == 3 && ended.2.contains("bank/default"), "{ended:?}");
    let expired = json!({ "exp": 1 });
    desk.put("token", &Issuer::new("ci").sign(&expired).token);
    let ended = desk.run_in(&[], &[("POD_NAMESPACE", "bank"), ("POD_NAME", "job-1")]);
    assert!(ended.0 == 2 && ended.2.contains("pod=bank/job-1"), "{ended:?}");
}

#[test]
fn where_the_clusters_keys_are_given_the_signature_counts() {
    let (desk, issuer) = (desk(), Issuer::new("one"));
    desk.put("jwks.json", &issuer.jwks().to_string());
    let jwks = desk.path("jwks.json").display().to_string();
    let (code, _, err) = desk.run(&["--jwks-file", &jwks]);
    assert!(code == 2 && err.contains("none of the cluster's keys"), "{code} {err}");
    desk.put("token", &issuer.token(&pod("a"), "local", 600).token);
    assert_eq!(desk.run(&["--jwks-file", &jwks]).0, 0);
}

#[test]
fn a_class_is_picked_from_a_file_of_several() {
    let desk = desk();
    let other = class("other", "- {objectName: only, secretPath: shop/db, secretKey: username}");
    desk.put("class.yaml", &format!("{}---\n{other}", class("web-secrets", OBJECTS)));
    let (code, _, err) = desk.run(&[]);
    assert!(code == 2 && err.contains("web-secrets, other: say which"), "{code} {err}");
    assert_eq!(desk.run(&["--class-name", "other"]).0, 0);
    assert_eq!(desk.text("only").as_deref(), Some("app-user"));
}
