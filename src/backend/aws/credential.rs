//! A session's credentials: what they were granted and whose they are.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

use super::params::Scope;
use crate::lease::{self, Grant};
use crate::time::{Clock, Wall};

/// No session lives longer, whatever the node's clock makes of its end.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// Credentials of a role, and where they came from.
pub struct Credential {
    pub(super) keys: Credentials,
    /// The role, for hints: its ARN where it is known.
    pub(super) role: String,
    /// The account that the role is in; empty where it is not known.
    pub(super) account: String,
    grant: Grant,
    authority: Authority,
}

/// What credentials may do (decision 3): two of equal authority read the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Authority(Arc<Powers>);

#[derive(PartialEq, Eq, Hash)]
struct Powers {
    /// Each role that was taken on the way, as it was asked for.
    chain: Vec<(String, Option<String>)>,
    /// The last role's own ID: a role that was deleted and made again has another.
    id: String,
    /// Whether the whole way is known and the same for all who go it.
    shares: bool,
}

/// What a login gave.
pub(super) struct Given {
    pub(super) keys: Credentials,
    /// The ARN of the session or of its role.
    pub(super) arn: String,
    pub(super) account: String,
    /// The role's own ID; what tells these credentials from others where it is not known.
    pub(super) id: String,
    pub(super) shares: bool,
    pub(super) chain: Vec<(String, Option<String>)>,
}

// === impl Credential ===

impl Credential {
    /// What a login gave, in the scope that it was made for.
    pub(super) fn new(given: Given, scope: &Scope) -> Self {
        let Given { keys, arn, account, id, shares, chain } = given;
        let most = scope.duration.unwrap_or(LONGEST).min(LONGEST);
        let grant = Grant { ttl: Some(left(&keys).min(most)), renewable: false };
        let role = chain.last().map_or(arn, |(role, _)| role.clone());
        Self { keys, role, account, grant, authority: Authority(Arc::new(Powers { chain, id, shares })) }
    }

    /// How long they are good for from now.
    pub(super) fn left(&self) -> Duration {
        left(&self.keys)
    }

    /// What tells the roles apart that may read together.
    pub(super) fn powers(&self) -> &Authority {
        &self.authority
    }
}

fn left(keys: &Credentials) -> Duration {
    let end = keys.expiry().unwrap_or(SystemTime::UNIX_EPOCH);
    end.duration_since(Wall.now()).unwrap_or_default()
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("role", &self.role).finish_non_exhaustive()
    }
}

impl lease::Credential for Credential {
    type Authority = Authority;

    fn authority(&self) -> &Authority {
        &self.authority
    }

    fn grant(&self) -> Grant {
        self.grant
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("chain", &self.0.chain).finish_non_exhaustive()
    }
}

impl lease::Authority for Authority {
    fn may_share(&self) -> bool {
        self.0.shares
    }
}
