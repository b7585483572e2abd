//! The seam: what a place that holds secrets must be able to do.
//!
//! A backend is one folder, behind one feature, registered by one line in
//! [`crate::app`]. It parses its part of a class, says what proves a request,
//! logs in, reads, and picks the objects out of what was read. What is the same
//! for all of them (proof first, one more login after a refusal, giving back
//! what nobody received) is in [`Hosted`], once.

#[cfg(all(test, any(feature = "local", feature = "vault")))]
pub mod conformance;
mod hosted;
#[cfg(feature = "local")]
pub mod local;
pub mod objects;
mod receipt;
#[cfg(feature = "vault")]
pub mod vault;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use hosted::Hosted;
pub use receipt::Receipt;

use crate::error::{Error, Errors};
use crate::identity::{Evidence, Pod, Presented, Tokens};
use crate::lease::Reading;
use crate::secret::Secret;
use crate::time::Deadline;

/// A class's parameters after the pod's attributes were laid over them: neither
/// author is trusted more than the other (decisions, "Author").
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, String>);

/// What each request of one mount answered.
pub type Readings<R> = HashMap<R, Result<Reading, Error>>;

/// One Mount, as a backend's host sees it.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The pod that the driver names.
    pub pod: &'a Pod,
    /// Its tokens.
    pub tokens: &'a Tokens,
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
    type Read: Clone + Eq + Hash + Send + Sync + 'static;
    /// What a login gives.
    type Credential: Send + Sync + 'static;

    /// The provider's name: the socket's and the label's.
    fn name(&self) -> &'static str;

    /// Reads the class. Reports every mistake, not the first.
    fn parse(&self, parameters: &Parameters) -> Result<(Self::Scope, Self::Objects), Errors>;

    /// What proves a request in this scope.
    fn evidence<'a>(&self, scope: &'a Self::Scope) -> Evidence<'a>;

    /// Exchanges the proof for a credential.
    fn login(
        &self,
        proof: Arc<Presented>,
        scope: &Self::Scope,
        by: Deadline,
    ) -> impl Future<Output = Result<Self::Credential, Error>> + Send;

    /// The requests that these objects need, each once.
    fn reads(&self, objects: &Self::Objects) -> Vec<Self::Read>;

    /// Makes the requests, together; one answer for each, in order.
    fn fetch(
        &self,
        credential: &Self::Credential,
        due: &[Self::Read],
        by: Deadline,
    ) -> impl Future<Output = Vec<Result<Reading, Error>>> + Send;

    /// Takes the objects out of what was read. Pure; names every failing object.
    fn pick(&self, objects: &Self::Objects, readings: &Readings<Self::Read>) -> Result<Vec<Secret>, Errors>;

    /// Ends the credential and what was minted with it. The default is for
    /// backends whose credentials only run out.
    fn revoke(
        &self,
        _credential: &Self::Credential,
        _by: Deadline,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }
}

/// The object-safe face of a hosted backend.
pub trait Provider: Send + Sync {
    /// The provider's name.
    fn name(&self) -> &'static str;

    /// The class's secrets for the pod that asks, and a receipt to keep once they are delivered.
    fn secrets<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<(Vec<Secret>, Receipt), Errors>>;
}

/// Hears of every request to a backend. Implemented by `observe`.
pub trait Recorder: Send + Sync {
    /// `operation` is `login`, `read` or `revoke`; `status` an HTTP status or a word for what came instead.
    fn request(&self, provider: &'static str, operation: &'static str, status: &str, took: Duration);
}

// === impl Parameters ===

impl Parameters {
    /// The value of `key`; an empty one counts as absent, as it does for the incumbents.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}
