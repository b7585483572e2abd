//! What the incumbents do otherwise with a class, as far as it concerns this one
//! (docs/vault.md, Differences).

use super::super::Flavour;
use super::super::params::{Objects, Scope, Want};
use crate::backend::Parameters;

/// Parameters of ours, behind a prefix, that the incumbents pass over.
const OURS: [&str; 4] = ["Addresses", "AuthMethod", "CACert", "RoleID"];
/// Parameters that name files of the provider's pod.
const FILES: [&str; 4] = ["CACertPath", "CADirectory", "TLSClientCertPath", "TLSClientKeyPath"];

/// One line each.
pub(super) fn of(flavour: Flavour, parameters: &Parameters, scope: &Scope, objects: &Objects) -> Vec<String> {
    let who = match flavour {
        Flavour::Vault => "vault-csi-provider",
        Flavour::OpenBao => "openbao-csi-provider",
    };
    let wants = &objects.0;
    let given = |name: &str| {
        flavour.prefixes().iter().any(|prefix| parameters.get(&format!("{prefix}{name}")).is_some())
    };
    let mut lines = Vec::new();
    if scope.method.needs_role() {
        lines.push(format!(
            "{who} serves a mount without, with an expired or with another pod's token from its cache"
        ));
        lines.push(format!(
            "{who} makes a token for the audience {} through the API server where the driver brings none; keymount \
             refuses and says what to add to the CSIDriver",
            scope.audience
        ));
    }
    let named = |which: &dyn Fn(&Want) -> bool| {
        wants
            .iter()
            .filter(|want| which(want))
            .map(|want| want.object.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let minted = named(&|want| !want.read.only_looks());
    if !minted.is_empty() {
        lines.push(format!(
            "{who} makes {minted} anew at every refresh and renews nothing; keymount makes it once for each pod, renews \
             it and replaces it before its end"
        ));
    }
    let whole = named(&|want| want.key.is_none());
    if !whole.is_empty() {
        lines.push(format!(
            "{who} writes {whole} anew at every refresh, because the answer's request_id is in it"
        ));
    }
    let same =
        |one: &Want, other: &Want| one.read.path == other.read.path && one.read.method == other.read.method;
    let mixed =
        named(&|want| wants.iter().any(|other| same(want, other) && want.read.args != other.read.args));
    if !mixed.is_empty() {
        lines.push(format!(
            "{who} gives {mixed} the answer of the first: it does not tell requests apart by secretArgs"
        ));
    }
    let ours: Vec<_> = OURS.into_iter().filter(|name| given(name)).collect();
    if !ours.is_empty() {
        lines.push(format!("{who} does not know …{}", ours.join(", …")));
    }
    let lenient = named(&|want| want.optional);
    if !lenient.is_empty() {
        lines.push(format!("{who} fails the mount where {lenient} is absent: it does not know `optional`"));
    }
    if wants.iter().any(|want| want.refresh.is_some() || want.renew_before.is_some()) {
        lines.push(format!(
            "{who} does not know refreshInterval and renewBefore: it reads at every call of the driver"
        ));
    }
    if FILES.into_iter().any(given) {
        lines.push(format!(
            "{who} takes any file of its pod that a class names; here the operator says which folder"
        ));
    }
    if given("SkipTLSVerify") {
        lines.push(format!("{who} lets every class turn verification off; here the operator must allow it"));
    }
    lines
}
