//! A server's answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| keymount::fuzzing::envelope(body));
