//! The Helm chart and what is rendered from it: linted, rendered for a matrix of values, checked by its
//! schema, by the binary's own flags, and by a real API server. A missing part is skipped by name, or fails
//! the run where CI=true.
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

mod admission;
mod flags;
mod helm;
mod matrix;
mod notes;
mod rendered;
mod schema;
