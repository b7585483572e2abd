//! A socket of ours: bound once, kept in place, never taken from another (decision 17).

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio_stream::Stream;

/// How often the socket's place is looked at, and a busy one is tried again.
const LOOK: Duration = Duration::from_secs(1);
/// How long a probe of another's socket may take.
const PROBE: Duration = Duration::from_secs(1);

/// A socket, as others see it.
#[derive(Clone, Debug)]
pub struct Socket {
    path: Arc<PathBuf>,
    bound: Arc<AtomicBool>,
}

/// The socket as its server holds it: a stream of connections that mends itself.
#[derive(Debug)]
pub struct Bound {
    socket: Socket,
    held: Option<Held>,
}

/// A listener and the file that it is reached by.
#[derive(Debug)]
struct Held {
    listener: UnixListener,
    file: (u64, u64),
}

// === impl Socket ===

impl Socket {
    /// The socket of `provider` in `dir`.
    pub fn new(dir: &Path, provider: &str) -> Self {
        Self::at(dir.join(format!("{provider}.sock")))
    }

    /// The socket at `path`.
    pub fn at(path: PathBuf) -> Self {
        Self { path: Arc::new(path), bound: Arc::default() }
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is ours. Whether anybody answers there only a dial shows ([`super::answers`]).
    pub fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Relaxed)
    }

    /// Binds it if nobody else serves there. A path that cannot be had now is tried again later.
    pub async fn bind(self) -> Bound {
        let mut bound = Bound { socket: self, held: None };
        bound.take().await;
        bound
    }

    /// The same where a path that cannot be had is the caller's to judge; another's is tried again later.
    pub async fn claim(self) -> io::Result<Bound> {
        let held = hold(&self.path).await?;
        self.bound.store(held.is_some(), Ordering::Relaxed);
        Ok(Bound { socket: self, held })
    }
}

// === impl Bound ===

impl Bound {
    /// Whether the socket is ours.
    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The connections made to it, for as long as the stream is polled. The file
    /// goes with the stream, if it is still ours.
    pub fn connections(self) -> impl Stream<Item = io::Result<UnixStream>> {
        futures_util::stream::unfold(self, |mut bound| async move {
            let connection = bound.next().await;
            Some((Ok(connection), bound))
        })
    }

    async fn next(&mut self) -> UnixStream {
        loop {
            let accepted = match &self.held {
                Some(held) => tokio::time::timeout(LOOK, held.listener.accept()).await.ok(),
                None => {
                    tokio::time::sleep(LOOK).await;
                    None
                }
            };
            match accepted {
                Some(Ok((connection, _))) if is_allowed(&connection) => return connection,
                Some(Ok(_)) => {
                    tracing::warn!(path = %self.socket.path.display(), "refused a connection of another user");
                }
                Some(Err(error)) => {
                    // Out of descriptors, say: not a reason to end, nor to spin.
                    tracing::warn!(path = %self.socket.path.display(), %error, "cannot accept");
                    tokio::time::sleep(LOOK).await;
                }
                None => self.look().await,
            }
        }
    }

    /// Puts the socket back if its file vanished, or takes a place that has become free.
    async fn look(&mut self) {
        let path = self.socket.path.as_path();
        if self.held.as_ref().is_some_and(|held| file(path) == Some(held.file)) {
            return;
        }
        if self.held.is_some() {
            tracing::warn!(path = %path.display(), "the socket's file is gone or another's; binding it again");
        }
        self.take().await;
    }

    async fn take(&mut self) {
        let path = self.socket.path.as_path();
        self.held = hold(path).await.unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "cannot bind the socket; trying again");
            None
        });
        self.socket.bound.store(self.held.is_some(), Ordering::Relaxed);
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.socket.bound.store(false, Ordering::Relaxed);
        let path = self.socket.path.as_path();
        if self.held.as_ref().is_some_and(|held| file(path) == Some(held.file)) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Binds beside the path and moves the socket there, so that no moment shows a
/// dead one; `None` if somebody else serves there.
async fn hold(path: &Path) -> io::Result<Option<Held>> {
    if !is_free(path).await {
        return Ok(None);
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let _ = std::fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    let placed = std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600))
        .and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = placed {
        let _ = std::fs::remove_file(&beside);
        return Err(error);
    }
    let file = file(path).ok_or_else(|| io::Error::other("the socket vanished while it was bound"))?;
    Ok(Some(Held { listener, file }))
}

/// Whether certainly nobody serves there: a full backlog or a refusal by permission is somebody.
pub async fn is_free(path: &Path) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    match tokio::time::timeout(PROBE, UnixStream::connect(path)).await {
        Ok(Err(error)) => matches!(error.kind(), ConnectionRefused | NotFound),
        Ok(Ok(_)) | Err(_) => false,
    }
}

/// Which file stands at the path, whatever its name means now.
fn file(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// The driver runs as root; anybody else but ourselves has no business here.
fn is_allowed(connection: &UnixStream) -> bool {
    let us = rustix::process::geteuid().as_raw();
    connection.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == us)
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    async fn serve(dir: &Path) -> (Socket, tokio::task::JoinHandle<()>) {
        let socket = Socket::new(dir, "local");
        let bound = socket.clone().bind().await;
        let task = tokio::spawn(async move {
            let mut connections = Box::pin(bound.connections());
            while connections.next().await.is_some() {}
        });
        (socket, task)
    }

    async fn is_ready(socket: &Socket) -> bool {
        socket.is_bound() && UnixStream::connect(socket.path()).await.is_ok()
    }

    async fn until(socket: &Socket, ready: bool) -> bool {
        for _ in 0..100 {
            if is_ready(socket).await == ready {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    fn dir() -> tempfile::TempDir {
        let Ok(dir) = tempfile::tempdir() else { unreachable!("a temporary folder") };
        dir
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_vanished_one_put_back() {
        let dir = dir();
        drop(std::os::unix::net::UnixListener::bind(dir.path().join("local.sock")));
        let (socket, task) = serve(dir.path()).await;
        assert!(is_ready(&socket).await, "the stale file was replaced");
        let mode = std::fs::metadata(socket.path()).map(|found| found.mode() & 0o777).ok();
        assert_eq!(mode, Some(0o600));
        let _ = std::fs::remove_file(socket.path());
        assert!(until(&socket, true).await, "put back");
        task.abort();
        assert!(task.await.is_err() && !socket.path().exists(), "gone at the end");
    }

    #[tokio::test]
    async fn a_live_foreign_socket_is_left_alone_until_it_is_free() {
        let dir = dir();
        let Ok(foreign) = std::os::unix::net::UnixListener::bind(dir.path().join("local.sock")) else {
            unreachable!("the folder is writable")
        };
        let (socket, task) = serve(dir.path()).await;
        assert!(!is_ready(&socket).await, "a foreign one does not make us ready");
        drop(foreign);
        assert!(until(&socket, true).await, "taken once it is free");
        task.abort();
    }

    #[tokio::test]
    async fn anothers_file_is_not_removed_at_the_end() {
        let dir = dir();
        let (socket, task) = serve(dir.path()).await;
        let _ = std::fs::remove_file(socket.path());
        let foreign = std::os::unix::net::UnixListener::bind(socket.path());
        task.abort();
        assert!(task.await.is_err() && foreign.is_ok() && socket.path().exists());
    }
}
