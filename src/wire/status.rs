//! The one place that turns a kind of failure into a gRPC code.

use tonic::{Code, Status};

use crate::error::{Errors, Kind};

/// The code of a kind. Only final codes: after an uncertain one, a first mount
/// lets the pod run on an empty volume (docs/driver-contract.md, 4.4).
pub const fn code(kind: Kind) -> Code {
    match kind {
        Kind::Invalid => Code::InvalidArgument,
        Kind::NotFound => Code::NotFound,
        Kind::Denied => Code::PermissionDenied,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::Precondition => Code::FailedPrecondition,
        Kind::Unavailable | Kind::Throttled | Kind::Deadline | Kind::Internal => Code::Internal,
    }
}

/// A Mount's failures as the status that the pod's events will show.
pub(super) fn status(errors: &Errors) -> Status {
    Status::new(code(errors.kind()), errors.to_string())
}

/// Whether a Mount may answer with this code (decision 8).
pub(super) const fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
            | Code::Internal
            | Code::Unimplemented
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_final_code() {
        for kind in Kind::ALL {
            assert!(is_final(code(kind)), "{}", kind.as_str());
        }
    }

    #[test]
    fn the_uncertain_codes_are_not_final() {
        for uncertain in [
            Code::Unavailable,
            Code::ResourceExhausted,
            Code::Aborted,
            Code::Cancelled,
            Code::DeadlineExceeded,
        ] {
            assert!(!is_final(uncertain));
        }
    }
}
