//! Whether what was made for a pod still lives: asked once an interval, and
//! whenever the keeper was refused something that it should have been given.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::Core;
use super::credential::Held;
use super::fetch::Answers;
use super::gather::Due;
use super::login::is_denial;
use super::session::Session;
use crate::backend::Backend;
use crate::error::Error;
use crate::identity::Presented;
use crate::lease::freshness::Verdict;
use crate::lease::{LeaseId, Life, Shared};
use crate::time::Deadline;

/// Leases of one session that are asked about at a time.
const TOGETHER: usize = 4;

// === impl Core ===

impl<B: Backend> Core<B> {
    /// Asks about what is to be checked: what lives is served, what does not is due to be made.
    pub(super) async fn checked(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        due: Vec<Due<B::Read>>,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> (Answers<B::Read>, Vec<Due<B::Read>>) {
        let is_check = |due: &Due<B::Read>| due.verdict == Some(Verdict::Check);
        let (checks, mut due): (Vec<_>, Vec<_>) = due.into_iter().partition(is_check);
        let asking = checks.into_iter().map(|check| async {
            let lives = self.lives(session, &check.need.read, by).await;
            (check, lives)
        });
        let answers: Vec<_> = stream::iter(asking).buffered(TOGETHER).collect().await;
        let mut lives = HashMap::new();
        for (check, answer) in answers {
            let answer = match answer {
                Err(error) if error.is_refusal() => self.settled(session, &check.need.read, proof, by).await,
                // What cannot be asked now is not doubted: its term says how long it lives.
                answer => answer.unwrap_or(true),
            };
            match self.found(session, &check.need.read, answer) {
                Some(shared) => drop(lives.insert(check.need.read, Ok(shared))),
                None => due.push(Due { verdict: Some(Verdict::Mint), ..check }),
            }
        }
        (lives, due)
    }

    /// Whether the value's lease lives, as the backend says.
    async fn lives(&self, session: &Session<B>, read: &B::Read, by: Deadline) -> Result<bool, Error> {
        let Some((owner, id)) = lease(session, read) else { return Ok(false) };
        if owner.standing().doubtful {
            return Err(doubted());
        }
        self.backend.has_lease(&owner.credential, &id, by).await
    }

    /// Notes what was found; the value if it lives.
    fn found(&self, session: &Session<B>, read: &B::Read, lives: bool) -> Option<Shared> {
        let (now, mut state) = (self.host.clock.moment(), session.state());
        let kept = state.kept.get_mut(read)?;
        kept.facts.checked_at = now;
        kept.facts.gone |= !lives;
        lives.then(|| Shared { reading: kept.reading.clone(), read_at: kept.facts.read_at })
    }

    /// Finds out whether a refused credential is dead; whether its leases live. A credential
    /// that may not ask about itself looks dead: a new one, which surely lives, tells.
    async fn settled(
        self: &Arc<Self>,
        session: &Arc<Session<B>>,
        read: &B::Read,
        proof: &Arc<Presented>,
        by: Deadline,
    ) -> bool {
        let Some((old, _)) = lease(session, read) else { return false };
        let Some(_turn) = by.bound(session.turn.lock()).await else { return true };
        if old.standing().dead {
            return false;
        }
        if !old.standing().doubtful && old.standing().mute {
            return true;
        }
        match self.backend.is_alive(&old.credential, by).await {
            Ok(true) => return clear(&old),
            Ok(false) => {}
            Err(_) => return true,
        }
        let new = match self.new_credential(session, proof, by).await {
            Ok(new) => new,
            Err(error) => return !is_denial(&error),
        };
        if self.backend.is_alive(&new.credential, by).await.unwrap_or_default() {
            old.standing().dead = true;
        } else {
            clear(&old);
        }
        let dead = old.standing().dead;
        self.succeed(session, new, by).await;
        !dead
    }
}

/// The lease of a kept value and the credential that it dies with.
fn lease<B: Backend>(session: &Session<B>, read: &B::Read) -> Option<(Arc<Held<B::Credential>>, LeaseId)> {
    let state = session.state();
    let kept = state.kept.get(read)?;
    match &kept.facts.life {
        Life::Leased { id, .. } => Some((kept.owner.clone(), id.clone())),
        Life::Static { .. } | Life::Until { .. } | Life::Once => None,
    }
}

/// It lives and may not ask: no longer doubted, and not asked again.
fn clear<C: crate::lease::Credential>(held: &Held<C>) -> bool {
    let mut standing = held.standing();
    standing.doubtful = false;
    standing.mute = true;
    true
}

/// Stands for the refusal that the keeper met.
fn doubted() -> Error {
    Error::new(crate::error::Kind::Denied, crate::error::Stage::Read, "the keeper was refused")
}
