//! Whether a pod exists, by its folder among the kubelet's (decision 4).
//!
//! Only names are looked up; nothing below them is opened.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::{self, Errno};

use super::disk::Disk;
use super::{Liveness, Presence};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// How long a look-up may take: the folder is on the node's disk.
const LIMIT: Duration = Duration::from_secs(5);
/// Look-ups at a time.
const TURNS: usize = 4;
/// A UID has 36 letters, a static pod's 32.
const LONGEST: usize = 64;

/// The kubelet's folder of pods, one folder for each by its UID.
#[derive(Debug)]
pub struct KubeletDir {
    path: PathBuf,
    disk: Disk,
}

// === impl KubeletDir ===

impl KubeletDir {
    /// Looks into `path`, on a node `/var/lib/kubelet/pods`. It may come and go.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), disk: Disk::new(TURNS, LIMIT) }
    }

    async fn look(&self, uid: &str, seen: bool) -> Presence {
        if !is_plain(uid) {
            return Presence::Unknown;
        }
        let (path, uid) = (self.path.clone(), uid.to_owned());
        // Opened at each look: a folder that is mounted later covers the one that was there.
        let look = move |_| {
            let folder = rustix::fs::openat(CWD, &path, FOLDER, Mode::empty())?;
            presence(&folder, &uid, seen)
        };
        self.disk.run(look).await.and_then(Result::ok).unwrap_or(Presence::Unknown)
    }
}

impl Liveness for KubeletDir {
    fn presence<'a>(&'a self, uid: &'a str, seen: bool) -> BoxFuture<'a, Presence> {
        self.look(uid, seen).boxed()
    }
}

fn presence(folder: &OwnedFd, uid: &str, seen: bool) -> io::Result<Presence> {
    match rustix::fs::statat(folder, uid, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => Ok(Presence::There),
        // Not mounted, or not this folder, looks like a node whose pods have all gone;
        // but the node that we run on has a pod, which is ours.
        Err(Errno::NOENT) if seen && has_pods(folder)? => Ok(Presence::Gone),
        Ok(_) | Err(_) => Ok(Presence::Unknown),
    }
}

/// Whether there is a folder that can be a pod's.
fn has_pods(folder: &OwnedFd) -> io::Result<bool> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let plain = entry.file_name().to_str().is_ok_and(is_plain);
        // Some file systems do not tell an entry's type while listing.
        if plain && matches!(entry.file_type(), FileType::Directory | FileType::Unknown) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_plain(uid: &str) -> bool {
    let letter = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
    (1..=LONGEST).contains(&uid.len()) && uid.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::mpsc;

    use tempfile::TempDir;

    use super::*;

    const OURS: &str = "11111111-2222-3333-4444-555555555555";
    const THEIRS: &str = "66666666-7777-8888-9999-000000000000";

    async fn look(path: &Path, uid: &str) -> [Presence; 2] {
        let kubelet = KubeletDir::new(path);
        [kubelet.presence(uid, true).await, kubelet.presence(uid, false).await]
    }

    fn pods(uids: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for uid in uids {
            std::fs::create_dir(dir.path().join(uid)).unwrap();
        }
        dir
    }

    #[tokio::test]
    async fn a_folder_is_a_pod() {
        let dir = pods(&[OURS, THEIRS]);
        assert_eq!(look(dir.path(), THEIRS).await, [Presence::There; 2]);
    }

    #[tokio::test]
    async fn a_pod_is_gone_if_it_was_seen_and_another_is_there() {
        let dir = pods(&[OURS]);
        assert_eq!(look(dir.path(), THEIRS).await, [Presence::Gone, Presence::Unknown]);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_the_kubelets_says_nothing() {
        let dir = pods(&[]);
        assert_eq!(look(dir.path(), THEIRS).await, [Presence::Unknown; 2], "empty: nothing is mounted");
        std::fs::write(dir.path().join("file"), "").unwrap();
        std::fs::create_dir(dir.path().join("no_pod")).unwrap();
        assert_eq!(look(dir.path(), THEIRS).await, [Presence::Unknown; 2], "nothing there can be a pod");
        assert_eq!(look(&dir.path().join("absent"), THEIRS).await, [Presence::Unknown; 2]);
        assert_eq!(look(&dir.path().join("file"), THEIRS).await, [Presence::Unknown; 2]);
    }

    #[tokio::test]
    async fn what_is_no_folder_says_nothing() {
        let dir = pods(&[OURS]);
        std::fs::write(dir.path().join(THEIRS), "").unwrap();
        symlink(OURS, dir.path().join("link")).unwrap();
        assert_eq!(look(dir.path(), THEIRS).await, [Presence::Unknown; 2]);
        assert_eq!(look(dir.path(), "link").await, [Presence::Unknown; 2]);
    }

    #[tokio::test]
    async fn only_a_plain_name_is_looked_up() {
        let dir = pods(&[OURS]);
        for uid in ["", ".", "..", "../x", "a/b", "a_b", "a\0b", "é", &"a".repeat(65)] {
            assert_eq!(look(dir.path(), uid).await, [Presence::Unknown; 2], "{uid}");
        }
        assert_eq!(look(dir.path(), &"a".repeat(64)).await, [Presence::Gone, Presence::Unknown]);
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_says_nothing() {
        let dir = pods(&[OURS]);
        let disk = Disk::new(1, Duration::from_millis(50));
        let (free, stuck) = mpsc::channel::<()>();
        assert!(disk.run(move |_| stuck.recv()).await.is_none());
        let kubelet = KubeletDir { path: dir.path().into(), disk };
        assert_eq!(kubelet.presence(OURS, true).await, Presence::Unknown);
        drop(free);
        assert_eq!(kubelet.presence(OURS, true).await, Presence::There);
    }
}
