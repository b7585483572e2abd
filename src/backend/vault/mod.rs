//! Vault and OpenBao: one API, two names.

mod config;
mod credential;
mod envelope;
mod error;
mod explain;
#[cfg(test)]
pub mod fake;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod go_json;
mod index;
mod life;
mod login;
mod method;
mod params;
mod passage;
mod path;
mod permits;
mod pick;
mod read;
#[cfg(test)]
mod tests;
mod upkeep;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

pub use config::Config;
pub use credential::{Authority, Credential};
pub use explain::RULES;
pub use params::{Objects, Read, Scope, of_openbao, of_vault, profile_faults};

use self::config::Operator;
use self::passage::Passages;
use self::wire::Wire;
use super::{Backend, Need, Parameters, Profiles, Readings, Recorder, Renewal, Settings};
use crate::error::{Error, Errors};
use crate::identity::{Evidence, Presented};
use crate::lease::{Grant, LeaseId, Reading};
use crate::net::{Address, Pool, Retry, Target};
use crate::secret::Secret;
use crate::time::{Backoff, Deadline};

/// Transient trouble is sat out for a while, not for all of the deadline: kubelet
/// comes back by itself, and says in between what is wrong.
const RETRY: Retry = Retry {
    backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(3)),
    // A cluster that has lost its leader needs 2 to 11 s for another one.
    tries: 10,
    within: Duration::from_secs(20),
};

/// Which of the two a provider is: names and parameters differ, the API does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// `provider: vault`.
    Vault,
    /// `provider: openbao`.
    OpenBao,
}

/// The backend.
pub struct Vault {
    operator: Operator,
    wire: Wire,
    passages: Passages,
}

// === impl Flavour ===

impl Flavour {
    /// The provider's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::OpenBao => "openbao",
        }
    }

    /// What the parameters begin with; the first present wins.
    const fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Vault => &["vault"],
            Self::OpenBao => &["bao", "openbao", "vault"],
        }
    }

    /// What each of its parameters sets.
    pub const fn settings(self) -> Settings {
        match self {
            Self::Vault => of_vault,
            Self::OpenBao => of_openbao,
        }
    }
}

// === impl Vault ===

impl Vault {
    /// The backend under the operator's settings, or every mistake in them.
    pub fn new(flavour: Flavour, config: Config, recorder: Arc<dyn Recorder>) -> Result<Self, Errors> {
        let (limits, strangers) = (config.limits(), Pool::new(config.limits()));
        let operator = Operator::new(flavour, config)?;
        let pools = operator.target.iter().map(|own| (own.clone(), Pool::new(limits))).collect();
        let wire = Wire { flavour, pools, follow: Arc::default(), strangers, recorder };
        Ok(Self { operator, wire, passages: Passages::default() })
    }

    /// The same, where a redirect may lead to the operator's own servers, and to these: those that
    /// the operator allows classes to name. What is no address is said where the settings are read.
    #[must_use]
    pub fn following<'a>(mut self, allowed: impl IntoIterator<Item = &'a String>) -> Self {
        // Decision 14: what no class may name, no redirect may lead to.
        let may = |address: &Address| self.operator.config.allow_http || !address.is_plain_off_loopback();
        let allowed = allowed.into_iter().filter_map(|text| Address::parse(text).ok()).filter(may);
        let own = self.operator.target.iter().flat_map(Target::servers).cloned();
        self.wire.follow = own.filter(|address| address.socket().is_none()).chain(allowed).collect();
        self
    }

    /// The same, where the servers of these profiles have clients and limits of their own. Two
    /// that name the same server with the same trust share them.
    #[must_use]
    pub fn serving(mut self, profiles: &Profiles) -> Self {
        for profile in profiles.iter().filter(|profile| profile.provider == self.wire.flavour.name()) {
            // What is wrong with a profile is said where the settings are read (`profile_faults`).
            let Ok(Some(target)) = params::profile_target(&self.operator, profile) else { continue };
            let limits = self.operator.config.limits_of(profile);
            self.wire.pools.entry(target).or_insert_with(|| Pool::new(limits));
        }
        self
    }
}

impl Backend for Vault {
    type Scope = Scope;
    type Objects = Objects;
    type Read = Read;
    type Credential = Credential;

    fn name(&self) -> &'static str {
        self.wire.flavour.name()
    }

    fn parse(&self, parameters: &Parameters) -> Result<(Scope, Objects), Errors> {
        params::parse(&self.operator, parameters)
    }

    fn named_by_author(&self, parameters: &Parameters, scope: &Scope) -> Vec<String> {
        params::named_by_author(&self.operator, parameters, scope)
    }

    fn evidence<'a>(&self, scope: &'a Scope) -> Evidence<'a> {
        scope.method.evidence(&scope.audience)
    }

    async fn login(&self, proof: Arc<Presented>, scope: &Scope, by: Deadline) -> Result<Credential, Error> {
        self.log_in(&proof, scope, by).await
    }

    fn reads(&self, objects: &Objects) -> Vec<Need<Read>> {
        objects.needs()
    }

    fn may_share(&self, read: &Read) -> bool {
        read.is_plain_get() && read.only_looks()
    }

    fn place(&self, scope: &Scope) -> String {
        scope.target.place()
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

    async fn renew(&self, credential: &Credential, what: Renewal<'_>, by: Deadline) -> Result<Grant, Error> {
        self.prolong(credential, what, by).await
    }

    async fn has_lease(&self, credential: &Credential, lease: &LeaseId, by: Deadline) -> Result<bool, Error> {
        self.knows(credential, lease, by).await
    }

    async fn is_alive(&self, credential: &Credential, by: Deadline) -> Result<bool, Error> {
        self.looks_up(credential, by).await
    }

    async fn permits(
        &self,
        credential: &Credential,
        reads: &[Read],
        by: Deadline,
    ) -> Result<Vec<bool>, Error> {
        self.permits_each(credential, reads, by).await
    }

    async fn revoke(&self, credential: &Credential, by: Deadline) -> Result<(), Error> {
        self.log_out(credential, by).await
    }

    fn pack(&self, credential: &Credential) -> Option<SecretString> {
        credential.pack()
    }

    fn unpack(&self, scope: &Scope, packed: &SecretString) -> Option<Credential> {
        Credential::unpack(scope, packed)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("operator", &self.operator).finish_non_exhaustive()
    }
}
