//! What is seen from outside: metrics, health, what is kept, logs. Implements the rooms' recorder traits.

mod admin;
mod bounded;
mod logs;
mod metrics;
mod page;

pub use admin::{Admin, Answers, Census, Health, Kept};
pub use logs::{Format, init as init_logs};
pub use metrics::{Definition, Metrics, Shape, definitions};
