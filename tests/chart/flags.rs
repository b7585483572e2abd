//! The chart says nothing that the binary does not know, and lets nothing be said that it does not know.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::helm::{CHART, Helm};
use crate::matrix::{SETS, args};

/// Settings that the chart makes from values of its own.
const CHARTS_OWN: [&str; 15] = [
    "admin-address",
    "config",
    "endpoint",
    "handoff",
    "jwks-ca-file",
    "jwks-issuer",
    "jwks-token-file",
    "jwks-url",
    "kubelet-pods-dir",
    "kubernetes-ca-file",
    "kubernetes-token-file",
    "lookup-service-accounts",
    "pod-liveness",
    "provider",
    "providers-dir",
];

/// The flags of a command, without their dashes, aliases left out.
fn flags(command: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_keymount")).args([command, "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    // So far in begins a flag; its text begins further in.
    let lines = help.lines().filter_map(|line| line.strip_prefix("      --"));
    lines.map(|line| line.split([' ', '[', '=']).next().unwrap().to_owned()).collect()
}

#[test]
fn every_argument_is_a_flag_of_the_binary() {
    let Some(helm) = Helm::require() else { return };
    let mut seen = 0;
    for (name, values) in SETS {
        let objects = helm.objects(values);
        for (container, command) in [("keymount", "serve"), ("prepare", "prepare")] {
            let known = flags(command);
            let args = args(&objects, container);
            assert!(args.is_empty() || args[0] == command, "{name}");
            for flag in args.iter().filter_map(|arg| arg.strip_prefix("--")) {
                let flag = flag.split('=').next().unwrap();
                assert!(known.contains(flag), "{name}: {command} has no --{flag}");
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

/// `make manifests` writes the names anew.
#[test]
fn the_schema_knows_each_flag_of_serve_and_no_other() {
    let file = format!("{CHART}/values.schema.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let wanted: BTreeSet<_> = flags("serve")
        .into_iter()
        .filter(|flag| !CHARTS_OWN.contains(&flag.as_str()) && !["help", "version"].contains(&flag.as_str()))
        .collect();
    assert!(CHARTS_OWN.iter().all(|own| flags("serve").contains(*own)));
    let names = &mut schema["properties"]["settings"]["propertyNames"]["enum"];
    let found: BTreeSet<String> = serde_json::from_value(names.clone()).unwrap();
    if found != wanted && std::env::var_os("KEYMOUNT_BLESS").is_some() {
        *names = serde_json::to_value(&wanted).unwrap();
        std::fs::write(&file, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
        return;
    }
    let [more, less] = [found.difference(&wanted).collect::<Vec<_>>(), wanted.difference(&found).collect()];
    assert!(
        more.is_empty() && less.is_empty(),
        "run `make manifests`; no flags: {more:?}, not in {file}: {less:?}"
    );
}

#[test]
fn settings_reach_the_binary_as_they_were_written() {
    let Some(helm) = Helm::require() else { return };
    let (_, values) = SETS.iter().find(|(name, _)| *name == "settings of every type").unwrap();
    let args = args(&helm.objects(values), "keymount");
    for wanted in [
        "--vault-addr=https://a:8200",
        "--vault-allowed-address=https://a:8200",
        "--vault-allowed-address=https://b:8200",
        // Not 6.7108864e+07.
        "--max-session-bytes=67108864",
        "--vault-rate=0.5",
        "--debug=true",
        "--config=/etc/keymount/config/keymount.yaml",
        "--vault-tls-ca-directory=/etc/keymount/ca",
        "--openbao-tls-ca-directory=/etc/keymount/ca",
    ] {
        assert!(args.iter().any(|arg| arg == wanted), "{wanted}: {args:?}");
    }
}

/// Not only their names: the binary reads all of them, and complains of the servers' absence only.
#[test]
fn the_binary_starts_with_the_default_arguments() {
    let Some(helm) = Helm::require() else { return };
    let home = tempfile::tempdir().unwrap();
    let given = args(&helm.objects(&[]), "keymount");
    let own = ["--providers-dir=", "--admin-address=", "--handoff="];
    let mut args: Vec<_> =
        given.into_iter().filter(|arg| !own.iter().any(|own| arg.starts_with(own))).collect();
    args.push(format!("--providers-dir={}", home.path().display()));
    args.push(format!("--admin-socket={}", home.path().join("admin.sock").display()));
    args.push("--admin-address=127.0.0.1:0".to_owned());
    let mut child = Command::new(env!("CARGO_BIN_EXE_keymount")).args(&args).spawn().unwrap();
    let bound = || home.path().join("vault.sock").exists() && home.path().join("openbao.sock").exists();
    let began = std::time::Instant::now();
    while !bound() && child.try_wait().unwrap().is_none() && began.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let there = bound();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(there, "{args:?}");
}
