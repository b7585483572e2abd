//! Log set-up: text or JSON on standard error, one line an event.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For eyes.
    #[default]
    Text,
    /// For collectors.
    Json,
}

/// Starts logging; a second call changes nothing.
///
/// Only our own events pass, and warnings of others: HTTP and Vault crates log
/// bodies and headers at their finer levels, vaultrs and rustify even at `error`.
pub fn init(level: Level, format: Format) {
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("vaultrs", LevelFilter::OFF)
        .with_target("rustify", LevelFilter::OFF)
        .with_target(env!("CARGO_PKG_NAME"), level);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false);
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match format {
        Format::Text => registry.with(lines).try_init(),
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
}
