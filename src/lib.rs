//! keymount, a Secrets Store CSI provider: the map.
//!
//! ```text
//!  MountRequest ─wire─▶ Mount ─identity─▶ Presented ─lease─▶ Session ─backend─▶ Vec<Secret> ─files─▶ Vec<File> ─wire─▶ MountResponse
//!  (driver, unix socket)     (pod + proven token)     ▲ the keeper renews              (pure naming, modes)
//! ```
//!
//! The flow is the tree, read downwards; `docs/architecture.md` says who may
//! import whom and a test holds the code to it.

// The composition root.
pub mod app;
// The seam, and a folder for each place that holds secrets.
pub mod backend;
// The same rooms behind a terminal.
pub mod cli;
// Settings: flags, environment, file.
pub mod config;
#[cfg(not(any(feature = "aws", feature = "local", feature = "vault")))]
compile_error!("keymount without a backend serves nothing: enable `aws`, `local` or `vault`");

// Kinds of failure, and the one line that says what is wrong and what to change.
pub mod error;
// Names, modes and rules of files.
pub mod files;
// What `fuzz/` calls.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
// The operator's policy, before anything goes over the network.
pub mod guard;
// Who asks, and the proof of it.
pub mod identity;
// What was read, how long it lives, and who keeps it alive.
pub mod lease;
// The use case: one Mount.
pub mod mount;
// HTTP over one TLS policy, with deadlines and retries; knows no backend.
pub mod net;
// Metrics, health, logs.
pub mod observe;
// Named, versioned bytes that cannot be printed.
pub mod secret;
// Clocks, deadlines, backoff.
pub mod time;
// The driver's protocol.
pub mod wire;
