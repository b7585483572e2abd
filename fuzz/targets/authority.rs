//! An old driver's calls: h2 must see what was sent, but for the authority.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (sizes, calls) = bytes.split_at(bytes.len().min(3));
    let sizes: Vec<_> = sizes.iter().map(|size| 1 + usize::from(*size) * 12).chain([700]).collect();
    keymount::fuzzing::calls(calls, &sizes);
});
