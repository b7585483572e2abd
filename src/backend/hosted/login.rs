//! From a claim to a session: by a token that proved it before, by the cluster's
//! keys, or by a login, which is made once for all who wait for it.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;

use super::Core;
use super::credential::Held;
use super::session::{Key, Session, State};
use crate::backend::{Ask, Backend};
use crate::error::{Error, Kind, Stage};
use crate::identity::{Claimed, Digest, Presented, Proof};
use crate::lease::{Credential, Flight, Inserted, launch};
use crate::time::{Deadline, Moment, Priority};

/// How long a refused login is remembered: a pod that may not log in must not storm
/// the server, and one that may now should not wait.
pub(super) const REFUSED_FOR: Duration = Duration::from_secs(10);
/// The most logins that are remembered as refused.
const REFUSED_MOST: usize = 4096;
/// How long a login in the background may take.
const BEHIND: Duration = Duration::from_secs(60);
/// Work ends this much earlier than whoever waits for it.
pub(super) const MARGIN: Duration = Duration::from_millis(25);
/// How soon after its beginning a session is tended first.
const FIRST_TICK: Duration = Duration::from_secs(5);

/// A login under way, or one that was refused lately, by session and token.
pub(super) type Logins<B> = HashMap<(Key<<B as Backend>::Scope>, Digest), LogIn<B>>;

pub(super) enum LogIn<B: Backend> {
    Flying(Flight<Arc<Session<B>>>),
    Refused(Error, Moment),
}

/// Everything that must be equal for two pods to share an answer (decision 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ShareKey<A, R> {
    pub(super) authority: A,
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) read: R,
}

/// The same, of a backend.
pub(super) type ShareKeyOf<B> =
    ShareKey<<<B as Backend>::Credential as Credential>::Authority, <B as Backend>::Read>;

// === impl Core ===

impl<B: Backend> Core<B> {
    /// The session of who asks, and the proof that it may be used.
    pub(super) async fn session(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        claimed: &Claimed,
        scope: B::Scope,
    ) -> Result<(Arc<Session<B>>, Arc<Presented>), Error> {
        let (now, reauth) = (self.host.clock.moment(), self.host.policy.reauth);
        let key = Key::new(scope, ask.pod).bound(claimed.bond());
        let known = self.sessions.get(&key);
        if let Some(session) = &known
            && let Some(proof) = session.proves(claimed, now, reauth)
        {
            return Ok((session.clone(), Arc::new(proof)));
        }
        match (self.host.verifier.prove(claimed, ask.by).await?, known) {
            (Proof::Now(proof), Some(session)) => {
                let proof = Arc::new(proof);
                // Decision 2: a changed token causes one login all the same; nobody waits for this one.
                drop(self.log_in(key, proof.clone(), Deadline::after(BEHIND).of(Priority::Refresh))?);
                Ok((session, proof))
            }
            (proof, known) => {
                let proof = Arc::new(proof.into_presented());
                let by = if known.is_some() { ask.by.of(Priority::Refresh) } else { ask.by };
                // The backend's own text, which is more exact, comes just before ours.
                let flight = self.log_in(key, proof.clone(), by.less(MARGIN))?;
                let session = by.bound(flight).await.unwrap_or_else(|| Err(late(self.backend.name())))?;
                Ok((session, proof))
            }
        }
    }

    pub(super) fn logins(&self) -> MutexGuard<'_, Logins<B>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The login that is under way, or a new one; the refusal if there was one just now.
    fn log_in(
        self: &Arc<Self>,
        key: Key<B::Scope>,
        proof: Arc<Presented>,
        by: Deadline,
    ) -> Result<Flight<Arc<Session<B>>>, Error> {
        let (now, entry) = (self.host.clock.moment(), (key, proof.digest()));
        let mut logins = self.logins();
        match logins.get(&entry) {
            Some(LogIn::Flying(flight)) if flight.peek().is_none() => return Ok(flight.clone()),
            Some(LogIn::Refused(error, until)) if now < *until => return Err(error.clone()),
            _ => {}
        }
        // Scopes may be large, and whoever wants names them: what is over does not stay.
        logins.retain(|_, login| !matches!(login, LogIn::Refused(_, until) if *until <= now));
        if logins.len() >= REFUSED_MOST {
            logins.retain(|_, login| matches!(login, LogIn::Flying(_)));
        }
        let (core, work) = (self.clone(), entry.clone());
        let flight = launch(&self.host.tasks, async move { core.logged_in(work.0, work.1, proof, by).await });
        logins.insert(entry, LogIn::Flying(flight.clone()));
        Ok(flight)
    }

    /// Logs in and makes or refreshes the session.
    async fn logged_in(
        self: Arc<Self>,
        key: Key<B::Scope>,
        digest: Digest,
        proof: Arc<Presented>,
        by: Deadline,
    ) -> Result<Arc<Session<B>>, Error> {
        let known = self.sessions.get(&key);
        // A panic below must not leave the entry behind: everybody would wait for a flight that is lost.
        let login = std::panic::AssertUnwindSafe(self.login(&proof, &key.scope, by)).catch_unwind();
        let result = login.await.unwrap_or_else(|_| Err(broken()));
        let entry = (key.clone(), digest);
        match result {
            Ok(credential) => {
                let session = self.admit(key, &proof, credential, by).await;
                self.logins().remove(&entry);
                Ok(session)
            }
            Err(error) => {
                let until = self.host.clock.moment() + REFUSED_FOR;
                if is_denial(&error) {
                    self.logins().insert(entry, LogIn::Refused(error.clone(), until));
                    // Decision 2: denied, the session and its values are dropped.
                    if let Some(session) = &known {
                        self.end(session, "denied");
                    }
                } else {
                    self.logins().remove(&entry);
                }
                Err(error)
            }
        }
    }

    /// Gives a login's credential to its session, a new one if there is none.
    async fn admit(
        self: &Arc<Self>,
        key: Key<B::Scope>,
        proof: &Presented,
        credential: B::Credential,
        by: Deadline,
    ) -> Arc<Session<B>> {
        let now = self.host.clock.moment();
        let held = Arc::new(Held::new(credential, now));
        let mut state = State::new(held.clone(), now);
        state.proofs.add(proof.digest(), now);
        let new = Arc::new(Session::new(self, key.clone(), proof.pod().clone(), state));
        let Some(session) = self.begin(key, &new) else { return new };
        // It was there, or another login has made it meanwhile. Nobody else changes its credential now.
        let Some(turn) = by.bound(session.turn.lock()).await else {
            // Somebody works with the session until its own deadline: it keeps what it has.
            session.state().proofs.add(proof.digest(), now);
            self.give_back_behind(held, "replaced");
            return session;
        };
        self.succeed(&session, held, by).await;
        session.state().proofs.add(proof.digest(), now);
        drop(turn);
        self.save(&session).await;
        session
    }

    /// A session begins: it has its place, and the keeper knows it. If its key has one
    /// already, that one is returned, and nothing else happens.
    pub(super) fn begin(
        self: &Arc<Self>,
        key: Key<B::Scope>,
        session: &Arc<Session<B>>,
    ) -> Option<Arc<Session<B>>> {
        match self.sessions.insert(key, session.clone()) {
            Inserted::Occupied(known) => return Some(known),
            Inserted::Free(evicted) => evicted.iter().for_each(|evicted| self.end(evicted, "full")),
        }
        session.tend_at(&self.host.keeper, self.host.clock.moment() + FIRST_TICK);
        None
    }

    /// A session gets a new login's credential (decision 2). Of equal authority, the old
    /// one stays as long as it is good; of another, the new one takes over all reads and
    /// the old one only keeps its leases alive. What the new one may not ask for is dropped.
    /// Returns the one that is good from now on. The caller has the session's turn.
    pub(super) async fn succeed(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        new: Arc<Held<B::Credential>>,
        by: Deadline,
    ) -> Arc<Held<B::Credential>> {
        self.narrow(session, &new, by).await;
        let (now, mut state) = (self.host.clock.moment(), session.state());
        let gap = state.asked.gap();
        let equal = *new.credential.authority() == state.authority;
        let is_good =
            |old: &Arc<Held<B::Credential>>| old.is_usable(now) && old.is_good_for_minting(now, gap);
        if state.ended {
            return new;
        }
        let owns = state.kept.values().any(|kept| Arc::ptr_eq(&kept.owner, &new));
        if let Some(old) = state.held.clone().filter(|_| equal) {
            if is_good(&old) && !owns {
                drop(state);
                self.give_back_behind(new, "replaced");
                return old;
            }
            new.standing().mute = old.standing().mute;
        }
        if !equal {
            state.authority = new.credential.authority().clone();
            let stays = |read: &B::Read, kept: &super::session::Kept<B>| {
                kept.facts.life.is_minted() && !self.backend.is_credential(read)
            };
            state.kept.retain(|read, kept| stays(read, kept) || Arc::ptr_eq(&kept.owner, &new));
        }
        state.held = Some(new.clone());
        new
    }

    /// Drops what was made for the pod and could not be made any more.
    async fn narrow(&self, session: &Arc<Session<B>>, new: &Held<B::Credential>, by: Deadline) {
        let minted = |state: &State<B>| {
            let minted = state.kept.iter().filter(|(_, kept)| kept.facts.life.is_minted());
            minted.map(|(read, _)| read.clone()).collect::<Vec<_>>()
        };
        let reads = minted(&session.state());
        if reads.is_empty() {
            return;
        }
        match self.backend.permits(&new.credential, &reads, by).await {
            Ok(permitted) => {
                let mut state = session.state();
                for (read, _) in reads.iter().zip(permitted).filter(|(_, permitted)| !permitted) {
                    state.kept.remove(read);
                }
            }
            Err(error) => {
                let (provider, pod) = (self.backend.name(), &session.pod);
                tracing::debug!(provider, %pod, %error, "cannot ask what the new login may do");
            }
        }
    }

    /// Ends a credential without anybody waiting for it.
    pub(super) fn give_back_behind(self: &Arc<Self>, held: Arc<Held<B::Credential>>, reason: &'static str) {
        let core = self.clone();
        self.host.tasks.spawn(async move { core.give_back(&held.credential, reason).await });
    }

    /// A session ends; nothing is revoked.
    pub(super) fn end(self: &Arc<Self>, session: &Arc<Session<B>>, reason: &'static str) {
        self.sessions.forget(&session.key, session);
        let shelved = {
            let mut state = session.state();
            if std::mem::replace(&mut state.ended, true) {
                return;
            }
            state.kept.clear();
            state.held = None;
            state.shelved
        };
        let (provider, pod) = (self.backend.name(), &session.pod);
        tracing::debug!(provider, %pod, reason, "a session ended");
        self.host.recorder.ended(provider, reason);
        if shelved {
            let (core, session) = (self.clone(), session.clone());
            self.host.tasks.spawn(async move { core.unshelve(&session).await });
        }
    }
}

/// Whether a login's failure is the server's no, to this pod or to its role: not an outage,
/// not a limit, not a proxy's page, not a file of ours that is just being replaced.
pub(super) const fn is_denial(error: &Error) -> bool {
    let no = matches!(error.kind(), Kind::Denied | Kind::Unauthenticated | Kind::Invalid | Kind::NotFound);
    no && error.is_verdict()
}

pub(super) fn late(provider: &str) -> Error {
    Error::new(Kind::Deadline, Stage::Login, "the login did not end before the driver's deadline")
        .with("backend", provider)
}

fn broken() -> Error {
    Error::new(Kind::Internal, Stage::Login, "a fault in keymount ended the login")
}
