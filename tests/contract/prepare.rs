//! `keymount prepare`, the init step, as a process: what it leaves and how it ends.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// The chart's group.
const GROUP: u32 = 65532;

fn prepare(args: &[&str], group: Option<u32>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
    command.arg("prepare").args(args);
    if let Some(group) = group {
        command.gid(group);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A folder as the kubelet makes it.
fn hostpath() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn seen(dir: &Path) -> (u32, u32) {
    let found = std::fs::metadata(dir).unwrap();
    (found.gid(), found.mode() & 0o7777)
}

#[test]
fn the_folders_are_its_groups_and_a_second_time_changes_nothing() {
    let (one, two) = (hostpath(), hostpath());
    // Only root may take on another group; anybody keeps the own.
    let root = seen(one.path()).0 == 0 && std::fs::metadata(one.path()).unwrap().uid() == 0;
    let group = root.then_some(GROUP);
    let args = ["--provider=vault", one.path().to_str().unwrap(), two.path().to_str().unwrap()];
    for _ in 0..2 {
        assert_eq!(prepare(&args, group), (Some(0), String::new()));
        for dir in [&one, &two] {
            assert_eq!(seen(dir.path()).1, 0o775);
            assert!(group.is_none_or(|group| seen(dir.path()).0 == group));
        }
    }
}

#[test]
fn a_mistake_says_what_to_change() {
    let (code, text) = prepare(&["/nonexistent/providers"], None);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("keymount: cannot give /nonexistent/providers to group "), "{text}");
    assert!(text.contains("hint: mount it, as a hostPath of type DirectoryOrCreate"), "{text}");
    let (code, text) = prepare(&[], None);
    assert_eq!(code, Some(64));
    assert!(text.contains("<DIR>..."), "{text}");
}
