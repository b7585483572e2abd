//! HTTP over one TLS policy: the only room that knows certificates, proxies,
//! connections and retry. Knows no backend.
//!
//! A [`Pool`] holds a [`Client`] for each [`Target`]; a client sends a
//! [`Request`] and returns a [`Reply`] whatever its status, or a [`Failure`]
//! that says what kept it from having one. Before each server there is a gate,
//! where requests wait for their turn by the priority of their deadline.

mod address;
mod bucket;
mod client;
mod failure;
mod gate;
mod line;
mod pool;
mod redact;
mod redirect;
mod resolve;
mod retry;
mod servers;
#[cfg(test)]
mod tests;
mod tls;

pub use address::Address;
pub use client::{Client, Limits, Reply, Request};
pub use failure::{Cause, Failure};
pub use pool::{Pool, Target};
pub use redact::redact;
pub use redirect::Redirect;
pub use retry::Retry;
pub use tls::{Identity, Roots, Trust};
