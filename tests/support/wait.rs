//! Waiting for what comes by itself.

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
