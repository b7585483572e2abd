//! One header block on its way in: HEADERS, and the CONTINUATION that follow it.

use bytes::BytesMut;

use super::frame::{CONTINUATION, HEADERS, Head, MAX_FRAME, write_block};

/// The most that is held back of one block, heads and padding included. h2 refuses
/// decoded blocks above 16 KiB; so it, not we, answers for all that is larger.
pub(super) const MAX_HELD: usize = 64 * 1024;

/// A block as far as it has come.
#[derive(Default)]
pub(super) struct Block {
    /// HEADERS, once it has come.
    first: Option<Head>,
    dependency: Vec<u8>,
    fragment: Vec<u8>,
}

// === impl Block ===

impl Block {
    /// Whether a frame with this head can be the next one, behind `held` bytes of the block's earlier ones.
    pub(super) fn expects(&self, next: Head, held: usize) -> bool {
        let in_turn = match self.first {
            None => next.kind == HEADERS && next.stream != 0,
            Some(first) => next.kind == CONTINUATION && next.stream == first.stream,
        };
        in_turn && next.payload <= MAX_FRAME && held + next.payload <= MAX_HELD
    }

    /// Adds the frame; `None` if it is malformed.
    pub(super) fn add(&mut self, head: Head, payload: &[u8]) -> Option<()> {
        if self.first.is_some() {
            self.fragment.extend_from_slice(payload);
            return Some(());
        }
        let parts = head.split(payload)?;
        self.first = Some(head);
        self.dependency.extend_from_slice(parts.dependency);
        self.fragment.extend_from_slice(parts.fragment);
        Some(())
    }

    pub(super) const fn is_open(&self) -> bool {
        self.first.is_some()
    }

    /// What the block says, encoded.
    pub(super) fn fragment(&self) -> &[u8] {
        &self.fragment
    }

    /// Writes it with `fragment` instead of its own.
    pub(super) fn write(&self, fragment: &[u8], out: &mut BytesMut) {
        if let Some(first) = self.first {
            write_block(first, &self.dependency, fragment, out);
        }
    }
}
