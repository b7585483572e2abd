//! The driver's contract, without a driver: a client with the driver's manners
//! against the built program and its local store. Needs nothing installed.
//! K1 to K11 are the scenarios of the provider contract (docs/driver-contract.md).
#![allow(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a broken set-up must end the test where it broke"
)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod check;
mod fetch;
mod guard;
mod metrics;
mod old_drivers;
mod prepare;
mod process;
mod proof;
mod status;
mod watch;
mod world;
