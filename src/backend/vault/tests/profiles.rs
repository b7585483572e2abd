#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! Where the requests of classes with a profile go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::fake::Heard;
use super::super::{Config, Flavour, Vault};
use crate::backend::conformance::pod;
use crate::backend::{Backend, Parameters, Profile, Profiles};

fn profile(name: &str, address: &str, rate: Option<f64>) -> Profile {
    let parameters = [("vaultAddress", address), ("roleName", "{namespace}.{serviceAccount}")];
    Profile {
        name: name.into(),
        provider: "vault",
        settings: Flavour::Vault.settings(),
        parameters: parameters.map(|(key, text)| (key.to_owned(), text.to_owned())).into(),
        overrides: BTreeSet::new(),
        is_default: false,
        max_in_flight: None,
        rate,
    }
}

#[test]
fn a_profiles_server_has_clients_of_its_own_and_its_limits() {
    let own = Config { address: Some("https://own".into()), ..Config::default() };
    let profiles = Profiles::new([
        profile("a", "https://a", Some(5.0)),
        profile("same", "https://a/", Some(5.0)),
        profile("own", "https://own", None),
        Profile { provider: "openbao", ..profile("other", "https://b", None) },
    ]);
    let vault = Vault::new(Flavour::Vault, own, Arc::new(Heard::default())).unwrap().serving(&profiles);
    assert_eq!(vault.wire.pools.len(), 2, "one for each server: the operator's and the profiles'");
    let place = |class: &[(&str, &str)]| {
        let objects = ("objects", "- {objectName: a, secretPath: secret/data/x, secretKey: k}");
        let class: BTreeMap<_, _> = class.iter().copied().chain([objects]).collect();
        let class: Parameters =
            class.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
        let merged = profiles.merge("vault", &pod("shop", "web", "web-0"), &class).unwrap();
        let (scope, _) = vault.parse(&merged).unwrap();
        vault.wire.pools.get(&scope.target).map(|pool| format!("{pool:?}"))
    };
    for name in ["a", "same"] {
        assert!(place(&[("profile", name)]).unwrap().contains("rate: Some(5.0)"), "{name}");
    }
    assert!(place(&[("profile", "own")]).unwrap().contains("rate: None"));
    assert!(place(&[("roleName", "r")]).is_some(), "the operator's own");
    // Whatever an author adds to the trust, or names, is theirs to wait for.
    assert_eq!(place(&[("profile", "a"), ("vaultCACert", "PEM")]), None);
    assert_eq!(place(&[("vaultAddress", "https://c"), ("roleName", "r")]), None);
}
