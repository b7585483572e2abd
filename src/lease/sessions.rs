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

    /// Keeps `session` in the place of one with its key. If there are too many, the one
    /// asked least recently goes, those that hold nothing first; it is returned.
    pub fn insert(&self, key: K, session: Arc<S>) -> Option<Arc<S>> {
        let mut map = self.map();
        let full = map.len() >= self.most && !map.contains_key(&key);
        let evicted = full.then(|| {
            let oldest = map.iter().min_by_key(|(_, session)| (session.is_holding(), session.last_asked()));
            let key = oldest.map(|(key, _)| key.clone());
            key.and_then(|key| map.remove(&key))
        });
        map.insert(key, session);
        evicted.flatten()
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
