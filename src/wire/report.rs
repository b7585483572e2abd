//! One line and one count for each Mount, whatever becomes of it.

use crate::error::{Error, Errors, Kind, Stage};
use crate::mount::{Mounts, Who};
use crate::time::Stopwatch;

/// A Mount that has not been reported yet. If it is dropped so, the driver went away.
#[derive(Debug)]
pub(super) struct Pending<'a> {
    mounts: &'a Mounts,
    who: Who,
    watch: Stopwatch,
    reported: bool,
}

// === impl Pending ===

impl<'a> Pending<'a> {
    pub(super) fn new(mounts: &'a Mounts, who: Who) -> Self {
        Self { mounts, who, watch: Stopwatch::start(), reported: false }
    }

    /// Reports what is sent: the objects' names or the failure.
    pub(super) fn sent(mut self, sent: Result<String, &Errors>) {
        self.reported = true;
        self.mounts.report(&self.who, sent, self.watch.elapsed());
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.reported {
            let gone = Error::new(Kind::Deadline, Stage::Answer, "the driver went away before the answer");
            self.mounts.report(&self.who, Err(&gone.into()), self.watch.elapsed());
        }
    }
}
