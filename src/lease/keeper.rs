//! The one task that works for nobody in particular: it renews and revokes, and
//! never mints (decision 4).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::time::{Clock, Moment};

/// Things that are tended at a time, and of one lane: a server that says nothing must not
/// hold up the renewals at others.
const TOGETHER: usize = 32;
const OF_ONE_LANE: usize = 4;
/// How long something waits whose lane is full.
const LANE_FULL: Duration = Duration::from_millis(500);
/// The longest sleep: a machine that slept meanwhile has moved the clock, not the timer.
const LONGEST: Duration = Duration::from_secs(30);

/// Something that needs tending from time to time.
pub trait Tended: Send + Sync {
    /// Does what is due and says when to come again; `None` for never.
    fn tend(self: Arc<Self>) -> BoxFuture<'static, Option<Moment>>;

    /// What it waits for when it is tended, a server, as a number.
    fn lane(&self) -> u64;
}

/// A queue in order of time, worked off by one task. It holds nothing alive.
pub struct Keeper {
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Default)]
struct Queue {
    next: u64,
    order: BTreeSet<(Moment, u64)>,
    entries: HashMap<u64, (Moment, Weak<dyn Tended>)>,
    /// How many of each lane are being tended.
    lanes: HashMap<u64, usize>,
}

// === impl Keeper ===

impl Keeper {
    /// An empty queue.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, queue: Mutex::default(), changed: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for something that is to be tended.
    pub fn register(&self) -> u64 {
        let mut queue = self.queue();
        queue.next += 1;
        queue.next
    }

    /// Tends `what`, registered as `id`, at `at`, or when it was to be anyway if that is sooner.
    pub fn schedule(&self, id: u64, what: Weak<dyn Tended>, at: Moment) {
        let mut queue = self.queue();
        if let Some(&(known, _)) = queue.entries.get(&id) {
            if known <= at {
                return;
            }
            queue.order.remove(&(known, id));
        }
        queue.order.insert((at, id));
        queue.entries.insert(id, (at, what));
        let is_first = queue.order.first() == Some(&(at, id));
        drop(queue);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// How many wait to be tended.
    pub fn waiting(&self) -> usize {
        self.queue().entries.len()
    }

    /// Works until `stop`. What is under way then is left to `tasks`.
    pub async fn run(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(TOGETHER));
        loop {
            let work = async {
                let (id, what) = self.due().await;
                let place = places.clone().acquire_owned().await;
                (id, what, place)
            };
            let Some((id, what, place)) = stop.run_until_cancelled(work).await else { return };
            let (keeper, weak) = (self.clone(), Arc::downgrade(&what));
            let Some(lane) = self.enter(what.lane()) else {
                self.schedule(id, weak, self.clock.moment() + LANE_FULL);
                continue;
            };
            tasks.spawn(async move {
                let (_place, _lane) = (place, lane);
                if let Some(at) = what.tend().await {
                    keeper.schedule(id, weak, at);
                }
            });
        }
    }

    /// A place in the lane, if there is one.
    fn enter(self: &Arc<Self>, lane: u64) -> Option<Lane> {
        let mut queue = self.queue();
        let inside = queue.lanes.entry(lane).or_default();
        (*inside < OF_ONE_LANE).then(|| {
            *inside += 1;
            Lane(self.clone(), lane)
        })
    }

    /// The next that is due, taken out of the queue.
    async fn due(&self) -> (u64, Arc<dyn Tended>) {
        loop {
            let wait = match self.take(self.clock.moment()) {
                Ok(taken) => return taken,
                Err(wait) => wait,
            };
            let _ = tokio::time::timeout(wait.min(LONGEST), self.changed.notified()).await;
        }
    }

    /// The first if it is due, else how long to wait. Those that are gone are dropped.
    fn take(&self, now: Moment) -> Result<(u64, Arc<dyn Tended>), Duration> {
        let mut queue = self.queue();
        while let Some(&(at, id)) = queue.order.first() {
            if at > now {
                return Err(at.since(now));
            }
            queue.order.pop_first();
            let entry = queue.entries.remove(&id);
            if let Some(what) = entry.and_then(|(_, what)| what.upgrade()) {
                return Ok((id, what));
            }
        }
        Err(LONGEST)
    }
}

/// A place in a lane, left when it is dropped.
struct Lane(Arc<Keeper>, u64);

impl Drop for Lane {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        if let Some(inside) = queue.lanes.get_mut(&self.1) {
            *inside -= 1;
            if *inside == 0 {
                queue.lanes.remove(&self.1);
            }
        }
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
