//! Names in the folder: the callers', ours, and those that last for a moment.

/// The key of object versions.
pub(super) const VERSION_KEY: &str = "version-key";
/// Before the name of a file that is being written. No caller's name has a dot.
const TEMPORARY: &str = ".new-";
const LONGEST: usize = 128;

/// Whether a caller may give this name.
pub(super) fn is_good(name: &str) -> bool {
    let letter =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"_-".contains(&letter);
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(letter) && !is_ours(name)
}

/// Whether the name is one of the folder's own files.
pub(super) fn is_ours(name: &str) -> bool {
    matches!(name, "." | ".." | VERSION_KEY)
}

/// Whether a file of this name was being written.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// A name for a file that is being written; `None` without a random source.
pub(super) fn temporary() -> Option<String> {
    let mut die = [0; 8];
    crate::time::random(&mut die).then(|| format!("{TEMPORARY}{}", hex::encode(die)))
}
