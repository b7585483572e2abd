//! Brings what a Mount needs: what is kept and fresh at once, the rest together,
//! each request once however many Mounts and pods wait for it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::fetch::{Answers, Batch, late};
use super::login::{MARGIN, ShareKey, ShareKeyOf};
use super::session::Session;
use crate::backend::{Backend, Need, Readings};
use crate::error::{Error, Errors, Kind};
use crate::identity::Presented;
use crate::lease::freshness::Verdict;
use crate::lease::{Authority, Credential, Flight, Shared, Turn, launch, promise};
use crate::time::Deadline;

/// Bringing may show that what was kept is gone; then it is brought too.
const ROUNDS: usize = 2;

/// What is being brought, by request.
pub(super) type Gathering<R> = Flight<Batch<R>>;

/// A request that is due.
pub(super) struct Due<R> {
    pub(super) need: Need<R>,
    /// Why; `None` if there was nothing yet.
    pub(super) verdict: Option<Verdict>,
    /// How old an answer may be that another pod's token has read.
    pub(super) age: Duration,
}

/// A request that another pod is making.
type Waiting<R> = (Due<R>, Gathering<R>);

/// What is done about each due request.
struct Turns<B: Backend> {
    adopt: Vec<(B::Read, Shared)>,
    wait: Vec<Waiting<B::Read>>,
    ask: Vec<Due<B::Read>>,
    /// What others wait for us to ask.
    led: Vec<ShareKeyOf<B>>,
}

// === impl Core ===

impl<B: Backend> Core<B> {
    /// An answer for everything that is needed, or the login's failure.
    pub(super) async fn readings(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        needs: &[Need<B::Read>],
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> Result<Readings<B::Read>, Errors> {
        let (mut readings, mut brought) = (Readings::new(), HashSet::new());
        for _ in 0..ROUNDS {
            let open = needs.iter().filter(|need| !brought.contains(&need.read));
            let flights = self.set_off(session, open, &mut readings, proof, by);
            if flights.is_empty() {
                break;
            }
            for flight in flights {
                let batch = by.bound(flight).await.unwrap_or_else(|| Err(late(self.backend.name())))?;
                for (read, answer) in needs.iter().filter_map(|need| batch.get_key_value(&need.read)) {
                    brought.insert(read.clone());
                    readings.insert(read.clone(), answer.clone().map(|shared| shared.reading));
                }
            }
        }
        Ok(readings)
    }

    /// Takes what is fresh and sets off for the rest, unless somebody has already.
    fn set_off<'a>(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        needs: impl Iterator<Item = &'a Need<B::Read>>,
        readings: &mut Readings<B::Read>,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> Vec<Gathering<B::Read>> {
        let (now, mut state) = (self.host.clock.moment(), session.state());
        let (mut flights, mut due) = (Vec::new(), Vec::new());
        for need in needs {
            let verdict = state.verdict(need, now, &self.host.policy);
            // What is under way comes first: it may be here already, and not yet on the shelf.
            if let Some(flight) = state.flights.get(&need.read).filter(|flight| flight.peek().is_none()) {
                flights.push(flight.clone());
            } else if verdict == Some(Verdict::Keep) {
                let kept = state.kept.get(&need.read).map(|kept| Ok(kept.reading.clone()));
                readings.extend(kept.map(|kept| (need.read.clone(), kept)));
            } else {
                let age = state.age(need, &self.host.policy);
                due.push(Due { need: need.clone(), verdict, age });
            }
        }
        if !due.is_empty() {
            let reads: Vec<_> = due.iter().map(|due| due.need.read.clone()).collect();
            let (core, session, proof) = (self.clone(), session.clone(), proof.clone());
            let flight =
                launch(
                    &self.host.tasks,
                    async move { core.gather(session, due, proof, by.less(MARGIN)).await },
                );
            state.flights.extend(reads.into_iter().map(|read| (read, flight.clone())));
            flights.push(flight);
        }
        flights
    }

    /// Brings what is due, in a task of its own.
    async fn gather(
        self: Arc<Self>,
        session: Arc<Session<B>>,
        due: Vec<Due<B::Read>>,
        proof: Arc<Presented>,
        by: Deadline,
    ) -> Result<Batch<B::Read>, Error> {
        let reads: Vec<_> = due.iter().map(|due| due.need.read.clone()).collect();
        let brought = self.bring(&session, due, &proof, by).await;
        let mut state = session.state();
        for read in &reads {
            state.flights.remove(read);
        }
        // What is used up by using it is not used again.
        state.held.take_if(|held| held.credential.is_counted());
        brought.map(Arc::new)
    }

    async fn bring(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        due: Vec<Due<B::Read>>,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> Result<Answers<B::Read>, Error> {
        let (mut brought, due) = self.checked(session, due, proof, by).await;
        let (give, promised) = promise();
        let turns = self.turns(session, due, &promised);
        let asked = self.asked_for(session, turns.ask, proof, by).await;
        let batch = asked.as_ref().map(|asked| Arc::new(asked.clone())).map_err(Clone::clone);
        // A login meanwhile may have given another authority: then these answers are not for whoever waits.
        let authority = session.state().authority.clone();
        let is_same = turns.led.iter().all(|key| key.authority == authority);
        for key in turns.led {
            let answer = asked.as_ref().ok().and_then(|asked| asked.get(&key.read)?.as_ref().ok());
            let shared = answer.filter(|answer| is_same && answer.reading.shared).cloned();
            self.shares.landed(key, shared.as_ref());
        }
        // Nobody may be waiting; who waits and gets nothing asks for itself.
        let _ = give.send(if is_same { batch } else { Ok(Batch::default()) });
        brought.extend(asked?);
        let mut own = Vec::new();
        for (due, flight) in turns.wait {
            match by.bound(flight).await.and_then(|batch| others(&due.need.read, batch)) {
                Some(Ok(shared)) => brought.extend([self.adopt(session, &due.need.read, shared)]),
                Some(Err(error)) => brought.extend([(due.need.read, Err(error))]),
                None => own.push(due),
            }
        }
        brought.extend(turns.adopt.into_iter().map(|(read, shared)| self.adopt(session, &read, shared)));
        brought.extend(self.asked_for(session, own, proof, by).await?);
        Ok(brought)
    }

    /// Who asks for what: another pod of the same identity may have asked, or be asking.
    fn turns(&self, session: &Session<B>, due: Vec<Due<B::Read>>, flight: &Gathering<B::Read>) -> Turns<B> {
        let authority = session.state().authority.clone();
        let shares = self.host.policy.share && session.key.bond.is_none() && authority.may_share();
        let (mut turns, now) = (Turns::default(), self.host.clock.moment());
        for due in due {
            let is_read = matches!(due.verdict, None | Some(Verdict::Read));
            if !shares || !is_read || !self.backend.may_share(&due.need.read) {
                turns.ask.push(due);
                continue;
            }
            let key = ShareKey {
                authority: authority.clone(),
                namespace: session.pod.namespace.clone(),
                service_account: session.pod.service_account.clone(),
                read: due.need.read.clone(),
            };
            match self.shares.turn(key.clone(), now.less(due.age), flight) {
                Turn::Adopt(answer) => turns.adopt.push((due.need.read, answer)),
                Turn::Wait(flight) => turns.wait.push((due, flight)),
                Turn::Ask => {
                    turns.led.push(key);
                    turns.ask.push(due);
                }
            }
        }
        turns
    }

    /// Keeps what another pod's token has read, as old as it is.
    fn adopt(
        &self,
        session: &Arc<Session<B>>,
        read: &B::Read,
        shared: Shared,
    ) -> (B::Read, Result<Shared, Error>) {
        self.host.recorder.shared(self.backend.name());
        self.keep(session, read, &shared, None);
        (read.clone(), Ok(shared))
    }
}

/// What another pod's asking means for us; `None` if we must ask ourselves.
fn others<R: Eq + std::hash::Hash, E>(read: &R, batch: Result<Batch<R>, E>) -> Option<Result<Shared, Error>> {
    match batch.ok()?.get(read)? {
        Ok(shared) => shared.reading.shared.then(|| Ok(shared.clone())),
        // Its credential or its deadline is not ours; that a server is down or has no such secret is for all.
        Err(error) if error.is_refusal() || matches!(error.kind(), Kind::Deadline | Kind::Internal) => None,
        Err(error) => Some(Err(error.clone())),
    }
}

// === impl Turns ===

impl<B: Backend> Default for Turns<B> {
    fn default() -> Self {
        Self { adopt: Vec::new(), wait: Vec::new(), ask: Vec::new(), led: Vec::new() }
    }
}
