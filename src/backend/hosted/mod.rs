//! What is the same for every backend: proof first, then a session with what it
//! keeps, fresh answers together, one more login after a refusal.
//!
//! `login` makes sessions, `gather` brings what is due, `tend` is the keeper's
//! part, `carry` what outlives the process; `bare` is the way of
//! `--sessions=off` and of backends that keep nothing.

mod bare;
mod carry;
mod census;
mod credential;
mod door;
mod doubt;
mod fetch;
mod gather;
mod host;
mod login;
mod serve;
mod session;
mod tend;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use host::Host;

use self::fetch::Batch;
use self::login::{Logins, ShareKeyOf};
use self::session::{Key, Session};
use self::trial::Trials;
use super::{Ask, Backend, Inventory, Parameters, Provider, Receipt};
use crate::error::Errors;
use crate::identity::Pod;
use crate::lease::{Sessions, Shares};
use crate::secret::Secret;

/// A backend with its host's manners, as a [`Provider`].
pub struct Hosted<B: Backend>(Arc<Core<B>>);

/// What all work of one provider shares.
struct Core<B: Backend> {
    backend: B,
    host: Host,
    sessions: Sessions<Key<B::Scope>, Session<B>>,
    logins: Mutex<Logins<B>>,
    trials: Trials<B::Scope>,
    shares: Shares<ShareKeyOf<B>, Batch<B::Read>>,
    /// It was said that no refresh is ever seen: once is enough.
    said_unrefreshed: AtomicBool,
}

// === impl Hosted ===

impl<B: Backend> Hosted<B> {
    /// Hosts `backend`.
    pub fn new(backend: B, host: Host) -> Self {
        let sessions = Sessions::new(host.policy.max_sessions);
        let (logins, trials, shares) = (Mutex::new(HashMap::new()), Trials::new(), Shares::new());
        let said_unrefreshed = AtomicBool::default();
        Self(Arc::new(Core { backend, host, sessions, logins, trials, shares, said_unrefreshed }))
    }
}

impl<B: Backend> Provider for Hosted<B> {
    fn name(&self) -> &'static str {
        self.0.backend.name()
    }

    fn secrets<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<(Vec<Secret>, Receipt), Errors>> {
        match self.0.host.policy.keep && self.0.backend.keeps() {
            true => self.0.serve(ask).boxed(),
            false => self.0.serve_bare(ask).boxed(),
        }
    }

    fn class_of(&self, pod: &Pod, parameters: &Parameters) -> Option<String> {
        self.0.class_of(pod, parameters)
    }

    fn inventory(&self) -> Inventory {
        self.0.inventory()
    }

    fn take_over(&self) -> BoxFuture<'_, usize> {
        self.0.take_over().boxed()
    }
}

impl<B: Backend> std::fmt::Debug for Hosted<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hosted").field(&self.0.backend.name()).finish()
    }
}
