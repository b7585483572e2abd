#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! Classes as their authors write them.

mod objects;
mod profiles;
mod servers;

use std::path::PathBuf;

use super::super::{Config, Flavour};
use super::*;
use crate::identity::Evidence;
use crate::net::Roots;

const OBJECTS: &str = "- {objectName: a, secretPath: secret/data/x, secretKey: k}";

fn config() -> Config {
    Config { address: Some("https://vault:8200".into()), ..Config::default() }
}

fn read_with(flavour: Flavour, config: Config, pairs: &[(&str, &str)]) -> Result<(Scope, Objects), String> {
    let operator = Operator::new(flavour, config).unwrap();
    let base = [("roleName", "web"), ("objects", OBJECTS)].into_iter();
    let pairs = base.chain(pairs.iter().copied()).map(|(key, value)| (key.to_owned(), value.to_owned()));
    parse(&operator, &pairs.collect()).map_err(|errors| errors.to_string())
}

fn scope(pairs: &[(&str, &str)]) -> Scope {
    read_with(Flavour::Vault, config(), pairs).unwrap().0
}

fn fault(pairs: &[(&str, &str)]) -> String {
    read_with(Flavour::Vault, config(), pairs).err().unwrap_or_default()
}

fn wants(objects: &str) -> Vec<Want> {
    read_with(Flavour::Vault, config(), &[("objects", objects)]).unwrap().1.0
}

#[test]
fn the_class_overrides_the_operator() {
    let plain = scope(&[]);
    assert_eq!(
        (plain.mount.as_str(), plain.audience.as_str(), plain.namespace),
        ("kubernetes", "vault", None)
    );
    assert_eq!(plain.target.address.to_string(), "https://vault:8200");
    let full = scope(&[
        ("vaultAddress", "https://other"),
        ("vaultNamespace", "/team-a/"),
        ("vaultAuthMountPath", "auth/jwt/"),
        ("audience", "aud"),
    ]);
    assert_eq!(full.target.address.to_string(), "https://other");
    assert_eq!(
        (full.namespace.as_deref(), full.mount.as_str(), full.audience.as_str()),
        (Some("team-a"), "jwt", "aud")
    );
    let operator = Config {
        namespace: Some("op".into()),
        audience: Some("op".into()),
        auth_mount: "op".into(),
        ..config()
    };
    let scope = read_with(Flavour::Vault, operator, &[]).unwrap().0;
    assert_eq!(
        (scope.namespace.as_deref(), scope.mount.as_str(), scope.audience.as_str()),
        (Some("op"), "op", "op")
    );
    assert_eq!(self::scope(&[("vaultKubernetesMountPath", "k8s")]).mount, "k8s");
}

#[test]
fn openbao_accepts_three_prefixes_in_their_order() {
    let read = |pairs: &[(&str, &str)]| read_with(Flavour::OpenBao, config(), pairs).unwrap().0;
    let all = [("vaultNamespace", "v"), ("openbaoNamespace", "o"), ("baoNamespace", "b")];
    assert_eq!(read(&all).namespace.as_deref(), Some("b"));
    assert_eq!(read(&all[..2]).namespace.as_deref(), Some("o"));
    assert_eq!(read(&all[..1]).namespace.as_deref(), Some("v"));
    assert_eq!(read(&[("openbaoRoleName", "r")]).role, "r");
    assert_eq!(read(&[]).role, "web");
    assert_eq!(read(&[]).audience, "openbao");
    assert_eq!(scope(&[("baoNamespace", "b")]).namespace, None, "not for provider: vault");
}

#[test]
fn each_method_has_its_mount_and_its_evidence() {
    let roles = |method: &str| scope(&[("vaultAuthMethod", method), ("roleName", "")]);
    for (method, mount) in [("approle", "approle"), ("userpass", "userpass")] {
        let scope = roles(method);
        assert_eq!((scope.mount.as_str(), scope.role.as_str()), (mount, ""));
        assert!(matches!(scope.method.evidence("vault"), Evidence::Secrets { .. }));
    }
    for (method, mount) in [("kubernetes", "kubernetes"), ("jwt", "jwt")] {
        let scope = scope(&[("vaultAuthMethod", method)]);
        assert_eq!(scope.mount, mount);
        assert!(matches!(scope.method.evidence("vault"), Evidence::Token { audience: "vault", .. }));
    }
    let own = scope(&[("vaultAuthMethod", "userpass"), ("vaultAuthMountPath", "ldap")]);
    assert_eq!(own.mount, "ldap");
    let text = fault(&[("vaultAuthMethod", "github")]);
    assert!(text.contains("hint: one of kubernetes, jwt, approle, userpass, cert"), "{text}");
}

#[test]
fn the_incumbents_mistakes_have_their_texts() {
    for (pairs, expected) in [
        (
            &[("roleName", "")][..],
            "stage=request parameter=roleName: missing 'roleName' in SecretProviderClass definition; \
             hint: set roleName to a role of the auth mount",
        ),
        (
            &[("vaultKubernetesMountPath", "a"), ("vaultAuthMountPath", "b")],
            "stage=request parameter=vaultAuthMountPath: cannot set both vaultKubernetesMountPath and vaultAuthMountPath; \
             hint: keep vaultAuthMountPath",
        ),
        (
            &[("objects", "")],
            "stage=request parameter=objects: no secrets configured - the provider will not read any secret material; \
             hint: list at least one object with objectName and secretPath",
        ),
        (
            &[("objects", "- {objectName: a, secretPath: x}\n- {objectName: a, secretPath: y}")],
            "stage=request parameter=objects: each `objectName` within a SecretProviderClass must be unique, \
             but the following keys were duplicated: a",
        ),
        (
            &[("objects", "- {objectName: a, secretPath: x, encoding: rot13}")],
            "stage=request object=a field=encoding: invalid encoding type. Should be utf-8, base64, or hex",
        ),
        (
            &[("vaultSkipTLSVerify", "yes")],
            "stage=request parameter=vaultSkipTLSVerify: neither true nor false; hint: write true or false",
        ),
    ] {
        assert_eq!(fault(pairs), expected);
    }
}

#[test]
fn every_mistake_is_reported() {
    let text = fault(&[
        ("roleName", ""),
        ("vaultAddress", "ftp://x"),
        ("vaultNamespace", "a b"),
        ("objects", "- {secretPath: a/../b, method: 'G T', encoding: x}\n- {objectName: b}"),
    ]);
    for part in [
        "roleName",
        "vaultAddress",
        "vaultNamespace",
        "object=number 1 field=objectName",
        "field=secretPath",
        "field=method",
        "field=encoding",
        "object=b field=secretPath: the path is empty",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn names_that_would_break_a_request_are_refused() {
    for (key, value) in [
        ("vaultNamespace", "a\nb"),
        ("vaultNamespace", "ü"),
        ("vaultNamespace", "../x"),
        ("vaultAuthMountPath", "../sys"),
        ("vaultAuthMountPath", "a//b"),
        ("vaultAuthMountPath", "a\u{7}"),
        ("roleName", "a\r\nb"),
        ("roleName", &"x".repeat(513)),
        ("audience", "a\tb"),
    ] {
        assert!(
            fault(&[(key, value)]).contains(&format!("parameter={key}")),
            "{key}={value:?}: {}",
            fault(&[(key, value)])
        );
    }
}

#[test]
fn the_operators_mistakes_are_reported_together() {
    let config =
        Config { address: Some("vault:8200".into()), client_key: Some("/k".into()), ..Config::default() };
    let text =
        Operator::new(Flavour::OpenBao, config).err().map(|errors| errors.to_string()).unwrap_or_default();
    for part in ["--openbao-addr", "--openbao-tls-client-cert", "stage=start"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
