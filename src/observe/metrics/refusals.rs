//! Series of the guard.

use prometheus::{IntCounterVec, Result};

use super::mounts::CLASS;
use super::register::{Register, count};

/// Series of the guard.
pub(super) struct Refusals(IntCounterVec);

// === impl Refusals ===

impl Refusals {
    pub(super) fn new(make: Register<'_>) -> Result<Self> {
        let [provider, namespace, class] = CLASS;
        let labels = [provider, namespace, class, "rule", "mode"];
        let help = "Rules of the guard that Mounts broke: refused by enforce, let through by warn";
        Ok(Self(make.counter("keymount_guard_refusals_total", help, &labels)?))
    }

    /// A Mount of the class broke a rule.
    pub(super) fn broken(&self, class: [&str; 3], rule: &str, mode: &str) {
        let [provider, namespace, class] = class;
        count(&self.0, &[provider, namespace, class, rule, mode]);
    }
}
