//! What happens to minted credentials that nobody received.

use std::fmt;

/// Held from minting to delivery. [`Receipt::keep`] says the driver has the
/// answer; dropping it without that gives back what was minted, so that a
/// cancelled call leaks no lease (decision 15, contract test K11).
#[must_use = "dropping a receipt gives back what was minted"]
#[derive(Default)]
pub struct Receipt(Vec<Box<dyn FnOnce() + Send>>);

// === impl Receipt ===

impl Receipt {
    /// A receipt that runs `give_back` unless it is kept.
    pub fn with(give_back: impl FnOnce() + Send + 'static) -> Self {
        Self(vec![Box::new(give_back)])
    }

    /// One receipt for both.
    pub fn and(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }

    /// The values were delivered.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        for give_back in self.0.drain(..) {
            give_back();
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receipt").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn only_what_was_not_kept_is_given_back() {
        let given = Arc::new(AtomicU32::new(0));
        let receipt = || {
            let given = given.clone();
            Receipt::with(move || {
                given.fetch_add(1, Ordering::SeqCst);
            })
        };
        receipt().and(receipt()).keep();
        assert_eq!(given.load(Ordering::SeqCst), 0);
        drop(receipt().and(receipt()));
        assert_eq!(given.load(Ordering::SeqCst), 2);
    }
}
