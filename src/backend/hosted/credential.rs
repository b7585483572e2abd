//! A credential that a session holds, and how it stands.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::lease::{Credential, Grant, Term};
use crate::time::{self, Moment};

/// No request is begun with a credential that has less than this left.
const LEAST: Duration = Duration::from_secs(5);
/// The first and the longest wait after a renewal that failed.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A credential in use.
pub(super) struct Held<C> {
    pub(super) credential: C,
    standing: Mutex<Standing>,
}

/// How a credential stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Its life; `None` if it has no end.
    pub(super) term: Option<Term>,
    /// The backend does not know it any more, and its leases are gone with it.
    pub(super) dead: bool,
    /// Something was refused that should not be: the next Mount, which brings a proof, finds out.
    pub(super) doubtful: bool,
    /// Since when, or when it was last asked about without a Mount.
    pub(super) doubted: Option<Moment>,
    /// It may not ask about its leases or itself: nothing is checked.
    pub(super) mute: bool,
    /// When renewing it may be tried again.
    pub(super) wait: Wait,
}

/// The pause after a renewal that failed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wait {
    until: Option<Moment>,
    step: Duration,
}

// === impl Held ===

impl<C: Credential> Held<C> {
    /// A credential that was just given.
    pub(super) fn new(credential: C, now: Moment) -> Self {
        let term = Term::new(now, credential.grant());
        Self::standing_so(credential, Standing { term, ..Standing::default() })
    }

    /// A credential of which more is known.
    pub(super) fn standing_so(credential: C, standing: Standing) -> Self {
        Self { credential, standing: Mutex::new(standing) }
    }

    pub(super) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request may be begun with it.
    pub(super) fn is_usable(&self, now: Moment) -> bool {
        let standing = self.standing();
        !standing.dead && standing.term.is_none_or(|term| term.left(now) > LEAST)
    }

    /// Whether what is made with it now lives as long as it would with a new one.
    pub(super) fn is_good_for_minting(&self, now: Moment, gap: Duration) -> bool {
        let standing = self.standing();
        let ending = standing.term.is_some_and(|term| term.is_ending(now, gap, None));
        !standing.dead && !standing.doubtful && !ending
    }

    /// When it ends; `None` if it has no end.
    pub(super) fn ends(&self) -> Option<Moment> {
        self.standing().term.map(|term| term.ends())
    }
}

// === impl Standing ===

impl Standing {
    /// When it should be renewed, if that may help.
    pub(super) fn renew_at(&self) -> Option<Moment> {
        if self.dead || self.doubtful {
            return None;
        }
        self.term.as_ref().and_then(|term| self.wait.not_before(term))
    }

    /// Takes a renewal's grant.
    pub(super) fn renewed(&mut self, now: Moment, grant: Grant) {
        self.wait = Wait::default();
        if let Some(term) = &mut self.term {
            term.renew(now, grant);
        }
    }
}

// === impl Wait ===

impl Wait {
    /// When `term` should be renewed, not before the pause ends.
    pub(super) fn not_before(&self, term: &Term) -> Option<Moment> {
        let at = term.renew_at()?;
        Some(self.until.map_or(at, |until| until.max(at)))
    }

    /// Whether no renewal has failed since the last that did not.
    pub(super) const fn is_first(&self) -> bool {
        self.until.is_none()
    }

    /// A renewal failed: a longer pause each time, with chance in it.
    pub(super) fn longer(&mut self, now: Moment) {
        self.step = (self.step * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
        self.until = Some(now + self.step / 2 + time::part_of(self.step / 2));
    }
}
