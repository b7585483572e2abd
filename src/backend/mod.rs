//! The seam: what a place that holds secrets must be able to do.
//!
//! A backend is one folder, behind one feature, registered by one line in
//! [`crate::app`]. It parses its part of a class, says what proves a request,
//! logs in, reads, and picks the objects out of what was read. What is the same
//! for all of them (proof first, sessions, freshness, sharing, one more login
//! after a refusal, giving back what nobody received) is in [`Hosted`], once.

mod accounts;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(all(test, any(feature = "aws", feature = "local", feature = "vault")))]
pub mod conformance;
pub mod explain;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod hosted;
mod inventory;
#[cfg(feature = "local")]
pub mod local;
pub mod objects;
mod parameters;
mod profile;
mod receipt;
#[cfg(feature = "vault")]
pub mod vault;
mod visit;

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use secrecy::SecretString;

pub use accounts::Accounts;
pub use hosted::{Host, Hosted};
pub use inventory::{Entry, Inventory, Minted};
pub use parameters::Parameters;
pub use profile::{PROFILE, Part, Profile, Profiles, Setting, Settings, template_fault};
pub use receipt::Receipt;

use crate::error::{Error, Errors};
use crate::identity::{Brought, Evidence, Pod, Presented, Secrets, Tokens};
use crate::lease::{self, Grant, LeaseId, Reading};
use crate::secret::Secret;
use crate::time::Deadline;

/// What each request of one mount answered, now or before.
pub type Readings<R> = HashMap<R, Result<Arc<Reading>, Error>>;

/// A request that a class needs answered, and how fresh its answer must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need<R> {
    /// The request.
    pub read: R,
    /// `refreshInterval`, of the object or of the class; the shortest of the objects that share the request.
    pub refresh: Option<Duration>,
    /// `renewBefore`: how long before its end what was made is replaced; the longest of the objects.
    pub renew_before: Option<Duration>,
}

/// What is renewed.
#[derive(Clone, Copy, Debug)]
pub enum Renewal<'a> {
    /// The credential itself, for as long as it had first.
    Credential(Duration),
    /// A lease that was made with it, for as long as it had first.
    Lease(&'a LeaseId, Duration),
}

/// One Mount, as a backend's host sees it.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The pod that the driver names.
    pub pod: &'a Pod,
    /// The class's name; old drivers leave it out on rotation.
    pub class: Option<&'a str>,
    /// Its tokens.
    pub tokens: &'a Tokens,
    /// The request's credentials.
    pub secrets: &'a Secrets,
    /// What the class asks for.
    pub parameters: &'a Parameters,
    /// When the answer must be there.
    pub by: Deadline,
}

/// A place that holds secrets.
///
/// Futures are bounded by the deadline they are given; a backend retries what is
/// transient inside it and turns every vendor error into an [`Error`] here.
pub trait Backend: Send + Sync + 'static {
    /// What one credential is good for: address, role, mount. Everything that
    /// tells two logins apart, and nothing secret.
    type Scope: Clone + Debug + Eq + Hash + Send + Sync + 'static;
    /// What the class wants, parsed.
    type Objects: Send + Sync + 'static;
    /// One backend request: path, query, method, arguments.
    type Read: Clone + Debug + Eq + Hash + Send + Sync + 'static;
    /// What a login gives.
    type Credential: lease::Credential;

    /// The provider's name: the socket's and the label's.
    fn name(&self) -> &'static str;

    /// Reads the class. Reports every mistake, not the first.
    fn parse(&self, parameters: &Parameters) -> Result<(Self::Scope, Self::Objects), Errors>;

    /// The servers that would get a token, in their one written form, that only the class's author
    /// has named: those of the operator's settings and profiles are not among them (decision 14).
    fn named_by_author(&self, _parameters: &Parameters, _scope: &Self::Scope) -> Vec<String> {
        Vec::new()
    }

    /// What proves a request in this scope.
    fn evidence<'a>(&self, scope: &'a Self::Scope) -> Evidence<'a>;

    /// Exchanges the proof for a credential.
    fn login(
        &self,
        proof: Arc<Presented>,
        scope: &Self::Scope,
        by: Deadline,
    ) -> impl Future<Output = Result<Self::Credential, Error>> + Send;

    /// The requests that these objects need, each once, in an order that only the objects decide.
    fn reads(&self, objects: &Self::Objects) -> Vec<Need<Self::Read>>;

    /// Makes the requests, together; one answer for each, in order. Refuses before asking
    /// what would be more than a volume may hold.
    fn fetch(
        &self,
        credential: &Self::Credential,
        due: &[Self::Read],
        by: Deadline,
    ) -> impl Future<Output = Vec<Result<Reading, Error>>> + Send;

    /// Takes the objects out of what was read. Pure; names every failing object.
    fn pick(&self, objects: &Self::Objects, readings: &Readings<Self::Read>) -> Result<Vec<Secret>, Errors>;

    /// Whether anything is kept between two Mounts. A backend whose reads cost nothing says no:
    /// every Mount is then proved, logged in and read by itself.
    fn keeps(&self) -> bool {
        true
    }

    /// Whether the answer of this request might be one that pods share; only the answer says that it is.
    fn may_share(&self, _read: &Self::Read) -> bool {
        false
    }

    /// Whether the answer is the login itself: that of a login with another authority takes its place at once.
    fn is_credential(&self, _read: &Self::Read) -> bool {
        false
    }

    /// Where the scope's sessions live, for an operator: an address.
    fn place(&self, scope: &Self::Scope) -> String;

    /// Lets a credential or a lease live on. An error that is not transient means that it
    /// will not help to ask again; `NotFound` that it is gone, `Denied` that either the
    /// credential is dead or renewing is forbidden ([`Backend::is_alive`] tells).
    fn renew(
        &self,
        _credential: &Self::Credential,
        _what: Renewal<'_>,
        _by: Deadline,
    ) -> impl Future<Output = Result<Grant, Error>> + Send {
        std::future::ready(Ok(Grant::ENDLESS))
    }

    /// Whether a lease still lives. An error means that it could not be asked.
    fn has_lease(
        &self,
        _credential: &Self::Credential,
        _lease: &LeaseId,
        _by: Deadline,
    ) -> impl Future<Output = Result<bool, Error>> + Send {
        std::future::ready(Ok(true))
    }

    /// Whether the credential still works. Where it may not ask about itself the answer is no.
    fn is_alive(
        &self,
        _credential: &Self::Credential,
        _by: Deadline,
    ) -> impl Future<Output = Result<bool, Error>> + Send {
        std::future::ready(Ok(true))
    }

    /// Whether the credential could make each of these requests, without making them.
    /// An error means that it could not be asked.
    fn permits(
        &self,
        _credential: &Self::Credential,
        reads: &[Self::Read],
        _by: Deadline,
    ) -> impl Future<Output = Result<Vec<bool>, Error>> + Send {
        std::future::ready(Ok(vec![true; reads.len()]))
    }

    /// Ends the credential and what was minted with it. The default is for
    /// backends whose credentials only run out.
    fn revoke(
        &self,
        _credential: &Self::Credential,
        _by: Deadline,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// The credential as a text for the hand-off (decision 5); `None` if it cannot be carried over.
    fn pack(&self, _credential: &Self::Credential) -> Option<SecretString> {
        None
    }

    /// The credential that another process of ours packed for this scope.
    fn unpack(&self, _scope: &Self::Scope, _packed: &SecretString) -> Option<Self::Credential> {
        None
    }
}

/// The object-safe face of a hosted backend.
pub trait Provider: Send + Sync {
    /// The provider's name.
    fn name(&self) -> &'static str;

    /// The class's secrets for the pod that asks, and a receipt to keep once they are delivered.
    fn secrets<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<(Vec<Secret>, Receipt), Errors>>;

    /// The class of a Mount that names none (an old driver's rotation), as it is known
    /// from the Mounts of the same pod before (decision 12).
    fn class_of(&self, _pod: &Pod, _parameters: &Parameters) -> Option<String> {
        None
    }

    /// What is kept, for metrics and `keymount status`.
    fn inventory(&self) -> Inventory {
        Inventory::default()
    }

    /// Takes over what another process of ours left behind (decision 5); how many sessions that were.
    fn take_over(&self) -> BoxFuture<'_, usize> {
        Box::pin(std::future::ready(0))
    }
}

/// Hears of everything that happens with a backend. Implemented by `observe`.
pub trait Recorder: Send + Sync {
    /// `operation` is `login`, `read`, `renew`, `check` or `revoke`; `status` an HTTP status or a word for what came instead.
    fn request(&self, provider: &'static str, operation: &'static str, status: &str, took: Duration);

    /// A request waited this long for its turn at its server.
    fn queued(&self, _provider: &'static str, _waited: Duration) {}

    /// A server of the operator's answered, where there are several: its address, one of a fixed few.
    fn served(&self, _provider: &'static str, _server: &str) {}

    /// A token or a lease was renewed: `what` is `token` or `lease`, `outcome` is `ok`, `capped` or an error's kind.
    fn renewed(&self, _provider: &'static str, _what: &'static str, _outcome: &'static str) {}

    /// A credential was made for a Mount. `reason` is `first`, `ending`, `gone` or `interval`; `outcome` is `ok` or an error's kind.
    fn minted(&self, _provider: &'static str, _reason: &'static str, _outcome: &'static str) {}

    /// A Mount was given an answer that another pod's token had read.
    fn shared(&self, _provider: &'static str) {}

    /// A credential was given back. `reason` is `pod_gone`, `undelivered` or `replaced`; `outcome` is `ok` or an error's kind.
    fn revoked(&self, _provider: &'static str, _reason: &'static str, _outcome: &'static str) {}

    /// A session ended without revocation: `reason` is `idle`, `full`, `denied`, `pod_gone` or `undelivered`.
    fn ended(&self, _provider: &'static str, _reason: &'static str) {}

    /// What was made for a pod lives shorter than its Mounts are apart; once for each session.
    fn outlived(&self, _provider: &'static str) {}

    /// A hand-off file could not be written or read; `what` is `write`, `read` or `remove`.
    fn handoff_failed(&self, _provider: &'static str, _what: &'static str) {}
}

// === impl Ask ===

impl<'a> Ask<'a> {
    /// What the request brings to be proved by.
    pub const fn brought(&self, provider: &'a str) -> Brought<'a> {
        Brought { provider, pod: self.pod, tokens: self.tokens, secrets: self.secrets }
    }
}

// === impl Need ===

impl<R> Need<R> {
    /// A request without wishes.
    pub const fn of(read: R) -> Self {
        Self { read, refresh: None, renew_before: None }
    }
}
