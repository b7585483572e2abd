//! `keymount prepare`: the init step of a pod whose serving container is not root.
//!
//! The kubelet makes a hostPath folder as root's, 0755. Its owner may give it to a group that it is in,
//! without any capability; then the serving container needs that group only, and not root.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Gid, Mode, OFlags};

use crate::config::Prepare;
use crate::wire::is_free;

/// What the group gets: to list, to make and to remove.
const GROUP: u32 = 0o070;

/// Prepares every folder, or says what is in the way.
pub async fn run(prepare: &Prepare) -> Result<(), String> {
    for folder in &prepare.folders {
        give(folder).map_err(|error| refused(folder, &error))?;
        for provider in &prepare.providers {
            clear(&folder.join(format!("{provider}.sock"))).await?;
        }
    }
    Ok(())
}

/// Gives the folder itself, not what a link in its place names.
fn give(folder: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = File::from(rustix::fs::open(folder, flags, Mode::empty())?);
    let (found, group) = (folder.metadata()?, rustix::process::getegid());
    if found.gid() != group.as_raw() {
        rustix::fs::fchown(&folder, None, Some(Gid::from_raw(group.as_raw())))?;
    }
    let mode = found.mode() & 0o7777;
    if mode & GROUP != GROUP {
        folder.set_permissions(Permissions::from_mode(mode | GROUP))?;
    }
    Ok(())
}

/// An incumbent's process that was killed leaves a socket that only root could tell from a live one.
async fn clear(socket: &Path) -> Result<(), String> {
    let there = fs::symlink_metadata(socket).is_ok_and(|found| found.file_type().is_socket());
    if !there || !is_free(socket).await {
        return Ok(());
    }
    fs::remove_file(socket).map_err(|error| format!("cannot remove {}: {error}", socket.display()))
}

fn refused(folder: &Path, error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; hint: run as the folder's owner (root, runAsUser: 0), on SELinux nodes as type spc_t"
        }
        io::ErrorKind::NotFound => "; hint: mount it, as a hostPath of type DirectoryOrCreate",
        _ => "",
    };
    format!("cannot give {} to group {}: {error}{hint}", folder.display(), rustix::process::getegid())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let Ok(dir) = tempfile::tempdir() else { unreachable!("a temporary folder") };
        dir
    }

    fn mode(path: &Path) -> Option<u32> {
        fs::metadata(path).ok().map(|found| found.mode() & 0o7777)
    }

    fn asked(folder: &Path) -> Prepare {
        Prepare { folders: vec![folder.to_owned()], providers: vec!["vault".into()] }
    }

    #[tokio::test]
    async fn the_group_may_write_and_nobody_else_gets_more() {
        let dir = folder();
        for (before, after) in [(0o755, 0o775), (0o700, 0o770), (0o1755, 0o1775)] {
            assert!(fs::set_permissions(dir.path(), Permissions::from_mode(before)).is_ok());
            assert_eq!(run(&asked(dir.path())).await, Ok(()));
            assert_eq!(mode(dir.path()), Some(after));
        }
    }

    #[tokio::test]
    async fn a_dead_socket_of_ours_goes_and_what_lives_or_is_anothers_stays() {
        let dir = folder();
        let path = |name: &str| dir.path().join(name);
        for dead in ["vault.sock", "aws.sock"] {
            drop(UnixListener::bind(path(dead)));
        }
        assert_eq!(run(&asked(dir.path())).await, Ok(()));
        assert!(!path("vault.sock").exists() && path("aws.sock").exists());
        let live = UnixListener::bind(path("vault.sock"));
        assert_eq!(run(&asked(dir.path())).await, Ok(()));
        assert!(live.is_ok() && path("vault.sock").exists());
    }

    #[tokio::test]
    async fn no_link_is_followed_and_what_is_absent_is_named_with_a_hint() {
        let dir = folder();
        let link = dir.path().join("link");
        assert!(std::os::unix::fs::symlink("/tmp", &link).is_ok());
        let before = mode(Path::new("/tmp"));
        assert!(run(&asked(&link)).await.is_err_and(|text| text.contains("cannot give")));
        assert_eq!(mode(Path::new("/tmp")), before);
        let absent = run(&asked(&dir.path().join("absent"))).await;
        assert!(absent.is_err_and(|text| text.contains("hint: mount it")));
    }
}
