//! What an operator has beside the program: alerts, runbooks, the dashboard, the generated reference
//! and the documents, each held to the code and to each other.
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

mod alerts;
mod blocks;
mod dashboard;
mod documents;
mod expressions;
mod page;
mod prometheus;
mod reference;
#[allow(dead_code, reason = "the contract's tests need more of it")]
#[path = "../contract/world.rs"]
mod world;
