//! Series of the guard.

use prometheus::{IntCounterVec, Result};

use super::definitions::GUARD_REFUSALS;
use super::register::{Register, count};

/// Series of the guard.
pub(super) struct Refusals(IntCounterVec);

// === impl Refusals ===

impl Refusals {
    pub(super) fn new(make: Register<'_>) -> Result<Self> {
        Ok(Self(make.counter(&GUARD_REFUSALS)?))
    }

    /// A Mount of the class broke a rule.
    pub(super) fn broken(&self, class: [&str; 3], rule: &str, mode: &str) {
        let [provider, namespace, class] = class;
        count(&self.0, &[provider, namespace, class, rule, mode]);
    }
}
