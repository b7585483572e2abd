//! What `fuzz/` calls: the property tests' questions, of a fuzzer's bytes. No part of the library's face.

use crate::{backend, files, wire};

/// The driver's attributes, secrets and permission.
pub fn request(attributes: &str, secrets: &str, permission: &str) {
    wire::fuzzed::request(attributes, secrets, permission);
}

/// A class's `objects`.
pub fn objects(yaml: &str) {
    backend::fuzzed::objects(yaml);
}

/// A server's answer.
pub fn envelope(body: &[u8]) {
    backend::vault::fuzzed::envelope(body);
}

/// A class's `secretPath`.
pub fn secret_path(text: &str) {
    backend::vault::fuzzed::path(text);
}

/// The names of a volume's files.
pub fn paths(paths: &[String], mode: Option<u32>) {
    files::fuzzed::paths(paths, mode);
}

/// An old driver's calls, and how their bytes are cut.
pub fn calls(bytes: &[u8], sizes: &[usize]) {
    let calls = wire::authority::differ::calls(&mut bytes.iter().copied());
    wire::authority::differ::same_but_for_the_authority(&calls, sizes);
}

/// Any bytes of a connection.
pub fn connection(bytes: &[u8], sizes: &[usize]) {
    wire::authority::differ::harmless(bytes, sizes);
}
