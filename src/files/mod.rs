//! From secrets to files: names, modes and the rules that the driver's writer has.

pub mod atomic;
mod project;

pub use project::{File, project};
