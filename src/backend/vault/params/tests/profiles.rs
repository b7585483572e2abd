//! What a profile may set that no class may, and where it goes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::backend::{Part, Profile, Profiles};
use crate::identity::Pod;
use crate::net::Identity;

fn profile(flavour: Flavour, pairs: &[(&str, &str)], overrides: &[&str]) -> Profile {
    let settings = flavour.settings();
    let decides = |key: &&str| settings(key).unwrap().decides;
    Profile {
        name: "prod".into(),
        provider: flavour.name(),
        settings,
        parameters: pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
        overrides: overrides.iter().map(decides).collect::<BTreeSet<_>>(),
        is_default: false,
        max_in_flight: None,
        rate: None,
    }
}

fn pod() -> Pod {
    let [namespace, name, uid, service_account] = ["shop", "web-1", "u", "web"].map(str::to_owned);
    Pod { namespace, name, uid, service_account }
}

/// A class that names the profile, under it.
fn merged(profile: Profile, class: &[(&str, &str)]) -> Result<Parameters, String> {
    let base = [("profile", "prod"), ("objects", OBJECTS)].into_iter();
    let written: BTreeMap<_, _> =
        base.chain(class.iter().copied()).map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
    let (provider, written) = (profile.provider, written.into_iter().collect());
    let merged = Profiles::new([profile]).merge(provider, &pod(), &written).map(Cow::into_owned);
    merged.map_err(|errors| errors.to_string())
}

fn read(profile: Profile, class: &[(&str, &str)]) -> Result<Scope, String> {
    let flavour = if profile.provider == "vault" { Flavour::Vault } else { Flavour::OpenBao };
    let operator = Operator::new(flavour, Config::default()).unwrap();
    let parsed = parse(&operator, &merged(profile, class)?);
    parsed.map(|(scope, _)| scope).map_err(|errors| errors.to_string())
}

#[test]
fn a_profile_may_set_what_no_class_may() {
    let all = [
        ("vaultAddress", "http://10.0.0.1:8200"),
        ("roleName", "{namespace}-{serviceAccount}"),
        ("vaultAuthMountPath", "k8s/{namespace}"),
    ];
    let scope = read(profile(Flavour::Vault, &all, &[]), &[]).unwrap();
    assert_eq!((scope.role.as_str(), scope.mount.as_str()), ("shop-web", "k8s/shop"));
    let lent = [
        ("vaultAddress", "https://v"),
        ("roleName", "r"),
        ("vaultCACertPath", "/operator/ca.pem"),
        ("vaultTLSClientCertPath", "/operator/tls.crt"),
        ("vaultTLSClientKeyPath", "/operator/tls.key"),
        ("vaultSkipTLSVerify", "true"),
    ];
    let trust = read(profile(Flavour::Vault, &lent, &[]), &[]).unwrap().target.trust;
    let identity = Identity { certificate: "/operator/tls.crt".into(), key: "/operator/tls.key".into() };
    assert_eq!(trust.roots, Roots::File("/operator/ca.pem".into()));
    assert_eq!((trust.identity, trust.skip_verify), (Some(identity), true));
    let socket = [("vaultAddress", "unix:///run/agent.sock"), ("roleName", "r")];
    let target = read(profile(Flavour::Vault, &socket, &[]), &[]).unwrap().target;
    assert_eq!(target.place(), "unix:///run/agent.sock");
}

/// Whatever the settings file let pass: an operator's key goes to no server that an author names.
#[test]
fn what_is_lent_does_not_follow_a_class_to_its_own_server() {
    let lent = [
        ("vaultAddress", "https://v"),
        ("roleName", "r"),
        ("vaultTLSClientCertPath", "/operator/tls.crt"),
        ("vaultTLSClientKeyPath", "/operator/tls.key"),
        ("vaultSkipTLSVerify", "true"),
    ];
    let theirs = [("vaultAddress", "https://author.example")];
    let refused = read(profile(Flavour::Vault, &lent, &["vaultAddress"]), &theirs).unwrap_err();
    for part in ["vaultTLSClientCertPath", "vaultTLSClientKeyPath", "vaultSkipTLSVerify"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn another_spelling_is_no_way_around_a_profile() {
    let set = [
        ("openbaoAddress", "https://v"),
        ("openbaoAuthMountPath", "k8s"),
        ("roleName", "r"),
        ("openbaoCACert", "PEM"),
        ("openbaoNamespace", "team"),
    ];
    for (key, kept) in [
        ("baoAddress", "openbaoAddress"),
        ("vaultAddresses", "openbaoAddress"),
        ("baoAddresses", "openbaoAddress"),
        ("vaultKubernetesMountPath", "openbaoAuthMountPath"),
        ("baoRoleName", "roleName"),
        ("vaultRoleName", "roleName"),
        ("baoCACertPath", "openbaoCACert"),
        ("vaultCADirectory", "openbaoCACert"),
        ("baoNamespace", "openbaoNamespace"),
    ] {
        let refused = read(profile(Flavour::OpenBao, &set, &[]), &[(key, "https://other")]).unwrap_err();
        assert_eq!(
            refused,
            format!(
                "stage=request parameter={key} profile=prod: the profile sets {kept}, which decides the same, and lets no \
                 class say otherwise; hint: author: leave {key} out of the class and of the pod's volumeAttributes; \
                 operator: add {kept} to profiles.prod.override"
            )
        );
        // What may be overridden is, whichever spelling comes first in the provider's order.
        let scope = read(profile(Flavour::OpenBao, &set, &[kept]), &[(key, "https://other")]);
        assert!(
            !format!("{scope:?}")
                .contains(&format!("{:?}", set.iter().find(|(own, _)| own == &kept).unwrap().1)),
            "{scope:?}"
        );
    }
    for equal in [("vaultNamespace", "team"), ("baoAddress", " https://v/"), ("vaultAddresses", "https://v")]
    {
        assert!(read(profile(Flavour::OpenBao, &set, &[]), &[equal]).is_ok(), "{equal:?}");
    }
}

#[test]
fn servers_that_an_author_names_are_told_from_the_operators() {
    let named = |config: Config, profile: Profile, class: &[(&str, &str)]| {
        let (operator, parameters) =
            (Operator::new(Flavour::Vault, config).unwrap(), merged(profile, class).unwrap());
        let (scope, _) = parse(&operator, &parameters).unwrap();
        named_by_author(&operator, &parameters, &scope)
    };
    let with = |pairs: &[(&str, &str)]| {
        profile(
            Flavour::Vault,
            &[&[("roleName", "r")], pairs].concat(),
            if pairs.is_empty() { &[] } else { &["vaultAddress"] },
        )
    };
    let (server, other) = (("vaultAddress", "https://p"), ("vaultAddress", "https://other:8200/"));
    assert!(named(config(), with(&[]), &[]).is_empty(), "the operator's own");
    assert!(
        named(config(), with(&[]), &[("vaultAddress", "https://vault:8200")]).is_empty(),
        "the same, named"
    );
    assert!(named(config(), with(&[server]), &[]).is_empty(), "the profile's");
    assert_eq!(named(config(), with(&[server]), &[other]), ["https://other:8200"]);
    assert_eq!(named(config(), with(&[]), &[server]), ["https://p"]);
    let list = [("vaultAddresses", "https://vault:8200,https://x,https://y")];
    assert_eq!(named(config(), with(&[]), &list), ["https://x", "https://y"]);
}

#[test]
fn a_profile_names_a_socket_or_plain_http_and_a_class_does_not() {
    let bare = || profile(Flavour::Vault, &[("roleName", "r")], &[]);
    for (address, text) in
        [("unix:///run/x.sock", "is a socket of the node"), ("http://10.0.0.1", "unencrypted")]
    {
        let refused = read(bare(), &[("vaultAddress", address)]).unwrap_err();
        assert!(refused.contains(text) && refused.contains("or name it in a profile"), "{refused}");
    }
}

#[test]
fn every_parameter_is_known_by_its_flavours_prefixes() {
    let (vault, bao) = (Flavour::Vault.settings(), Flavour::OpenBao.settings());
    assert!(vault("baoAddress").is_none() && vault("vaultRoleName").is_none() && vault("objects").is_none());
    for key in ["Address", "Addresses", "Namespace", "AuthMethod", "RoleID", "CACert", "SkipTLSVerify"] {
        for prefix in ["bao", "openbao", "vault"] {
            assert_eq!(bao(&format!("{prefix}{key}")), vault(&format!("vault{key}")), "{prefix}{key}");
        }
    }
    assert_eq!(vault("vaultTLSClientKeyPath").map(|setting| setting.part), Some(Part::Lent));
}
