//! Logins by credentials of the request. Servers count the wrong ones and lock the
//! user out, for everybody: OpenBao after five in a quarter of an hour. So the same
//! credentials are tried by one pod first, and once they are refused not again for
//! a while, whichever pod brings them. Others, of a changed Secret, are tried at once.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Core;
use super::login::{is_denial, late};
use crate::backend::Backend;
use crate::error::Error;
use crate::identity::{Digest, Presented};
use crate::time::{Clock, Deadline, Moment};

/// The first wait: a user who is made a moment after the pod need not wait for the server's count to end.
const FIRST: Duration = Duration::from_secs(60);
/// The longest wait, whatever a server says: OpenBao's count is over after a quarter of an hour.
const LONGEST: Duration = Duration::from_secs(20 * 60);
/// The most logins at a time by credentials that were right last time.
const AT_ONCE: usize = 2;
/// The most credentials that are remembered.
const MOST: usize = 4096;

/// What is known of credentials, by scope and keyed hash.
///
/// A scope is remembered by a hash, for it may be large: whoever would have two of them meet
/// must bring the same credentials too.
pub(super) struct Trials<S> {
    known: Mutex<HashMap<(u64, Digest), Arc<Trial>>>,
    hasher: RandomState,
    scopes: PhantomData<fn(&S)>,
}

/// What is known of one user's.
struct Trial {
    /// Held by whoever tries them while nobody knows whether they are right.
    turn: tokio::sync::Mutex<()>,
    /// Held by whoever brings those that were right: a few, for they may be wrong by now.
    right: tokio::sync::Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last login succeeded.
    is_right: bool,
    /// How many in a row were refused.
    refused: u32,
    until: Option<Moment>,
    /// What the last login ended with, and how many have ended.
    last: Option<Error>,
    ended: u64,
}

// === impl Core ===

impl<B: Backend> Core<B> {
    /// The backend's login, held back where the server counts.
    pub(super) async fn login(
        &self,
        proof: &Arc<Presented>,
        scope: &B::Scope,
        by: Deadline,
    ) -> Result<B::Credential, Error> {
        let login = self.backend.login(proof.clone(), scope, by);
        if proof.token().is_some() || proof.sensitive().is_empty() {
            return login.await;
        }
        let trial = self.trials.of(scope, proof.digest(), self.host.clock.moment());
        trial.run(self.backend.name(), self.host.clock.as_ref(), by, login).await
    }
}

// === impl Trials ===

impl<S: Hash> Trials<S> {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), hasher: RandomState::new(), scopes: PhantomData }
    }

    fn of(&self, scope: &S, digest: Digest, now: Moment) -> Arc<Trial> {
        let mut trials = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if trials.len() >= MOST {
            trials.retain(|_, trial| Arc::strong_count(trial) > 1 || trial.waits(now).is_some());
        }
        if trials.len() >= MOST {
            // All of them wait: somebody brings wrong ones by the thousand, and may find them tried again.
            trials.retain(|_, trial| Arc::strong_count(trial) > 1);
        }
        trials.entry((self.hasher.hash_one(scope), digest)).or_default().clone()
    }
}

// === impl Trial ===

impl Default for Trial {
    fn default() -> Self {
        let right = tokio::sync::Semaphore::new(AT_ONCE);
        Self { turn: tokio::sync::Mutex::default(), right, state: Mutex::default() }
    }
}

impl Trial {
    async fn run<C>(
        &self,
        provider: &'static str,
        clock: &dyn Clock,
        by: Deadline,
        login: impl Future<Output = Result<C, Error>>,
    ) -> Result<C, Error> {
        if let Some(error) = self.held_back(clock.moment()) {
            return Err(error);
        }
        let (is_right, ended) = {
            let state = self.state();
            (state.is_right, state.ended)
        };
        let permit = match is_right {
            true => by.bound(self.right.acquire()).await.ok_or_else(|| late(provider))?.ok(),
            false => None,
        };
        let turn = match is_right {
            true => None,
            false => Some(by.bound(self.turn.lock()).await.ok_or_else(|| late(provider))?),
        };
        // Who waited for another's try gets what it got (decision 15), if that was a refusal.
        if let Some(error) = self.since(ended) {
            return Err(self.held_back(clock.moment()).unwrap_or(error));
        }
        let turn = turn.filter(|_| !self.state().is_right);
        let result = login.await;
        let result = result.map_err(|error| self.failed(error, clock.moment()));
        if result.is_ok() {
            let ended = self.state().ended + 1;
            *self.state() = State { is_right: true, ended, ..State::default() };
        }
        drop((turn, permit));
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left of the wait.
    fn waits(&self, now: Moment) -> Option<Duration> {
        self.state().until.map(|until| until.since(now)).filter(|left| !left.is_zero())
    }

    /// The refusal, while it is not asked about again.
    fn held_back(&self, now: Moment) -> Option<Error> {
        let left = self.waits(now)?;
        self.state().last.clone().map(|error| explained(error, left))
    }

    /// What another's try has ended with since then.
    fn since(&self, ended: u64) -> Option<Error> {
        let state = self.state();
        state.last.clone().filter(|_| state.ended > ended)
    }

    fn failed(&self, error: Error, now: Moment) -> Error {
        let mut state = self.state();
        (state.ended, state.last) = (state.ended + 1, Some(error.clone()));
        let Some(wait) = error.wait().filter(|_| is_denial(&error)) else { return error };
        let wait = wait.min(if state.refused == 0 { FIRST } else { LONGEST });
        state.is_right = false;
        state.refused = state.refused.saturating_add(1);
        state.until = Some(now + wait);
        explained(error, wait)
    }
}

fn explained(error: Error, left: Duration) -> Error {
    error.and_hint(format!(
        "these credentials are not tried again for {} s, so that the server does not lock the user out; others are at once",
        left.as_secs().max(1)
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::{Kind, Stage};
    use crate::time::HandHeld;

    const WAIT: Duration = Duration::from_secs(960);
    const SLOW: Duration = Duration::from_millis(10);

    struct World {
        clock: HandHeld,
        trials: Trials<u8>,
        asked: AtomicU32,
    }

    impl World {
        fn new() -> Self {
            Self { clock: HandHeld::at(1_000_000), trials: Trials::new(), asked: AtomicU32::new(0) }
        }

        async fn login(&self, user: u8, secret: &str, result: Result<(), Error>) -> Result<(), Error> {
            let by = Deadline::after(Duration::from_secs(30));
            let trial = self.trials.of(&user, digest(secret), self.clock.moment());
            let login = async {
                self.asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(SLOW).await;
                result
            };
            trial.run("paper", &self.clock, by, login).await
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn digest(text: &str) -> Digest {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        Digest::from(&bytes[..])
    }

    fn refused() -> Result<(), Error> {
        Err(Error::new(Kind::Denied, Stage::Login, "invalid").verdict(true).retry_after(Some(WAIT)))
    }

    fn away() -> Result<(), Error> {
        Err(Error::new(Kind::Unavailable, Stage::Login, "away"))
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_ones_are_tried_twice_and_then_once_in_a_lockouts_time() {
        let world = World::new();
        let text = world.login(1, "a", refused()).await.map_err(|error| error.to_string());
        let told = "invalid; hint: these credentials are not tried again for 60 s, so that the server does not lock \
                    the user out; others are at once";
        assert!(text.is_err_and(|text| text.ends_with(told)));
        for (advance, asked) in [(59, 1), (2, 2), (900, 2), (58, 2), (3, 3), (958, 3), (3, 4)] {
            tokio::time::advance(Duration::from_secs(advance)).await;
            assert!(world.login(1, "a", refused()).await.is_err());
            assert_eq!(world.asked(), asked, "after {advance} s more");
        }
        assert!(world.login(1, "b", Ok(())).await.is_ok(), "a changed Secret");
        assert!(world.login(2, "a", Ok(())).await.is_ok(), "another scope");
        tokio::time::advance(WAIT).await;
        assert!(world.login(1, "a", Ok(())).await.is_ok());
        assert!(
            world.login(1, "a", refused()).await.is_err_and(|error| error.to_string().contains("for 60 s"))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_full_of_pods_with_wrong_ones_tries_them_once() {
        let world = World::new();
        let all = (0..110).map(|_| world.login(1, "a", refused()));
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(Result::is_err) && world.asked() == 1, "{}", world.asked());
    }

    #[tokio::test(start_paused = true)]
    async fn right_ones_wait_for_the_first_and_then_for_nobody() {
        let world = World::new();
        let watch = crate::time::Stopwatch::start();
        let all = futures_util::future::join_all((0..110).map(|_| world.login(1, "a", Ok(())))).await;
        assert!(all.iter().all(Result::is_ok) && watch.elapsed() <= Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_holds_nobody_back() {
        let world = World::new();
        let watch = crate::time::Stopwatch::start();
        let all = futures_util::future::join_all((0..110).map(|_| world.login(1, "a", away()))).await;
        assert!(all.iter().all(Result::is_err) && watch.elapsed() <= Duration::from_millis(50));
        assert!(world.login(1, "a", Ok(())).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_remembered_than_there_is_room_for() {
        let world = World::new();
        for at in 0..=MOST {
            let digest = digest(&at.to_string());
            drop(world.trials.of(&1, digest, world.clock.moment()).failed_for_test(world.clock.moment()));
        }
        assert!(world.trials.known.lock().is_ok_and(|trials| trials.len() <= MOST));
    }

    impl Trial {
        fn failed_for_test(&self, now: Moment) -> Option<Error> {
            refused().err().map(|error| self.failed(error, now))
        }
    }
}
