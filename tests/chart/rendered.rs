//! The plain manifest is the chart's.

use crate::helm::Helm;

const FILE: &str = "manifests/keymount.yaml";
const HEAD: &str =
    "# Rendered from charts/keymount with manifests/values.yaml (`make manifests`): change those.\n";

/// `make manifests` writes it.
#[test]
fn the_plain_manifest_is_what_the_chart_renders() {
    let Some(helm) = Helm::require() else { return };
    let wanted = HEAD.to_owned() + &helm.manifest();
    let found = std::fs::read_to_string(FILE).unwrap_or_default();
    if found != wanted && std::env::var_os("KEYMOUNT_BLESS").is_some() {
        std::fs::write(FILE, wanted).unwrap();
        return;
    }
    assert!(found == wanted, "{FILE} is not what the chart renders: run `make manifests`");
}

/// Whoever applies it must meet an address to change, and our own image name.
#[test]
fn it_names_what_is_to_be_changed() {
    let text = std::fs::read_to_string(FILE).unwrap();
    for wanted in
        ["--vault-addr=https://vault.vault.svc:8200", "image: \"keymount:", "namespace: kube-system"]
    {
        assert!(text.contains(wanted), "{wanted}");
    }
}
