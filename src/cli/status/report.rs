//! What `/sessions` answers, as far as it is shown. A server of another version may say more.

use serde::Deserialize;

/// What one keymount keeps.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    /// The server's version.
    pub(super) version: String,
    pub(super) providers: Vec<Provider>,
    pub(super) sessions: Vec<Session>,
    /// Of all values.
    pub(super) kept_bytes: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Provider {
    pub(super) name: String,
    /// Whether its socket answers.
    pub(super) ready: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) provider: String,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) classes: Vec<String>,
    /// Times are seconds since 1970.
    pub(super) credential_expires: Option<u64>,
    pub(super) minted: Vec<Minted>,
    pub(super) last_refresh: Option<u64>,
    pub(super) last_error: Option<String>,
    pub(super) refresh_never_seen: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Minted {
    pub(super) expires: Option<u64>,
}

// === impl Report ===

impl Report {
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let report: Result<Self, _> = serde_json::from_str(json);
        let mut report = report.map_err(|error| {
            format!(
                "this program does not understand the answer ({error}); is the server of another version?"
            )
        })?;
        let order =
            |session: &Session| (session.namespace.clone(), session.pod.clone(), session.provider.clone());
        report.sessions.sort_by_cached_key(order);
        Ok(report)
    }

    /// Of a provider's sessions, how many failed last, and when the first of its leases ends.
    pub(super) fn trouble(&self, provider: &str) -> (usize, Option<u64>) {
        let sessions = || self.sessions.iter().filter(|session| session.provider == provider);
        let failing = sessions().filter(|session| session.last_error.is_some()).count();
        let ends = sessions().flat_map(|session| &session.minted).filter_map(|minted| minted.expires);
        (failing, ends.min())
    }

    /// Sessions and leases of a provider.
    pub(super) fn counts(&self, provider: &str) -> (usize, usize) {
        let sessions = || self.sessions.iter().filter(|session| session.provider == provider);
        (sessions().count(), sessions().map(|session| session.minted.len()).sum())
    }
}
