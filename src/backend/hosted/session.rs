//! One pod's session in one scope: how it is proved, what it holds and keeps.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Core;
use super::credential::{Held, Wait};
use super::gather::Gathering;
use super::tend::UNREFRESHED;
use crate::backend::{Ask, Backend, Need, Parameters};
use crate::identity::{Claimed, Digest, Pod, Presented, Proofs};
use crate::lease::freshness::{Facts, Rules, Verdict};
use crate::lease::{Asked, Credential, Evictable, Keeper, Life, Policy, Reading, Tended};
use crate::time::{self, Moment};

/// The classes that one session remembers: a pod has a few volumes.
const CLASSES: usize = 64;
/// Mounts that are no further apart are those of a pod's start.
const TOGETHER: Duration = Duration::from_secs(50);
/// A pod that is new here is given no shared value that is older, whatever its class says (decision 3).
const NEW_POD: Duration = Duration::from_secs(60);

/// Everything that tells two sessions of one provider apart (decision 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key<S> {
    pub(super) scope: S,
    namespace: String,
    service_account: String,
    uid: String,
    /// The credentials that the request must bring, where nothing proves the pod (decision 2).
    pub(super) bond: Option<Digest>,
}

/// A session.
pub(super) struct Session<B: Backend> {
    pub(super) core: Weak<Core<B>>,
    pub(super) key: Key<B::Scope>,
    pub(super) pod: Pod,
    /// Its name with the keeper, and its server.
    pub(super) id: u64,
    pub(super) lane: u64,
    /// Held by whoever changes the session's credential.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Held by whoever changes what is on the shelf: an older state must not come last.
    pub(super) shelf_turn: tokio::sync::Mutex<()>,
    state: Mutex<State<B>>,
}

/// What changes of a session.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, none excludes another")]
pub(super) struct State<B: Backend> {
    pub(super) proofs: Proofs,
    /// The credential that requests are made with.
    pub(super) held: Option<Arc<Held<B::Credential>>>,
    /// What the last login may do.
    pub(super) authority: <B::Credential as Credential>::Authority,
    pub(super) kept: HashMap<B::Read, Kept<B>>,
    /// What is being brought.
    pub(super) flights: HashMap<B::Read, Gathering<B::Read>>,
    pub(super) classes: BTreeMap<String, Class<B::Read>>,
    /// How long before its end what the authors said so of is replaced.
    pub(super) margins: HashMap<B::Read, Duration>,
    pub(super) asked: Asked,
    /// When an answer last reached the driver.
    pub(super) delivered: Option<Moment>,
    pub(super) last_error: Option<String>,
    /// Refusals before this cost no further login.
    pub(super) no_login_before: Option<Moment>,
    /// The liveness source has seen the pod.
    pub(super) seen: bool,
    /// It was said that its leases are shorter than its Mounts are apart.
    pub(super) said_short: bool,
    /// It was dropped: nothing is put into it any more.
    pub(super) ended: bool,
    /// It has something on the shelf.
    pub(super) shelved: bool,
    /// Its own part of every interval's jitter, in 256ths.
    jitter: u32,
}

/// A class that was asked for.
pub(super) struct Class<R> {
    pub(super) parameters: Parameters,
    /// What it needs, in its order.
    pub(super) reads: Vec<R>,
    /// Whether it was ever answered.
    pub(super) answered: bool,
    pub(super) last: Moment,
}

/// An answer that is kept.
pub(super) struct Kept<B: Backend> {
    pub(super) reading: Arc<Reading>,
    pub(super) facts: Facts,
    /// The credential that it was made with and dies with.
    pub(super) owner: Arc<Held<B::Credential>>,
    /// The pause after a renewal that failed.
    pub(super) wait: Wait,
}

// === impl Key ===

impl<S> Key<S> {
    pub(super) fn new(scope: S, pod: &Pod) -> Self {
        let Pod { namespace, service_account, uid, .. } = pod.clone();
        Self { scope, namespace, service_account, uid, bond: None }
    }

    /// The same, only for who brings these credentials.
    pub(super) fn bound(self, bond: Option<Digest>) -> Self {
        Self { bond, ..self }
    }

    /// Whether it is the other's pod and scope, whatever they are bound to.
    pub(super) fn is_like(&self, other: &Self) -> bool
    where
        S: Eq,
    {
        let Self { scope, namespace, service_account, uid, bond: _ } = self;
        let theirs = (&other.scope, &other.namespace, &other.service_account, &other.uid);
        (scope, namespace, service_account, uid) == theirs
    }
}

// === impl Session ===

impl<B: Backend> Session<B> {
    pub(super) fn new(core: &Arc<Core<B>>, key: Key<B::Scope>, pod: Pod, state: State<B>) -> Self {
        let lane = lane(&core.backend.place(&key.scope));
        let (core, id) = (Arc::downgrade(core), core.host.keeper.register());
        Self {
            core,
            key,
            pod,
            id,
            lane,
            turn: tokio::sync::Mutex::default(),
            shelf_turn: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Proof by a token that has proved this session before.
    pub(super) fn proves(&self, claimed: &Claimed, now: Moment, reauth: Duration) -> Option<Presented> {
        claimed.proved_before(&self.state().proofs, now, reauth)
    }

    /// The keeper comes at `at`, if not before.
    pub(super) fn tend_at(self: &Arc<Self>, keeper: &Keeper, at: Moment) {
        let tended: Arc<dyn Tended> = self.clone();
        keeper.schedule(self.id, Arc::downgrade(&tended), at);
    }

    /// A Mount came, which needs this.
    pub(super) fn asked(&self, ask: &Ask<'_>, needs: &[Need<B::Read>], now: Moment) {
        let mut state = self.state();
        state.asked.again(now);
        let name = ask.class.unwrap_or_default();
        // An old driver's rotation names no class: its class is known from the first Mount.
        if name.is_empty() && !state.classes.is_empty() {
            return;
        }
        let reads: Vec<_> = needs.iter().map(|need| need.read.clone()).collect();
        let known = state.classes.remove(name);
        let answered = known.as_ref().is_some_and(|class| class.answered);
        let is_changed = known.is_none_or(|class| class.reads != reads);
        let class = Class { parameters: ask.parameters.clone(), reads, answered, last: now };
        state.classes.insert(name.to_owned(), class);
        for need in needs {
            match need.renew_before {
                Some(before) => state.margins.insert(need.read.clone(), before),
                None => state.margins.remove(&need.read),
            };
        }
        if is_changed {
            state.forget_unneeded();
        }
    }

    /// Whether an answer of this class has reached the driver before.
    pub(super) fn has_answered(&self, class: Option<&str>) -> bool {
        let state = self.state();
        match class {
            Some(name) => state.classes.get(name).is_some_and(|class| class.answered),
            None => state.delivered.is_some(),
        }
    }

    /// An answer reached the driver.
    pub(super) fn delivered(&self, class: &str, now: Moment) {
        let mut state = self.state();
        state.delivered = Some(now);
        state.last_error = None;
        if let Some(class) = state.classes.get_mut(class) {
            class.answered = true;
        }
    }
}

/// A server as a number.
fn lane(place: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

impl<B: Backend> Evictable for Session<B> {
    fn is_holding(&self) -> bool {
        self.state().is_holding()
    }

    fn last_asked(&self) -> Moment {
        self.state().asked.last()
    }

    fn tenant(&self) -> &str {
        &self.pod.namespace
    }
}

// === impl State ===

impl<B: Backend> State<B> {
    /// Nothing kept yet.
    pub(super) fn new(held: Arc<Held<B::Credential>>, now: Moment) -> Self {
        let jitter = time::part_of(Duration::from_secs(256)).as_secs();
        Self {
            proofs: Proofs::default(),
            authority: held.credential.authority().clone(),
            held: Some(held),
            kept: HashMap::new(),
            flights: HashMap::new(),
            classes: BTreeMap::new(),
            margins: HashMap::new(),
            asked: Asked::since(now),
            delivered: None,
            last_error: None,
            no_login_before: None,
            seen: false,
            said_short: false,
            ended: false,
            shelved: false,
            jitter: u32::try_from(jitter).unwrap_or_default(),
        }
    }

    /// Whether it holds something that was made for its pod.
    pub(super) fn is_holding(&self) -> bool {
        self.kept.values().any(|kept| kept.facts.life.is_minted())
    }

    /// Whether all Mounts came together, long ago: the pod's volumes were mounted, and never refreshed.
    pub(super) fn is_unrefreshed(&self, now: Moment) -> bool {
        let together = self.asked.last().since(self.asked.first()) < TOGETHER;
        together && now.since(self.asked.last()) >= UNREFRESHED
    }

    /// Whether something that was made for the pod lives shorter than its Mounts are apart.
    pub(super) fn is_outlived(&self) -> bool {
        let gap = self.asked.gap();
        self.kept.values().any(|kept| kept.facts.lease.is_some_and(|term| term.most() < gap))
    }

    /// Drops what no class of the pod asks for any more: a lease of it is left to run out.
    fn forget_unneeded(&mut self) {
        while self.classes.len() > CLASSES {
            let oldest =
                self.classes.iter().min_by_key(|(_, class)| class.last).map(|(name, _)| name.clone());
            oldest.and_then(|name| self.classes.remove(&name));
        }
        let needed: HashSet<&B::Read> = self.classes.values().flat_map(|class| &class.reads).collect();
        self.kept.retain(|read, _| needed.contains(read));
        self.margins.retain(|read, _| needed.contains(read));
    }

    /// Drops what has ended and was not replaced: its class is not asked for any more.
    pub(super) fn forget_ended(&mut self, now: Moment) {
        self.kept.retain(|_, kept| {
            let ends = kept.facts.ends(kept.owner.standing().term.as_ref());
            !kept.facts.life.is_minted() || ends.is_none_or(|ends| ends > now)
        });
    }

    /// How old an answer may be that another pod's token has read.
    pub(super) fn age(&self, need: &Need<B::Read>, policy: &Policy) -> Duration {
        let interval = policy.interval(need.refresh);
        match self.kept.get(&need.read) {
            Some(kept) => kept.facts.interval(&Rules { interval, ..self.rules(need, policy) }),
            None => interval.min(NEW_POD),
        }
    }

    /// What a Mount at `now` does about what it needs; `None` if it is not here.
    pub(super) fn verdict(&self, need: &Need<B::Read>, now: Moment, policy: &Policy) -> Option<Verdict> {
        let kept = self.kept.get(&need.read)?;
        let (standing, rules) = (kept.owner.standing(), self.rules(need, policy));
        let leased = kept.facts.lease.is_some() && matches!(kept.facts.life, Life::Leased { .. });
        if leased && standing.dead {
            return Some(Verdict::Mint);
        }
        let verdict = kept.facts.verdict(now, standing.term.as_ref(), &rules, self.asked.gap());
        Some(match verdict {
            Verdict::Keep if leased && standing.doubtful => Verdict::Check,
            Verdict::Check if standing.mute => Verdict::Keep,
            verdict => verdict,
        })
    }

    /// How fresh it must be, a little less often than was asked for: what began together spreads.
    fn rules(&self, need: &Need<B::Read>, policy: &Policy) -> Rules {
        let interval = policy.interval(need.refresh);
        let jitter = (interval / 10).saturating_mul(self.jitter) / 256;
        let interval = interval.saturating_add(jitter);
        Rules {
            interval,
            floor: policy.floor,
            is_asked: need.refresh.is_some(),
            renew_before: need.renew_before,
        }
    }

    /// Keeps an answer.
    pub(super) fn keep(
        &mut self,
        read: B::Read,
        reading: Arc<Reading>,
        facts: Facts,
        owner: &Arc<Held<B::Credential>>,
    ) {
        let (owner, wait) = (owner.clone(), Wait::default());
        self.kept.insert(read, Kept { reading, facts, owner, wait });
    }

    /// The credentials that what was made for the pod dies with, each once.
    pub(super) fn owners(&self) -> Vec<Arc<Held<B::Credential>>> {
        let mut owners: Vec<Arc<Held<B::Credential>>> = Vec::new();
        for kept in self.kept.values().filter(|kept| kept.facts.life.is_minted()) {
            if !owners.iter().any(|known| Arc::ptr_eq(known, &kept.owner)) {
                owners.push(kept.owner.clone());
            }
        }
        owners
    }

    /// Every credential of the session, each once.
    pub(super) fn credentials(&self) -> Vec<Arc<Held<B::Credential>>> {
        let mut all = self.owners();
        if let Some(held) = &self.held
            && !all.iter().any(|known| Arc::ptr_eq(known, held))
        {
            all.push(held.clone());
        }
        all
    }
}
