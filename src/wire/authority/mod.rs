//! Drivers v1.3.4 to v1.5.6 name the socket's path as `:authority`, which h2
//! refuses (docs/driver-contract.md, 1.3; decision 11): it is replaced by
//! `localhost` before h2 sees it.
//!
//! What came in header blocks is decoded and encoded again as a whole: the path is
//! sent once and then by an index into the table of RFC 7541, 2.3.2, which moves and
//! is evicted, so that no byte of it can be patched in place.
//!
//! What is not understood goes on as it came, and so does all that follows it: h2
//! answers for it. Its table then lacks older entries than the driver's, never newer
//! ones, so that an index either means the same to both or ends the connection.

mod block;
mod frame;
mod mender;
#[cfg(any(test, feature = "fuzzing"))]
mod tests;
mod walk;

#[cfg(feature = "fuzzing")]
pub(crate) use tests::differ;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use walk::Walk;

/// A connection whose reader sees legal authorities only. No `Debug`, here and below: what
/// is held back may be a pod's token.
pub struct Mended<S> {
    inner: S,
    /// What was held back and may now be read.
    ready: BytesMut,
    /// Gone once the connection needs no mending: then it costs nothing more.
    walk: Option<Box<Walk>>,
}

// === impl Mended ===

impl<S> Mended<S> {
    /// Watches `inner` from its first byte on.
    pub fn new(inner: S) -> Self {
        Self { inner, ready: BytesMut::new(), walk: Some(Box::default()) }
    }

    /// Hands on what is ready; `false` if that is nothing.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let count = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready.split_to(count));
        count > 0
    }

    /// Goes over what was just read behind `before`: what passes stays where it is.
    fn sort(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(walk) = &mut self.walk else { return };
        let new = buf.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            walk.give_up(&mut self.ready); // the end: h2 shall see what was cut short
            return;
        }
        let passed = walk.skim(new);
        walk.feed(new.get(passed..).unwrap_or_default(), &mut self.ready);
        buf.set_filled(before + passed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Mended<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // Nothing read means the end here, so that a full buffer must not come so far.
        while this.walk.is_some() && buf.remaining() > 0 {
            if this.give(buf) {
                return Poll::Ready(Ok(()));
            }
            if this.walk.as_ref().is_some_and(|walk| walk.is_aside()) {
                (this.walk, this.ready) = (None, BytesMut::new());
                break;
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            this.sort(buf, before);
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        Pin::new(&mut this.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Mended<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
