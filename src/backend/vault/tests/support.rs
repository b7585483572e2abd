#![expect(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "shared with the integration tests, of which this is a part"
)]
//! What the integration tests start real servers with.

#[path = "../../../../tests/support/parts.rs"]
pub mod parts;
#[path = "../../../../tests/support/ports.rs"]
pub mod ports;
#[path = "../../../../tests/support/postgres.rs"]
pub mod postgres;
#[path = "../../../../tests/support/process.rs"]
pub mod process;
#[path = "../../../../tests/support/secrets.rs"]
pub mod secrets;
#[path = "../../../../tests/support/wait.rs"]
pub mod wait;

pub use wait::eventually;
