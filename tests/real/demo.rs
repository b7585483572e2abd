//! The README's first command, as a newcomer runs it.

use std::process::{Command, Output};

use crate::support::parts;

fn demo(args: &[&str], env: &[(&str, &std::path::Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
    command.arg("demo").args(args).envs(env.iter().copied()).output().unwrap()
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_demo_needs_nothing_but_the_binary() {
    let output = demo(&[], &[]);
    assert!(output.status.success(), "{}", shown(&output));
    for part in
        ["..data after:", "PermissionDenied", "the cluster never signed this", "keymount_mounts_total{"]
    {
        assert!(shown(&output).contains(part), "{part}\n{}", shown(&output));
    }
}

#[test]
fn the_demo_runs_against_a_real_openbao() {
    let Some(bao) = parts::require("BAO_BIN") else { return };
    let output = demo(&["--vault"], &[("BAO_BIN", &bao)]);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(shown(&output).contains("backend=openbao http=403"), "{}", shown(&output));
}

#[test]
fn a_kept_folder_is_named_and_there() {
    let output = demo(&["--keep"], &[]);
    let text = shown(&output);
    let folder = text.split_whitespace().rev().find(|word| word.contains("keymount-demo-")).unwrap();
    let folder = std::path::Path::new(folder.trim_end_matches(['.', ',', ':']));
    assert!(folder.join("store.yaml").exists(), "{text}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_absent_bao_is_said_plainly() {
    let output = demo(&["--vault"], &[("BAO_BIN", std::path::Path::new("/nonexistent/bao"))]);
    assert_eq!(output.status.code(), Some(64), "{}", shown(&output));
    assert!(shown(&output).contains("BAO_BIN: /nonexistent/bao is no program"), "{}", shown(&output));
}
