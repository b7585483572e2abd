//! Who asks, and the proof of it.
//!
//! A [`Presented`] says that this pod asked now, with a token of its own. It is
//! made in one place (present.rs) and nothing reaches a backend
//! without it (decision 2).

mod claims;
mod keys;
mod pod;
mod present;
mod proofs;
mod tokens;

pub use claims::{Claims, Said};
pub use keys::{KeySource, Keys};
pub use pod::Pod;
pub use present::{Claimed, Evidence, Presented, Proof, Verifier};
pub use proofs::{Digest, Proofs};
pub use tokens::Tokens;
