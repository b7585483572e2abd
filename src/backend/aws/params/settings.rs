//! Which parameters there are, and what each decides: what profiles may set, and what of theirs a class sets anew.

use crate::backend::{Part, Setting};

/// Those that decide the same exclude each other: the agent takes no role of the
/// class's, so that asking it would be a way around the operator's role.
const PARAMETERS: [(&str, &str, Part); 11] = [
    ("roleArn", ROLE, Part::Login),
    ("usePodIdentity", ROLE, Part::Login),
    ("audience", "audience", Part::Login),
    ("preferredAddressType", "address type", Part::Login),
    ("assumeRoleArn", "further role", Part::Login),
    ("externalId", "external ID", Part::Login),
    ("sessionDuration", "session duration", Part::Login),
    // No region is a server of somebody else's: the endpoints are the operator's or AWS's own,
    // so that a class with a region of its own is as much the profile's as any other.
    ("region", "region", Part::Reading),
    ("failoverRegion", "failover region", Part::Reading),
    ("pathTranslation", "path translation", Part::Reading),
    ("refreshInterval", "refreshInterval", Part::Reading),
];

const ROLE: &str = "role";

/// What a parameter of `provider: aws` sets.
pub fn setting(key: &str) -> Option<Setting> {
    let (_, decides, part) = PARAMETERS.iter().find(|(known, ..)| *known == key)?;
    Some(Setting { decides, part: *part })
}

/// Every parameter that a profile may set.
pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
    PARAMETERS.iter().map(|(name, ..)| *name)
}
