//! Everything in the folder at once: to load it, and to sweep it.

use rustix::fs::Dir;
use rustix::io;

use super::folder::Folder;
use super::name;
use crate::error::{Error, Kind, Stage};
use crate::lease::Found;

/// More files than this are not taken: a node has a few hundred pods.
pub(super) const MOST: usize = 8192;
/// The name of those that are too many; no file of ours can have it.
const REST: &str = "…";

// === impl Folder ===

impl Folder {
    /// Every file whose name begins with `prefix`, in the order of their names.
    pub(super) fn all(&self, prefix: &str) -> Result<Vec<Found>, Error> {
        let wanted =
            |name: &str| name.starts_with(prefix) && !name::is_ours(name) && !name::is_temporary(name);
        let (mut names, rest) = self.names(wanted).map_err(|error| self.unlisted(error))?;
        names.sort();
        // A name that is put anew while the folder is listed can come twice.
        names.dedup();
        let mut found: Vec<Found> = names.into_iter().filter_map(|name| self.take(name)).collect();
        if rest > 0 {
            let fault = format!("there are {rest} files more than {MOST}");
            found.push((REST.into(), Err(self.refused(REST, &fault))));
        }
        Ok(found)
    }

    fn take(&self, name: String) -> Option<Found> {
        if !name::is_good(&name) {
            let refused = self.refused(&name, "keymount gives no such name");
            return Some((name, Err(refused)));
        }
        let read = self.read(&name)?;
        Some((name, read))
    }

    /// Removes what a process that was killed was writing.
    pub(super) fn sweep(&self) {
        for name in self.names(name::is_temporary).map(|(names, _)| names).unwrap_or_default() {
            self.discard(&name);
        }
    }

    /// The first names that are `wanted`, and how many more there are.
    fn names(&self, wanted: impl Fn(&str) -> bool) -> io::Result<(Vec<String>, usize)> {
        let (mut names, mut rest) = (Vec::new(), 0);
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy();
            match wanted(&name) {
                true if names.len() < MOST => names.push(name.into_owned()),
                true => rest += 1,
                false => {}
            }
        }
        Ok((names, rest))
    }

    fn unlisted(&self, error: io::Errno) -> Error {
        Error::new(Kind::Precondition, Stage::Start, format!("cannot list the hand-off folder: {error}"))
            .with("handoff", self.path.display())
    }
}
