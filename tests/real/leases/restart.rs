//! A new process serves the same credentials: no lease, no login, no revocation.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{CREDS, Leases};

/// A folder on tmpfs, which the hand-off insists on.
fn tmpfs() -> Option<TempDir> {
    let there = Path::new("/dev/shm").is_dir();
    assert!(there || std::env::var_os("CI").is_none(), "/dev/shm is missing");
    there.then(|| tempfile::tempdir_in("/dev/shm").unwrap())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("vault-")).collect();
    files.sort();
    files
}

async fn set_up(namespace: &str) -> Option<(Leases, TempDir)> {
    let folder = tmpfs()?;
    let path = folder.path().join("handoff").display().to_string();
    let leases = Leases::new(namespace, "10m", "1h", &["--handoff", &path]).await?;
    Some((leases, folder))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_stopped_processes_hand_over() {
    let Some((mut leases, folder)) = set_up("hand-over").await else { return };
    let handoff = folder.path().join("handoff");
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let first = leases.call(&mount).await;
    let user = leases.user(&mount).await;
    for path in files(&handoff) {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for kill in [true, false, true] {
        if kill {
            leases.world.keymount.kill9();
        } else {
            leases.world.keymount.stop();
        }
        leases.world.keymount.restart().await;
        leases.world.provider = leases.world.keymount.provider("vault").await;
        let next = leases.call(&mount).await;
        assert_eq!(
            (&next.files, &next.object_version),
            (&first.files, &first.object_version),
            "versions too"
        );
    }
    assert_eq!(leases.user(&mount).await, user);
    let bao = &leases.world.bao;
    assert_eq!((leases.made(), bao.lease_count(CREDS).await), (1, 1));
    assert_eq!((bao.requests("auth/kubernetes/login"), bao.requests("auth/token/revoke")), (1, 0));
}

/// A bad file costs its session, by name and fault, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn bad_files_are_refused_by_name() {
    let Some((mut leases, folder)) = set_up("hand-bad").await else { return };
    let handoff = folder.path().join("handoff");
    let mut users = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let mount = leases.mount(&leases.world.pod(name).await).await;
        users.push((leases.user(&mount).await, mount));
    }
    leases.world.keymount.kill9();
    let [damaged, readable, linked, foreign, good] = <[PathBuf; 5]>::try_from(files(&handoff)).unwrap();
    std::fs::write(&damaged, "{").unwrap();
    std::fs::set_permissions(&readable, PermissionsExt::from_mode(0o644)).unwrap();
    let aside = folder.path().join("aside");
    std::fs::rename(&linked, &aside).unwrap();
    symlink(&aside, &linked).unwrap();
    let text = std::fs::read_to_string(&foreign).unwrap();
    std::fs::write(&foreign, text.replacen("\"form\":1", "\"form\":99", 1)).unwrap();
    leases.world.keymount.restart().await;
    leases.world.provider = leases.world.keymount.provider("vault").await;
    let logs = leases.world.keymount.logs();
    for bad in [&damaged, &readable, &linked, &foreign] {
        let name = bad.file_name().unwrap().to_string_lossy().into_owned();
        assert!(logs.lines().any(|line| line.contains("WARN") && line.contains(&name)), "{name}\n{logs}");
    }
    let mut same = 0;
    for (user, mount) in &users {
        same += usize::from(leases.user(mount).await == *user);
    }
    assert_eq!((same, leases.made()), (1, 5 + 4), "{}", good.display());
}

/// A second process over the same folder keeps nothing there until the first has ended.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_share_a_folder() {
    let Some((mut leases, folder)) = set_up("hand-two").await else { return };
    let handoff = folder.path().join("handoff");
    let path = handoff.display().to_string();
    let mount = leases.mount(&leases.world.pod("a").await).await;
    let user = leases.user(&mount).await;
    let url = leases.world.bao.url();
    let second = crate::support::keymount::Keymount::start(&[
        "--provider",
        "vault",
        "--vault-addr",
        &url,
        "--handoff",
        &path,
        "--refresh-interval",
        "1ms",
        "--min-refresh-interval",
        "1ms",
    ])
    .await;
    let other = second.provider("vault").await;
    let pod = leases.world.pod("b").await;
    assert!(other.mount(&leases.mount(&pod).await).await.is_ok(), "it serves");
    assert_eq!(files(&handoff).len(), 1, "and keeps nothing in the other's folder");
    leases.world.keymount.kill9();
    let took = "takes over";
    assert!(second.logged(took, std::time::Duration::from_secs(10)).await, "{}", second.logs());
    let answer = other.mount(&mount).await.unwrap();
    assert_eq!(answer.text("user").as_deref(), Some(user.as_str()), "now it has what the first left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_can_read_or_that_is_a_disk_is_refused_at_the_start() {
    let Some(folder) = tmpfs() else { return };
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).unwrap();
    let link = folder.path().join("link");
    symlink(&open, &link).unwrap();
    for (path, fault) in [(&open, "0755"), (&link, "symbolic link")] {
        let (code, text) = crate::support::keymount::start_fails(&[
            "--provider",
            "vault",
            "--vault-addr",
            "http://127.0.0.1:1",
            "--handoff",
            &path.display().to_string(),
        ]);
        assert!(
            code == 1 && text.contains("handoff=") && text.contains(fault) && text.contains("hint:"),
            "{text}"
        );
    }
}
