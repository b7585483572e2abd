//! One request, as a class asks for it, and what follows from how it looks.

use std::fmt;

use super::super::path::Path;

/// One request to the server. Objects with equal reads share its answer, so that
/// the username and the password of one dynamic credential belong together.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Read {
    pub(in super::super) method: String,
    pub(in super::super) path: Path,
    /// The JSON body; may be private.
    pub(in super::super) args: Option<String>,
}

// === impl Read ===

impl Read {
    /// Whether its method is one that only asks.
    pub(in super::super) fn only_asks(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "LIST" | "SCAN")
    }

    /// Whether asking twice is the same as asking once. Engines mint at a GET of `creds`.
    pub(in super::super) fn only_looks(&self) -> bool {
        let mints = |segment: &str| matches!(segment, "creds" | "sts" | "issue" | "sign");
        self.only_asks() && !self.path.shown.split(['/', '?']).any(mints)
    }

    /// Whether it is a GET without arguments of a place that is the same for all. A cubbyhole is
    /// each token's own; it and the others lie at the front, or behind a namespace.
    pub(in super::super) fn is_plain_get(&self) -> bool {
        let path = &self.path.shown;
        let own = ["auth/", "sys/", "identity/"].iter().any(|front| path.starts_with(front));
        let cubbyhole = path.split(['/', '?']).any(|segment| segment == "cubbyhole");
        self.method == "GET" && self.args.is_none() && !own && !cubbyhole
    }
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path.shown)
    }
}
