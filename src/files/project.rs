//! The driver's file rules, checked before anything is answered: one bad path
//! there fails the whole volume, some only after side effects
//! (docs/driver-contract.md, 3.2).

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretSlice};

use crate::error::{Error, Errors, Kind, Stage};
use crate::secret::{ObjectId, Secret};

const MAX_PATH: usize = 4096;
const MAX_COMPONENT: usize = 255;
const MODE_BITS: u32 = 0o777;

/// A file of the volume.
#[derive(Debug)]
pub struct File {
    /// The object that it holds.
    pub object: ObjectId,
    /// The path in the volume, clean and relative.
    pub path: String,
    /// The nine permission bits, never 0.
    pub mode: u32,
    /// The content.
    pub bytes: SecretSlice<u8>,
}

// === impl File ===

impl File {
    /// How many bytes it holds.
    pub fn size(&self) -> usize {
        #[expect(clippy::disallowed_methods, reason = "only the length is taken")]
        let size = self.bytes.expose_secret().len();
        size
    }
}

/// The files of a volume, or every rule that is broken. `default` is the
/// request's permission; `max_bytes` bounds all contents together.
pub fn project(secrets: Vec<Secret>, default: u32, max_bytes: usize) -> Result<Vec<File>, Errors> {
    let mut faults = Vec::new();
    let mut files = Vec::with_capacity(secrets.len());
    for secret in secrets {
        faults.extend(path_fault(&secret.path).map(|text| broken(&secret.object, &secret.path, text)));
        match mode(secret.mode, default) {
            Some(mode) => {
                files.push(File { object: secret.object, path: secret.path, mode, bytes: secret.bytes });
            }
            None => faults.push(
                broken(&secret.object, &secret.path, "the file permission has bits outside 0777".into())
                    .hint("use an octal permission of at most 0777, such as 0640"),
            ),
        }
    }
    faults.extend(collisions(&files));
    faults.extend(too_large(&files, max_bytes));
    Errors::from_list(faults).map_or(Ok(files), Err)
}

fn mode(wanted: Option<u32>, default: u32) -> Option<u32> {
    let mode = wanted.filter(|mode| *mode != 0).unwrap_or(default);
    (mode & !MODE_BITS == 0).then_some(mode)
}

/// What is wrong with a path by itself.
pub(super) fn path_fault(path: &str) -> Option<String> {
    let components = || path.split('/');
    if path.is_empty() {
        Some("the file path is empty".into())
    } else if path.starts_with('/') {
        Some("the file path must be relative to the volume".into())
    } else if path.len() > MAX_PATH {
        Some(format!("the file path is longer than {MAX_PATH} bytes"))
    } else if path.chars().any(char::is_control) {
        Some("the file path has a control character".into())
    } else if path.starts_with("..") {
        Some("the file path must not begin with `..`, which the driver keeps for itself".into())
    } else if components().any(|part| part.is_empty() || part == "." || part == "..") {
        Some("the file path has an empty, `.` or `..` component".into())
    } else if components().any(|part| part.len() > MAX_COMPONENT) {
        Some(format!("a component of the file path is longer than {MAX_COMPONENT} bytes"))
    } else {
        None
    }
}

/// Two objects in one file, or one object's file where another needs a folder.
pub(super) fn collisions(files: &[File]) -> Vec<Error> {
    let mut by_path = BTreeMap::<&str, &ObjectId>::new();
    let mut faults = Vec::new();
    for file in files {
        if let Some(other) = by_path.insert(&file.path, &file.object) {
            faults.push(clash(other, &file.object, &file.path, "both write this file"));
        }
    }
    for file in files {
        // The first is enough for each file: a, a/a, a/a/a, ... has a clash for each pair.
        let mut folders = file.path.match_indices('/').filter_map(|(at, _)| file.path.get(..at));
        if let Some((folder, other)) = folders.find_map(|folder| Some((folder, by_path.get(folder)?))) {
            faults.push(clash(
                other,
                &file.object,
                folder,
                "one writes this file, the other needs it as a folder",
            ));
        }
    }
    faults
}

fn too_large(files: &[File], max_bytes: usize) -> Option<Error> {
    let sizes = || files.iter().map(|file| (file.size(), file));
    let total: usize = sizes().map(|(size, _)| size).sum();
    let (largest, file) = sizes().max_by_key(|(size, _)| *size)?;
    (total > max_bytes).then(|| {
        Error::new(Kind::Precondition, Stage::Files, format!("the volume's {total} bytes are more than {max_bytes}"))
            .object(&file.object)
            .with("largest_bytes", largest)
            .hint("split the class, or raise the driver's --max-call-recv-msg-size and keymount's --max-response-bytes together")
    })
}

fn broken(object: &ObjectId, path: &str, text: String) -> Error {
    Error::new(Kind::Invalid, Stage::Files, text).object(object).with("file", path)
}

fn clash(one: &ObjectId, other: &ObjectId, path: &str, text: &str) -> Error {
    Error::new(Kind::Invalid, Stage::Files, format!("objects {one} and {other}: {text}"))
        .object(other)
        .with("file", path)
        .hint("give each object a path of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(object: &str, path: &str, mode: Option<u32>) -> Secret {
        Secret { object: ObjectId::new(object), path: path.into(), mode, bytes: b"1234".to_vec().into() }
    }

    fn fault(secrets: Vec<Secret>) -> String {
        project(secrets, 0o644, 1000).err().map(|errors| errors.to_string()).unwrap_or_default()
    }

    #[test]
    fn paths_that_the_driver_refuses_are_refused_here() {
        let long = format!("a/{}", "b".repeat(256));
        let very_long = "a/".repeat(2100) + "a";
        for bad in [
            "", "/a", "../a", "..a", "..", ".", "./a", "a/", "a//b", "a/./b", "a/../b", "a\nb", "a\0", &long,
            &very_long,
        ] {
            let text = fault(vec![secret("o", bad, None)]);
            assert!(text.starts_with("stage=files object=o file="), "{bad:?}: {text}");
        }
        for good in ["a", "a/..b", "a/b/c", ".hidden", "ä/ö", "a b"] {
            assert_eq!(fault(vec![secret("o", good, None)]), "", "{good:?}");
        }
    }

    #[test]
    fn modes_default_to_the_requests_and_keep_nine_bits() {
        let files = project(
            vec![secret("a", "a", None), secret("b", "b", Some(0)), secret("c", "c", Some(0o400))],
            0o644,
            1000,
        );
        let modes: Vec<_> = files.into_iter().flatten().map(|file| file.mode).collect();
        assert_eq!(modes, [0o644, 0o644, 0o400]);
        assert!(fault(vec![secret("o", "a", Some(0o4755))]).contains("bits outside 0777"));
    }

    #[test]
    fn colliding_paths_name_both_objects() {
        let text = fault(vec![secret("one", "x", None), secret("two", "x", None)]);
        assert!(text.contains("objects one and two: both write this file"), "{text}");
        for pair in [["x", "x/y/z"], ["x/y/z", "x"]] {
            let text = fault(vec![secret("one", pair[0], None), secret("two", pair[1], None)]);
            assert!(text.contains("one") && text.contains("two") && text.contains("as a folder"), "{text}");
        }
        assert_eq!(fault(vec![secret("one", "x-y", None), secret("two", "x/y", None)]), "");
    }

    #[test]
    fn every_broken_rule_is_reported() {
        let text = fault(vec![
            secret("one", "/a", None),
            secret("two", "b", Some(0o7777)),
            secret("three", "b", None),
        ]);
        assert!(text.contains("object=one") && text.contains("object=two"), "{text}");
    }

    #[test]
    fn a_volume_that_the_driver_could_not_receive_is_refused() {
        let text = project(vec![secret("big", "a", None)], 0o644, 3).err().map(|errors| errors.to_string());
        assert!(text.unwrap_or_default().contains("--max-call-recv-msg-size"));
    }

    proptest::proptest! {
        /// Whatever objects are called: what passes is inside the volume, each in a file of its own.
        #[test]
        fn what_passes_is_inside_the_volume(
            paths in proptest::collection::vec("[a-c./\\\\\u{0}é ]{0,12}", 1..5),
            mode in proptest::option::of(0_u32..0o7777),
        ) {
            crate::files::fuzzed::paths(&paths, mode);
        }
    }
}
