//! Whether a pod still exists: the only proof on which anything is revoked (decision 4).

use futures_util::future::BoxFuture;

/// What is known of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is there.
    There,
    /// It was there, and is not any more.
    Gone,
    /// Nothing is known; no ground for anything.
    Unknown,
}

/// Says whether a pod still exists.
pub trait Liveness: Send + Sync {
    /// Whether the pod of this UID exists. `seen` says that this source, in this process
    /// or the one before, has seen it: only then is its absence a proof.
    fn presence<'a>(&'a self, uid: &'a str, seen: bool) -> BoxFuture<'a, Presence>;
}
