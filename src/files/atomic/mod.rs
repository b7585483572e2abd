//! The driver's `..data` swap, for the command line (decision 13).
//!
//! ```text
//!  OUT/password ─▶ ..data/password        OUT/..data ─▶ ..2026_05_01_10_00_00.5f3a…/
//! ```
//!
//! A set is written into a new folder, made durable, and shown by one rename:
//! whoever resolves `..data` once sees one whole set. A crash leaves folders and
//! links that nobody reads; the next write sweeps them.

mod folder;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rustix::fs::FileType;
use secrecy::ExposeSecret;

use self::folder::Folder;
use super::File;
use super::project::{collisions, path_fault};
use crate::time::{Clock as _, Wall, random};

const DATA: &str = "..data";
const TEMPORARY: &str = "..data_tmp";
/// Behind the name of a folder that is being removed.
const GONE: &str = ".gone";
/// `YYYY_MM_DD_HH_MM_SS` with `9` for any digit.
const STAMP: &str = "9999_99_99_99_99_99";
const MODE_BITS: u32 = 0o777;

/// What a write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The folder held exactly this set; nothing of it was touched.
    Unchanged,
    /// `..data` names another folder now.
    Swapped {
        /// What `..data` named, if it was there.
        before: Option<String>,
        /// What it names now.
        after: String,
    },
}

/// Makes `files` the set that `dir` shows; `dir` is made if it is absent.
///
/// Refuses what [`project`](super::project()) would refuse, and a `dir` where something
/// that is not ours has the name of a file of the set. One writer at a time: a
/// second one waits. Blocks, so not for the runtime's own threads.
pub fn write(dir: &Path, files: &[File]) -> io::Result<Outcome> {
    check(files)?;
    std::fs::create_dir_all(dir)?;
    let root = Folder::open(dir)?;
    root.lock()?;
    let names: BTreeSet<&str> = files.iter().map(|file| first(&file.path)).collect();
    refuse_foreign(&root, &names)?;
    let before = root.link(DATA)?.filter(|name| is_ours(name));
    sweep(dir, &root, before.as_deref())?;
    if before.as_deref().is_some_and(|name| holds(&root, name, files).unwrap_or(false)) {
        show(&root, &names)?;
        hide(&root, &names)?;
        return Ok(Outcome::Unchanged);
    }
    let after = unique(&stamp())?;
    let swapped = root.make(&after).and_then(|folder| fill(&folder, files)).and_then(|()| {
        show(&root, &names)?;
        root.replace(&unique(TEMPORARY)?, &after, DATA)
    });
    if let Err(error) = swapped {
        let _ = std::fs::remove_dir_all(dir.join(&after));
        return Err(error);
    }
    hide(&root, &names)?;
    sweep(dir, &root, Some(&after))?;
    Ok(Outcome::Swapped { before, after })
}

fn check(files: &[File]) -> io::Result<()> {
    let path = files.iter().find_map(|file| Some(format!("{}: {}", file.path, path_fault(&file.path)?)));
    let clash = || collisions(files).first().map(ToString::to_string);
    let mode =
        || files.iter().find(|file| file.mode & !MODE_BITS != 0).map(|file| format!("{}: mode", file.path));
    let fault = path.or_else(clash).or_else(mode);
    fault.map_or(Ok(()), |fault| Err(io::Error::new(io::ErrorKind::InvalidInput, fault)))
}

/// The driver removes such entries of its own old versions; here they may be anybody's.
fn refuse_foreign(root: &Folder, names: &BTreeSet<&str>) -> io::Result<()> {
    for (name, kind) in root.entries()? {
        let ours =
            kind == FileType::Symlink && root.link(&name)?.is_some_and(|target| first(&target) == DATA);
        if names.contains(name.as_str()) && !ours {
            let text =
                format!("{name} is already there and was not made by keymount; choose an empty folder");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
    }
    Ok(())
}

/// Whether the folder `name` holds exactly `files`: contents, modes, and nothing else.
fn holds(root: &Folder, name: &str, files: &[File]) -> io::Result<bool> {
    let folder = root.folder(name)?;
    for file in files {
        let (parent, leaf) = walk(&folder, &file.path, Folder::folder)?;
        #[expect(clippy::disallowed_methods, reason = "compared with what the file holds")]
        if !parent.holds(leaf, file.mode, file.bytes.expose_secret())? {
            return Ok(false);
        }
    }
    Ok(folder.count()? == files.len())
}

/// Writes the set into its folder, durably.
fn fill(folder: &Folder, files: &[File]) -> io::Result<()> {
    for file in files {
        let (parent, leaf) = walk(folder, &file.path, Folder::make)?;
        #[expect(clippy::disallowed_methods, reason = "the file is where the value belongs")]
        parent.write(leaf, file.mode, file.bytes.expose_secret())?;
    }
    folder.sync_all()
}

/// Adds the links that are missing. Before the swap they lead nowhere.
fn show(root: &Folder, names: &BTreeSet<&str>) -> io::Result<()> {
    for name in names {
        let target = format!("{DATA}/{name}");
        if root.link(name)?.as_ref() != Some(&target) {
            root.replace(&unique(TEMPORARY)?, &target, name)?;
        }
    }
    Ok(())
}

/// Removes our links that the set has no more.
fn hide(root: &Folder, names: &BTreeSet<&str>) -> io::Result<()> {
    for (name, kind) in root.entries()? {
        let gone = kind == FileType::Symlink && !names.contains(name.as_str());
        if gone && root.link(&name)?.is_some_and(|target| target == format!("{DATA}/{name}")) {
            root.unlink(&name)?;
        }
    }
    root.sync()
}

/// Removes what an interrupted write left, and what the last swap replaced.
///
/// A folder is renamed first: whoever still reads in it by its path finds
/// nothing, rather than a set that loses one file after the other.
fn sweep(dir: &Path, root: &Folder, current: Option<&str>) -> io::Result<()> {
    for (name, kind) in root.entries()? {
        match kind {
            FileType::Directory if is_ours(&name) && Some(name.as_str()) != current => {
                let gone = format!("{}{GONE}", name.trim_end_matches(GONE));
                root.rename(&name, &gone)?;
                std::fs::remove_dir_all(dir.join(gone))?;
            }
            FileType::Symlink if name.starts_with(TEMPORARY) => root.unlink(&name)?,
            _ => {}
        }
    }
    Ok(())
}

/// The folder of `path`'s last component, each step taken by `step`, and that component.
fn walk<'a>(
    folder: &Folder,
    path: &'a str,
    step: fn(&Folder, &str) -> io::Result<Folder>,
) -> io::Result<(Folder, &'a str)> {
    let (parents, leaf) = path.rsplit_once('/').map_or((None, path), |(parents, leaf)| (Some(parents), leaf));
    let mut at = folder.again()?;
    for name in parents.iter().flat_map(|parents| parents.split('/')) {
        at = step(&at, name)?;
    }
    Ok((at, leaf))
}

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Whether a folder's name is one that [`write()`], or the driver, gives.
fn is_ours(name: &str) -> bool {
    let stamp = name.strip_prefix("..").and_then(|rest| rest.split_once('.')).map(|(stamp, _)| stamp);
    stamp.is_some_and(|stamp| stamp.replace(|letter: char| letter.is_ascii_digit(), "9") == STAMP)
}

fn stamp() -> String {
    let time = humantime::format_rfc3339_seconds(Wall.now()).to_string();
    format!("..{}", time.trim_end_matches('Z').replace(['-', 'T', ':'], "_"))
}

fn unique(prefix: &str) -> io::Result<String> {
    let mut die = [0; 8];
    if random(&mut die) {
        Ok(format!("{prefix}.{}", hex::encode(die)))
    } else {
        Err(io::Error::other("no random source"))
    }
}
