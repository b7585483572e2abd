//! Why a fetch failed, and what its exit code says of it.

use crate::error::{Error, Errors, Kind, Stage};

/// A failure: a line for the log and a code for whoever started us.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What is wrong, and what to change; nothing secret.
    pub text: String,
    /// Whether only we could change it, by being started otherwise.
    lasting: bool,
}

// === impl Failure ===

impl Failure {
    /// Something else: absent, not set up, not writable.
    pub const OTHER: u8 = 1;
    /// The class or the token cannot be read, or is wrong.
    pub const INPUT: u8 = 2;
    /// The backend refused us.
    pub const REFUSED: u8 = 3;
    /// The backend cannot be reached or was too slow.
    pub const AWAY: u8 = 4;
    /// The command line or a setting is wrong (`EX_USAGE` of sysexits.h).
    pub const USAGE: u8 = 64;

    /// A failure of this code.
    pub(in crate::cli) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), lasting: code == Self::USAGE }
    }

    /// Whether the same fetch may still succeed, once somebody has set up what is missing.
    pub(super) const fn may_mend(&self) -> bool {
        !self.lasting
    }

    /// Whether the same fetch may succeed a moment later.
    pub(super) const fn is_transient(&self) -> bool {
        self.code == Self::AWAY
    }
}

impl From<Errors> for Failure {
    fn from(errors: Errors) -> Self {
        let kind = errors.kind();
        let stage = errors.iter().find(|error| error.kind() == kind).map(Error::stage);
        let lasting = kind == Kind::Invalid || stage == Some(Stage::Guard);
        Self { code: code(kind, stage), text: errors.to_string(), lasting }
    }
}

/// A refusal at the stage of the proof is ours, of a token that no backend has seen; one of the guard
/// is of the server that the class names.
fn code(kind: Kind, stage: Option<Stage>) -> u8 {
    match kind {
        Kind::Invalid if stage == Some(Stage::Start) => Failure::USAGE,
        Kind::Invalid => Failure::INPUT,
        Kind::Unauthenticated if stage == Some(Stage::Proof) => Failure::INPUT,
        Kind::Denied if stage == Some(Stage::Guard) => Failure::INPUT,
        Kind::Denied | Kind::Unauthenticated => Failure::REFUSED,
        Kind::Unavailable | Kind::Throttled | Kind::Deadline => Failure::AWAY,
        Kind::NotFound | Kind::Precondition | Kind::Internal => Failure::OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_code() {
        let codes = Kind::ALL.map(|kind| code(kind, Some(Stage::Login)));
        assert_eq!(codes, [2, 1, 3, 3, 1, 4, 4, 4, 1]);
        assert_eq!(code(Kind::Unauthenticated, Some(Stage::Proof)), 2);
        assert_eq!(code(Kind::Denied, Some(Stage::Guard)), 2);
        assert_eq!(code(Kind::Invalid, Some(Stage::Start)), 64);
    }

    #[test]
    fn what_lasts_decides_and_every_error_is_named() {
        let error = |kind, object| Error::new(kind, Stage::Read, "no").object(object);
        let errors = vec![error(Kind::Unavailable, "a"), error(Kind::Denied, "b")];
        let failure = Errors::from_list(errors).map(Failure::from);
        let failure = failure.unwrap_or_else(|| Failure::new(0, ""));
        assert_eq!(failure.code, 3);
        assert!(failure.text.contains("object=a") && failure.text.contains("object=b"), "{}", failure.text);
    }
}
