//! The key of object versions, kept where the next process finds it (decision 6).

use rustix::fs::RenameFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::file::FULL;
use super::folder::Folder;
use super::name::VERSION_KEY;
use crate::error::{Error, Kind, Stage};

/// Its length in bytes.
const LENGTH: usize = 32;
/// A key can vanish between two steps once, when somebody sweeps; not again and again.
const TRIES: usize = 3;

// === impl Folder ===

impl Folder {
    /// The key that is there, else a new one, whoever of two processes is first.
    pub(super) fn version_key(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        for _ in 0..TRIES {
            match self.read(VERSION_KEY) {
                Some(Ok(key)) if key.len() == LENGTH => return Ok(key),
                Some(Ok(_)) => return Err(hinted(self.refused(VERSION_KEY, "it has not 32 bytes"))),
                Some(Err(error)) => return Err(hinted(error)),
                None => self.make_version_key()?,
            }
        }
        Err(self.unmade("it does not stay"))
    }

    /// Never over a key that is there: versions may have been made with it.
    fn make_version_key(&self) -> Result<(), Error> {
        let mut key = Zeroizing::new(vec![0; LENGTH]);
        if !crate::time::random(&mut key) {
            return Err(self.unmade("the system has no random numbers"));
        }
        let temporary = self.temporary(&key).map_err(|error| self.unmade(&error.to_string()))?;
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&self.fd, &temporary, &self.fd, VERSION_KEY, flags) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST | Errno::NOENT) => self.discard(&temporary),
            Err(error) => {
                self.discard(&temporary);
                return Err(self.unmade(&error.to_string()));
            }
        }
        Ok(())
    }

    fn unmade(&self, fault: &str) -> Error {
        Error::new(Kind::Precondition, Stage::Start, format!("cannot make a version key: {fault}"))
            .with("handoff", self.path.display())
            .hint(FULL)
    }
}

fn hinted(error: Error) -> Error {
    error.hint("remove the file: keymount makes another, and every version changes once")
}
