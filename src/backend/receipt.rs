//! What happens to an answer that the driver received, and to one that nobody did.

use std::fmt;

/// Held from minting to delivery. [`Receipt::keep`] says the driver has the
/// answer; dropping it without that gives back what was minted for this answer
/// alone, so that a cancelled call leaks no lease (decision 15, contract test K11).
#[must_use = "dropping a receipt gives back what was minted"]
#[derive(Default)]
pub struct Receipt {
    lost: Vec<Box<dyn FnOnce() + Send>>,
    delivered: Vec<Box<dyn FnOnce() + Send>>,
}

// === impl Receipt ===

impl Receipt {
    /// A receipt that runs `give_back` unless it is kept.
    pub fn with(give_back: impl FnOnce() + Send + 'static) -> Self {
        Self { lost: vec![Box::new(give_back)], delivered: Vec::new() }
    }

    /// A receipt that runs `heard` once it is kept.
    pub fn hearing(heard: impl FnOnce() + Send + 'static) -> Self {
        Self { lost: Vec::new(), delivered: vec![Box::new(heard)] }
    }

    /// One receipt for both.
    pub fn and(mut self, mut other: Self) -> Self {
        self.lost.append(&mut other.lost);
        self.delivered.append(&mut other.delivered);
        self
    }

    /// The values were delivered.
    pub fn keep(mut self) {
        self.lost.clear();
        for heard in self.delivered.drain(..) {
            heard();
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        for give_back in self.lost.drain(..) {
            give_back();
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("to_give_back", &self.lost.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn what_is_kept_is_heard_of_and_what_is_not_is_given_back() {
        let (given, heard) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let receipt = || {
            let (given, heard) = (given.clone(), heard.clone());
            let count = |of: Arc<AtomicU32>| {
                move || {
                    let _ = of.fetch_add(1, Ordering::SeqCst);
                }
            };
            Receipt::with(count(given)).and(Receipt::hearing(count(heard)))
        };
        receipt().and(receipt()).keep();
        assert_eq!((given.load(Ordering::SeqCst), heard.load(Ordering::SeqCst)), (0, 2));
        drop(receipt().and(receipt()));
        assert_eq!((given.load(Ordering::SeqCst), heard.load(Ordering::SeqCst)), (2, 2));
    }
}
