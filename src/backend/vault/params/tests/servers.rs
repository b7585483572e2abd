//! Which servers a class may name, and what they are trusted with.

use super::*;

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
}

#[test]
fn plain_http_off_loopback_is_the_operators_to_allow() {
    let text = fault(&[("vaultAddress", "http://vault:8200")]);
    assert!(text.contains("unencrypted") && text.contains("--vault-allow-http"), "{text}");
    let allowing = Config { allow_http: true, ..config() };
    assert!(read_with(Flavour::Vault, allowing, &[("vaultAddress", "http://vault:8200")]).is_ok());
    let own = Config { address: Some("http://vault:8200".into()), ..Config::default() };
    assert!(
        read_with(Flavour::Vault, own, &[("vaultAddress", "http://vault:8200/")]).is_ok(),
        "the operator's own"
    );

    let none = read_with(Flavour::OpenBao, Config::default(), &[]).err().unwrap_or_default();
    assert!(
        none.contains(
            "set baoAddress in the class, name a profile there, or start keymount with --openbao-addr"
        ),
        "{none}"
    );
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
