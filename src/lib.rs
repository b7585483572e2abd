//! keymount, a Secrets Store CSI provider: the map.
//!
//! ```text
//!  MountRequest ─wire─▶ Mount ─identity─▶ Presented ─backend─▶ Vec<Secret> ─files─▶ Vec<File> ─wire─▶ MountResponse
//!  (driver, unix socket)     (pod + proven token)        (pure naming, modes)
//! ```
//!
//! The flow is the tree, read downwards; `docs/architecture.md` says who may
//! import whom and a test holds the code to it.

/// Kinds of failure, and the one line that says what is wrong and what to change.
pub mod error;
/// Named, versioned bytes that cannot be printed.
pub mod secret;
/// Clocks, deadlines, backoff.
pub mod time;
/// Who asks, and the proof of it.
pub mod identity;
/// What was read, and how long it lives.
pub mod lease;
/// HTTP over one TLS policy, with deadlines and retries; knows no backend.
pub mod net;
/// The seam, and a folder for each place that holds secrets.
pub mod backend;
/// Names, modes and rules of files.
pub mod files;
/// The use case: one Mount.
pub mod mount;
/// The driver's protocol.
pub mod wire;
/// Metrics, health, logs.
pub mod observe;
