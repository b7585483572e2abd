//! AWS: Secrets Manager, Parameter Store, and the credentials of a role themselves.

mod agent;
mod arn;
mod clients;
mod config;
mod credential;
mod error;
mod explain;
#[cfg(test)]
pub mod fake;
mod jmes;
mod keyfile;
mod login;
mod parameters;
mod params;
mod pick;
mod read;
mod region;
mod secrets;
mod session_name;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use config::Config;
pub use credential::{Authority, Credential};
pub use explain::RULES;
pub use params::{Objects, Read, Scope, profile_faults, setting};

use self::config::Operator;
use self::secrets::Unbatched;
use self::wire::Wire;
use super::{Accounts, Backend, Need, Parameters, Readings, Recorder};
use crate::error::{Error, Errors};
use crate::identity::{Evidence, Presented};
use crate::lease::Reading;
use crate::net::Retry;
use crate::secret::Secret;
use crate::time::{Backoff, Deadline};

/// The provider's name: the socket's, the label's and that in errors.
const NAME: &str = "aws";

/// Transient trouble is sat out for a while, not for all of the deadline: kubelet
/// comes back by itself, and says in between what is wrong.
const RETRY: Retry = Retry {
    backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(3)),
    tries: 5,
    within: Duration::from_secs(20),
};

/// Where another region can be asked, it is not waited for long.
const RETRY_BEFORE_FAILOVER: Retry = Retry {
    backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
    tries: 2,
    within: Duration::from_secs(4),
};

/// The backend.
pub struct Aws {
    operator: Operator,
    wire: Arc<Wire>,
    /// How to find the annotations of service accounts, where the operator allows it.
    accounts: Option<Arc<dyn Accounts>>,
    /// The roles that may not read in batches.
    unbatched: Unbatched,
}

// === impl Aws ===

impl Aws {
    /// The backend under the operator's settings, or every mistake in them.
    pub fn new(
        config: Config,
        accounts: Option<Arc<dyn Accounts>>,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Self, Errors> {
        let limits = config.limits();
        let operator = Operator::new(config)?;
        let wire = Arc::new(Wire::new(operator.trust.clone(), limits, recorder));
        Ok(Self { operator, wire, accounts, unbatched: Unbatched::default() })
    }
}

impl Backend for Aws {
    type Scope = Scope;
    type Objects = Objects;
    type Read = Read;
    type Credential = Credential;

    fn name(&self) -> &'static str {
        NAME
    }

    fn parse(&self, parameters: &Parameters) -> Result<(Scope, Objects), Errors> {
        params::parse(&self.operator, parameters)
    }

    fn evidence<'a>(&self, scope: &'a Scope) -> Evidence<'a> {
        scope.identity.evidence()
    }

    async fn login(&self, proof: Arc<Presented>, scope: &Scope, by: Deadline) -> Result<Credential, Error> {
        self.log_in(&proof, scope, by).await
    }

    fn reads(&self, objects: &Objects) -> Vec<Need<Read>> {
        objects.needs()
    }

    fn may_share(&self, read: &Read) -> bool {
        !read.is_minted()
    }

    fn is_credential(&self, read: &Read) -> bool {
        read.is_minted()
    }

    fn place(&self, scope: &Scope) -> String {
        scope.regions.primary.clone()
    }

    async fn fetch(
        &self,
        credential: &Credential,
        due: &[Read],
        by: Deadline,
    ) -> Vec<Result<Reading, Error>> {
        self.read_all(credential, due, by).await
    }

    fn pick(&self, objects: &Objects, readings: &Readings<Read>) -> Result<Vec<Secret>, Errors> {
        pick::pick(objects, readings)
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("operator", &self.operator).finish_non_exhaustive()
    }
}
