//! Asks the backend, with a credential that is good for it, and keeps what comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::credential::Held;
use super::gather::Due;
use super::login::{LogIn, REFUSED_FOR, is_denial};
use super::session::Session;
use crate::backend::Backend;
use crate::error::{Error, Kind, Stage};
use crate::identity::Presented;
use crate::lease::freshness::{Facts, Verdict};
use crate::lease::{Credential, Life, Shared, Term};
use crate::time::Deadline;

/// After a refusal that a new login did not mend, refusals cost no login for so long.
const NO_LOGIN: Duration = Duration::from_secs(300);

/// What a few requests were answered, for all who wait.
pub(super) type Batch<R> = Arc<Answers<R>>;
pub(super) type Answers<R> = HashMap<R, Result<Shared, Error>>;

// === impl Core ===

impl<B: Backend> Core<B> {
    /// Asks for what is due and keeps it; what was made for the pod is on the shelf before anybody gets it.
    pub(super) async fn asked_for(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        due: Vec<Due<B::Read>>,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> Result<Answers<B::Read>, Error> {
        if due.is_empty() {
            return Ok(Answers::new());
        }
        let minting = due.iter().any(|due| match due.verdict {
            None => !self.backend.may_share(&due.need.read),
            Some(verdict) => verdict == Verdict::Mint,
        });
        let reads: Vec<_> = due.into_iter().map(|due| due.need.read).collect();
        let held = self.credential(session, minting, proof, by).await?;
        let mut answers = self.fetch(session, &held, reads, by).await;
        let refused = refused(&answers);
        if !refused.is_empty() {
            // Some backends tell a dead credential from a path that is denied.
            let dead = |answer: &Result<_, Error>| {
                answer.as_ref().is_err_and(|error| error.kind() == Kind::Unauthenticated)
            };
            let was_dead = answers.values().any(dead);
            answers.extend(self.healed(session, &held, refused, was_dead, proof, by).await);
        }
        if answers.values().flatten().any(|shared| shared.reading.life.is_minted()) {
            self.save(session).await;
        }
        Ok(answers)
    }

    /// The session's credential if it is good enough, else a new login's.
    async fn credential(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        minting: bool,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> Result<Arc<Held<B::Credential>>, Error> {
        let _turn = by.bound(session.turn.lock()).await.ok_or_else(|| late(self.backend.name()))?;
        let now = self.host.clock.moment();
        {
            let state = session.state();
            if state.ended {
                return Err(ended(self.backend.name()));
            }
            let gap = state.asked.gap();
            let good = |held: &&Arc<Held<B::Credential>>| {
                held.is_usable(now) && (!minting || held.is_good_for_minting(now, gap))
            };
            if let Some(held) = state.held.as_ref().filter(good) {
                return Ok(held.clone());
            }
        }
        let new = self.new_credential(session, proof, by).await?;
        Ok(self.succeed(session, new, by).await)
    }

    /// A login for a session that is there already. A refusal ends it (decision 2).
    pub(super) async fn new_credential(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> Result<Arc<Held<B::Credential>>, Error> {
        let result = self.login(proof, &session.key.scope, by).await;
        let now = self.host.clock.moment();
        match result {
            Ok(credential) => Ok(Arc::new(Held::new(credential, now))),
            Err(error) => {
                if is_denial(&error) {
                    let entry = (session.key.clone(), proof.digest());
                    self.logins().insert(entry, LogIn::Refused(error.clone(), now + REFUSED_FOR));
                    self.end(session, "denied");
                }
                Err(error)
            }
        }
    }

    /// Asks and keeps. Nobody else is asking for the same.
    async fn fetch(
        &self,
        session: &Arc<Session<B>>,
        held: &Arc<Held<B::Credential>>,
        reads: Vec<B::Read>,
        by: Deadline,
    ) -> Answers<B::Read> {
        let answers = self.backend.fetch(&held.credential, &reads, by).await;
        let now = self.host.clock.moment();
        let answered = reads.into_iter().zip(answers).map(|(read, answer)| {
            self.tell_minted(session, &read, answer.as_ref());
            let answer = answer.map(|mut reading| {
                let fits = reading.weigh(&self.host.budget, &session.pod.namespace);
                let shared = Shared { reading: Arc::new(reading), read_at: now };
                if fits {
                    self.keep(session, &read, &shared, Some(held));
                } else if shared.reading.life.is_minted() {
                    let (provider, pod) = (self.backend.name(), &session.pod);
                    tracing::warn!(provider, %pod, ?read, "there is no room to keep what was made: every refresh \
                        has it made anew (--max-session-bytes, of which a namespace gets a quarter)");
                }
                shared
            });
            (read, answer)
        });
        answered.collect()
    }

    /// Keeps an answer under the credential that made it, or under the session's own.
    pub(super) fn keep(
        &self,
        session: &Arc<Session<B>>,
        read: &B::Read,
        shared: &Shared,
        held: Option<&Arc<Held<B::Credential>>>,
    ) {
        let mut state = session.state();
        if state.ended {
            return;
        }
        let Some(owner) = held.or(state.held.as_ref()).cloned() else { return };
        let mut facts = Facts::new(shared.read_at, &shared.reading.life);
        // What the last authority read is not this one's; what it made is the pod's.
        if !facts.life.is_minted() && *owner.credential.authority() != state.authority {
            return;
        }
        if owner.credential.is_counted() {
            // Renewing would use it up, and what it made would end with it.
            facts.lease.iter_mut().for_each(Term::give_up_renewing);
        }
        let soon = facts.lease.as_ref().and_then(Term::renew_at);
        state.keep(read.clone(), shared.reading.clone(), facts, &owner);
        drop(state);
        if let Some(at) = soon.into_iter().chain(owner.standing().renew_at()).min() {
            session.tend_at(&self.host.keeper, at);
        }
    }

    /// A refusal may be of a credential that died in between: one more login, then it is
    /// reported. That the new one is not refused shows that the old one is dead.
    async fn healed(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        old: &Arc<Held<B::Credential>>,
        refused: Vec<B::Read>,
        was_dead: bool,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> Answers<B::Read> {
        let Some(_turn) = by.bound(session.turn.lock()).await else { return Answers::new() };
        let now = self.host.clock.moment();
        let (held, is_early) = {
            let state = session.state();
            (state.held.clone(), state.no_login_before.is_some_and(|until| now < until))
        };
        // Another gathering has found out the same, and has logged in.
        if let Some(held) = held.filter(|held| !Arc::ptr_eq(held, old) && held.is_usable(now)) {
            return self.fetch(session, &held, refused, by).await;
        }
        if is_early && !was_dead {
            return Answers::new();
        }
        // If this login fails, the refusals of the first are what is reported: they name the objects.
        let Ok(new) = self.new_credential(session, proof, by).await else { return Answers::new() };
        let answers = self.fetch(session, &new, refused, by).await;
        if answers.values().any(Result::is_ok) {
            let equal = *new.credential.authority() == session.state().authority;
            let dead = equal || !self.backend.is_alive(&old.credential, by).await.unwrap_or(true);
            old.standing().dead |= dead;
        } else {
            session.state().no_login_before = Some(now + NO_LOGIN);
        }
        self.succeed(session, new, by).await;
        answers
    }

    /// Counts what was made for a pod, or could not be.
    fn tell_minted(
        &self,
        session: &Session<B>,
        read: &B::Read,
        answer: Result<&crate::lease::Reading, &Error>,
    ) {
        let state = session.state();
        let before = state.kept.get(read).filter(|kept| kept.facts.life.is_minted());
        if before.is_none() && !answer.is_ok_and(|reading| reading.life.is_minted()) {
            return;
        }
        let reason = match before {
            None => "first",
            Some(kept) if kept.facts.gone || kept.owner.standing().dead => "gone",
            Some(kept) if kept.facts.life == Life::Once => "interval",
            Some(_) => "ending",
        };
        let outcome = answer.err().map_or("ok", Error::label);
        self.host.recorder.minted(self.backend.name(), reason, outcome);
    }
}

/// The requests whose answer may be of a dead credential.
pub(super) fn refused<R: Clone, T>(answers: &HashMap<R, Result<T, Error>>) -> Vec<R> {
    let refused = answers.iter().filter(|(_, answer)| answer.as_ref().is_err_and(Error::is_refusal));
    refused.map(|(read, _)| read.clone()).collect()
}

/// The kubelet asks again, and finds a session of its own.
fn ended(provider: &str) -> Error {
    Error::new(Kind::Unavailable, Stage::Login, "the pod's session ended while it was used")
        .with("backend", provider)
        .hint("nothing: the next try begins a new one")
}

pub(super) fn late(provider: &str) -> Error {
    Error::new(Kind::Deadline, Stage::Read, "the backend's answers did not come before the driver's deadline")
        .with("backend", provider)
}
