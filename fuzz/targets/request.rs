//! The driver's attributes, secrets and permission, tokens among them, one behind the other.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    keymount::fuzzing::request(part(), part(), part());
});
