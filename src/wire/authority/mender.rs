//! What a header block says, with an authority that h2 takes (RFC 7541).

use http::uri::Authority;
use loona_hpack::Decoder;

const AUTHORITY: &[u8] = b":authority";
/// What drivers from v1.6.0 on send.
const LEGAL: &[u8] = b"localhost";
/// We announce no `SETTINGS_HEADER_TABLE_SIZE`: it is the default (RFC 9113, 6.5.2).
const TABLE: usize = 4096;
/// The most that a block may say, counted as h2 does (RFC 9113, 6.5.2), whose own limit
/// is half of it. A few bytes of indexes can say megabytes.
const MAX_LIST: usize = 32 * 1024;
/// What an entry costs beside its text (RFC 7541, 4.1).
const ENTRY: usize = 32;

/// Reads every block of a connection, since each changes the table of the next.
pub(super) struct Mender(Decoder<'static>);

/// A block, encoded again without any use of a table.
#[derive(Default)]
pub(super) struct Encoded {
    pub(super) block: Vec<u8>,
    /// Whether its authority had to be replaced.
    pub(super) is_mended: bool,
    listed: usize,
}

// === impl Mender ===

impl Mender {
    /// `None` if it is malformed or says too much; then nothing later can be read.
    pub(super) fn mend(&mut self, block: &[u8]) -> Option<Encoded> {
        let mut encoded = Encoded::default();
        self.0.decode_with_cb(block, |name, value| encoded.add(&name, &value)).ok()?;
        (encoded.listed <= MAX_LIST).then_some(encoded)
    }
}

impl Default for Mender {
    fn default() -> Self {
        let mut decoder = Decoder::new();
        decoder.set_max_allowed_table_size(TABLE);
        Self(decoder)
    }
}

// === impl Encoded ===

impl Encoded {
    fn add(&mut self, name: &[u8], value: &[u8]) {
        self.listed = self.listed.saturating_add(name.len() + value.len() + ENTRY);
        if self.listed > MAX_LIST {
            return;
        }
        let is_bad = name == AUTHORITY && !is_legal(value);
        self.is_mended |= is_bad;
        literal(name, if is_bad { LEGAL } else { value }, &mut self.block);
    }
}

/// h2's own rule (its `server.rs`): what the http crate takes.
fn is_legal(authority: &[u8]) -> bool {
    Authority::try_from(authority).is_ok()
}

/// A literal without indexing, by name (RFC 7541, 6.2.2): it needs no table and changes none.
fn literal(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    for text in [name, value] {
        length(text.len(), out);
        out.extend_from_slice(text);
    }
}

/// A string's length, as an integer with a prefix of seven bits (RFC 7541, 5.1).
fn length(count: usize, out: &mut Vec<u8>) {
    const PREFIX: usize = 127;
    let Some(mut left) = count.checked_sub(PREFIX) else {
        return out.extend(u8::try_from(count));
    };
    out.push(127);
    while left >= 128 {
        out.extend(u8::try_from(left % 128 + 128));
        left /= 128;
    }
    out.extend(u8::try_from(left));
}
