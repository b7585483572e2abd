//! What AWS says, and what to do about it. The first row that fits counts.
//!
//! Blanks: `{action}` `{arn}` `{role}` `{region}` `{subject}` `{aud}`.

use super::Service;
use crate::error::Kind;

/// One way to be refused.
pub(super) struct Row {
    /// Whose codes these are; `None` means anybody's.
    service: Option<Service>,
    /// The codes, in any of their two endings; none means any.
    codes: &'static [&'static str],
    /// A part of what is said, in lower case; empty means anything.
    says: &'static str,
    pub(super) kind: Kind,
    pub(super) hint: &'static str,
    /// Whether an outage behind the service looks the same (decision 9).
    pub(super) ambiguous: bool,
}

// === impl Row ===

impl Row {
    const fn of(codes: &'static [&'static str], kind: Kind, hint: &'static str) -> Self {
        Self { service: None, codes, says: "", kind, hint, ambiguous: false }
    }

    const fn by(self, service: Service) -> Self {
        Self { service: Some(service), ..self }
    }

    const fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    const fn ambiguous(self) -> Self {
        Self { ambiguous: true, ..self }
    }

    /// Whether this is the row of an error.
    pub(super) fn fits(&self, service: Service, code: &str, text: &str) -> bool {
        let bare = |code: &str| code.strip_suffix("Exception").unwrap_or(code).to_owned();
        self.service.is_none_or(|its| its == service)
            && (self.codes.is_empty() || self.codes.iter().any(|its| bare(its) == bare(code)))
            && (self.says.is_empty() || text.to_lowercase().contains(self.says))
    }
}

const DENIED: &[&str] = &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"];
const KMS_HINT: &str =
    "allow kms:Decrypt on the key of {arn} in the policy of {role} and in the key's own policy";

/// Every row.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    LIMITS.iter().chain(LOGIN).chain(AGENT).chain(KMS).chain(READ).chain(CREDENTIALS)
}

/// Whether a refusal's body names a limit: AWS says so with 400.
pub(in super::super) fn is_limit(body: &[u8]) -> bool {
    let is_it = |code: &&'static str| body.windows(code.len()).any(|window| window == code.as_bytes());
    LIMITS.iter().filter(|row| row.kind == Kind::Throttled).any(|row| row.codes.iter().any(is_it))
}

/// Asked too often, and outages.
const LIMITS: &[Row] = &[
    Row::of(
        &[
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "LimitExceededException",
            "RequestThrottledException",
            "SlowDown",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "EC2ThrottledException",
        ],
        Kind::Throttled,
        "the account's limit of {action} in {region} is reached: raise it, or let classes refresh less often (refreshInterval)",
    ),
    Row::of(
        &[
            "InternalServiceError",
            "InternalServerError",
            "InternalFailure",
            "InternalError",
            "ServiceUnavailable",
        ],
        Kind::Unavailable,
        "",
    ),
];

/// Refused logins.
const LOGIN: &[Row] = &[
    Row::of(
        &["InvalidIdentityToken"],
        Kind::Unauthenticated,
        "create an IAM OIDC provider for the cluster's issuer in this account, with the audience {aud}; \
         STS must be able to read the issuer's keys",
    )
    .by(Service::Sts)
    .ambiguous(),
    Row::of(&["IDPCommunicationError"], Kind::Unavailable, "STS cannot read the keys of the cluster's issuer")
        .by(Service::Sts),
    Row::of(&["IDPRejectedClaim"], Kind::Denied, "the cluster's issuer does not accept the token any more")
        .by(Service::Sts),
    Row::of(
        &["ExpiredTokenException", "ExpiredToken"],
        Kind::Unauthenticated,
        "the pod's token is too old: compare the clocks of the node and of AWS",
    )
    .by(Service::Sts)
    .says("web identity"),
    Row::of(
        &["RegionDisabledException"],
        Kind::Precondition,
        "activate STS in {region} in the account, or name another region",
    )
    .by(Service::Sts),
    Row::of(
        &["AccessDenied", "AccessDeniedException"],
        Kind::Denied,
        "the trust policy of {role} must allow sts:AssumeRoleWithWebIdentity to the cluster's OIDC provider, \
         with sub system:serviceaccount:{subject} and aud {aud}",
    )
    .by(Service::Sts)
    .says("assumerolewithwebidentity"),
    Row::of(
        &["AccessDenied", "AccessDeniedException"],
        Kind::Denied,
        "allow sts:AssumeRole on {arn} in the policy of the first role, and that role in the trust policy of {arn} \
         (with sts:ExternalId if it asks for one)",
    )
    .by(Service::Sts),
    Row::of(
        &["ValidationError", "ValidationException"],
        Kind::Invalid,
        "check roleArn, assumeRoleArn and sessionDuration: no role grants more than its own maximum",
    )
    .by(Service::Sts),
];

/// The Pod Identity agent's refusals. It writes them as plain text.
const AGENT: &[Row] = &[
    Row::of(
        &[],
        Kind::Denied,
        "create a Pod Identity association for the service account {subject} in this cluster",
    )
    .by(Service::Agent)
    .says("no association"),
    Row::of(
        &[],
        Kind::Denied,
        "create a Pod Identity association for the service account {subject} in this cluster",
    )
    .by(Service::Agent)
    .says("resourcenotfound"),
    Row::of(
        &[],
        Kind::Denied,
        "the role of the association must trust pods.eks.amazonaws.com with sts:AssumeRole and sts:TagSession",
    )
    .by(Service::Agent)
    .says("accessdenied"),
    Row::of(&[], Kind::Unauthenticated, "the agent did not accept the pod's token").by(Service::Agent).says("token"),
];

/// The key behind a secret.
const KMS: &[Row] = &[
    Row::of(DENIED, Kind::Denied, KMS_HINT).says("kms:"),
    Row::of(DENIED, Kind::Denied, KMS_HINT).says("access to kms"),
    Row::of(DENIED, Kind::Denied, KMS_HINT).says("ciphertext refers"),
    Row::of(&["DecryptionFailure"], Kind::Precondition, KMS_HINT),
    Row::of(
        &["InvalidKeyId", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException"],
        Kind::Precondition,
        "the key of {arn} is not there, disabled, or not to be used: see its state in KMS",
    ),
];

/// Refused reads.
const READ: &[Row] = &[
    Row::of(DENIED, Kind::Denied, "allow {action} on {arn} in the policy of {role}"),
    Row::of(
        &["ResourceNotFoundException", "ResourceNotFound"],
        Kind::NotFound,
        "check objectName, its version and label, and the region: it was looked for in {region}",
    ),
    Row::of(
        &["ParameterNotFound", "ParameterVersionNotFound"],
        Kind::NotFound,
        "check objectName, its version and label, and the region: it was looked for in {region}",
    ),
    Row::of(
        &["InvalidRequestException"],
        Kind::Precondition,
        "the secret is scheduled for deletion: restore it (aws secretsmanager restore-secret), or name another",
    )
    .says("delet"),
    Row::of(&["InvalidRequestException", "InvalidParameterException", "ValidationException"], Kind::Invalid, ""),
];

/// Credentials that are not good any more, or never were.
const CREDENTIALS: &[Row] = &[
    Row::of(
        &["InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed"],
        Kind::Unauthenticated,
        "compare the clocks of the node and of AWS",
    ),
    Row::of(
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidToken",
            "MissingAuthenticationToken",
            "IncompleteSignature",
        ],
        Kind::Unauthenticated,
        "the session's credentials are not accepted in {region}: is the region enabled in the account, and of the same partition?",
    ),
];
