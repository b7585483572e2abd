//! What was read for a pod, how long it lives, and who keeps it alive.
//!
//! This room knows time and order, no backend: when a value is due is a pure
//! function ([`freshness`]), who works in the background is one task
//! ([`Keeper`]), what outlives the process is a folder ([`Handoff`]), what proves
//! that a pod is gone is the kubelet's ([`KubeletDir`]). The flow that uses them
//! is `backend::Hosted`.

mod asked;
mod disk;
mod flight;
pub mod freshness;
mod handoff;
mod keeper;
mod kubelet_dir;
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
pub use handoff::Handoff;
pub use keeper::{Keeper, Tended};
pub use kubelet_dir::KubeletDir;
pub use liveness::{Liveness, Presence};
pub use policy::Policy;
pub use reading::{Authority, Budget, Credential, Grant, LeaseId, Life, Reading};
pub use sessions::{Evictable, Inserted, Sessions};
pub use shares::{Shared, Shares, Turn};
pub use shelf::{Found, Shelf};
pub use term::Term;
