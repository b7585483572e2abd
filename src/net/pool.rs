//! The clients in use, a bounded number of them: addresses may be named by
//! classes, and each client costs memory and connections.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

use super::client::LOOKUPS;
use super::failure::{Cause, Failure};
use super::gate::Gate;
use super::servers::Choices;
use super::{Address, Client, Limits, Reply, Request, Trust};
use crate::time::Deadline;

/// The most clients kept.
const MAX: usize = 64;

/// What tells two clients apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The server, or the first of several.
    pub address: Address,
    /// Others that are the same to whoever asks.
    pub others: Vec<Address>,
    /// Whom to trust.
    pub trust: Trust,
}

/// Clients by target, the least recently used forgotten first.
pub struct Pool {
    limits: Limits,
    lookups: Arc<Semaphore>,
    /// The most recently used last.
    clients: Mutex<Vec<Entry>>,
    pub(super) choices: Choices,
}

struct Entry {
    target: Target,
    client: Slot,
    gate: Arc<Gate>,
}

/// Made by the first who needs it; the others wait for the same one.
type Slot = Arc<OnceCell<Client>>;

// === impl Pool ===

impl Pool {
    /// A pool whose clients are each held to `limits`.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            clients: Mutex::default(),
            choices: Choices::default(),
        }
    }

    /// Sends `request` to `target`.
    pub async fn send(&self, target: &Target, request: Request, by: Deadline) -> Result<Reply, Failure> {
        let single = target.others.is_empty() && request.follow.is_empty();
        match single {
            true => self.send_to_one(target, request, by).await,
            false => self.send_to_any(target, request, by).await,
        }
    }

    pub(super) async fn send_to_one(
        &self,
        target: &Target,
        request: Request,
        by: Deadline,
    ) -> Result<Reply, Failure> {
        let (slot, gate) = self.slot(target);
        let make = || {
            let (Target { address, trust, .. }, lookups) = (target.clone(), self.lookups.clone());
            Client::sharing(address, trust, self.limits, lookups, gate)
        };
        let Some(client) = by.bound(slot.get_or_try_init(make)).await else {
            return Err(Failure::new(
                Cause::Deadline,
                "the deadline passed while the certificate files were read",
            ));
        };
        let client = client?;
        let result = client.send(request, by).await;
        if result.as_ref().is_err_and(|failure| failure.cause() == Cause::Tls) {
            // The next try reads the certificate files anew: they may just have been replaced.
            self.forget(&slot);
        }
        result
    }

    fn slot(&self, target: &Target) -> (Slot, Arc<Gate>) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.iter().position(|entry| entry.target == *target);
        let entry = match known {
            Some(at) => clients.remove(at),
            None => self.entry(target, &clients),
        };
        let slot = (entry.client.clone(), entry.gate.clone());
        if clients.len() >= MAX {
            clients.remove(0);
        }
        clients.push(entry);
        slot
    }

    /// A new entry. One server has one gate, whatever certificates it is met with.
    fn entry(&self, target: &Target, others: &[Entry]) -> Entry {
        let same = others.iter().find(|entry| entry.target.address == target.address);
        let gate = same.map_or_else(|| Gate::new(self.limits), |entry| entry.gate.clone());
        Entry { target: target.clone(), client: Slot::default(), gate }
    }

    /// Forgets the client that was used, not one that has replaced it. Its gate stays:
    /// a server whose certificate is wrong is not to be asked faster for it.
    fn forget(&self, used: &Slot) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = clients.iter_mut().find(|entry| Arc::ptr_eq(&entry.client, used)) {
            entry.client = Slot::default();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limits", &self.limits).finish_non_exhaustive()
    }
}
