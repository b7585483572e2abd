//! HTTP/2 frames, as far as header blocks need them (RFC 9113, 4.1 and 6.2).

use bytes::{BufMut, BytesMut};

/// The length of a frame's head.
pub(super) const HEAD: usize = 9;
/// The most that a frame may carry: we announce no other `SETTINGS_MAX_FRAME_SIZE`.
pub(super) const MAX_FRAME: usize = 16 * 1024;

pub(super) const HEADERS: u8 = 1;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// The length of the fields that PRIORITY announces.
const DEPENDENCY: usize = 5;

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) payload: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

/// The payload of HEADERS, without padding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) dependency: &'a [u8],
    pub(super) fragment: &'a [u8],
}

// === impl Head ===

impl Head {
    /// The head at the start of `bytes`, once it is whole.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let &[high, mid, low, kind, flags, a, b, c, d] = bytes.first_chunk::<HEAD>()?;
        let payload = (usize::from(high) << 16) | (usize::from(mid) << 8) | usize::from(low);
        let stream = u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff; // the first bit is reserved
        Some(Self { payload, kind, flags, stream })
    }

    /// Whether the frame carries a header block, or a part of one.
    pub(super) const fn has_block(self) -> bool {
        matches!(self.kind, HEADERS | PUSH_PROMISE | CONTINUATION)
    }

    pub(super) const fn ends_block(self) -> bool {
        self.flags & END_HEADERS != 0
    }

    /// A payload of HEADERS in its parts; `None` if it is too short for what its flags announce.
    pub(super) fn split(self, payload: &[u8]) -> Option<Parts<'_>> {
        let (padding, payload) = match self.flags & PADDED {
            0 => (0, payload),
            _ => payload.split_first().map(|(&padding, rest)| (usize::from(padding), rest))?,
        };
        let (dependency, rest) = match self.flags & PRIORITY {
            0 => (&[] as &[u8], payload),
            _ => payload.split_at_checked(DEPENDENCY)?,
        };
        let fragment = rest.get(..rest.len().checked_sub(padding)?)?;
        Some(Parts { dependency, fragment })
    }

    fn write(self, out: &mut BytesMut) {
        // Never above MAX_FRAME here, so that its first byte is no part of it.
        out.put_uint(self.payload as u64, 3);
        out.put_slice(&[self.kind, self.flags]);
        out.put_u32(self.stream);
    }
}

/// Writes a block as HEADERS and, above the frame size, CONTINUATION. Padding is left out:
/// HEADERS count for no flow control (RFC 9113, 5.2.1).
pub(super) fn write_block(first: Head, dependency: &[u8], block: &[u8], out: &mut BytesMut) {
    let (mine, mut rest) = cut(block, MAX_FRAME - DEPENDENCY);
    let flags = (first.flags & !(PADDED | END_HEADERS)) | end(rest);
    Head { payload: dependency.len() + mine.len(), flags, ..first }.write(out);
    out.put_slice(dependency);
    out.put_slice(mine);
    while !rest.is_empty() {
        let (mine, left) = cut(rest, MAX_FRAME);
        Head { payload: mine.len(), kind: CONTINUATION, flags: end(left), stream: first.stream }.write(out);
        out.put_slice(mine);
        rest = left;
    }
}

fn cut(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

const fn end(rest: &[u8]) -> u8 {
    if rest.is_empty() { END_HEADERS } else { 0 }
}
