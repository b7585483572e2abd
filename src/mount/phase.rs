//! Whether a pod has its files already: a refresh that fails is another alarm than a pod that cannot start.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use super::Who;

/// The volumes that are remembered; a node has room for fewer pods by far.
const MOST: usize = 4096;

/// Where in a volume's life a Mount came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The pod waits for it.
    First,
    /// The pod runs, on the files of before.
    Refresh,
}

/// The volumes that a Mount has filled, as far as this process knows. Works for providers
/// that keep nothing, and outlives a session that a refusal ended.
#[derive(Debug, Default)]
pub(super) struct Filled(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    volumes: HashSet<u64>,
    /// The oldest first.
    order: VecDeque<u64>,
}

// === impl Phase ===

impl Phase {
    /// As a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Refresh => "refresh",
        }
    }
}

// === impl Filled ===

impl Filled {
    /// A Mount of this volume succeeded.
    pub(super) fn add(&self, who: &Who) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An old driver's rotation names no class, so that the pod alone must do.
        for volume in [volume(who, who.class.as_deref()), volume(who, None)].into_iter().flatten() {
            known.add(volume);
        }
    }

    pub(super) fn phase(&self, who: &Who) -> Phase {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match volume(who, who.class.as_deref()) {
            Some(volume) if known.volumes.contains(&volume) => Phase::Refresh,
            _ => Phase::First,
        }
    }
}

impl Known {
    fn add(&mut self, volume: u64) {
        if !self.volumes.insert(volume) {
            return;
        }
        self.order.push_back(volume);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.volumes.remove(&oldest);
        }
    }
}

fn volume(who: &Who, class: Option<&str>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    (&who.pod.as_ref()?.uid, class).hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Pod;

    fn who(uid: &str, class: Option<&str>) -> Who {
        let [name, namespace, service_account] = ["web-0", "shop", "web"].map(str::to_owned);
        let pod = Pod { name, namespace, service_account, uid: uid.to_owned() };
        Who { pod: Some(pod), class: class.map(str::to_owned) }
    }

    #[test]
    fn a_volume_that_was_filled_is_refreshed_from_then_on() {
        let filled = Filled::default();
        let web = who("a", Some("web"));
        assert_eq!(filled.phase(&web), Phase::First);
        filled.add(&web);
        assert_eq!(filled.phase(&web), Phase::Refresh);
        assert_eq!(filled.phase(&who("a", None)), Phase::Refresh, "an old driver's rotation");
        assert_eq!(filled.phase(&who("a", Some("more"))), Phase::First, "its other volume");
        assert_eq!(filled.phase(&who("b", Some("web"))), Phase::First, "another pod");
        assert_eq!(filled.phase(&Who::default()), Phase::First);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let filled = Filled::default();
        for pod in 0..MOST {
            filled.add(&who(&pod.to_string(), Some("web")));
        }
        assert_eq!(filled.phase(&who("0", Some("web"))), Phase::First);
        assert_eq!(filled.phase(&who(&(MOST - 1).to_string(), Some("web"))), Phase::Refresh);
        let known = filled.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((known.volumes.len(), known.order.len()), (MOST, MOST));
    }
}
