//! What the operator says about keeping.

use std::time::Duration;

/// How long things are kept, how often they are asked for, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `--sessions=off`: every Mount logs in and reads, and nothing is kept.
    pub keep: bool,
    /// `--shared-reads=off`: no pod is given what another pod's token read.
    pub share: bool,
    /// `--max-sessions`.
    pub max_sessions: usize,
    /// `--max-session-bytes`: static values beyond it are not kept.
    pub max_bytes: usize,
    /// `--refresh-interval`: how often static values are read again.
    pub refresh: Duration,
    /// `--min-refresh-interval`: no class has them read more often.
    pub floor: Duration,
    /// `--reauth-interval`: how long a token that proved a session proves it again without a login.
    pub reauth: Duration,
    /// `--session-idle`: how long after its last Mount a session is kept alive.
    pub idle: Duration,
}

// === impl Policy ===

impl Policy {
    /// How often a class that says `wanted` has its values read.
    pub fn interval(&self, wanted: Option<Duration>) -> Duration {
        wanted.unwrap_or(self.refresh).max(self.floor)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            keep: true,
            share: true,
            max_sessions: 2048,
            max_bytes: 64 * 1024 * 1024,
            refresh: Duration::from_secs(60),
            floor: Duration::from_secs(30),
            reauth: Duration::from_secs(3600),
            idle: Duration::from_secs(2 * 3600),
        }
    }
}
