//! From secrets to files: names, modes and the rules that the driver's writer has.

pub mod atomic;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod project;

pub use project::{File, project};
