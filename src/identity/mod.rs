//! Who asks, and the proof of it.
//!
//! A [`Presented`] says that this pod asked now, with a token of its own. It is
//! made in one place ([`Verifier::present`]) and nothing reaches a backend
//! without it (decision 2).

mod claims;
mod keys;
mod pod;
mod present;
mod tokens;

pub use claims::Claims;
pub use keys::{KeySource, Keys};
pub use pod::Pod;
pub use present::{Evidence, Presented, Verifier};
pub use tokens::Tokens;
