//! As whom a class reads.

use std::time::Duration;

use super::super::arn::Arn;
use super::Reader;
use crate::identity::Evidence;

/// The audience of tokens for the Pod Identity agent, which is not to be chosen.
const POD_IDENTITY: &str = "pods.eks.amazonaws.com";
/// What STS grants.
const SHORTEST: Duration = Duration::from_secs(15 * 60);
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// The longest that STS takes.
const MAX_ARN: usize = 2048;
const MAX_EXTERNAL_ID: usize = 1224;

/// How a pod becomes a role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Identity {
    /// Its token is shown to STS (IAM roles for service accounts).
    Irsa { role: Role, audience: String },
    /// Its token is shown to the node's agent, which knows the role.
    PodIdentity(Family),
}

/// The role that a token is shown for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Role {
    /// This one.
    Named(String),
    /// The one that the service account's annotation names.
    Annotated,
}

/// The agent's addresses that are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Family {
    /// IPv4, and IPv6 where that cannot be reached.
    Auto,
    V4,
    V6,
}

/// A role that is taken with another role's credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Link {
    pub(in super::super) role: String,
    pub(in super::super) external_id: Option<String>,
}

// === impl Identity ===

impl Identity {
    /// What proves a request: both logins verify this very token.
    pub(in super::super) fn evidence(&self) -> Evidence<'_> {
        let audience = match self {
            Self::Irsa { audience, .. } => audience,
            Self::PodIdentity(_) => POD_IDENTITY,
        };
        Evidence::Token { audience, verified_by_login: true }
    }
}

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn identity(&mut self) -> Option<Identity> {
        let word = self.parameters.get("usePodIdentity").unwrap_or("false");
        let Some(by_agent) = go_bool(word) else {
            let text =
                format!("failed to parse usePodIdentity value, error: {word:?} is neither true nor false");
            self.fault("usePodIdentity", text, "write true or false");
            return None;
        };
        let role = self.arn("roleArn");
        if !by_agent {
            let audience =
                self.parameters.get("audience").unwrap_or(&self.operator.config.audience).to_owned();
            let role = role.map_or(Role::Annotated, Role::Named);
            return Some(Identity::Irsa { role, audience });
        }
        if role.is_some() {
            let hint = "leave roleArn out: the Pod Identity association names the role; \
                        for a further role write assumeRoleArn";
            self.fault("roleArn", "usePodIdentity takes no role", hint);
        }
        let family = self.parameters.get("preferredAddressType").unwrap_or_default().to_lowercase();
        Some(Identity::PodIdentity(match family.as_str() {
            "ipv4" => Family::V4,
            "ipv6" => Family::V6,
            _ => Family::Auto,
        }))
    }

    pub(super) fn link(&mut self) -> Option<Link> {
        let external_id = self.parameters.get("externalId").map(str::to_owned);
        let Some(role) = self.arn("assumeRoleArn") else {
            if external_id.is_some() && self.parameters.get("assumeRoleArn").is_none() {
                self.fault("externalId", "it belongs to assumeRoleArn, which is not there", "");
            }
            return None;
        };
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "+=,.@:/-_".contains(letter);
        let good = |id: &String| (2..=MAX_EXTERNAL_ID).contains(&id.len()) && id.chars().all(legal);
        if external_id.as_ref().is_some_and(|id| !good(id)) {
            self.fault("externalId", "an external ID is 2 to 1224 letters, digits and + = , . @ : / - _", "");
        }
        Some(Link { role, external_id })
    }

    pub(super) fn duration(&mut self) -> Option<Duration> {
        let span = self.span("sessionDuration")?;
        if !(SHORTEST..=LONGEST).contains(&span) {
            self.fault("sessionDuration", "STS grants from 15m to 12h", "the role's maximum counts too");
        }
        if self.parameters.get("assumeRoleArn").is_some() && span > Duration::from_secs(3600) {
            self.fault("sessionDuration", "with assumeRoleArn STS grants no more than 1h", "");
        }
        Some(span)
    }

    /// The ARN of a role; what it is in the end, IAM decides.
    fn arn(&mut self, parameter: &'static str) -> Option<String> {
        let text = self.parameters.get(parameter)?.trim().to_owned();
        let role = Arn::parse(&text).filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
        // A profile's templates are filled before anything is parsed.
        if text.contains(['{', '}']) {
            let hint =
                "author: write the whole ARN, or name a profile; operator: put the template into a profile";
            self.fault(parameter, "templates stand in profiles only", hint);
            return None;
        }
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if role.is_none() || !printable || text.len() > MAX_ARN {
            self.fault(parameter, "not the ARN of a role", "write arn:aws:iam::ACCOUNT:role/NAME");
            return None;
        }
        Some(text)
    }
}

/// Whether a switch of a class is off, and nothing else.
pub(in super::super) fn is_off(word: &str) -> bool {
    go_bool(word) == Some(false)
}

/// The words that Go's `strconv.ParseBool` takes.
pub(super) fn go_bool(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
