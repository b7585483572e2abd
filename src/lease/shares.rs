//! Answers that pods of one identity share, for as long as one of them has it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Flight, Reading};
use crate::time::Moment;

/// Entries are swept when there are this many more than after the last sweep.
const SWEEP: usize = 256;

/// An answer and when it came.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The answer.
    pub reading: Arc<Reading>,
    /// When it came.
    pub read_at: Moment,
}

/// Shared answers by `K`: everything that must be equal for two pods to share
/// (decision 3), the request included. Holds no answer by itself: with the last
/// session that has it, it is gone.
pub struct Shares<K, T: Clone> {
    known: Mutex<Known<K, T>>,
}

struct Known<K, T: Clone> {
    entries: HashMap<K, Entry<T>>,
    sweep_at: usize,
}

enum Entry<T: Clone> {
    /// Somebody is asking.
    Flying(Flight<T>),
    /// Somebody asked.
    Landed(Weak<Reading>, Moment),
}

/// What a pod that needs an answer does.
pub enum Turn<T: Clone> {
    /// Takes this one.
    Adopt(Shared),
    /// Waits for the one who asks.
    Wait(Flight<T>),
    /// Asks.
    Ask,
}

// === impl Shares ===

impl<K: Eq + Hash, T: Clone> Shares<K, T> {
    /// Nothing shared yet.
    pub fn new() -> Self {
        Self { known: Mutex::new(Known { entries: HashMap::new(), sweep_at: SWEEP }) }
    }

    /// What to do for an answer that came at `oldest` or later. Who is told to ask does it
    /// with `flight`, which others wait for from now on, and must say [`Self::landed`].
    pub fn turn(&self, key: K, oldest: Moment, flight: &Flight<T>) -> Turn<T> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.entries.get(&key) {
            Some(Entry::Flying(flight)) if flight.peek().is_none() => return Turn::Wait(flight.clone()),
            Some(&Entry::Landed(ref reading, read_at)) if read_at >= oldest => {
                if let Some(reading) = reading.upgrade() {
                    return Turn::Adopt(Shared { reading, read_at });
                }
            }
            _ => {}
        }
        known.sweep();
        known.entries.insert(key, Entry::Flying(flight.clone()));
        Turn::Ask
    }

    /// The flight ended, with an answer to share or without.
    pub fn landed(&self, key: K, shared: Option<&Shared>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match shared {
            Some(shared) => {
                known.entries.insert(key, Entry::Landed(Arc::downgrade(&shared.reading), shared.read_at));
            }
            None => {
                known.entries.remove(&key);
            }
        }
    }
}

impl<K: Eq + Hash, T: Clone> Default for Shares<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Known ===

impl<K: Eq + Hash, T: Clone> Known<K, T> {
    /// Drops what nobody has any more, once in a while.
    fn sweep(&mut self) {
        if self.entries.len() >= self.sweep_at {
            self.entries.retain(|_, entry| entry.is_live());
            self.sweep_at = self.entries.len() + SWEEP;
        }
    }
}

// === impl Entry ===

impl<T: Clone> Entry<T> {
    fn is_live(&self) -> bool {
        match self {
            Self::Flying(flight) => flight.peek().is_none(),
            Self::Landed(reading, _) => reading.strong_count() > 0,
        }
    }
}
