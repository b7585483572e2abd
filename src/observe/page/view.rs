//! What the page shows, in the order in which one wants to see it: trouble first.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use super::recent::{Class, Latency, Now, Went};
use crate::backend::Entry;
use crate::observe::Kept;
use crate::observe::bounded::Classes;

/// The page's content.
#[derive(Debug, Default)]
pub(in super::super) struct View {
    /// Seconds since 1970.
    pub(super) now: u64,
    pub(super) kept_bytes: usize,
    pub(super) providers: Vec<Provider>,
    pub(super) classes: Vec<(Class, State)>,
    /// `None` where pods are not named.
    pub(super) pods: Option<Vec<Pod>>,
}

/// One provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: &'static str,
    pub(super) ready: bool,
    pub(super) sessions: usize,
    pub(super) leases: usize,
    pub(super) never_refreshed: usize,
    /// The mean of each minute of the last hour.
    pub(super) latency: Vec<Option<Duration>>,
}

/// How a class is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    pub(super) went: Went,
    /// Running pods whose last refresh failed.
    pub(super) stale: usize,
    pub(super) overdue: usize,
    /// When the first value ends that was made for a pod of it.
    pub(super) soonest: Option<u64>,
}

/// One session.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) classes: String,
    pub(super) provider: &'static str,
    pub(super) last_refresh: Option<u64>,
    pub(super) soonest: Option<u64>,
    pub(super) failing: bool,
    pub(super) overdue: bool,
}

// === impl View ===

impl View {
    pub(in super::super) fn new(
        ready: &[(&'static str, bool)],
        kept: &[Kept],
        recent: &Now,
        classes: &Classes,
        now: u64,
        pods: bool,
    ) -> Self {
        let provider = |(name, ready): &(&'static str, bool)| {
            let sessions = sessions(kept, name).collect::<Vec<_>>();
            Provider {
                name,
                ready: *ready,
                sessions: sessions.len(),
                leases: sessions.iter().map(|session| session.minted.len()).sum(),
                never_refreshed: sessions.iter().filter(|session| session.refresh_never_seen).count(),
                latency: recent.latency.get(name).map(Latency::means).unwrap_or_default(),
            }
        };
        let all = || kept.iter().flat_map(|(_, inventory)| &inventory.sessions);
        Self {
            now,
            kept_bytes: kept.iter().map(|(_, inventory)| inventory.kept_bytes).max().unwrap_or_default(),
            providers: ready.iter().map(provider).collect(),
            classes: sorted(states(recent, all(), classes)),
            pods: pods.then(|| troubled(all().map(Pod::of).collect())),
        }
    }
}

fn sessions<'a>(kept: &'a [Kept], provider: &str) -> impl Iterator<Item = &'a Entry> {
    let of = kept.iter().filter(move |(name, _)| *name == provider);
    of.flat_map(|(_, inventory)| &inventory.sessions)
}

/// Each class by the labels of its series.
fn states<'a>(
    recent: &Now,
    sessions: impl Iterator<Item = &'a Entry>,
    classes: &Classes,
) -> BTreeMap<Class, State> {
    let went =
        recent.classes.iter().map(|(class, went)| (class.clone(), State { went: *went, ..State::default() }));
    let mut states: BTreeMap<_, _> = went.collect();
    for session in sessions {
        for class in session.classes.iter().filter(|class| !class.is_empty()) {
            let (namespace, class) = classes.labels(&session.namespace, class);
            let key = (session.provider, namespace.to_owned(), class.to_owned());
            let state: &mut State = states.entry(key).or_default();
            state.stale += usize::from(is_failing(session));
            state.overdue += session.minted.iter().filter(|minted| minted.overdue).count();
            state.soonest = [state.soonest, soonest(session)].into_iter().flatten().min();
        }
    }
    states
}

/// Those in trouble first, each part by name.
fn sorted(states: BTreeMap<Class, State>) -> Vec<(Class, State)> {
    let mut list: Vec<_> = states.into_iter().collect();
    list.sort_by_key(|(_, state)| !state.is_troubled());
    list
}

fn troubled(mut pods: Vec<Pod>) -> Vec<Pod> {
    pods.sort_by_key(|pod| !(pod.failing || pod.overdue));
    pods
}

fn is_failing(session: &Entry) -> bool {
    session.last_refresh.is_some() && session.last_error.is_some()
}

fn soonest(session: &Entry) -> Option<u64> {
    session.minted.iter().filter_map(|minted| unix(minted.expires)).min()
}

fn unix(time: Option<std::time::SystemTime>) -> Option<u64> {
    Some(time?.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

// === impl State ===

impl State {
    /// Whether somebody should look at it.
    pub(super) const fn is_troubled(&self) -> bool {
        self.went.failing.is_some() || self.stale > 0 || self.overdue > 0
    }

    /// One word for the last Mount.
    pub(super) fn word(&self) -> &'static str {
        match self.went.failing {
            Some(kind) => kind.as_str(),
            None if self.went.last_success.is_some() => "ok",
            None => "kept",
        }
    }
}

// === impl Pod ===

impl Pod {
    fn of(session: &Entry) -> Self {
        Self {
            name: format!("{}/{}", session.namespace, session.pod),
            classes: session.classes.join(", "),
            provider: session.provider,
            last_refresh: unix(session.last_refresh),
            soonest: soonest(session),
            failing: session.last_error.is_some(),
            overdue: session.minted.iter().any(|minted| minted.overdue),
        }
    }
}
