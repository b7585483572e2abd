//! The layout, the swap, and what an interrupted write leaves.
#![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::*;
use crate::secret::ObjectId;

fn file(path: &str, mode: u32, content: &str) -> File {
    File { object: ObjectId::new(path), path: path.into(), mode, bytes: content.as_bytes().to_vec().into() }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn listing(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: impl AsRef<Path>) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn after(outcome: Outcome) -> String {
    match outcome {
        Outcome::Swapped { after, .. } => after,
        Outcome::Unchanged => unreachable!("the set was written"),
    }
}

#[test]
fn the_layout_is_the_drivers() {
    let dir = folder();
    let files =
        [file("password", 0o644, "s3"), file("tls/key.pem", 0o400, "k"), file("tls/deep/er", 0o600, "")];
    let name = after(write(dir.path(), &files).unwrap());
    assert!(is_ours(&name), "{name}");
    assert_eq!(listing(dir.path()), [name.as_str(), "..data", "password", "tls"]);
    let link = |name: &str| {
        std::fs::read_link(dir.path().join(name)).unwrap().into_os_string().into_string().unwrap()
    };
    assert_eq!([link("..data"), link("password"), link("tls")], [&name, "..data/password", "..data/tls"]);
    assert_eq!(std::fs::read_to_string(dir.path().join("tls/key.pem")).unwrap(), "k");
    let data = dir.path().join("..data");
    let modes =
        ["password", "tls/key.pem", "tls/deep/er", "tls", "tls/deep", "."].map(|path| mode(data.join(path)));
    assert_eq!(modes, [0o644, 0o400, 0o600, 0o755, 0o755, 0o755]);
}

#[test]
fn an_unchanged_set_touches_nothing() {
    let dir = folder();
    let files = [file("a", 0o640, "1"), file("b/c", 0o640, "2")];
    write(dir.path(), &files).unwrap();
    let state = || {
        let root = std::fs::metadata(dir.path()).unwrap();
        let file = std::fs::metadata(dir.path().join("b/c")).unwrap();
        (root.mtime(), root.mtime_nsec(), file.ino(), file.ctime_nsec(), listing(dir.path()))
    };
    let before = state();
    assert_eq!(write(dir.path(), &files).unwrap(), Outcome::Unchanged);
    assert_eq!(state(), before);
}

#[test]
fn contents_modes_and_files_are_changes_and_old_ones_go() {
    let dir = folder();
    let mut last = after(write(dir.path(), &[file("a", 0o644, "1"), file("b/c", 0o644, "2")]).unwrap());
    for files in [
        vec![file("a", 0o644, "X"), file("b/c", 0o644, "2")],
        vec![file("a", 0o600, "X"), file("b/c", 0o644, "2")],
        vec![file("a", 0o600, "X"), file("b/c", 0o644, "2"), file("b/d", 0o644, "3")],
        vec![file("a", 0o600, "X")],
        vec![file("a/b", 0o600, "X")],
        vec![],
    ] {
        let Outcome::Swapped { before, after } = write(dir.path(), &files).unwrap() else {
            unreachable!("the set differs")
        };
        assert_eq!(before.as_ref(), Some(&last));
        let mut names: Vec<_> = files.iter().map(|file| first(&file.path)).chain([DATA, &after]).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(listing(dir.path()), names);
        last = after;
    }
}

#[test]
fn what_the_driver_would_refuse_is_refused_before_anything_is_written() {
    for bad in
        [vec!["../a"], vec!["/a"], vec!["a//b"], vec!["..a"], vec![""], vec!["a", "a"], vec!["a", "a/b"]]
    {
        let dir = folder();
        let files: Vec<_> = bad.iter().map(|path| file(path, 0o644, "x")).collect();
        assert_eq!(write(dir.path(), &files).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{bad:?}");
        assert_eq!(listing(dir.path()), Vec::<String>::new());
    }
    assert!(write(folder().path(), &[file("a", 0o4755, "x")]).is_err());
}

#[test]
fn what_is_not_ours_stays() {
    for make in [
        |path: &Path| std::fs::write(path, "theirs").unwrap(),
        |path: &Path| std::fs::create_dir(path).unwrap(),
        |path: &Path| symlink("/etc/passwd", path).unwrap(),
    ] {
        let dir = folder();
        make(&dir.path().join("a"));
        let error = write(dir.path(), &[file("a", 0o644, "x")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(listing(dir.path()), ["a"]);
    }
    let dir = folder();
    std::fs::write(dir.path().join("theirs"), "x").unwrap();
    std::fs::create_dir(dir.path().join("..theirs")).unwrap();
    write(dir.path(), &[file("a", 0o644, "x")]).unwrap();
    write(dir.path(), &[file("b", 0o644, "x")]).unwrap();
    assert!(
        listing(dir.path()).contains(&"theirs".to_owned())
            && listing(dir.path()).contains(&"..theirs".to_owned())
    );
}

#[test]
fn no_link_leads_out() {
    let (dir, outside) = (folder(), folder());
    std::fs::write(outside.path().join("a"), "theirs").unwrap();
    // `..data` of somebody else, and one of our own names that leads elsewhere.
    symlink(outside.path(), dir.path().join("..data")).unwrap();
    symlink(outside.path(), dir.path().join("..2026_01_01_00_00_00.x")).unwrap();
    write(dir.path(), &[file("a", 0o644, "x")]).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("a")).unwrap(), "x");
    std::fs::remove_file(dir.path().join("..data")).unwrap();
    symlink("..2026_01_01_00_00_00.x", dir.path().join("..data")).unwrap();
    write(dir.path(), &[file("a", 0o644, "y")]).unwrap();
    assert_eq!(std::fs::read_to_string(outside.path().join("a")).unwrap(), "theirs");
    assert_eq!(listing(outside.path()), ["a"]);
}

#[test]
fn what_a_crash_left_is_healed() {
    let dir = folder();
    let files = [file("a", 0o644, "1"), file("b", 0o644, "2")];
    let leave = |current: &str| {
        // Half a new set, half an old one, the link that was about to be renamed, a link not yet removed, one not yet made.
        std::fs::create_dir(dir.path().join("..2026_01_01_00_00_00.dead")).unwrap();
        std::fs::write(dir.path().join("..2026_01_01_00_00_00.dead/a"), "half").unwrap();
        std::fs::create_dir(dir.path().join("..2026_01_01_00_00_00.old.gone")).unwrap();
        symlink("..2026_01_01_00_00_00.dead", dir.path().join("..data_tmp")).unwrap();
        symlink("..data/gone", dir.path().join("gone")).unwrap();
        std::fs::remove_file(dir.path().join("b")).unwrap();
        assert_eq!(std::fs::read_link(dir.path().join("..data")).unwrap(), Path::new(current));
    };
    let first = after(write(dir.path(), &files).unwrap());
    leave(&first);
    assert_eq!(write(dir.path(), &files).unwrap(), Outcome::Unchanged);
    assert_eq!(listing(dir.path()), [first.as_str(), "..data", "a", "b"]);
    leave(&first);
    let second = after(write(dir.path(), &[file("a", 0o644, "3"), file("b", 0o644, "4")]).unwrap());
    assert_eq!(listing(dir.path()), [second.as_str(), "..data", "a", "b"]);
    // The folder that `..data` names is gone, or holds something else.
    std::fs::remove_dir_all(dir.path().join(&second)).unwrap();
    write(dir.path(), &files).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("b")).unwrap(), "2");
}

#[test]
fn a_failed_swap_leaves_nothing_behind() {
    let dir = folder();
    write(dir.path(), &[file("a", 0o644, "1")]).unwrap();
    // A link cannot be renamed over a folder.
    std::fs::remove_file(dir.path().join("..data")).unwrap();
    std::fs::create_dir(dir.path().join("..data")).unwrap();
    assert!(write(dir.path(), &[file("a", 0o644, "2")]).is_err());
    assert_eq!(listing(dir.path()), ["..data", "a"]);
}

/// One set, read as a pod should: `..data` is resolved once.
fn read_set(dir: &Path) -> Option<BTreeMap<String, String>> {
    let set = dir.join(std::fs::read_link(dir.join(DATA)).ok()?);
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(&set).ok()? {
        let entry = entry.ok()?;
        files.insert(entry.file_name().into_string().ok()?, std::fs::read_to_string(entry.path()).ok()?);
    }
    // Swept while it was read: what was read does not count.
    set.exists().then_some(files)
}

#[test]
fn a_reader_sees_whole_sets_only() {
    let dir = folder();
    let done = AtomicBool::new(false);
    // The number of files and every content say which generation it is.
    let set = |generation: usize| -> Vec<_> {
        (0..=generation % 5).map(|at| file(&format!("f{at}"), 0o644, &generation.to_string())).collect()
    };
    write(dir.path(), &set(0)).unwrap();
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0_usize;
            while !done.load(Ordering::SeqCst) {
                let Some(files) = read_set(dir.path()) else { continue };
                let generation: usize = files.values().next().unwrap().parse().unwrap();
                assert!(files.values().all(|content| *content == generation.to_string()), "{files:?}");
                assert_eq!(files.len(), generation % 5 + 1, "{files:?}");
                // By its link a file is there, or is about to be: never empty.
                let by_link = std::fs::read_to_string(dir.path().join("f0"));
                assert!(by_link.map_or(true, |content| !content.is_empty()));
                seen += 1;
            }
            seen
        });
        for generation in 1..=200 {
            write(dir.path(), &set(generation)).unwrap();
        }
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert!(seen > 0, "{seen} whole sets seen");
    assert_eq!(listing(dir.path()).iter().filter(|name| is_ours(name)).count(), 1);
}

#[test]
fn writers_take_turns() {
    let dir = folder();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let dir = &dir;
            scope.spawn(move || {
                for turn in 0..20 {
                    let content = format!("{writer}-{turn}");
                    write(dir.path(), &[file("a", 0o644, &content), file("b", 0o644, &content)]).unwrap();
                }
            });
        }
    });
    let files = read_set(dir.path()).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(files.get("a"), files.get("b"));
    assert_eq!(listing(dir.path()).len(), 4);
}
