//! The keeper's part of a session: renew what will end, end what nobody wants,
//! revoke what is provably left behind. It never logs in and never mints.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Core;
use super::credential::Held;
use super::session::Session;
use crate::backend::{Backend, Renewal};
use crate::error::{Error, Kind};
use crate::lease::{Grant, LeaseId, Life, Presence, Tended, Term};
use crate::time::{Deadline, Moment, Priority};

/// How often a session is looked at when nothing is to be renewed.
const TICK: Duration = Duration::from_secs(60);
/// How often it is looked at where it can be seen that its pod is gone.
const LIVENESS_TICK: Duration = Duration::from_secs(15);
/// How long one renewal may take, its turn at the server included.
const RENEWAL: Duration = Duration::from_secs(30);
/// How long one session may be tended at a time: others wait for the same place.
const ONE_TIME: Duration = Duration::from_secs(10);
/// How often it is asked whether a credential that was refused lives after all.
const DOUBT: Duration = Duration::from_secs(300);
/// What was made for a pod and never reached it is given back after this: the kubelet
/// comes back within two minutes, or not at all.
const UNDELIVERED: Duration = Duration::from_secs(600);
/// After one Mount and this long without a second, the driver's rotation seems to be off.
pub(super) const UNREFRESHED: Duration = Duration::from_secs(900);

/// What one lease is renewed by.
struct Lease<B: Backend> {
    read: B::Read,
    id: LeaseId,
    term: Term,
    /// It has not failed lately.
    is_first: bool,
    owner: Arc<Held<B::Credential>>,
}

impl<B: Backend> Tended for Session<B> {
    fn tend(self: Arc<Self>) -> BoxFuture<'static, Option<Moment>> {
        async move {
            let core = self.core.upgrade()?;
            core.tend(&self).await
        }
        .boxed()
    }

    fn lane(&self) -> u64 {
        self.lane
    }
}

// === impl Core ===

impl<B: Backend> Core<B> {
    /// What is due, and when to come again.
    async fn tend(self: &Arc<Self>, session: &Arc<Session<B>>) -> Option<Moment> {
        if session.state().ended {
            return None;
        }
        let presence = self.presence(session).await;
        let now = self.host.clock.moment();
        if let Some(reason) = self.is_left(session, presence, now) {
            self.leave(session, reason);
            return None;
        }
        session.state().forget_ended(now);
        self.warn_unrefreshed(session, now);
        let until = Deadline::after(ONE_TIME);
        let renewed = self.renew_owners(session, until).await | self.renew_leases(session, until).await;
        if renewed {
            self.save(session).await;
        }
        Some(self.next(session))
    }

    async fn presence(&self, session: &Session<B>) -> Presence {
        let Some(liveness) = &self.host.liveness else { return Presence::Unknown };
        let seen = session.state().seen;
        let presence = liveness.presence(&session.pod.uid, seen).await;
        session.state().seen |= presence == Presence::There;
        presence
    }

    /// Why the session ends, if it does.
    fn is_left(&self, session: &Session<B>, presence: Presence, now: Moment) -> Option<&'static str> {
        let state = session.state();
        let silent = now.since(state.asked.last());
        let unwanted = state.delivered.is_none() && state.is_holding() && silent >= UNDELIVERED;
        // Credentials that were changed in the pod's Secret must not be kept alive for as long as the pod lives.
        let is_kept = presence == Presence::There && state.is_holding() && session.key.bond.is_none();
        let is_idle = silent >= self.host.policy.idle && !is_kept;
        match presence {
            Presence::Gone => Some("pod_gone"),
            _ if unwanted => Some("undelivered"),
            _ if is_idle => Some("idle"),
            _ => None,
        }
    }

    /// Ends the session. What is provably nobody's is revoked; silence never revokes.
    fn leave(self: &Arc<Self>, session: &Arc<Session<B>>, reason: &'static str) {
        let credentials = session.state().credentials();
        if reason != "idle" {
            let now = self.host.clock.moment();
            for held in credentials.into_iter().filter(|held| held.is_usable(now)) {
                self.give_back_behind(held, reason);
            }
        }
        self.end(session, reason);
    }

    /// Renews the credentials that leases die with. One that only reads runs out; the
    /// next Mount that reads logs in again, which costs less.
    async fn renew_owners(&self, session: &Session<B>, until: Deadline) -> bool {
        let (mut any, owners) = (false, session.state().owners());
        for held in owners {
            if until.left().is_zero() {
                break;
            }
            let now = self.host.clock.moment();
            self.ask_again(&held, now).await;
            let due = held.standing().renew_at().is_some_and(|at| at <= now);
            let Some(term) = held.standing().term.filter(|_| due) else { continue };
            let result = self.renew(&held, Renewal::Credential(term.most()), term.left(now)).await;
            self.owner_renewed(session, &held, result).await;
            any = true;
        }
        any
    }

    async fn owner_renewed(
        &self,
        session: &Session<B>,
        held: &Held<B::Credential>,
        result: Result<Grant, Error>,
    ) {
        let now = self.host.clock.moment();
        let outcome = match result {
            Ok(grant) => {
                let mut standing = held.standing();
                standing.renewed(now, grant);
                if standing.term.is_some_and(|term| !term.is_renewable()) { "capped" } else { "ok" }
            }
            Err(error) => {
                let is_first = held.standing().wait.is_first();
                let verdict = self.judged(session, held, &error, is_first).await;
                let mut standing = held.standing();
                match verdict {
                    Judged::Later => standing.wait.longer(now),
                    Judged::Never => standing.term.iter_mut().for_each(Term::give_up_renewing),
                    Judged::Gone => standing.dead = true,
                    Judged::Doubtful => standing.doubtful = true,
                }
                error.label()
            }
        };
        self.host.recorder.renewed(self.backend.name(), "token", outcome);
    }

    /// Where no Mount comes to find out, a refusal that was a server's slip must not be the last word.
    async fn ask_again(&self, held: &Held<B::Credential>, now: Moment) {
        let is_time = {
            let mut standing = held.standing();
            let asked = standing.doubted.get_or_insert(now);
            let is_time = now.since(*asked) >= DOUBT;
            if is_time {
                *asked = now;
            }
            if !standing.doubtful {
                standing.doubted = None;
            }
            standing.doubtful && is_time
        };
        let by = Deadline::after(RENEWAL).of(Priority::Renewal);
        if is_time && self.backend.is_alive(&held.credential, by).await.unwrap_or_default() {
            held.standing().doubtful = false;
        }
    }

    async fn renew_leases(&self, session: &Session<B>, until: Deadline) -> bool {
        let due = self.due_leases(session);
        for lease in &due {
            if until.left().is_zero() {
                break;
            }
            let left = lease.term.left(self.host.clock.moment());
            let what = Renewal::Lease(&lease.id, lease.term.most());
            let result = self.renew(&lease.owner, what, left).await;
            self.lease_renewed(session, lease, result).await;
        }
        !due.is_empty()
    }

    fn due_leases(&self, session: &Session<B>) -> Vec<Lease<B>> {
        let (now, state) = (self.host.clock.moment(), session.state());
        let due = state.kept.iter().filter_map(|(read, kept)| {
            let (Life::Leased { id, .. }, Some(term)) = (&kept.facts.life, kept.facts.lease) else {
                return None;
            };
            let stands = kept.owner.standing();
            let at = kept
                .wait
                .not_before(&term)
                .filter(|_| !kept.facts.gone && !stands.dead && !stands.doubtful)?;
            let (read, id, owner) = (read.clone(), id.clone(), kept.owner.clone());
            let is_first = kept.wait.is_first();
            (at <= now).then_some(Lease { read, id, term, is_first, owner })
        });
        due.collect()
    }

    async fn lease_renewed(&self, session: &Session<B>, lease: &Lease<B>, result: Result<Grant, Error>) {
        let verdict = match &result {
            Ok(_) => Judged::Later,
            Err(error) => self.judged(session, &lease.owner, error, lease.is_first).await,
        };
        let (now, mut state) = (self.host.clock.moment(), session.state());
        let is_same = |life: &Life| matches!(life, Life::Leased { id, .. } if *id == lease.id);
        let Some(kept) = state.kept.get_mut(&lease.read).filter(|kept| is_same(&kept.facts.life)) else {
            return;
        };
        let outcome = match &result {
            Ok(grant) => {
                kept.wait = super::credential::Wait::default();
                kept.facts.checked_at = now;
                kept.facts.lease.iter_mut().for_each(|term| term.renew(now, *grant));
                if kept.facts.lease.is_some_and(|term| !term.is_renewable()) { "capped" } else { "ok" }
            }
            Err(error) => {
                match verdict {
                    Judged::Later => kept.wait.longer(now),
                    Judged::Never => kept.facts.lease.iter_mut().for_each(Term::give_up_renewing),
                    Judged::Gone => kept.facts.gone = true,
                    Judged::Doubtful => kept.owner.standing().doubtful = true,
                }
                error.label()
            }
        };
        self.host.recorder.renewed(self.backend.name(), "lease", outcome);
    }

    async fn renew(
        &self,
        held: &Held<B::Credential>,
        what: Renewal<'_>,
        left: Duration,
    ) -> Result<Grant, Error> {
        let by = Deadline::after(RENEWAL.min(left.max(Duration::from_secs(1)))).of(Priority::Renewal);
        self.backend.renew(&held.credential, what, by).await
    }

    /// What a failed renewal means.
    async fn judged(
        &self,
        session: &Session<B>,
        held: &Held<B::Credential>,
        error: &Error,
        is_first: bool,
    ) -> Judged {
        let by = Deadline::after(RENEWAL).of(Priority::Renewal);
        let verdict = match error.kind() {
            Kind::NotFound => Judged::Gone,
            // It may not ask about itself: that was found out, and that it lives.
            Kind::Denied | Kind::Unauthenticated if held.standing().mute => Judged::Never,
            Kind::Denied | Kind::Unauthenticated => match self.backend.is_alive(&held.credential, by).await {
                Ok(true) => Judged::Never,
                Ok(false) => Judged::Doubtful,
                Err(_) => Judged::Later,
            },
            Kind::Invalid => Judged::Never,
            Kind::Precondition | Kind::Unavailable | Kind::Throttled | Kind::Deadline | Kind::Internal => {
                Judged::Later
            }
        };
        let (provider, pod, then) = (self.backend.name(), &session.pod, verdict.then());
        // In an outage every lease of the node fails every few seconds: the series count that.
        if verdict == Judged::Later && !is_first {
            tracing::debug!(provider, %pod, %error, then, "a renewal failed again");
        } else {
            tracing::warn!(provider, %pod, %error, then, "a renewal failed");
        }
        verdict
    }

    /// The next time at which something is to be done.
    fn next(&self, session: &Session<B>) -> Moment {
        let (now, state) = (self.host.clock.moment(), session.state());
        let owners = state.owners();
        let tokens = owners.iter().filter_map(|held| held.standing().renew_at());
        let leases = state.kept.values().filter_map(|kept| {
            let stands = kept.owner.standing();
            let open = !kept.facts.gone && !stands.dead && !stands.doubtful;
            kept.facts
                .lease
                .filter(|_| open && matches!(kept.facts.life, Life::Leased { .. }))
                .and_then(|term| kept.wait.not_before(&term))
        });
        let soonest = tokens.chain(leases).min().unwrap_or(now + TICK);
        // Not at once: a server that grants next to nothing must not keep the keeper busy.
        let tick = if self.host.liveness.is_some() { LIVENESS_TICK } else { TICK };
        soonest.clamp(now + Duration::from_secs(1), now + tick)
    }

    fn warn_unrefreshed(&self, session: &Session<B>, now: Moment) {
        let is_new =
            session.state().is_unrefreshed(now) && !self.said_unrefreshed.swap(true, Ordering::Relaxed);
        if is_new {
            let (provider, pod) = (self.backend.name(), &session.pod);
            tracing::warn!(provider, %pod, "no second mount has come for a pod in 15 minutes: the driver's rotation \
                seems to be off (enableSecretRotation), so files are not refreshed; leases are renewed all the same");
        }
    }
}

/// What a failed renewal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    /// It may succeed later.
    Later,
    /// It never will; what there is lives to its end.
    Never,
    /// There is nothing left to renew.
    Gone,
    /// The credential may be dead; the next Mount finds out.
    Doubtful,
}

// === impl Judged ===

impl Judged {
    const fn then(self) -> &'static str {
        match self {
            Self::Later => "it is tried again",
            Self::Never => "it is not tried again; a new one is made when this one ends",
            Self::Gone => "it is gone; the next mount has a new one made",
            Self::Doubtful => "the next mount finds out whether the token is dead",
        }
    }
}
