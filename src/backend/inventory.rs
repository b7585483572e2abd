//! What is kept, as an operator may see it: names and times, never a value.

use std::time::SystemTime;

use serde::Serialize;

/// Everything that one provider keeps.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inventory {
    /// Each session.
    pub sessions: Vec<Entry>,
    /// The bytes of all values that the process keeps.
    pub kept_bytes: usize,
}

/// One session.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The provider.
    pub provider: &'static str,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's UID.
    pub uid: String,
    /// The pod's service account.
    pub service_account: String,
    /// The classes that were answered from it.
    pub classes: Vec<String>,
    /// Where it is logged in.
    pub place: String,
    /// When its credential ends, in seconds since 1970; `None` if it has no end.
    #[serde(with = "seconds")]
    pub credential_expires: Option<SystemTime>,
    /// Values that are read again at an interval.
    pub static_values: usize,
    /// Values that were made for this pod.
    pub minted: Vec<Minted>,
    /// How many Mounts it has seen.
    pub mounts: u64,
    /// When the last Mount came.
    #[serde(with = "seconds")]
    pub last_asked: Option<SystemTime>,
    /// When a Mount was last answered.
    #[serde(with = "seconds")]
    pub last_refresh: Option<SystemTime>,
    /// The last failure since then, as the pod's event shows it.
    pub last_error: Option<String>,
    /// Only one Mount ever came, long ago: the driver's rotation seems to be off.
    pub refresh_never_seen: bool,
}

/// A value that was made for one pod.
#[derive(Clone, Debug, Serialize)]
pub struct Minted {
    /// The request that made it, as the class's author wrote it.
    pub read: String,
    /// When it ends, its token's end included.
    #[serde(with = "seconds")]
    pub expires: Option<SystemTime>,
    /// Whether the keeper can still move that end.
    pub renewable: bool,
    /// It should have been renewed or replaced a good while ago.
    pub overdue: bool,
}

/// Times as seconds since 1970.
mod seconds {
    use std::time::{SystemTime, UNIX_EPOCH};

    use serde::{Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde's shape")]
    pub(super) fn serialize<S: Serializer>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
        let seconds = time.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        seconds.serialize(to)
    }
}
