//! When a kept value is due: a pure function of the time, the value and the
//! session's Mounts (decision 4).

use std::time::Duration;

use super::{Life, Term};
use crate::time::Moment;

/// A static role's password is asked for this long after its announced end: the
/// server's own tick must have passed.
const AFTER_END: Duration = Duration::from_secs(1);

/// What a Mount does about a value that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Serve it.
    Keep,
    /// Ask whether its lease still lives, then serve it.
    Check,
    /// Read it again.
    Read,
    /// Have another one made.
    Mint,
}

/// What is known of a kept value.
#[derive(Clone, Debug)]
pub struct Facts {
    /// How long the backend said that it is good for.
    pub life: Life,
    /// When it was read.
    pub read_at: Moment,
    /// When the backend last said that its lease lives.
    pub checked_at: Moment,
    /// Its lease's term, if it has one.
    pub lease: Option<Term>,
    /// The backend said that its lease is gone.
    pub gone: bool,
}

/// What the class and the operator want for it.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How often it is read or checked.
    pub interval: Duration,
    /// No value is read more often, whatever the backend says.
    pub floor: Duration,
    /// Whether the class says so, not only the operator.
    pub is_asked: bool,
    /// How long before its end it is replaced.
    pub renew_before: Option<Duration>,
}

// === impl Facts ===

impl Facts {
    /// What was read at `now`.
    pub fn new(now: Moment, life: &Life) -> Self {
        let lease = match *life {
            Life::Leased { ttl, renewable, .. } => Term::new(now, super::Grant { ttl: Some(ttl), renewable }),
            Life::Until { ttl, .. } => Term::new(now, super::Grant { ttl: Some(ttl), renewable: false }),
            Life::Static { .. } | Life::Once => None,
        };
        Self { life: life.clone(), read_at: now, checked_at: now, lease, gone: false }
    }

    /// What a Mount at `now` does about it. `owner` is the term of the token that it
    /// was made with, `gap` the longest time between two Mounts lately.
    pub fn verdict(&self, now: Moment, owner: Option<&Term>, rules: &Rules, gap: Duration) -> Verdict {
        let is_old = now >= self.read_at + self.interval(rules);
        let ending = |term: &Term| term.is_ending(now, gap, rules.renew_before);
        match self.life {
            Life::Static { .. } if is_old => Verdict::Read,
            Life::Until { minted: false, ttl } if is_old || now >= self.read_at + ttl + AFTER_END => {
                Verdict::Read
            }
            Life::Once if rules.is_asked && is_old => Verdict::Mint,
            Life::Until { minted: true, .. } if self.lease.as_ref().is_some_and(ending) => Verdict::Mint,
            Life::Leased { .. } if self.gone || self.lease.iter().chain(owner).any(ending) => Verdict::Mint,
            Life::Leased { .. } if now >= self.checked_at + rules.interval => Verdict::Check,
            _ => Verdict::Keep,
        }
    }

    /// Whether it should have been renewed or replaced a good while ago, by the keeper or a Mount.
    pub fn is_overdue(&self, now: Moment, owner: Option<&Term>, renew_before: Option<Duration>) -> bool {
        let owner = owner.filter(|_| matches!(self.life, Life::Leased { .. }));
        self.lease.iter().chain(owner).any(|term| term.is_overdue(now, renew_before))
    }

    /// When nothing is left of it, its owner's end included; `None` if it has no end.
    pub fn ends(&self, owner: Option<&Term>) -> Option<Moment> {
        let owner = owner.filter(|_| matches!(self.life, Life::Leased { .. }));
        self.lease.iter().chain(owner).map(Term::ends).min()
    }

    /// How old it may be for a Mount under these rules.
    pub fn interval(&self, rules: &Rules) -> Duration {
        match self.life {
            Life::Static { hint: Some(hint) } if !rules.is_asked => hint.max(rules.floor),
            _ => rules.interval,
        }
    }
}
