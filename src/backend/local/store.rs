//! The file on disk: looked at when a pod asks, read again when it changed.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::document::{Document, Fault};
use crate::error::{Error, Kind, Stage};
use crate::time::{Clock as _, Deadline, Wall};

/// More than any store should hold; a `ConfigMap` ends at 1 MiB.
const MAX_FILE: u64 = 8 * 1024 * 1024;
/// Two writes in one tick of the file system's clock look the same: a file as
/// young as this when it was read is read again.
const TICK: Duration = Duration::from_millis(50);

/// The store's file and what it held when last read.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    last: Option<Seen>,
    /// What was logged of a file that cannot be used, so that it is logged once.
    logged: Option<String>,
}

/// One look at the file.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    settled: bool,
    result: Result<Arc<Document>, Fault>,
}

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl Store ===

impl Store {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, kept: Arc::default() }
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says now. A damaged file is an error, never an older answer.
    pub(super) async fn document(&self, by: Deadline) -> Result<Arc<Document>, Error> {
        let (path, kept) = (self.path.clone(), self.kept.clone());
        let work = async move {
            // One reader at a time; the rest find what it kept.
            let mut kept = kept.lock_owned().await;
            tokio::task::spawn_blocking(move || kept.document(&path)).await
        };
        match by.bound(work).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::new(Kind::Internal, Stage::Read, "reading the store broke off")),
            None => Err(Error::new(Kind::Deadline, Stage::Read, "reading the store's file took too long")
                .with("backend", super::NAME)
                .with("file", self.path.display())),
        }
    }
}

// === impl Kept ===

impl Kept {
    fn document(&mut self, path: &Path) -> Result<Arc<Document>, Error> {
        let result = self.look(path).map_err(|fault| unusable(path, &fault));
        match &result {
            Ok(_) => self.logged = None,
            Err(error) => self.log(error),
        }
        result
    }

    fn look(&mut self, path: &Path) -> Result<Arc<Document>, Fault> {
        // Before opening: a pipe would wait for its writer.
        let stamp = Stamp::of(&regular(std::fs::metadata(path))?);
        let last = self.last.take().filter(|last| last.stamp == stamp);
        let known = last.is_some();
        let seen = match last {
            Some(last) if last.settled => last,
            _ => Seen::read(path)?,
        };
        if let (Ok(document), false) = (&seen.result, known) {
            tracing::info!(store = %path.display(), secrets = document.len(), "read the local store");
        }
        let result = seen.result.clone();
        self.last = Some(seen);
        result
    }

    fn log(&mut self, error: &Error) {
        let text = error.to_string();
        if self.logged.as_ref() != Some(&text) {
            tracing::error!(%error, "the local store cannot be used; mounts from it fail until it is mended");
            self.logged = Some(text);
        }
    }
}

// === impl Seen ===

impl Seen {
    fn read(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let stamp = Stamp::of(&regular(file.metadata())?);
        let settled = stamp.is_settled();
        Ok(Self { stamp, settled, result: parse(file, stamp.length).map(Arc::new) })
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the next write is bound to change the stamp. By the change time: nobody can set that.
    fn is_settled(&self) -> bool {
        let (seconds, nanos) = self.changed;
        let changed = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
        Wall.now().duration_since(UNIX_EPOCH + changed).is_ok_and(|age| age > TICK)
    }
}

fn parse(file: File, length: u64) -> Result<Document, Fault> {
    // Room for all of it, so that the buffer does not move and leave a copy behind.
    let room = usize::try_from(length.min(MAX_FILE)).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let size = file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if size as u64 > MAX_FILE {
        return Err(fault(format!("the file is larger than {MAX_FILE} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        Fault { line: 1 + before.filter(|byte| **byte == b'\n').count() as u64, text: "not UTF-8".into() }
    })?;
    Document::parse(text)
}

fn regular(metadata: io::Result<Metadata>) -> Result<Metadata, Fault> {
    let metadata = metadata.map_err(|error| unreadable(&error))?;
    metadata.is_file().then_some(metadata).ok_or_else(|| fault("not a regular file".into()))
}

fn unreadable(error: &io::Error) -> Fault {
    fault(format!("cannot be read: {error}"))
}

fn fault(text: String) -> Fault {
    Fault { line: 0, text }
}

fn unusable(path: &Path, fault: &Fault) -> Error {
    let error = Error::new(
        Kind::Precondition,
        Stage::Read,
        format!("the local store cannot be used: {}", fault.text),
    )
    .with("backend", super::NAME)
    .with("file", path.display());
    match fault.line {
        0 => error.hint("--local-store names the file; keymount must be able to read it"),
        line => error.with("line", line).hint("correct the file; the next mount reads it again"),
    }
}
