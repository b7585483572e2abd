//! Any bytes of a connection, cut in any way.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (sizes, sent) = bytes.split_at(bytes.len().min(2));
    let sizes: Vec<_> = sizes.iter().map(|size| 1 + usize::from(*size)).chain([9]).collect();
    keymount::fuzzing::connection(sent, &sizes);
});
