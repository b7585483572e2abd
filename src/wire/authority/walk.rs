//! Goes from frame to frame of what a client sends, and stops at header blocks.

use bytes::BytesMut;

use super::block::Block;
use super::frame::{HEAD, Head};
use super::mender::Mender;

/// How every connection begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Where we are in the stream of bytes.
#[derive(Default)]
pub(super) struct Walk {
    /// Bytes of the preface that have come.
    greeted: usize,
    /// Bytes to come of a frame that is no header block.
    pass: usize,
    /// What may not go on yet, as it came.
    held: Vec<u8>,
    /// Where in `held` the last frame begins.
    begun: usize,
    block: Block,
    mender: Mender,
    /// Whether an authority was replaced: from then on every block is encoded again.
    is_mending: bool,
    is_aside: bool,
}

// === impl Walk ===

impl Walk {
    /// Whether everything to come goes on as it is.
    pub(super) const fn is_aside(&self) -> bool {
        self.is_aside
    }

    /// How many of the next bytes go on as they are; the others are for [`Self::feed`].
    pub(super) fn skim(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                0 => break,
                count => passed += count,
            }
        }
        passed
    }

    fn step(&mut self, bytes: &[u8]) -> usize {
        match Head::read(bytes) {
            _ if self.is_aside => bytes.len(),
            _ if !self.held.is_empty() => 0,
            _ if self.greeted < PREFACE.len() => self.greet(bytes),
            _ if self.pass > 0 => {
                let count = self.pass.min(bytes.len());
                self.pass -= count;
                count
            }
            Some(head) if !head.has_block() => {
                self.pass = head.payload;
                HEAD
            }
            Some(_) | None => 0,
        }
    }

    fn greet(&mut self, bytes: &[u8]) -> usize {
        let due = PREFACE.get(self.greeted..).unwrap_or_default();
        let count = due.len().min(bytes.len());
        self.is_aside = bytes.get(..count) != due.get(..count);
        self.greeted += count;
        count
    }

    /// Takes bytes that did not pass, and writes what may be read instead of them.
    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut BytesMut) {
        while !bytes.is_empty() {
            let (mine, rest) = bytes.split_at_checked(self.missing()).unwrap_or((bytes, &[]));
            self.held.extend_from_slice(mine);
            if let Some(head) = self.head() {
                self.judge(head, out);
            }
            let (passed, rest) = rest.split_at_checked(self.skim(rest)).unwrap_or((rest, &[]));
            out.extend_from_slice(passed);
            bytes = rest;
        }
    }

    /// The head of the last frame in `held`, once it is whole.
    fn head(&self) -> Option<Head> {
        Head::read(self.held.get(self.begun..).unwrap_or_default())
    }

    /// The bytes to the end of the frame that is held, or of its head. Never 0 where more is awaited.
    fn missing(&self) -> usize {
        let whole = self.head().map_or(HEAD, |head| HEAD + head.payload);
        whole.saturating_sub(self.held.len().saturating_sub(self.begun))
    }

    /// What to do with the frame that is held, now that its head is known.
    fn judge(&mut self, head: Head, out: &mut BytesMut) {
        if !head.has_block() && !self.block.is_open() {
            self.pass = head.payload;
            out.extend_from_slice(&self.held);
            self.clear();
        } else if !self.block.expects(head, self.begun) {
            self.give_up(out);
        } else if self.missing() == 0 {
            self.add(head, out);
        }
    }

    /// Adds the frame to its block, and ends the block if it is the last one.
    fn add(&mut self, head: Head, out: &mut BytesMut) {
        let payload = self.held.get(self.begun + HEAD..).unwrap_or_default();
        if self.block.add(head, payload).is_none() {
            self.give_up(out);
        } else if head.ends_block() {
            self.end_block(out);
        } else {
            self.begun = self.held.len();
        }
    }

    fn end_block(&mut self, out: &mut BytesMut) {
        match self.mender.mend(self.block.fragment()) {
            Some(encoded) if encoded.is_mended || self.is_mending => {
                if !self.is_mending {
                    tracing::info!("a driver older than v1.6.0: its connection's authority is replaced");
                }
                self.is_mending = true;
                self.block.write(&encoded.block, out);
                self.clear();
            }
            // A driver from v1.6.0 on, or what nobody can read.
            Some(_) | None => self.give_up(out),
        }
    }

    /// Lets everything go on as it came, from what is held on.
    pub(super) fn give_up(&mut self, out: &mut BytesMut) {
        if self.is_mending && !self.held.is_empty() {
            tracing::debug!("an old driver's connection sent what is not understood, or half a frame");
        }
        out.extend_from_slice(&self.held);
        self.clear();
        self.is_aside = true;
    }

    fn clear(&mut self) {
        self.held.clear();
        (self.begun, self.block) = (0, Block::default());
    }
}
