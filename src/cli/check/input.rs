//! The files to look at: named ones, those of a folder, standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file; clusters' worth of manifests are smaller.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The most files of one run.
const MAX_FILES: usize = 20_000;
/// How deep folders are looked into; links are not followed there.
const MAX_DEPTH: usize = 32;
/// What standard input is called.
const STDIN: &str = "-";
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// One file's text.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: Arc<str>,
    pub(super) text: String,
    /// Whether somebody named it, rather than its folder.
    pub(super) is_named: bool,
}

/// Reads everything, or says what cannot be read.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN {
            let text =
                text(io::stdin().lock()).map_err(|error| format!("cannot read standard input: {error}"))?;
            sources.push(Source { name: "stdin".into(), text, is_named: true });
        } else if path.is_dir() {
            let mut files = Vec::new();
            walk(path, MAX_DEPTH, &mut files).map_err(|error| unread(path, &error))?;
            files.sort();
            for file in files {
                sources.push(source(&file, false)?);
            }
        } else {
            sources.push(source(path, true)?);
        }
        if sources.len() > MAX_FILES {
            return Err(format!("more than {MAX_FILES} files: name fewer folders"));
        }
    }
    Ok(sources)
}

fn source(path: &Path, is_named: bool) -> Result<Source, String> {
    let file = File::open(path).map_err(|error| unread(path, &error))?;
    let text = text(file).map_err(|error| unread(path, &error))?;
    Ok(Source { name: path.display().to_string().into(), text, is_named })
}

fn unread(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

fn text(from: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("more than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not text"))
}

/// Every manifest below a folder. Hidden folders are tools' own, such as `.git`.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let ends = path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| ENDINGS.contains(&ending));
        if kind.is_dir() && !hidden && depth > 0 {
            walk(&path, depth - 1, files)?;
        } else if ends
            && (kind.is_file() || (kind.is_symlink() && path.is_file()))
            && files.len() <= MAX_FILES
        {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_order_and_hidden_ones_are_not() {
        let Ok(folder) = tempfile::tempdir() else { unreachable!() };
        for path in ["b/x.yaml", "a.yml", "c.txt", ".git/x.yaml", "b/deep/y.json"] {
            let path = folder.path().join(path);
            let _ = path.parent().map(fs::create_dir_all);
            let _ = fs::write(path, "kind: X");
        }
        let read = read(&[folder.path().to_owned()]).unwrap_or_default();
        let names: Vec<_> = read.iter().filter_map(|source| source.name.rsplit('/').next()).collect();
        assert_eq!(names, ["a.yml", "y.json", "x.yaml"]);
        assert!(read.iter().all(|source| !source.is_named));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let fault = read(&["/nowhere/x.yaml".into()]).err().unwrap_or_default();
        assert!(fault.starts_with("cannot read /nowhere/x.yaml: "), "{fault}");
    }
}
