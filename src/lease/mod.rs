//! What was read for a pod, and how long it lives.

mod disk;
mod handoff;
mod kubelet_dir;
mod liveness;
mod shelf;

pub use handoff::Handoff;
pub use kubelet_dir::KubeletDir;
pub use liveness::{Liveness, Presence};
pub use shelf::{Found, Shelf};

use secrecy::{ExposeSecret, SecretSlice};

/// The answer to one backend request.
#[derive(Debug)]
pub struct Reading {
    /// The backend's body, as it came.
    pub body: SecretSlice<u8>,
}

// === impl Reading ===

impl Reading {
    /// The body's length in bytes.
    pub fn size(&self) -> usize {
        #[expect(clippy::disallowed_methods, reason = "only the length is taken")]
        self.body.expose_secret().len()
    }
}
