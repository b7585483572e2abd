//! What tells the credentials of two requests apart: a hash under a key that
//! lives as long as the process and is known to nobody.

use aws_lc_rs::hmac;
use secrecy::ExposeSecret;

use super::{Digest, Secrets};
use crate::time;

/// The process's key.
pub(super) struct Bonds(Option<hmac::Key>);

// === impl Bonds ===

impl Bonds {
    /// A key by chance; without chance nothing is bound, and so nothing served.
    pub(super) fn new() -> Self {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        Self(time::random(&mut *bytes).then(|| hmac::Key::new(hmac::HMAC_SHA256, &*bytes)))
    }

    /// The hash of these credentials. A bare one could be guessed at: passwords are short.
    pub(super) fn of(&self, secrets: &Secrets) -> Option<Digest> {
        let mut mac = hmac::Context::with_key(self.0.as_ref()?);
        for (key, value) in secrets.iter() {
            #[expect(clippy::disallowed_methods, reason = "hashed under the key; nothing of it leaves")]
            let value = value.expose_secret();
            // The length in front keeps ("a", "bc") and ("ab", "c") apart.
            for part in [key, value] {
                mac.update(&(part.len() as u64).to_be_bytes());
                mac.update(part.as_bytes());
            }
        }
        Some(Digest::from(mac.sign().as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_part_counts_and_so_does_the_process() {
        let (bonds, base) = (Bonds::new(), [("u", "ab"), ("p", "c")]);
        assert!(bonds.of(&secrets(&base)).is_some());
        assert_eq!(bonds.of(&secrets(&base)), bonds.of(&secrets(&base)));
        for other in [[("u", "a"), ("p", "bc")], [("ua", "b"), ("p", "c")], [("u", "ab"), ("p", "d")]] {
            assert_ne!(bonds.of(&secrets(&base)), bonds.of(&secrets(&other)));
        }
        assert_ne!(bonds.of(&secrets(&base)), Bonds::new().of(&secrets(&base)));
    }
}
