//! The files: put whole, taken only if nobody else can have put or read them.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::folder::{Folder, OTHERS};
use super::name;
use crate::error::{Error, Kind, Stage};
use crate::time::Deadline;

pub(super) const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const NEW: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A pipe must not make us wait for its writer.
pub(super) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// The largest file in bytes.
pub(super) const MOST: u64 = 16 * 1024 * 1024;
const TOO_LARGE: &str = "it is larger than 16 MiB";
/// What is usually in the way of writing.
pub(super) const FULL: &str = "the tmpfs of --handoff may be full or read-only";

// === impl Folder ===

impl Folder {
    /// Puts `content` under `name`, over what is there, unless `deadline` has passed.
    pub(super) fn put(&self, name: &str, content: &[u8], deadline: Deadline) -> Result<(), Error> {
        if content.len() as u64 > MOST {
            return Err(self.failed("keep", name, TOO_LARGE));
        }
        let put = self.replace(name, content, deadline);
        put.map_err(|error| self.failed("keep", name, &error.to_string()).hint(FULL))
    }

    fn replace(&self, name: &str, content: &[u8], deadline: Deadline) -> io::Result<()> {
        let temporary = self.temporary(content)?;
        // Who asked has been told that it failed, and may have put something newer meanwhile.
        let late = deadline.left().is_zero();
        let put = if late { Err(Errno::TIMEDOUT) } else { self.rename(&temporary, name) };
        put.inspect_err(|_| self.discard(&temporary)).map_err(io::Error::from)
    }

    /// Writes a new file of a name that nobody reads. It is not synced: on a tmpfs there is
    /// no disk that could be behind, and what ends the machine ends the folder too.
    pub(super) fn temporary(&self, content: &[u8]) -> io::Result<String> {
        let name = name::temporary().ok_or_else(|| io::Error::other("the system has no random numbers"))?;
        let file = rustix::fs::openat(&self.fd, &name, NEW, FILE_MODE)?;
        fill(file, content).inspect_err(|_| self.discard(&name))?;
        Ok(name)
    }

    fn rename(&self, name: &str, to: &str) -> rustix::io::Result<()> {
        rustix::fs::renameat(&self.fd, name, &self.fd, to)
    }

    /// Removes a temporary file; the next sweep takes what stays.
    pub(super) fn discard(&self, temporary: &str) {
        let _ = rustix::fs::unlinkat(&self.fd, temporary, AtFlags::empty());
    }

    /// Removes `name`, if it is there, unless `deadline` has passed.
    pub(super) fn remove(&self, name: &str, deadline: Deadline) -> Result<(), Error> {
        // As in `replace`: it could be the newer one by now.
        let late = deadline.left().is_zero();
        let remove = || rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
        match if late { Err(Errno::TIMEDOUT) } else { remove() } {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed("remove", name, &error.to_string()).hint(FULL)),
        }
    }

    /// What `name` holds, or why it is not taken; `None` if it is not there.
    pub(super) fn read(&self, name: &str) -> Option<Result<Zeroizing<Vec<u8>>, Error>> {
        let read = match rustix::fs::openat(&self.fd, name, READ, Mode::empty()) {
            Ok(file) => whole(file),
            Err(Errno::NOENT) => return None,
            Err(error) => Err(unopened(error)),
        };
        Some(read.map_err(|fault| self.refused(name, &fault)))
    }

    /// A file that is not taken.
    pub(super) fn refused(&self, name: &str, fault: &str) -> Error {
        Error::new(Kind::Precondition, Stage::Start, format!("a file of the hand-off is not taken: {fault}"))
            .with("handoff", self.path.display())
            .with("file", name)
    }

    /// An operation on a file that failed.
    pub(super) fn failed(&self, operation: &str, name: &str, fault: &str) -> Error {
        Error::new(Kind::Precondition, Stage::Answer, format!("cannot {operation} it for a restart: {fault}"))
            .with("handoff", self.path.display())
            .with("file", name)
    }
}

fn fill(file: OwnedFd, content: &[u8]) -> io::Result<()> {
    // The umask may have taken from our own part.
    rustix::fs::fchmod(&file, FILE_MODE)?;
    File::from(file).write_all(content)
}

fn whole(file: OwnedFd) -> Result<Zeroizing<Vec<u8>>, String> {
    let stat = rustix::fs::fstat(&file).map_err(|error| error.to_string())?;
    fault(&stat).map_or(Ok(()), Err)?;
    // All of the room at once: a buffer that grows leaves copies behind.
    let size = usize::try_from(stat.st_size).map_err(|_| TOO_LARGE)?;
    let mut bytes = Zeroizing::new(vec![0; size]);
    File::from(file).read_exact(&mut bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    Ok(bytes)
}

/// What is wrong with a file, if anything is.
pub(super) fn fault(stat: &Stat) -> Option<String> {
    let (mode, us) = (Mode::from_raw_mode(stat.st_mode), rustix::process::geteuid().as_raw());
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Some(unopened(Errno::NXIO));
    }
    if stat.st_uid != us {
        return Some(format!("it belongs to user {}, and keymount is user {us}", stat.st_uid));
    }
    if mode.intersects(OTHERS) {
        return Some(format!("it is open to others (mode {:04o})", mode.as_raw_mode()));
    }
    // None at all: it was replaced since it was opened, and is whole.
    if stat.st_nlink > 1 {
        return Some("it has more than one name (a hard link)".into());
    }
    u64::try_from(stat.st_size).map_or(true, |size| size > MOST).then(|| TOO_LARGE.into())
}

/// What open(2) says, for people.
pub(super) fn unopened(error: Errno) -> String {
    match error {
        Errno::LOOP => "it is a symbolic link".into(),
        // That of a socket.
        Errno::NXIO => "it is not a regular file".into(),
        error => format!("it cannot be opened: {error}"),
    }
}
