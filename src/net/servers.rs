//! A list of servers that are one to whoever asks: one is used until it cannot be
//! reached or says that it cannot serve, then the next.

use std::sync::{Mutex, PoisonError};

use super::failure::{Cause, Failure};
use super::{Address, Pool, Reply, Request, Target};
use crate::time::Deadline;

/// The most lists whose choice is remembered.
const MAX: usize = 64;
/// What sealed and stopping servers say, and proxies without a server behind them: nothing was done.
const UNAVAILABLE: u16 = 503;

/// The server of each list that last served, by its place in the list; the last used last.
#[derive(Default)]
pub(super) struct Choices(Mutex<Vec<(Target, usize)>>);

// === impl Choices ===

impl Choices {
    fn of(&self, target: &Target) -> usize {
        let choices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        choices.iter().find(|(known, _)| known == target).map_or(0, |(_, at)| *at)
    }

    fn choose(&self, target: &Target, at: usize) {
        let mut choices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        choices.retain(|(known, _)| known != target);
        if choices.len() >= MAX {
            choices.remove(0);
        }
        choices.push((target.clone(), at));
    }
}

// === impl Target ===

impl Target {
    /// One server.
    pub const fn one(address: Address, trust: super::Trust) -> Self {
        Self { address, others: Vec::new(), trust }
    }

    /// Every server, in order.
    pub fn servers(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.address).chain(&self.others)
    }

    /// Every server, as a text.
    pub fn place(&self) -> String {
        self.servers().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

// === impl Pool ===

impl Pool {
    /// Sends to the server that served last, or to the next that can be reached.
    pub(super) async fn send_to_any(
        &self,
        target: &Target,
        request: Request,
        by: Deadline,
    ) -> Result<Reply, Failure> {
        let servers: Vec<_> = target.servers().cloned().enumerate().collect();
        let chosen = self.choices.of(target);
        let (before, after) = servers.split_at(chosen.min(servers.len()));
        let (mut faults, mut last) = (Vec::new(), None);
        for (at, address) in after.iter().chain(before) {
            let one = Target::one(address.clone(), target.trust.clone());
            match self.send_to_one(&one, request.clone(), by).await {
                Ok(reply) => {
                    let reply = Reply { server: Some(address.clone()), ..reply };
                    // A proxy's page may come after the server has got the request.
                    let untouched = reply.status == UNAVAILABLE && (!request.once || reply.is_object());
                    if !untouched {
                        self.serves(target, *at, chosen, address);
                        return Ok(reply);
                    }
                    last = Some(Ok(reply));
                }
                Err(failure) => {
                    if failure.cause() == Cause::Silent {
                        // This request is over; the next one need not wait for the same silence.
                        self.choices.choose(target, (at + 1) % servers.len());
                    }
                    faults.push(format!("{address}: {failure}"));
                    let tries_on = matches!(failure.cause(), Cause::Connect | Cause::Timeout);
                    let failure = failure.naming(faults.join("; "));
                    if !tries_on {
                        return Err(failure);
                    }
                    // That one of them says that it cannot serve is more than that another is not there.
                    last = last.filter(Result::is_ok).or(Some(Err(failure)));
                }
            }
        }
        last.unwrap_or_else(|| Err(Failure::new(Cause::Setup, "there is no server")))
    }

    fn serves(&self, target: &Target, at: usize, chosen: usize, address: &Address) {
        if at != chosen {
            tracing::debug!(server = %address, servers = target.place(), "another server of the list serves from now on");
            self.choices.choose(target, at);
        }
    }
}
