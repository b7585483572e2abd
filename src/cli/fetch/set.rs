//! One set of files, by name, mode and version: what may be printed of it.

use std::collections::BTreeMap;

use crate::files::atomic::Outcome;
use crate::mount::Answer;

/// As much of a version as tells two apart.
const VERSION: usize = 12;

/// What was written, without the contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Mode and version of each file.
    files: BTreeMap<String, (u32, String)>,
    /// Whether the folder shows another set than before.
    pub(super) is_new: bool,
}

// === impl Set ===

impl Set {
    /// The set of `answer`, not written yet.
    pub(super) fn of(answer: &Answer) -> Self {
        let versions: BTreeMap<_, _> =
            answer.versions.iter().map(|(object, version)| (object, version)).collect();
        let of = |file: &crate::files::File| {
            let version = versions.get(&file.object).map(ToString::to_string).unwrap_or_default();
            (file.path.clone(), (file.mode, version))
        };
        Self { files: answer.files.iter().map(of).collect(), is_new: false }
    }

    /// The same, as it was written.
    pub(super) fn written(self, outcome: &Outcome) -> Self {
        Self { is_new: *outcome != Outcome::Unchanged, ..self }
    }

    /// A line for each file: mode, the beginning of the version, path.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(|(path, (mode, version))| {
            format!("{mode:04o}  {}  {path}", version.get(..VERSION).unwrap_or(version))
        })
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// The files that `before` did not have, had otherwise, or had and this has no more.
    pub(super) fn changed(&self, before: Option<&Self>) -> String {
        let nothing = BTreeMap::new();
        let before = before.map_or(&nothing, |before| &before.files);
        let new =
            self.files.iter().filter(|(path, facts)| before.get(*path) != Some(facts)).map(|(path, _)| path);
        let gone = before.keys().filter(|path| !self.files.contains_key(*path));
        new.chain(gone).map(String::as_str).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(files: &[(&str, u32, &str)]) -> Set {
        let files = files.iter().map(|(path, mode, version)| ((*path).into(), (*mode, (*version).into())));
        Set { files: files.collect(), is_new: true }
    }

    #[test]
    fn lines_and_changes_name_files_and_no_more() {
        let first = set(&[("a", 0o644, "0123456789abcdef"), ("b/c", 0o400, "1"), ("d", 0o600, "2")]);
        assert_eq!(first.lines().next().as_deref(), Some("0644  0123456789ab  a"));
        let next = set(&[("a", 0o644, "0123456789abcdef"), ("b/c", 0o440, "1"), ("e", 0o600, "2")]);
        assert_eq!(next.changed(Some(&first)), "b/c,e,d");
        assert_eq!(first.changed(None), "a,b/c,d");
    }
}
