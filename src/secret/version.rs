//! Object versions: they change if and only if the delivered bytes change.

use std::fmt;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretSlice};

use super::ObjectId;

/// What pod status shows for an object. Says nothing about the content without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

// === impl Version ===

impl Version {
    /// The version as text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key that versions are made with (decision 6): whoever reads pod status
/// could otherwise guess short secrets against a bare hash.
#[derive(Clone)]
pub struct VersionKey(hmac::Key);

// === impl VersionKey ===

impl VersionKey {
    /// A key from operator-given bytes: versions are then the same on every node, always.
    pub fn new(bytes: &SecretSlice<u8>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the key is moved into the HMAC state")]
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose_secret()))
    }

    /// The version of `bytes` as this object of this class in this namespace.
    pub fn version(
        &self,
        namespace: &str,
        class: &str,
        object: &ObjectId,
        bytes: &SecretSlice<u8>,
    ) -> Version {
        let mut mac = hmac::Context::with_key(&self.0);
        for part in [namespace.as_bytes(), class.as_bytes(), object.as_str().as_bytes()] {
            // The length in front keeps ("a", "bc") and ("ab", "c") apart.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        #[expect(clippy::disallowed_methods, reason = "the content is hashed under the key, nothing leaves")]
        mac.update(bytes.expose_secret());
        Version(hex::encode(mac.sign()))
    }
}

impl fmt::Debug for VersionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VersionKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(key: &str, namespace: &str, class: &str, object: &str, content: &str) -> Version {
        let key = VersionKey::new(&key.as_bytes().to_vec().into());
        key.version(namespace, class, &ObjectId::new(object), &content.as_bytes().to_vec().into())
    }

    #[test]
    fn a_version_is_stable_and_depends_on_every_part() {
        let base = version("k", "ns", "class", "db", "v");
        assert_eq!(base, version("k", "ns", "class", "db", "v"));
        for other in [
            version("K", "ns", "class", "db", "v"),
            version("k", "nsc", "lass", "db", "v"),
            version("k", "ns", "classd", "b", "v"),
            version("k", "ns", "class", "db2", "v"),
            version("k", "ns", "class", "db", "w"),
        ] {
            assert_ne!(base, other);
        }
    }
}
