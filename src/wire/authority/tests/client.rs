//! A client that encodes as it is told: any form of a header that RFC 7541 knows.

use std::collections::VecDeque;

use super::frame;

/// How a header is written (RFC 7541, 6).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// By index where the table has it, else as [`Form::Indexing`].
    Index,
    Indexing,
    Plain,
    Never,
}

/// One block and how it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(super) authority: String,
    pub(super) headers: Vec<(Form, String, String)>,
    /// The sizes that the table takes before the block.
    pub(super) sizes: Vec<usize>,
    /// Where the block is cut into frames, in percent.
    pub(super) cuts: Vec<usize>,
    pub(super) padding: Option<u8>,
    pub(super) has_priority: bool,
}

/// The sender's side of the table (RFC 7541, 2.3.2 and 4).
pub(super) struct Client {
    table: VecDeque<(String, String)>,
    limit: usize,
    stream: u32,
}

impl Client {
    pub(super) fn new() -> Self {
        Self { table: VecDeque::new(), limit: 4096, stream: 1 }
    }

    /// The frames of a call.
    pub(super) fn call(&mut self, call: &Call) -> Vec<u8> {
        let block = self.block(call);
        let mut at: Vec<_> = call.cuts.iter().map(|cut| block.len() * cut / 100).collect();
        at.extend([0, block.len()]);
        at.sort_unstable();
        let parts: Vec<_> = at.windows(2).map(|pair| &block[pair[0]..pair[1]]).collect();
        let (first, rest) = parts.split_first().unwrap();
        let mut bytes = self.headers(call, first, rest.is_empty());
        for (count, part) in rest.iter().enumerate() {
            let flags = if count + 1 == rest.len() { 0x4 } else { 0 };
            bytes.extend(frame(9, flags, self.stream, part));
        }
        bytes.extend(frame(0, 0x1, self.stream, b"body"));
        self.stream += 2;
        bytes
    }

    fn headers(&self, call: &Call, fragment: &[u8], is_all: bool) -> Vec<u8> {
        let (mut flags, mut payload) = (if is_all { 0x4 } else { 0 }, Vec::new());
        if let Some(padding) = call.padding {
            flags |= 0x8;
            payload.push(padding);
        }
        if call.has_priority {
            flags |= 0x20;
            payload.extend([0x80, 0, 0, 0, 7]);
        }
        payload.extend(fragment);
        payload.extend(vec![0; call.padding.unwrap_or_default().into()]);
        frame(1, flags, self.stream, &payload)
    }

    fn block(&mut self, call: &Call) -> Vec<u8> {
        let mut block = Vec::new();
        for size in &call.sizes {
            integer(0x20, 5, *size, &mut block);
            self.limit = *size;
            self.evict();
        }
        block.extend([0x83, 0x86]); // POST, http
        self.field(Form::Index, ":path", "/v1alpha1.CSIDriverProvider/Mount", &mut block);
        self.field(Form::Index, ":authority", &call.authority, &mut block);
        for (form, name, value) in &call.headers {
            self.field(*form, name, value, &mut block);
        }
        block
    }

    fn field(&mut self, form: Form, name: &str, value: &str, out: &mut Vec<u8>) {
        let same = self.table.iter().position(|entry| entry.0 == name && entry.1 == value);
        if let (Form::Index, Some(at)) = (form, same) {
            return integer(0x80, 7, 62 + at, out);
        }
        let known = self.table.iter().position(|entry| entry.0 == name).map_or(0, |at| 62 + at);
        match form {
            Form::Index | Form::Indexing => integer(0x40, 6, known, out),
            Form::Plain => integer(0, 4, known, out),
            Form::Never => integer(0x10, 4, known, out),
        }
        for text in [name, value].into_iter().skip(usize::from(known != 0)) {
            integer(0, 7, text.len(), out);
            out.extend(text.as_bytes());
        }
        if matches!(form, Form::Index | Form::Indexing) {
            self.table.push_front((name.to_owned(), value.to_owned()));
            self.evict();
        }
    }

    fn evict(&mut self) {
        let size = |table: &VecDeque<(String, String)>| {
            table.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>()
        };
        while size(&self.table) > self.limit {
            self.table.pop_back();
        }
    }
}

fn integer(pattern: u8, bits: u32, value: usize, out: &mut Vec<u8>) {
    let most = 2_usize.pow(bits) - 1;
    if value < most {
        return out.push(pattern | u8::try_from(value).unwrap());
    }
    out.push(pattern | u8::try_from(most).unwrap());
    let mut left = value - most;
    while left >= 128 {
        out.push(u8::try_from(left % 128).unwrap() | 0x80);
        left /= 128;
    }
    out.push(u8::try_from(left).unwrap());
}
