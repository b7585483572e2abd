//! A volume drawn as a tree: links, modes, contents, versions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Where the modes stand.
const COLUMN: usize = 52;
/// As much of a version as tells two apart.
const VERSION: usize = 12;

/// The tree of `dir`; `versions` by file path, as pod status has them.
pub(super) fn draw(dir: &Path, versions: &BTreeMap<String, String>) -> io::Result<String> {
    let mut text = format!("{:COLUMN$}  mode  {:VERSION$}  content\n", "volume", "version");
    branch(&mut text, dir, "", "", versions)?;
    Ok(text)
}

/// `path` is the folder's in its set: what versions go by.
fn branch(
    text: &mut String,
    dir: &Path,
    indent: &str,
    path: &str,
    versions: &BTreeMap<String, String>,
) -> io::Result<()> {
    let mut names: Vec<_> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    let last = names.len();
    for (at, name) in names.iter().enumerate() {
        let (file, name) = (dir.join(name), name.to_string_lossy());
        let (knee, below) = if at + 1 == last { ("`-- ", "    ") } else { ("|-- ", "|   ") };
        let found = fs::symlink_metadata(&file)?;
        let mode = found.permissions().mode() & 0o7777;
        // The set's own folder is not part of its paths.
        let inner = if name.starts_with("..") { String::new() } else { format!("{path}{name}") };
        if found.is_symlink() {
            let target = fs::read_link(&file)?;
            let _ = writeln!(text, "{indent}{knee}{name} -> {}", target.display());
        } else if found.is_dir() {
            let head = format!("{indent}{knee}{name}/");
            let _ = writeln!(text, "{head:COLUMN$}  {mode:04o}");
            let inner = if inner.is_empty() { inner } else { inner + "/" };
            branch(text, &file, &format!("{indent}{below}"), &inner, versions)?;
        } else {
            let head = format!("{indent}{knee}{name}");
            let version = versions.get(&inner).and_then(|version| version.get(..VERSION)).unwrap_or("-");
            let content = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
            let _ = writeln!(text, "{head:COLUMN$}  {mode:04o}  {version}  {content}");
        }
    }
    Ok(())
}
