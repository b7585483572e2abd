//! Time and chance: the only room that asks what time it is or throws a die.

mod backoff;
mod clock;
mod deadline;

pub use backoff::Backoff;
#[cfg(test)]
pub use clock::HandHeld;
pub use clock::{Clock, Wall};
pub use deadline::{Deadline, Stopwatch};

/// Fills `bytes` from the system's random source; `false` where there is none to be had.
#[must_use]
pub fn random(bytes: &mut [u8]) -> bool {
    aws_lc_rs::rand::fill(bytes).is_ok()
}
