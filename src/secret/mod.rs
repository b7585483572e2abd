//! The vocabulary of what is delivered: named, versioned bytes that cannot be
//! printed, cloned or serialised.

mod version;

use std::fmt;

use secrecy::SecretSlice;

pub use version::{Version, VersionKey};

/// An object's name, as the class gives it and as pod status shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(String);

// === impl ObjectId ===

impl ObjectId {
    /// Names an object.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One object's bytes and the file that the class wants them in.
#[derive(Debug)]
pub struct Secret {
    /// The object's name, unique in its class.
    pub object: ObjectId,
    /// The wanted path in the volume, not yet checked.
    pub path: String,
    /// The wanted mode; `None` or 0 means the request's default (decision 13).
    pub mode: Option<u32>,
    /// The content.
    pub bytes: SecretSlice<u8>,
}
