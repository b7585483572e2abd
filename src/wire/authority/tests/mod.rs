//! Old drivers' connections, captured and made up, as h2 sees them behind [`Mended`](super::Mended).
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a broken set-up must end the test where it broke"
)]

#[cfg(test)]
mod captured;
mod client;
pub(crate) mod differ;
mod peer;
#[cfg(test)]
mod random;
#[cfg(test)]
mod strange;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use super::Mended;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#[cfg(test)]
const PATH: &str = "/var/run/secrets-store-csi-providers/recorder.sock";

/// A connection that brings one piece a read, and then ends, or stays silent.
struct Pieces {
    left: VecDeque<Vec<u8>>,
    ends: bool,
}

impl Pieces {
    fn new<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, ends: bool) -> Self {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        Self { left: pieces.map(<[u8]>::to_vec).collect(), ends }
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.left.pop_front() else {
            return if self.ends { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let rest = piece.split_off(piece.len().min(buf.remaining()));
        buf.put_slice(&piece);
        if !rest.is_empty() {
            self.left.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

/// What is read behind the shim when the bytes come in these pieces.
fn mended<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut shim = Mended::new(Pieces::new(pieces, true));
    shim.read_to_end(&mut out).now_or_never().unwrap().unwrap();
    out
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A preface, an empty SETTINGS, and these frames.
fn connection(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE, &frame(4, 0, 0, &[]), &frames.concat()].concat()
}
