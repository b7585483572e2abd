//! A class's `secretPath`, and the names of a volume's files, a line each.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    keymount::fuzzing::secret_path(text);
    let (mode, names) = text.split_once('\n').unwrap_or(("", text));
    let names: Vec<_> = names.split('\n').take(8).map(str::to_owned).collect();
    keymount::fuzzing::paths(&names, mode.parse().ok());
});
