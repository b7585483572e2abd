//! What is seen from outside: metrics, health, logs. Implements the rooms' recorder traits.

mod admin;
mod bounded;
mod logs;
mod metrics;

pub use admin::{Admin, Health};
pub use logs::{Format, init as init_logs};
pub use metrics::Metrics;
