//! Series of what happens to credentials and values that are kept.

use prometheus::{IntCounterVec, Result};

use super::definitions::{ENDED, HANDOFF_FAILURES, MINTED, RENEWALS, REVOKED, SHARED, SHORT_TERMS};
use super::register::{Register, count};

/// Series of what happens to what is kept.
pub(super) struct Leases {
    renewals: IntCounterVec,
    minted: IntCounterVec,
    shared: IntCounterVec,
    revoked: IntCounterVec,
    ended: IntCounterVec,
    handoff_failures: IntCounterVec,
    outlived: IntCounterVec,
}

// === impl Leases ===

impl Leases {
    pub(super) fn new(make: Register<'_>) -> Result<Self> {
        Ok(Self {
            renewals: make.counter(&RENEWALS)?,
            minted: make.counter(&MINTED)?,
            shared: make.counter(&SHARED)?,
            revoked: make.counter(&REVOKED)?,
            ended: make.counter(&ENDED)?,
            handoff_failures: make.counter(&HANDOFF_FAILURES)?,
            outlived: make.counter(&SHORT_TERMS)?,
        })
    }

    pub(super) fn renewed(&self, provider: &str, what: &str, outcome: &str) {
        count(&self.renewals, &[provider, what, outcome]);
    }

    pub(super) fn minted(&self, provider: &str, reason: &str, outcome: &str) {
        count(&self.minted, &[provider, reason, outcome]);
    }

    pub(super) fn shared(&self, provider: &str) {
        count(&self.shared, &[provider]);
    }

    pub(super) fn revoked(&self, provider: &str, reason: &str, outcome: &str) {
        count(&self.revoked, &[provider, reason, outcome]);
    }

    pub(super) fn ended(&self, provider: &str, reason: &str) {
        count(&self.ended, &[provider, reason]);
    }

    pub(super) fn outlived(&self, provider: &str) {
        count(&self.outlived, &[provider]);
    }

    pub(super) fn handoff_failed(&self, provider: &str, what: &str) {
        count(&self.handoff_failures, &[provider, what]);
    }
}
