//! What is put is found again, and nothing of anybody else is.
#![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

/// A folder that is surely there, with one in it that is ours to make.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        // The umask may have taken too much.
        chmod(place.0.path(), 0o700);
        place
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("handoff")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn open(&self) -> Handoff {
        Handoff::open(&self.dir(), false).unwrap()
    }

    /// The hand-off, held, and its folder.
    fn held() -> (Self, Handoff) {
        let place = Self::new();
        let handoff = place.open();
        assert!(handoff.try_hold());
        (place, handoff)
    }

    fn refusal(&self) -> String {
        Handoff::open(&self.dir(), false).unwrap_err().to_string()
    }

    fn listing(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn content(text: &str) -> Zeroizing<Vec<u8>> {
    text.as_bytes().to_vec().into()
}

fn mode(path: impl AsRef<Path>) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Every file with its text, or with why it is not taken.
async fn all(handoff: &Handoff, prefix: &str) -> Vec<(String, String)> {
    let found = handoff.all(prefix).await.unwrap();
    let text = |read: Result<Zeroizing<Vec<u8>>, Error>| match read {
        Ok(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Err(error) => error.to_string(),
    };
    found.into_iter().map(|(name, read)| (name, text(read))).collect()
}

fn good(name: &str, text: &str) -> (String, String) {
    (name.into(), text.into())
}

#[tokio::test]
async fn what_is_put_is_found_by_the_next_process() {
    let (place, handoff) = Place::held();
    for (name, text) in [("vault-b", "two"), ("vault-a", "one"), ("local-a", "other"), ("vault-c", "gone")] {
        handoff.put(name, content(text)).await.unwrap();
    }
    handoff.put("vault-a", content("anew")).await.unwrap();
    handoff.remove("vault-c").await.unwrap();
    handoff.remove("vault-c").await.unwrap();
    drop(handoff);
    let next = place.open();
    next.hold().await;
    assert_eq!(all(&next, "vault-").await, [good("vault-a", "anew"), good("vault-b", "two")]);
    assert_eq!(all(&next, "").await.len(), 3);
    assert_eq!(place.listing(), ["local-a", "vault-a", "vault-b"]);
    let read = next.all("vault-b").await.unwrap().remove(0).1.unwrap();
    assert_eq!(read.capacity(), read.len(), "no room that grew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_sees_half_a_file() {
    let (place, handoff) = Place::held();
    let text = |turn: usize| char::from(b'a' + u8::try_from(turn % 26).unwrap()).to_string().repeat(100_000);
    handoff.put("a", content(&text(0))).await.unwrap();
    let whole =
        |text: &str| text.len() == 100_000 && text.bytes().all(|letter| text.starts_with(char::from(letter)));
    let (file, done) = (place.file("a"), Arc::new(AtomicBool::new(false)));
    let outside = {
        let done = done.clone();
        std::thread::spawn(move || {
            let mut seen = 0;
            while !done.load(Ordering::SeqCst) {
                assert!(whole(&std::fs::read_to_string(&file).unwrap()));
                seen += 1;
            }
            seen
        })
    };
    for turn in 1..=200 {
        let (put, found) = tokio::join!(handoff.put("a", content(&text(turn))), all(&handoff, ""));
        put.unwrap();
        assert!(found.iter().all(|(_, text)| whole(text)), "{turn}");
    }
    done.store(true, Ordering::SeqCst);
    assert!(outside.join().unwrap() > 0);
    assert_eq!(all(&handoff, "").await, [good("a", &text(200))]);
}

#[tokio::test]
async fn what_is_written_is_the_owners_alone() {
    let (place, handoff) = Place::held();
    handoff.put("a", content("x")).await.unwrap();
    handoff.version_key().await.unwrap();
    assert_eq!(mode(place.dir()), 0o700);
    assert_eq!(place.listing(), ["a", "version-key"]);
    for name in place.listing() {
        assert_eq!(mode(place.file(&name)), 0o600, "{name}");
    }
}

/// The umask is the whole process's, so that another one is needed to change it.
#[test]
fn whatever_the_umask_is() {
    let path = "lease::handoff::tests::what_is_written_is_the_owners_alone";
    for umask in ["0000", "0277"] {
        let script = format!("umask {umask}; exec \"$0\" --exact {path}");
        let ran =
            Command::new("sh").arg("-c").arg(script).arg(std::env::current_exe().unwrap()).output().unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && text.contains("1 passed"), "umask {umask}: {text}");
    }
}

#[tokio::test]
async fn a_bad_file_costs_only_itself() {
    let (place, handoff) = Place::held();
    handoff.put("good", content("x")).await.unwrap();
    let write = |name: &str| std::fs::write(place.file(name), "theirs").map(|()| place.file(name)).unwrap();
    symlink("good", place.file("s-link")).unwrap();
    chmod(write("s-open"), 0o644);
    chmod(write("s-group"), 0o620);
    std::fs::hard_link(write("s-hard"), place.0.path().join("other")).unwrap();
    std::fs::create_dir(place.file("s-dir")).unwrap();
    mknodat(CWD, place.file("s-fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = UnixListener::bind(place.file("s-socket")).unwrap();
    let large = std::fs::File::create(place.file("s-large")).unwrap();
    large.set_len(file::MOST + 1).unwrap();
    for name in ["s-large", "s-hard"] {
        chmod(place.file(name), 0o600);
    }
    chmod(write("s-Name"), 0o600);
    let mut faults = vec![
        ("s-Name", "keymount gives no such name"),
        ("s-dir", "it is not a regular file"),
        ("s-fifo", "it is not a regular file"),
        ("s-group", "it is open to others (mode 0620)"),
        ("s-hard", "it has more than one name (a hard link)"),
        ("s-large", "it is larger than 16 MiB"),
        ("s-link", "it is a symbolic link"),
        ("s-open", "it is open to others (mode 0644)"),
        ("s-socket", "it is not a regular file"),
    ];
    if is_root() {
        chmod(write("s-their"), 0o600);
        chown(place.file("s-their"), Some(1), None).unwrap();
        faults.push(("s-their", "it belongs to user 1, and keymount is user 0"));
    }
    let dir = place.dir().display().to_string();
    let said = |(name, fault): &(&str, &str)| {
        good(
            name,
            &format!("stage=start handoff={dir} file={name}: a file of the hand-off is not taken: {fault}"),
        )
    };
    assert_eq!(all(&handoff, "s-").await, faults.iter().map(said).collect::<Vec<_>>());
    assert_eq!(all(&handoff, "g").await, [good("good", "x")]);
}

#[tokio::test]
async fn there_is_an_end_to_the_files_that_are_taken() {
    let (place, handoff) = Place::held();
    for at in 0..listing::MOST + 2 {
        std::fs::write(place.file(&format!("f{at}")), "").unwrap();
    }
    let found = all(&handoff, "").await;
    assert_eq!(found.len(), listing::MOST + 1);
    assert!(found.last().unwrap().1.ends_with("there are 2 files more than 8192"), "{:?}", found.last());
}

#[test]
fn a_folder_that_is_not_ours_alone_is_refused() {
    let place = Place::new();
    let dir = place.dir();
    std::fs::create_dir(&dir).unwrap();
    chmod(&dir, 0o755);
    let text = place.refusal();
    let dir_text = dir.display();
    assert_eq!(
        text,
        format!(
            "stage=start handoff={dir_text}: the hand-off folder is open to others (mode 0755); hint: chmod \
             0700 it, or name one that is not there yet, such as {dir_text}/keymount: keymount makes it 0700"
        )
    );
    Handoff::open(&dir.join("keymount"), false).unwrap();
    if is_root() {
        chmod(&dir, 0o700);
        chown(&dir, Some(1), None).unwrap();
        let text = place.refusal();
        assert!(
            text.contains("folder belongs to user 1, and keymount is user 0; hint: chown it to 0"),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_folder_is_refused() {
    let place = Place::new();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), place.dir()).unwrap();
    let text = place.refusal();
    assert!(text.contains("the hand-off folder is a symbolic link; hint: name the folder itself"), "{text}");
    let slash = Handoff::open(&place.dir().join(""), false).unwrap_err().to_string();
    assert_eq!(text, slash, "a slash at the end follows no link either");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    std::fs::remove_file(place.dir()).unwrap();
    std::fs::write(place.dir(), "").unwrap();
    assert!(place.refusal().contains("the hand-off folder is not a folder; hint: name a folder"));
    let text = Handoff::open(&place.0.path().join("a/b"), false).unwrap_err().to_string();
    assert!(text.contains("the folder that it is in is not there; hint: mount a tmpfs"), "{text}");
}

#[tokio::test]
async fn it_must_be_in_memory() {
    let memory = Path::new("/dev/shm");
    let is_tmpfs = |path: &Path| rustix::fs::statfs(path).is_ok_and(|stat| stat.f_type == 0x0102_1994);
    if is_tmpfs(memory) {
        let dir = tempfile::tempdir_in(memory).unwrap();
        let handoff = Handoff::open(&dir.path().join("handoff"), true).unwrap();
        handoff.hold().await;
        handoff.put("a", content("x")).await.unwrap();
        assert_eq!(all(&handoff, "").await, [good("a", "x")]);
        assert_eq!(handoff.version_key().await.unwrap(), handoff.version_key().await.unwrap());
    }
    // What the compiler writes is hardly in memory.
    let built = std::env::current_exe().unwrap();
    let dir = tempfile::tempdir_in(built.parent().unwrap()).unwrap();
    if !is_tmpfs(dir.path()) {
        let text = Handoff::open(&dir.path().join("handoff"), true).unwrap_err().to_string();
        assert!(text.contains("the hand-off folder is not on a tmpfs (its file system is 0x"), "{text}");
        assert!(text.contains("hint: name a folder on a tmpfs of the node, such as /run"), "{text}");
        assert!(!dir.path().join("handoff").exists(), "what was made for nothing");
    }
}

#[tokio::test]
async fn a_second_process_keeps_nothing_until_it_holds_the_folder() {
    let (place, first) = Place::held();
    first.put("a", content("x")).await.unwrap();
    let second = place.open();
    assert!(!second.try_hold() && !second.held() && first.held());
    second.put("b", content("y")).await.unwrap();
    second.remove("a").await.unwrap();
    assert!(all(&second, "").await.is_empty());
    assert_eq!(place.listing(), ["a"]);
    assert_eq!(first.version_key().await.unwrap(), second.version_key().await.unwrap());
    let waits = tokio::time::timeout(Duration::from_millis(50), second.hold()).await;
    assert!(waits.is_err());
    drop(first);
    tokio::time::timeout(Duration::from_secs(10), second.hold()).await.unwrap();
    assert!(second.held() && second.try_hold());
    assert_eq!(all(&second, "").await, [good("a", "x")]);
}

/// The kernel frees the lock of a process that was killed.
#[test]
fn a_killed_process_holds_nothing() {
    let place = Place::new();
    let handoff = place.open();
    let script = "exec 9<\"$0\" && flock 9 && echo && exec sleep 60";
    let mut holder = Command::new("sh");
    holder.arg("-c").arg(script).arg(place.dir()).stdout(Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    holder.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    assert!(!handoff.try_hold());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(handoff.try_hold());
}

#[tokio::test]
async fn what_a_killed_process_was_writing_is_swept() {
    let (place, first) = Place::held();
    std::fs::write(place.file(".new-0123"), "half").unwrap();
    assert!(all(&first, "").await.is_empty(), "what is being written is nobody's yet");
    let second = place.open();
    assert!(!second.try_hold());
    assert_eq!(place.listing(), [".new-0123"], "it may be the holder's");
    drop(first);
    assert!(second.try_hold());
    assert_eq!(place.listing(), [""; 0]);
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_changes_nothing() {
    let (place, handoff) = Place::held();
    let late = Deadline::after(Duration::ZERO);
    let error = handoff.inner.folder.put("a", b"x", late).unwrap_err();
    assert!(error.to_string().contains("cannot keep it for a restart"), "{error}");
    assert_eq!(place.listing(), [""; 0]);
    handoff.put("a", content("x")).await.unwrap();
    assert!(handoff.inner.folder.remove("a", late).is_err());
    assert_eq!(all(&handoff, "").await, [good("a", "x")]);
}

#[tokio::test]
async fn no_name_leads_elsewhere() {
    let (place, handoff) = Place::held();
    for name in ["", ".", "..", "../a", "a/b", "A", "a.b", ".new-1", "version-key", "é", &"a".repeat(129)] {
        let put = handoff.put(name, content("x")).await;
        assert_eq!(put.unwrap_err().kind(), Kind::Internal, "{name}");
        assert_eq!(handoff.remove(name).await.unwrap_err().kind(), Kind::Internal, "{name}");
    }
    handoff.put(&"a".repeat(128), content("x")).await.unwrap();
    handoff.put("a_0-z", content("x")).await.unwrap();
    assert_eq!(place.listing().len(), 2);
}

#[tokio::test]
async fn what_could_not_be_read_is_not_put() {
    let (place, handoff) = Place::held();
    let most = usize::try_from(file::MOST).unwrap();
    handoff.put("a", vec![0; most].into()).await.unwrap();
    let error = handoff.put("a", vec![0; most + 1].into()).await.unwrap_err().to_string();
    assert!(error.contains("cannot keep it for a restart: it is larger than 16 MiB"), "{error}");
    assert_eq!(all(&handoff, "a").await.first().unwrap().1.len(), most);
    std::fs::create_dir(place.file("b")).unwrap();
    assert!(handoff.put("b", content("x")).await.is_err());
    assert_eq!(place.listing(), ["a", "b"], "a failed put leaves nothing behind");
}

#[tokio::test]
async fn the_version_key_is_made_once() {
    let place = Place::new();
    // None of them holds the folder, and all make one at once.
    let keys =
        futures_util::future::join_all((0..8).map(|_| async { place.open().version_key().await.unwrap() }))
            .await;
    let first = keys.first().unwrap();
    assert!(first.len() == 32 && keys.iter().all(|key| key == first));
    assert_eq!(place.listing(), ["version-key"]);
    assert_eq!(*first, place.open().version_key().await.unwrap());
}

#[tokio::test]
async fn a_bad_version_key_is_refused() {
    let place = Place::new();
    let handoff = place.open();
    std::fs::write(place.file("version-key"), "short").unwrap();
    for (mode, fault) in [(0o600, "it has not 32 bytes"), (0o640, "it is open to others (mode 0640)")] {
        chmod(place.file("version-key"), mode);
        let text = handoff.version_key().await.unwrap_err().to_string();
        assert!(text.contains(fault) && text.contains("hint: remove the file"), "{text}");
    }
}
