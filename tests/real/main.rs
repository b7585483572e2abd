//! Against real counterparts: OpenBao, a kube-apiserver, the Secrets Store CSI
//! driver, PostgreSQL. A part that is missing is skipped by name, or fails the
//! run where CI=true.
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

mod auth;
#[cfg(feature = "aws")]
mod aws;
mod check;
mod cluster;
mod demo;
mod driver;
mod engines;
mod errors;
mod fetch;
mod hazard;
mod kv;
mod leases;
mod old_driver;
mod outage;
mod passage;
mod profiles;
mod security;
mod tls;
mod world;
