//! The clients in use, a bounded number of them: addresses may be named by
//! classes, and each client costs memory and connections.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

use super::client::LOOKUPS;
use super::failure::{Cause, Failure};
use super::{Address, Client, Limits, Reply, Request, Trust};
use crate::time::Deadline;

/// The most clients kept.
const MAX: usize = 64;

/// What tells two clients apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The server.
    pub address: Address,
    /// Whom to trust.
    pub trust: Trust,
}

/// Clients by target, the least recently used forgotten first.
pub struct Pool {
    limits: Limits,
    lookups: Arc<Semaphore>,
    /// The most recently used last.
    clients: Mutex<Vec<(Target, Slot)>>,
}

/// Made by the first who needs it; the others wait for the same one.
type Slot = Arc<OnceCell<Client>>;

// === impl Pool ===

impl Pool {
    /// A pool whose clients are each held to `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, lookups: Arc::new(Semaphore::new(LOOKUPS)), clients: Mutex::default() }
    }

    /// Sends `request` to `target`.
    pub async fn send(&self, target: &Target, request: Request, by: Deadline) -> Result<Reply, Failure> {
        let slot = self.slot(target);
        let make = || {
            Client::sharing(target.address.clone(), target.trust.clone(), self.limits, self.lookups.clone())
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
            self.forget(target, &slot);
        }
        result
    }

    fn slot(&self, target: &Target) -> Slot {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.iter().position(|(other, _)| other == target);
        let entry = known.map_or_else(|| (target.clone(), Slot::default()), |at| clients.remove(at));
        let slot = entry.1.clone();
        if clients.len() >= MAX {
            clients.remove(0);
        }
        clients.push(entry);
        slot
    }

    /// Forgets the client that was used, not one that has replaced it.
    fn forget(&self, target: &Target, used: &Slot) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|(other, slot)| other != target || !Arc::ptr_eq(slot, used));
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
