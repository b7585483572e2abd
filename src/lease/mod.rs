//! What was read for a pod, and how long it lives.

use secrecy::SecretSlice;

/// The answer to one backend request.
#[derive(Debug)]
pub struct Reading {
    /// The backend's body, as it came.
    pub body: SecretSlice<u8>,
    /// Whether the backend minted something for us that it would take back.
    pub leased: bool,
}
