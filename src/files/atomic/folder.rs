//! A folder held open: everything below goes by names in it, and no link is followed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FOLDER_MODE: u32 = 0o755;

/// An open folder.
pub(super) struct Folder(OwnedFd);

// === impl Folder ===

impl Folder {
    /// Opens the folder that the operator named; links on the way to it are theirs.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// Waits until no other writer holds this folder; held until it is closed.
    pub(super) fn lock(&self) -> io::Result<()> {
        Ok(rustix::fs::flock(&self.0, FlockOperation::LockExclusive)?)
    }

    /// The same folder, opened again.
    pub(super) fn again(&self) -> io::Result<Self> {
        self.folder(".")
    }

    /// Opens a folder in this one.
    pub(super) fn folder(&self, name: &str) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?))
    }

    /// Opens a folder in this one, made if it is absent.
    pub(super) fn make(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(FOLDER_MODE)) {
            Ok(()) => {
                let folder = self.folder(name)?;
                // The umask took its part away.
                rustix::fs::fchmod(&folder.0, Mode::from_raw_mode(FOLDER_MODE))?;
                Ok(folder)
            }
            Err(Errno::EXIST) => self.folder(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a new file, durably; it has `mode` before it has a content.
    pub(super) fn write(&self, name: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o600))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        let mut file = File::from(file);
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Whether a regular file of this name has this mode and content.
    pub(super) fn holds(&self, name: &str, mode: u32, bytes: &[u8]) -> io::Result<bool> {
        // A pipe must not make us wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let bits = Mode::from_raw_mode(stat.st_mode).as_raw_mode();
        if !regular || bits != mode || u64::try_from(stat.st_size).ok() != u64::try_from(bytes.len()).ok() {
            return Ok(false);
        }
        let mut held = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
        File::from(file).take(bytes.len() as u64 + 1).read_to_end(&mut held)?;
        Ok(held.as_slice() == bytes)
    }

    /// What the link `name` says; `None` if there is no link of this name.
    pub(super) fn link(&self, name: &str) -> io::Result<Option<String>> {
        match rustix::fs::readlinkat(&self.0, name, Vec::new()) {
            Ok(target) => Ok(target.into_string().ok()),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes `name` a link to `target` in one step, over a link that is there, durably.
    pub(super) fn replace(&self, temporary: &str, target: &str, name: &str) -> io::Result<()> {
        // What the link leads to must be on disk before the link is.
        self.sync()?;
        rustix::fs::symlinkat(target, &self.0, temporary)?;
        if let Err(error) = self.rename(temporary, name) {
            let _ = self.unlink(temporary);
            return Err(error);
        }
        self.sync()
    }

    /// Gives an entry another name.
    pub(super) fn rename(&self, name: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &self.0, to)?)
    }

    /// Removes a link or file.
    pub(super) fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Names and types of what is in the folder; names that are not UTF-8 are nobody's we know.
    pub(super) fn entries(&self) -> io::Result<Vec<(String, FileType)>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => entries.push((name.to_owned(), self.kind(name, entry.file_type())?)),
            }
        }
        Ok(entries)
    }

    /// How many things that are no folders there are in the folder and below it.
    pub(super) fn count(&self) -> io::Result<usize> {
        let mut count = 0;
        for (name, kind) in self.entries()? {
            count += if kind == FileType::Directory { self.folder(&name)?.count()? } else { 1 };
        }
        Ok(count)
    }

    /// Makes the folder's names durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Makes the names in the folder and below it durable.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        for (name, kind) in self.entries()? {
            if kind == FileType::Directory {
                self.folder(&name)?.sync_all()?;
            }
        }
        self.sync()
    }

    /// Some file systems do not tell an entry's type while listing.
    fn kind(&self, name: &str, listed: FileType) -> io::Result<FileType> {
        match listed {
            FileType::Unknown => {
                let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
                Ok(FileType::from_raw_mode(stat.st_mode))
            }
            kind => Ok(kind),
        }
    }
}
