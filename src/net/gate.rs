//! The gate before one server: so many requests at a time and, if the operator says
//! so, a second. Who waits is let in by priority.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot::Receiver;

use super::Limits;
use super::bucket::Bucket;
use super::failure::{Cause, Failure};
use super::line::{Line, MOST, Number};
use crate::time::{Deadline, Priority, Stopwatch};

/// How long a connection may take back into the pool.
const SETTLE: Duration = Duration::from_millis(1);

/// Lets requests in.
pub(super) struct Gate {
    state: Mutex<State>,
}

struct State {
    line: Line,
    /// Places in use.
    busy: usize,
    places: usize,
    bucket: Option<Bucket>,
    /// Whether a task sleeps until the bucket has enough for the next one.
    waking: bool,
}

/// A number in the line, and then a place behind the gate: dropped at any time, it leaves nothing behind.
struct Ticket {
    gate: Arc<Gate>,
    number: Number,
    used: bool,
}

/// A place behind the gate. It is free again only when the connection that was used
/// has found its way back into the pool (a few turns of the scheduler after the
/// reply's end): a request that came sooner would open another one, and the
/// in-flight limit would not limit connections.
pub(super) struct Place {
    ticket: Option<Ticket>,
    /// How long the wait for it was.
    pub(super) waited: Duration,
}

// === impl Gate ===

impl Gate {
    /// A gate that nobody has passed yet.
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let (places, bucket) = (limits.in_flight.max(1), limits.rate.map(Bucket::new));
        let state = State { line: Line::default(), busy: 0, places, bucket, waking: false };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Waits for its turn, by `by`.
    pub(super) async fn enter(self: &Arc<Self>, by: Deadline) -> Result<Place, Failure> {
        let watch = Stopwatch::start();
        let (mut ticket, turn) = self.line_up(by.priority())?;
        self.advance();
        let Some(Ok(())) = by.bound(turn).await else {
            return Err(self.late(watch.elapsed()));
        };
        ticket.used = true;
        Ok(Place { ticket: Some(ticket), waited: watch.elapsed() })
    }

    /// Makes room for at least `places`.
    pub(super) fn widen(self: &Arc<Self>, places: usize) {
        let mut state = self.state();
        if places > state.places {
            state.places = places;
            drop(state);
            self.advance();
        }
    }

    fn line_up(self: &Arc<Self>, priority: Priority) -> Result<(Ticket, Receiver<()>), Failure> {
        let joined = self.state().line.join(priority);
        let (number, turn) = joined.ok_or_else(|| {
            let text = format!("{MOST} requests to this server wait already: this one was refused at once");
            Failure::new(Cause::Full, text)
        })?;
        Ok((Ticket { gate: self.clone(), number, used: false }, turn))
    }

    /// Lets in whoever can be, now and when the bucket has enough for the next one.
    fn advance(self: &Arc<Self>) {
        let mut state = self.state();
        let Some(wait) = state.admit().filter(|_| !state.waking) else { return };
        // Without a runtime nobody waits.
        let Ok(runtime) = Handle::try_current() else { return };
        state.waking = true;
        let gate = Arc::downgrade(self);
        runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(gate) = gate.upgrade() {
                gate.state().waking = false;
                gate.advance();
            }
        });
    }

    /// What is said to somebody whose deadline has passed in the line.
    fn late(&self, waited: Duration) -> Failure {
        let (state, seconds) = (self.state(), waited.as_secs_f64());
        let limit = match &state.bucket {
            Some(bucket) if state.busy < state.places => bucket.to_string(),
            _ => format!("{} at a time", state.places),
        };
        let text =
            format!("waited {seconds:.1} s behind other requests to this server (its limit is {limit})");
        Failure::new(Cause::Deadline, text).after(waited)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    /// Lets in whoever can be; if only the bucket lacks something, says for how long.
    fn admit(&mut self) -> Option<Duration> {
        while self.busy < self.places && !self.line.is_empty() {
            if let Some(Err(wait)) = self.bucket.as_mut().map(Bucket::take) {
                return Some(wait);
            }
            self.busy += 1;
            // Whoever is not there any more gives all of it back: its ticket is being dropped.
            let _ = self.line.next().map(|call| call.send(()));
        }
        None
    }

    fn leave(&mut self, ticket: &Ticket) {
        if self.line.leave(ticket.number) {
            return;
        }
        self.busy = self.busy.saturating_sub(1);
        if let Some(bucket) = self.bucket.as_mut().filter(|_| !ticket.used) {
            bucket.give_back();
        }
    }
}

// === impl Ticket ===

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.state().leave(self);
        self.gate.advance();
    }
}

// === impl Place ===

impl Drop for Place {
    fn drop(&mut self) {
        let ticket = self.ticket.take();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(SETTLE).await;
                drop(ticket);
            });
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("waited", &self.waited).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
