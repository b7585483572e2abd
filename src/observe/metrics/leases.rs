//! Series of what happens to credentials and values that are kept.

use prometheus::{IntCounterVec, Result};

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
            renewals: make.counter(
                "keymount_renewals_total",
                "Renewals of tokens and leases, by outcome",
                &["provider", "what", "outcome"],
            )?,
            minted: make.counter(
                "keymount_minted_total",
                "Credentials made for Mounts, by reason and outcome",
                &["provider", "reason", "outcome"],
            )?,
            shared: make.counter(
                "keymount_shared_reads_total",
                "Answers that another pod's token had read",
                &["provider"],
            )?,
            revoked: make.counter(
                "keymount_revoked_total",
                "Credentials given back, by reason and outcome",
                &["provider", "reason", "outcome"],
            )?,
            ended: make.counter(
                "keymount_sessions_ended_total",
                "Sessions that ended, by reason",
                &["provider", "reason"],
            )?,
            handoff_failures: make.counter(
                "keymount_handoff_failures_total",
                "Hand-off files that could not be written, read or removed",
                &["provider", "what"],
            )?,
            outlived: make.counter(
                "keymount_short_terms_total",
                "Sessions whose leases live shorter than their Mounts are apart",
                &["provider"],
            )?,
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
