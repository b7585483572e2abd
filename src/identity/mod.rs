//! Who asks, and the proof of it.
//!
//! A [`Presented`] says that this pod asked now, with a token of its own, or
//! that it brought what the operator takes instead. It is made in one place
//! (verify) and nothing reaches a backend without it (decision 2).

mod bond;
mod claims;
mod keys;
mod pod;
mod present;
mod proofs;
mod refusals;
mod secrets;
mod tokens;
mod verify;

pub use claims::{Claims, Said};
pub use keys::{KeySource, Keys};
pub use pod::Pod;
pub use present::{Brought, Claimed, Evidence, Presented, Proof, Shown};
pub use proofs::{Digest, Proofs};
pub use secrets::Secrets;
pub use tokens::Tokens;
pub use verify::Verifier;
