//! A folder in memory that outlives the process: what was made for pods is put
//! there before they get it, and found again after a restart (decision 5).
//!
//! ```text
//!  DIR/              0700, a tmpfs of the node, ours; who has its lock keeps, and
//!                    the kernel frees it with the process
//!  DIR/version-key   the key of object versions
//!  DIR/vault-5f3a…   0600, one for each session that holds something made for its pod
//! ```
//!
//! What a file says is for the one who puts it there; here it is only bytes.

mod file;
mod folder;
mod listing;
mod name;
mod version_key;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rustix::fs::FlockOperation;
use zeroize::Zeroizing;

use self::folder::Folder;
use super::disk::Disk;
use super::{Found, Shelf};
use crate::error::{Error, Kind, Stage};
use crate::time::Deadline;

/// How long a file may take: the folder is in memory.
const LIMIT: Duration = Duration::from_secs(5);
/// Files at work at a time.
const TURNS: usize = 4;
/// How often a process that may not keep yet asks whether it may.
const AGAIN: Duration = Duration::from_secs(1);

/// The hand-off folder. Until this process holds it, it keeps nothing and finds nothing there.
#[derive(Debug)]
pub struct Handoff {
    inner: Arc<Inner>,
    disk: Disk,
}

#[derive(Debug)]
struct Inner {
    folder: Folder,
    held: AtomicBool,
    trying: Mutex<()>,
}

// === impl Handoff ===

impl Handoff {
    /// Opens the folder `dir`, made if it is absent, in a folder that is not.
    ///
    /// Refuses one that anybody else owns or may enter, and, with `require_tmpfs`,
    /// one that is not in memory.
    pub fn open(dir: &Path, require_tmpfs: bool) -> Result<Self, Error> {
        let folder = Folder::open(dir, require_tmpfs)?;
        let (held, trying) = (AtomicBool::new(false), Mutex::default());
        let inner = Inner { folder, held, trying }.into();
        Ok(Self { inner, disk: Disk::new(TURNS, LIMIT) })
    }

    /// Whether this process holds the folder.
    pub fn held(&self) -> bool {
        self.inner.held.load(Ordering::Acquire)
    }

    /// Holds the folder, unless another process does; does not wait.
    pub fn try_hold(&self) -> bool {
        self.inner.try_hold()
    }

    /// Waits until this process holds the folder.
    pub async fn hold(&self) {
        let mut waits = false;
        while !self.work(|inner, _| Ok(inner.try_hold())).await.unwrap_or(false) {
            if !std::mem::replace(&mut waits, true) {
                tracing::info!(handoff = %self.inner.folder.path.display(),
                    "another process holds the hand-off folder: until it ends, nothing is kept for a restart");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The key of object versions in the folder: 32 bytes, made if there is none.
    /// It needs no hold: two processes that serve at once make the same versions.
    pub async fn version_key(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.work(|inner, _| inner.folder.version_key()).await
    }

    /// Whether `name` may be touched: not before the folder is held, and no bad name ever.
    fn keeps(&self, name: &str) -> Result<bool, Error> {
        if name::is_good(name) {
            return Ok(self.held());
        }
        Err(Error::new(Kind::Internal, Stage::Answer, "no name for a file of the hand-off")
            .with("file", name))
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, Deadline) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.inner.clone();
        let done = self.disk.run(move |deadline| work(&inner, deadline)).await;
        done.unwrap_or_else(|| {
            let fault = format!("the hand-off folder did not answer within {LIMIT:?}");
            Err(Error::new(Kind::Deadline, Stage::Answer, fault)
                .with("handoff", self.inner.folder.path.display()))
        })
    }
}

impl Shelf for Handoff {
    fn put<'a>(&'a self, name: &'a str, content: Zeroizing<Vec<u8>>) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            if !self.keeps(name)? {
                return Ok(());
            }
            let name = name.to_owned();
            self.work(move |inner, deadline| inner.folder.put(&name, &content, deadline)).await
        }
        .boxed()
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            if !self.keeps(name)? {
                return Ok(());
            }
            let name = name.to_owned();
            self.work(move |inner, deadline| inner.folder.remove(&name, deadline)).await
        }
        .boxed()
    }

    fn all<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Found>, Error>> {
        async move {
            if !self.held() {
                return Ok(Vec::new());
            }
            let prefix = prefix.to_owned();
            self.work(move |inner, _| inner.folder.all(&prefix)).await
        }
        .boxed()
    }
}

// === impl Inner ===

impl Inner {
    fn try_hold(&self) -> bool {
        let _one = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
        if self.held.load(Ordering::Acquire) {
            return true;
        }
        let locked = rustix::fs::flock(&self.folder.fd, FlockOperation::NonBlockingLockExclusive).is_ok();
        if locked {
            // Before anything is put: whatever is half written now is a dead process's.
            self.folder.sweep();
            self.held.store(true, Ordering::Release);
        }
        locked
    }
}
