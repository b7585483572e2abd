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

use std::future::Future;
use std::time::{Duration, Instant};

/// Waits until `probe` holds, looking every 20 ms; `false` when the time is over first.
pub async fn eventually<F: Future<Output = bool>>(limit: Duration, mut probe: impl FnMut() -> F) -> bool {
    let end = Instant::now() + limit;
    loop {
        if probe().await {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
