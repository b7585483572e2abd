//! Time and chance: the only room that asks what time it is or throws a die.

mod backoff;
mod clock;
mod deadline;

pub use backoff::Backoff;
#[cfg(test)]
pub use clock::HandHeld;
pub use clock::{Clock, Wall};
pub use deadline::{Deadline, Stopwatch};

/// Fills `bytes` from the kernel's random source; `false` where there is none to be had.
///
/// Not from aws-lc: its generator gathers jitter of its own before the first byte,
/// which cost 20 ms of every start.
#[must_use]
pub fn random(bytes: &mut [u8]) -> bool {
    let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty());
    filled == Ok(bytes.len())
}
