//! Which parameters there are, and what each decides: what profiles may set, and what of theirs a class sets anew.

use super::super::Flavour;
use crate::backend::{Part, Setting};

/// Parameters behind a flavour's prefix. Those that decide the same exclude each other:
/// which one of them wins is no way around an operator.
const PREFIXED: [(&str, &str, Part); 14] = [
    ("Address", SERVER, Part::Server),
    ("Addresses", SERVER, Part::Server),
    ("Namespace", "namespace", Part::Login),
    ("AuthMethod", "method", Part::Login),
    ("AuthMountPath", MOUNT, Part::Login),
    ("KubernetesMountPath", MOUNT, Part::Login),
    ("RoleID", "role ID", Part::Login),
    ("CACert", ROOTS, Part::Trust),
    ("CACertPath", ROOTS, Part::Trust),
    ("CADirectory", ROOTS, Part::Trust),
    ("TLSServerName", "server name", Part::Trust),
    ("TLSClientCertPath", "client certificate", Part::Lent),
    ("TLSClientKeyPath", "client key", Part::Lent),
    ("SkipTLSVerify", "verification", Part::Lent),
];

const SERVER: &str = "server";
const MOUNT: &str = "mount";
const ROOTS: &str = "roots";
const ROLE: &str = "role";

/// What a parameter of `provider: vault` sets.
pub fn of_vault(key: &str) -> Option<Setting> {
    setting(Flavour::Vault, key)
}

/// What a parameter of `provider: openbao` sets.
pub fn of_openbao(key: &str) -> Option<Setting> {
    setting(Flavour::OpenBao, key)
}

fn setting(flavour: Flavour, key: &str) -> Option<Setting> {
    let named = match key {
        "roleName" => Some((ROLE, Part::Login)),
        "audience" => Some(("audience", Part::Login)),
        "refreshInterval" => Some(("refreshInterval", Part::Reading)),
        "renewBefore" => Some(("renewBefore", Part::Reading)),
        _ => None,
    };
    let (decides, part) = named.or_else(|| prefixed(flavour, key))?;
    Some(Setting { decides, part })
}

fn prefixed(flavour: Flavour, key: &str) -> Option<(&'static str, Part)> {
    let name = flavour.prefixes().iter().find_map(|prefix| key.strip_prefix(prefix))?;
    if name == "RoleName" && flavour == Flavour::OpenBao {
        return Some((ROLE, Part::Login));
    }
    PREFIXED.iter().find(|(known, ..)| *known == name).map(|(_, decides, part)| (*decides, *part))
}
