//! Time and chance: the only room that asks what time it is or throws a die.

pub mod age;
mod backoff;
mod clock;
mod deadline;
mod moment;

use std::time::Duration;

pub use backoff::Backoff;
#[cfg(test)]
pub use clock::HandHeld;
pub use clock::{Clock, Wall};
pub use deadline::{Deadline, Priority, Stopwatch};
pub use moment::Moment;

/// Fills `bytes` from the kernel's random source; `false` where there is none to be had.
///
/// Not from aws-lc: its generator gathers jitter of its own before the first byte,
/// which cost 20 ms of every start.
#[must_use]
pub fn random(bytes: &mut [u8]) -> bool {
    let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty());
    filled == Ok(bytes.len())
}

/// Any part of `span`, so that what began together does not stay together.
pub fn part_of(span: Duration) -> Duration {
    let mut die = [128_u8];
    // Without chance it is the half: spread is for load, not for safety.
    let _ = random(&mut die);
    let [die] = die;
    span.mul_f64(f64::from(die) / 256.0)
}
