//! What must hold for any names of objects; asked by the property tests and by `fuzz/`.

use super::project;
use crate::secret::{ObjectId, Secret};

/// What passes is inside the volume, each in a file of its own.
pub(crate) fn paths(paths: &[String], mode: Option<u32>) {
    let secret = |(at, path): (usize, &String)| Secret {
        object: ObjectId::new(at.to_string()),
        path: path.clone(),
        mode,
        bytes: b"1234".to_vec().into(),
    };
    let Ok(files) = project(paths.iter().enumerate().map(secret).collect(), 0o644, 1000) else { return };
    for (at, file) in files.iter().enumerate() {
        let parts: Vec<_> = file.path.split('/').collect();
        assert!(
            !parts.iter().any(|part| part.is_empty() || *part == "." || *part == ".."),
            "{:?}",
            file.path
        );
        assert!(!file.path.contains('\0') && !file.path.starts_with(".."), "{:?}", file.path);
        assert!(file.mode != 0 && file.mode & !0o777 == 0, "{:o}", file.mode);
        for other in files.iter().skip(at + 1) {
            let inside = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}/"));
            assert!(
                !inside(&file.path, &other.path) && !inside(&other.path, &file.path),
                "{:?} and {:?}",
                file.path,
                other.path
            );
        }
    }
}
