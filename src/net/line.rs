//! Who waits, and who is next.

use std::collections::BTreeMap;

use tokio::sync::oneshot::{self, Receiver, Sender};

use crate::time::Priority;

/// The most that wait for one server: who came after them would wait in vain.
pub(super) const MOST: usize = 4096;
/// One turn of so many goes to somebody who was passed over.
const TURN: u8 = 8;

/// A waiter: its priority, and which one it is of all that ever came.
pub(super) type Number = (Priority, u64);

/// A queue for each priority, in one map: its order is theirs.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: BTreeMap<Number, Sender<()>>,
    came: u64,
    /// How many in a row were let in before somebody of a lower priority.
    passed: u8,
}

// === impl Line ===

impl Line {
    /// Joins at the end of those of `priority`, unless too many wait.
    pub(super) fn join(&mut self, priority: Priority) -> Option<(Number, Receiver<()>)> {
        if self.waiting.len() >= MOST {
            return None;
        }
        let (call, turn) = oneshot::channel();
        self.came += 1;
        let number = (priority, self.came);
        self.waiting.insert(number, call);
        Some((number, turn))
    }

    /// Leaves; `false` if it was called before.
    pub(super) fn leave(&mut self, number: Number) -> bool {
        self.waiting.remove(&number).is_some()
    }

    /// The next one, to be called: the longest waiting of the highest priority, but
    /// for each eighth time, so that what is renewed in time does not run out.
    pub(super) fn next(&mut self) -> Option<Sender<()>> {
        let (first, _) = self.waiting.first_key_value()?;
        let (first, below) = (*first, self.below(first.0));
        self.passed = if below.is_some() { self.passed + 1 } else { 0 };
        let next = below.filter(|_| self.passed >= TURN);
        if next.is_some() {
            self.passed = 0;
        }
        self.waiting.remove(&next.unwrap_or(first))
    }

    /// The longest waiting of all lower priorities.
    fn below(&self, priority: Priority) -> Option<Number> {
        let lower = [Priority::Refresh, Priority::Renewal].into_iter().filter(|lower| *lower > priority);
        let heads = lower.filter_map(|lower| self.waiting.range((lower, 0)..=(lower, u64::MAX)).next());
        heads.map(|(number, _)| *number).min_by_key(|(_, came)| *came)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Priority::{First, Refresh, Renewal};
    use super::*;

    /// Joins in this order; the order in which they are called, by their place in `priorities`.
    fn order(priorities: &[Priority]) -> Vec<usize> {
        let mut line = Line::default();
        let mut turns: Vec<_> = priorities.iter().filter_map(|priority| line.join(*priority)).collect();
        let mut called = Vec::new();
        while let Some(call) = line.next() {
            assert!(call.send(()).is_ok());
            called.extend(turns.iter_mut().position(|(_, turn)| turn.try_recv().is_ok()));
        }
        called
    }

    #[test]
    fn by_priority_and_then_in_the_order_they_came() {
        let came = [Renewal, Refresh, First, Renewal, First, Refresh];
        assert_eq!(order(&came), [2, 4, 1, 5, 0, 3]);
    }

    #[test]
    fn each_eighth_turn_is_for_the_longest_waiting_of_the_lower() {
        let mut came = vec![Refresh, Renewal, Refresh];
        came.extend([First; 24]);
        let called = order(&came);
        let lower: Vec<_> = called.iter().enumerate().filter(|(_, who)| **who < 3).collect();
        assert_eq!(lower, [(7, &0), (15, &1), (23, &2)], "{called:?}");
        assert_eq!(called.len(), came.len());
    }

    #[test]
    fn a_renewal_is_not_starved_by_refreshes_that_keep_coming() {
        let mut line = Line::default();
        let mut joined: Vec<_> = [Refresh, Refresh, Renewal].map(|who| line.join(who)).into_iter().collect();
        let calls = (1..=100).find(|_| {
            joined.push(line.join(Refresh));
            drop(line.next());
            !line.waiting.keys().any(|(priority, _)| *priority == Renewal)
        });
        assert_eq!(calls, Some(8));
    }

    #[test]
    fn a_full_line_is_not_joined_until_somebody_leaves() {
        let mut line = Line::default();
        let joined: Vec<_> = std::iter::from_fn(|| line.join(Renewal)).collect();
        assert_eq!(joined.len(), MOST);
        assert!(line.join(First).is_none());
        let Some((number, _)) = joined.first() else { unreachable!("somebody joined") };
        assert!(line.leave(*number) && !line.leave(*number));
        assert!(line.join(First).is_some());
    }
}
