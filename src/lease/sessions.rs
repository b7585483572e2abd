//! The sessions, keyed and bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::Moment;

/// What decides who goes when there are too many.
pub trait Evictable {
    /// Whether it holds something that was made for it.
    fn is_holding(&self) -> bool;
    /// When it was last asked.
    fn last_asked(&self) -> Moment;
    /// Whose it is, as far as shares go.
    fn tenant(&self) -> &str;
}

/// What became of a session that was to be kept.
#[derive(Debug)]
pub enum Inserted<S> {
    /// It is kept; this one had to go for it.
    Free(Option<Arc<S>>),
    /// There is one already.
    Occupied(Arc<S>),
}

/// Sessions by key, at most so many.
#[derive(Debug)]
pub struct Sessions<K, S> {
    map: Mutex<HashMap<K, Arc<S>>>,
    most: usize,
}

// === impl Sessions ===

impl<K: Clone + Eq + Hash, S: Evictable> Sessions<K, S> {
    /// At most `most` sessions.
    pub fn new(most: usize) -> Self {
        Self { map: Mutex::default(), most: most.max(1) }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<K, Arc<S>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of this key.
    pub fn get(&self, key: &K) -> Option<Arc<S>> {
        self.map().get(key).cloned()
    }

    /// Keeps `session`, unless there is one of its key. If there are too many, one goes.
    pub fn insert(&self, key: K, session: Arc<S>) -> Inserted<S> {
        let mut map = self.map();
        if let Some(known) = map.get(&key) {
            return Inserted::Occupied(known.clone());
        }
        let evicted = (map.len() >= self.most).then(|| evict(&mut map)).flatten();
        map.insert(key, session);
        Inserted::Free(evicted)
    }

    /// Forgets `used`, not one that has taken its place; whether it was there.
    pub fn forget(&self, key: &K, used: &Arc<S>) -> bool {
        let mut map = self.map();
        let same = map.get(key).is_some_and(|session| Arc::ptr_eq(session, used));
        same && map.remove(key).is_some()
    }

    /// Every session.
    pub fn all(&self) -> Vec<Arc<S>> {
        self.map().values().cloned().collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.map().len()
    }
}

/// Takes one out: of the tenant that has most, the one that holds nothing and was asked least
/// recently. So a tenant that makes many sessions pushes out its own.
fn evict<K: Clone + Eq + Hash, S: Evictable>(map: &mut HashMap<K, Arc<S>>) -> Option<Arc<S>> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for session in map.values() {
        *counts.entry(session.tenant()).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(tenant, _)| tenant)?;
    let theirs = map.iter().filter(|(_, session)| session.tenant() == most);
    let oldest = theirs.min_by_key(|(_, session)| (session.is_holding(), session.last_asked()))?;
    let key = oldest.0.clone();
    map.remove(&key)
}
