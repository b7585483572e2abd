//! What an install prints: the CSIDriver's lines, exactly, as this cluster needs them.

use crate::helm::{Helm, objects, only};
use crate::support::kube::Kube;
use crate::support::parts;

/// A cluster with the driver's objects as its own manifests make them: without tokenRequests.
async fn cluster() -> Option<(Helm, Kube)> {
    let (helm, deploy) = (Helm::require()?, parts::require("CSI_DEPLOY")?);
    let kube = Kube::start().await?;
    kube.install_driver_objects(&deploy).await;
    Some((helm, kube))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_requests_are_those_that_are_missing() {
    let Some((helm, kube)) = cluster().await else { return };
    let notes = |values: &[&str]| helm.notes(&kube.kubeconfig(), values);
    let both = "       tokenRequests:\n         - audience: vault\n         - audience: openbao\n\n";
    let one = "       tokenRequests:\n         - audience: https://vault.example\n\n";
    let same =
        r#"settings={"vault-audience":"https://vault.example","openbao-audience":"https://vault.example"}"#;
    let all = notes(&[]);
    assert!(all.contains(both), "{all}");
    // The driver's own chart, which owns the object, is told all of them.
    for value in ["'tokenRequests[0].audience=vault' \\\n", "'tokenRequests[1].audience=openbao'\n"] {
        assert!(all.contains(&format!("--set {value}")), "{value}: {all}");
    }
    assert!(notes(&[same]).contains(one), "{}", notes(&[same]));
    // AWS has an audience for each of its two ways.
    let aws = notes(&[r#"providers=["aws"]"#, r#"settings={"aws-audience":"sts.amazonaws.com.cn"}"#]);
    let ways = "         - audience: sts.amazonaws.com.cn\n         - audience: pods.eks.amazonaws.com\n\n";
    assert!(aws.contains(ways), "{aws}");

    kube.token_requests(&["vault", "openbao"]).await;
    let there = notes(&[]);
    assert!(there.contains("The CSIDriver already asks for tokens for vault, openbao."), "{there}");
    assert!(!there.contains("tokenRequests"), "{there}");
    // One is missing: the lines hold what is there as well, or setting them would take it away.
    let more = notes(&[r#"settings={"openbao-audience":"https://bao.example"}"#]);
    assert!(more.contains("tokens for https://bao.example."), "{more}");
    assert!(more.contains("         - audience: vault\n         - audience: openbao\n         - audience: https://bao.example\n"), "{more}");
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_says_what_it_grants_and_a_test_how_to_run_it() {
    let Some((helm, kube)) = cluster().await else { return };
    let notes = |values: &[&str]| helm.notes(&kube.kubeconfig(), values);
    let grants = "keymount can read every pod's volumes on its node";
    assert!(notes(&["podLiveness.enabled=true"]).contains(grants));
    let plain = notes(&[]);
    assert!(!plain.contains(grants) && plain.contains("set test.parameters to a class's"), "{plain}");
    let tested = notes(&[r#"test.parameters={"roleName":"web"}"#]);
    assert!(tested.contains("\n     helm test -n kube-system keymount\n"), "{tested}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_csidriver_asks_for_the_same() {
    let Some((helm, kube)) = cluster().await else { return };
    let objects = objects(&std::fs::read_to_string("manifests/csidriver.yaml").unwrap());
    let requests = only(&objects, "CSIDriver")["spec"]["tokenRequests"].as_array().unwrap();
    let audience =
        |one: &serde_json::Value| format!("         - audience: {}\n", one["audience"].as_str().unwrap());
    let lines: String = requests.iter().map(audience).collect();
    let notes = helm.notes(&kube.kubeconfig(), &[]);
    assert!(notes.contains(&format!("tokenRequests:\n{lines}")), "{lines}{notes}");
}
