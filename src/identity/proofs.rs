//! The tokens that have proved a session before (decision 2).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use crate::time::Moment;

/// As many tokens as a pod has at a time: the kubelet's last and its new one.
const KEPT: usize = 2;

/// A token's SHA-256, or a keyed hash of credentials: tells two apart and gives none away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// The last two tokens that proved a session, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proofs(Vec<(Digest, Moment)>);

// === impl Digest ===

impl Digest {
    pub(super) fn of(token: &SecretString) -> Self {
        #[expect(clippy::disallowed_methods, reason = "hashed; nothing of it leaves")]
        let hash = digest(&SHA256, token.expose_secret().as_bytes());
        Self::from(hash.as_ref())
    }

    /// From its hexadecimal text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl From<&[u8]> for Digest {
    /// Of a hash's 32 bytes.
    fn from(hash: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

// === impl Proofs ===

impl Proofs {
    /// Remembers that the token proved the session at `now`.
    pub fn add(&mut self, digest: Digest, now: Moment) {
        self.0.retain(|(known, _)| *known != digest);
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push((digest, now));
    }

    /// Whether the token has proved the session within `reauth`.
    pub fn has(&self, digest: Digest, now: Moment, reauth: Duration) -> bool {
        self.0.iter().any(|(known, when)| *known == digest && now.since(*when) < reauth)
    }

    /// Each token's digest and when it proved the session, the last one last.
    pub fn iter(&self) -> impl Iterator<Item = (Digest, Moment)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(token: &str) -> Digest {
        Digest::of(&SecretString::from(token.to_owned()))
    }

    #[test]
    fn the_last_two_tokens_prove_and_each_for_a_while() {
        let (mut proofs, hour) = (Proofs::default(), Duration::from_secs(3600));
        let at = |seconds| Moment::at(Duration::from_secs(seconds));
        proofs.add(digest("a"), at(0));
        proofs.add(digest("b"), at(10));
        assert!(proofs.has(digest("a"), at(3599), hour) && !proofs.has(digest("a"), at(3600), hour));
        assert!(proofs.has(digest("b"), at(3600), hour));
        proofs.add(digest("c"), at(20));
        assert!(!proofs.has(digest("a"), at(30), hour), "the third pushed the first out");
        proofs.add(digest("b"), at(4000));
        assert!(proofs.has(digest("b"), at(7000), hour) && proofs.has(digest("c"), at(3000), hour));
    }

    #[test]
    fn a_digest_goes_through_text() {
        let one = digest("a token");
        assert_eq!(Digest::parse(&one.to_string()), Some(one));
        assert_eq!(Digest::parse("zz"), None);
    }
}
