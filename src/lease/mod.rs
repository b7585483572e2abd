//! What was read for a pod, how long it lives, and who keeps it alive.
//!
//! This room knows time and order, no backend: when a value is due is a pure
//! function ([`freshness`]), who works in the background is one task
//! ([`Keeper`]), what outlives the process is a folder ([`Shelf`]). The flow
//! that uses them is `backend::Hosted`.

mod asked;
mod flight;
pub mod freshness;
mod keeper;
mod liveness;
mod policy;
mod reading;
mod sessions;
mod shares;
mod shelf;
mod term;
#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use flight::{Flight, launch, promise};
pub use keeper::{Keeper, Tended};
pub use liveness::{Liveness, Presence};
pub use policy::Policy;
pub use reading::{Authority, Budget, Credential, Grant, LeaseId, Life, Reading};
pub use sessions::{Evictable, Sessions};
pub use shares::{Shared, Shares, Turn};
pub use shelf::{Found, Shelf};
pub use term::Term;
