//! The folder itself: nobody's but ours, and in memory.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, FsWord, Mode, OFlags, Stat};
use rustix::io::{self, Errno};

use crate::error::{Error, Kind, Stage};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FOLDER_MODE: Mode = Mode::RWXU;
/// What nobody but the owner may have.
pub(super) const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);
/// File systems that live in memory, by their numbers in statfs(2).
const IN_MEMORY: [u32; 2] = [TMPFS, RAMFS];
const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;

/// The hand-off folder, held open: everything goes by names in it, whatever its path leads to later.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
}

/// What is wrong with the folder, and what to change.
type Fault = (String, String);

// === impl Folder ===

impl Folder {
    /// Opens the folder, made if it is absent, or says why nothing is put there.
    pub(super) fn open(dir: &Path, require_tmpfs: bool) -> Result<Self, Error> {
        // Put together anew without a slash at the end, for which the kernel would follow a link.
        let path: PathBuf = dir.components().collect();
        let made = make(&path).map_err(|fault| refusal(&path, fault))?;
        let fd = opened(&path, require_tmpfs).inspect_err(|_| unmake(&path, made));
        let fd = fd.map_err(|fault| refusal(&path, fault))?;
        // The umask may have taken from our own part.
        if made && let Err(error) = rustix::fs::fchmod(&fd, FOLDER_MODE) {
            return Err(refusal(&path, unclear(error)));
        }
        Ok(Self { fd, path })
    }
}

/// Whether the folder had to be made.
fn make(path: &Path) -> Result<bool, Fault> {
    match rustix::fs::mkdirat(CWD, path, FOLDER_MODE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(Errno::NOENT) => {
            Err(("the folder that it is in is not there".into(), "mount a tmpfs of the node there".into()))
        }
        Err(error) => Err((format!("cannot be made: {error}"), "mount a tmpfs of the node there".into())),
    }
}

/// A folder that was made for nothing goes again.
fn unmake(path: &Path, made: bool) {
    if made {
        let _ = rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR);
    }
}

fn opened(path: &Path, require_tmpfs: bool) -> Result<OwnedFd, Fault> {
    let fd = rustix::fs::openat(CWD, path, FOLDER, Mode::empty());
    let fd = fd.map_err(|error| unopened(path, error))?;
    let fault = fault(&fd, path, require_tmpfs).map_err(unclear)?;
    fault.map_or(Ok(fd), Err)
}

fn unopened(path: &Path, error: Errno) -> Fault {
    let kind = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
    match kind.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::Symlink) => {
            ("is a symbolic link".into(), "name the folder itself: no link is followed".into())
        }
        Ok(FileType::Directory) | Err(_) => unclear(error),
        Ok(_) => ("is not a folder".into(), "name a folder".into()),
    }
}

fn unclear(error: Errno) -> Fault {
    (format!("cannot be opened: {error}"), "keymount's own user must own it".into())
}

/// What is wrong with the open folder, if anything is.
fn fault(fd: &OwnedFd, path: &Path, require_tmpfs: bool) -> io::Result<Option<Fault>> {
    let (stat, kind) = (rustix::fs::fstat(fd)?, rustix::fs::fstatfs(fd)?.f_type);
    let in_memory = u32::try_from(kind).is_ok_and(|kind| IN_MEMORY.contains(&kind));
    Ok(shared(&stat, path).or_else(|| (require_tmpfs && !in_memory).then(|| on_disk(kind))))
}

fn shared(stat: &Stat, path: &Path) -> Option<Fault> {
    let (owner, us) = (stat.st_uid, rustix::process::geteuid().as_raw());
    if owner != us {
        let fault = format!("belongs to user {owner}, and keymount is user {us}");
        return Some((fault, format!("chown it to {us}")));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    let fault = || format!("is open to others (mode {:04o})", mode.as_raw_mode());
    mode.intersects(OTHERS).then(|| (fault(), format!("chmod 0700 it, or {}", new_one(path))))
}

fn on_disk(kind: FsWord) -> Fault {
    let hint = "name a folder on a tmpfs of the node, such as /run: nothing of this may reach a disk";
    (format!("is not on a tmpfs (its file system is {kind:#x})"), hint.into())
}

/// The kubelet makes a hostPath 0755: the way out of that is one folder further down.
fn new_one(path: &Path) -> String {
    format!(
        "name one that is not there yet, such as {}: keymount makes it 0700",
        path.join("keymount").display()
    )
}

fn refusal(path: &Path, (fault, hint): Fault) -> Error {
    Error::new(Kind::Precondition, Stage::Start, format!("the hand-off folder {fault}"))
        .with("handoff", path.display())
        .hint(hint)
}
