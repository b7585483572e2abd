#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! Classes as their authors write them.

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
fn the_nodes_certificate_goes_to_the_operators_server_only() {
    let config = Config {
        client_certificate: Some("/tls/tls.crt".into()),
        client_key: Some("/tls/tls.key".into()),
        ..config()
    };
    let read = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = [("vaultAuthMethod", "cert")].into_iter().chain(pairs.iter().copied()).collect();
        read_with(Flavour::Vault, config.clone(), &pairs).map(|(scope, _)| scope)
    };
    let scope = read(&[]).unwrap();
    assert!(matches!(scope.method.evidence("vault"), Evidence::Node));
    assert_eq!(scope.mount, "cert");
    let refused = read(&[("vaultAddress", "https://other")]).unwrap_err();
    assert!(refused.contains("no client certificate for this server"), "{refused}");
    assert!(fault(&[("vaultAuthMethod", "cert")]).contains("--vault-tls-client-cert"));
}

#[test]
fn a_list_of_servers_is_the_operators_if_each_of_it_is() {
    let config = || Config {
        address: Some("https://a:8200, https://b:8200".into()),
        client_certificate: Some("/tls/tls.crt".into()),
        client_key: Some("/tls/tls.key".into()),
        ..Config::default()
    };
    let target =
        |pairs: &[(&str, &str)]| read_with(Flavour::Vault, config(), pairs).map(|(scope, _)| scope.target);
    for (pairs, place, is_own) in [
        (&[][..], "https://a:8200,https://b:8200", true),
        (&[("vaultAddresses", "https://b:8200,https://a:8200")], "https://b:8200,https://a:8200", true),
        (&[("vaultAddress", "https://b:8200")], "https://b:8200", true),
        (&[("vaultAddresses", "https://a:8200, https://c:8200")], "https://a:8200,https://c:8200", false),
    ] {
        let target = target(pairs).unwrap();
        assert_eq!((target.place().as_str(), target.trust.identity.is_some()), (place, is_own));
    }
    for (pairs, text) in [
        (&[("vaultAddresses", "https://c,http://10.0.0.1")][..], "--vault-allow-http"),
        (&[("vaultAddresses", "https://c,unix:///run/x.sock")], "is a socket of the node"),
        (&[("vaultAddresses", "https://c,")], "not a URL"),
        (
            &[("vaultAddresses", "https://c"), ("vaultAddress", "https://c")],
            "cannot set both vaultAddress and",
        ),
        (&[("vaultAddresses", &["https://c"; 9].join(","))], "more than 8 servers"),
        (&[("vaultAddress", "https://c:1,https://d")], ""),
    ] {
        let fault = target(pairs).unwrap_err();
        assert!(fault.contains(text), "{text}: {fault}");
    }
    let pinned = Config { allowed_addresses: vec!["https://c".into()], ..config() };
    let pairs = [("vaultAddresses", "https://c,https://d")];
    let refused = read_with(Flavour::Vault, pinned, &pairs).map(|_| ()).unwrap_err();
    assert!(refused.contains("https://d is not among the addresses"), "{refused}");
}

#[test]
fn a_socket_is_the_operators_to_name() {
    let config = || Config { address: Some("unix:///run/agent.sock".into()), ..Config::default() };
    let address = |config, pairs: &[(&str, &str)]| {
        read_with(Flavour::Vault, config, pairs).map(|(scope, _)| scope.target.address.to_string())
    };
    let own = [("vaultAddress", "unix:///run/agent.sock")];
    for pairs in [&[][..], &own] {
        assert_eq!(address(config(), pairs).as_deref(), Ok("unix:///run/agent.sock"));
    }
    for config in [self::config(), Config { address: Some("unix:///run/other.sock".into()), ..config() }] {
        let text = address(config, &own).unwrap_err();
        assert!(text.contains("is a socket of the node, which classes may not name"), "{text}");
    }
    let allowed = Config { allowed_addresses: vec!["unix:///run/agent.sock".into()], ..self::config() };
    assert!(Operator::new(Flavour::Vault, allowed).is_err());
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
fn servers_that_the_operator_does_not_allow_get_no_token() {
    let text = fault(&[("vaultAddress", "http://vault:8200")]);
    assert!(text.contains("unencrypted") && text.contains("--vault-allow-http"), "{text}");
    let allowing = Config { allow_http: true, ..config() };
    assert!(read_with(Flavour::Vault, allowing, &[("vaultAddress", "http://vault:8200")]).is_ok());
    let own = Config { address: Some("http://vault:8200".into()), ..Config::default() };
    assert!(
        read_with(Flavour::Vault, own, &[("vaultAddress", "http://vault:8200/")]).is_ok(),
        "the operator's own"
    );

    let pinned = || Config { allowed_addresses: vec!["https://a:8200".into()], ..config() };
    let read =
        |address| read_with(Flavour::Vault, pinned(), &[("vaultAddress", address)]).err().unwrap_or_default();
    assert_eq!(read("https://a:8200/"), "");
    assert_eq!(read("https://vault:8200"), "", "the operator's own");
    assert!(read("https://a").contains("--vault-allowed-address https://a"), "{}", read("https://a"));
    let none = read_with(Flavour::OpenBao, Config::default(), &[]).err().unwrap_or_default();
    assert!(none.contains("set baoAddress in the class, or start keymount with --openbao-addr"), "{none}");
}

#[test]
fn files_of_a_class_lie_in_the_operators_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("tls"), folder.path().join("secret.pem"));
    std::fs::create_dir(&inside).unwrap();
    for file in [inside.join("ca.pem"), outside.clone()] {
        std::fs::write(file, "x").unwrap();
    }
    std::os::unix::fs::symlink(&outside, inside.join("link.pem")).unwrap();
    std::os::unix::fs::symlink("ca.pem", inside.join("fine.pem")).unwrap();
    let read = |path: PathBuf| {
        let config = Config { tls_dir: Some(inside.clone()), ..config() };
        read_with(Flavour::Vault, config, &[("vaultCACertPath", path.to_str().unwrap())])
    };
    for good in ["ca.pem", "fine.pem"] {
        let roots = read(inside.join(good)).unwrap().0.target.trust.roots;
        assert_eq!(roots, Roots::File(inside.canonicalize().unwrap().join("ca.pem")));
    }
    for bad in [
        outside,
        inside.join("link.pem"),
        inside.join("../secret.pem"),
        inside.join("absent"),
        "/etc/passwd".into(),
    ] {
        let text = read(bad.clone()).err().unwrap_or_default();
        assert!(
            text.contains("there is no such file under") && text.contains("--vault-tls-dir"),
            "{bad:?}: {text}"
        );
    }
    let text = fault(&[("vaultCACertPath", "/etc/ssl/ca.pem")]);
    assert!(text.contains("start keymount with --vault-tls-dir"), "{text}");
}

#[test]
fn the_operators_trust_is_not_lent_to_other_servers() {
    let operator = || Config {
        ca_file: Some("/ca.pem".into()),
        client_certificate: Some("/c.pem".into()),
        client_key: Some("/k.pem".into()),
        server_name: Some("vault.internal".into()),
        skip_verify: true,
        ..config()
    };
    let trust = |pairs: &[(&str, &str)]| read_with(Flavour::Vault, operator(), pairs).unwrap().0.target.trust;
    let own = trust(&[]);
    assert!(own.skip_verify && own.identity.is_some() && own.server_name.is_some());
    let other = trust(&[("vaultAddress", "https://other")]);
    let ca = Roots::File("/ca.pem".into());
    assert!(
        !other.skip_verify && other.identity.is_none() && other.server_name.is_none() && other.roots == ca
    );
    assert!(!trust(&[("vaultSkipTLSVerify", "false")]).skip_verify);
    let inline = trust(&[("vaultCACert", "PEM"), ("vaultTLSServerName", "n")]);
    assert_eq!((inline.roots, inline.server_name.as_deref()), (Roots::Pem("PEM".into()), Some("n")));
    assert!(
        trust(&[("vaultTLSClientCertPath", "/c.pem"), ("vaultTLSClientKeyPath", "/k.pem")])
            .identity
            .is_some()
    );

    let keys = fault(&[("vaultTLSClientKeyPath", "/var/run/key.pem")]);
    assert!(keys.contains("--vault-tls-client-cert and --vault-tls-client-key"), "{keys}");
    let skip = fault(&[("vaultSkipTLSVerify", "True")]);
    assert!(skip.contains("--vault-allow-skip-verify"), "{skip}");
    let allowed = Config { allow_skip_verify: true, ..config() };
    let allowed = read_with(Flavour::Vault, allowed, &[("vaultSkipTLSVerify", "1")]).unwrap().0;
    assert!(allowed.target.trust.skip_verify);
}

#[test]
fn objects_are_read_as_yaml_writes_them() {
    let wants = wants(
        "- objectName: a/b\n  secretPath: /v1/pki/issue/web\n  method: put\n  secretArgs: {common_name: a.svc, ttl: 5}\n  filePermission: 0600\n\
         - objectName: 7\n  secretPath: secret/data/x?version=3\n  secretKey: k\n  encoding: Base64\n  optional: true\n  other: [1]\n",
    );
    let [first, second] = wants.as_slice() else { unreachable!("two objects") };
    assert_eq!((first.read.method.as_str(), first.mode, first.optional), ("PUT", Some(0o600), false));
    assert_eq!(first.read.args.as_deref(), Some(r#"{"common_name":"a.svc","ttl":5}"#));
    assert_eq!((first.key.as_deref(), second.key.as_deref()), (None, Some("k")));
    assert_eq!(second.object.as_str(), "7");
    assert_eq!((second.encoding, second.optional), (crate::backend::objects::Encoding::Base64, true));
    assert_eq!(second.read.path.sent, "/v1/secret/data/x?version=3");
}

#[test]
fn reads_differ_by_path_query_method_and_args() {
    let wants = wants(
        "- {objectName: a, secretPath: pki/issue/web, method: POST, secretArgs: {cn: a}}\n\
         - {objectName: b, secretPath: v1/pki/issue/web, method: post, secretArgs: {cn: a}}\n\
         - {objectName: c, secretPath: pki/issue/web, method: POST, secretArgs: {cn: b}}\n\
         - {objectName: d, secretPath: pki/issue/web}\n\
         - {objectName: e, secretPath: pki/issue/web?x=1}\n",
    );
    let distinct: std::collections::HashSet<_> = wants.iter().map(|want| want.read.clone()).collect();
    assert_eq!((wants.len(), distinct.len()), (5, 4));
}

#[test]
fn the_operators_mistakes_are_reported_together() {
    let config = Config {
        address: Some("vault:8200".into()),
        allowed_addresses: vec!["http://169.254.169.254".into()],
        client_key: Some("/k".into()),
        ..Config::default()
    };
    let text =
        Operator::new(Flavour::OpenBao, config).err().map(|errors| errors.to_string()).unwrap_or_default();
    for part in ["--openbao-addr", "--openbao-allowed-address", "--openbao-tls-client-cert", "stage=start"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn spans_of_time_are_the_objects_or_else_the_classs() {
    let objects = "- {objectName: a, secretPath: database/creds/ro, secretKey: username, refreshInterval: 5m}\n\
                   - {objectName: b, secretPath: v1/database/creds/ro, secretKey: password, refreshInterval: 2m, renewBefore: 30s}\n\
                   - {objectName: c, secretPath: database/creds/ro}\n\
                   - {objectName: d, secretPath: secret/data/x}\n";
    let needs = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().copied().chain([("objects", objects)]).collect();
        let needs = read_with(Flavour::Vault, config(), &pairs).unwrap().1.needs();
        let seconds = |span: Option<std::time::Duration>| span.map_or(0, |span| span.as_secs());
        let shown = |need: &crate::backend::Need<Read>| {
            (need.read.path.shown.clone(), seconds(need.refresh), seconds(need.renew_before))
        };
        needs.iter().map(shown).collect::<Vec<_>>()
    };
    let (creds, kv) = ("database/creds/ro".to_owned(), "secret/data/x".to_owned());
    assert_eq!(needs(&[]), [(creds.clone(), 120, 30), (kv.clone(), 0, 0)]);
    let class = [("refreshInterval", "1m30s"), ("renewBefore", "1h")];
    assert_eq!(needs(&class), [(creds, 90, 3600), (kv, 90, 3600)]);
}

#[test]
fn a_span_of_time_that_is_none_is_a_named_mistake() {
    let hint = "; hint: write numbers with units, such as 90s, 5m or 1h30m";
    for (value, fault) in
        [("soon", "not a duration"), ("300", "not a duration"), ("0s", "a duration of nothing")]
    {
        for key in ["refreshInterval", "renewBefore"] {
            let expected = format!("stage=request parameter={key}: {fault}{hint}");
            assert_eq!(super::tests::fault(&[(key, value)]), expected);
            let object = format!("- {{objectName: a, secretPath: x, {key}: {value}}}");
            let expected = format!("stage=request object=a field={key}: {fault}{hint}");
            assert_eq!(super::tests::fault(&[("objects", &object)]), expected);
        }
    }
}

#[test]
fn only_a_plain_get_can_be_shared() {
    let may = |object: &str| {
        let wants = wants(&format!("- {{objectName: a, {object}}}"));
        wants.iter().all(|want| want.read.is_plain_get() && want.read.only_looks())
    };
    for good in ["secretPath: secret/data/x?version=2", "secretPath: kv1/auth/x", "secretPath: pki/cert/ca"] {
        assert!(may(good), "{good}");
    }
    for bad in [
        "secretPath: secret/data/x, secretArgs: {a: b}",
        "secretPath: secret/data/x, method: POST",
        "secretPath: secret/metadata, method: LIST",
        "secretPath: database/creds/ro",
        "secretPath: auth/token/lookup-self",
        "secretPath: /v1/sys/mounts",
        "secretPath: identity/oidc/token/r",
        "secretPath: cubbyhole/x",
        "secretPath: team-a/cubbyhole/x",
    ] {
        assert!(!may(bad), "{bad}");
    }
}
