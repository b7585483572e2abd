//! Free loopback ports for servers that want to be told one.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the kernel's range for outgoing connections, so that none of those takes a port between our look
/// and the server's bind.
const FIRST: u16 = 12_000;
/// Every second port only: OpenBao takes the one above its own, too.
const PAIRS: u16 = 9_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on now and that this process has not handed out lately. Test processes that run
/// at the same time begin at places of their own.
pub fn free() -> u16 {
    let begin = std::process::id().wrapping_mul(61) % u32::from(PAIRS);
    loop {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + 2 * u16::try_from((begin + step) % u32::from(PAIRS)).expect("below PAIRS");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
