//! The command line: the same rooms behind a terminal, acting as the driver does.

/// `keymount check`: what is wrong with classes, and what they do.
pub mod check;
mod class;
mod client;
/// `keymount demo`: everything at work, with nothing but the binary.
pub mod demo;
/// `keymount fetch`: a class's files without a driver.
pub mod fetch;
mod issuer;
/// `keymount prepare`: the init step of a pod that is not root.
pub mod prepare;
mod signal;
/// `keymount status`: what a running keymount keeps.
pub mod status;
mod terminal;

pub use class::Class;
pub use client::{Answer, Driver, Refusal};
pub use issuer::{Issuer, Token};
pub use terminal::Terminal;
