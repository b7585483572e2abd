//! A class's `objects`: aliases, bombs, duplicate keys.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|yaml: &str| keymount::fuzzing::objects(yaml));
