//! The operator's policy, looked at on every Mount before anything goes over the
//! network, whatever is kept.
//!
//! `rules` is pure: what is asked and the policy in, what is broken out. A rule
//! only ever refuses, so that what it believes of an unverified token can make
//! a Mount stricter and never laxer: the login that follows verifies the token.

mod names;
mod policy;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use names::{Names, Pattern};
pub use policy::{Addresses, Mode, Policy, Rule};
pub use rules::{Asking, Broken};

use crate::error::Errors;
use crate::time::{Clock, Moment};

/// How long nothing more is said of a class that breaks a rule in warn mode: it is counted all the same.
const QUIET: Duration = Duration::from_secs(600);
/// The classes and rules of which it is remembered when something was said.
const REMEMBERED: usize = 1024;
/// What stands for a class that the request does not name.
const UNKNOWN: &str = "unknown";

/// Hears of every rule that a Mount breaks. Implemented by `observe`.
pub trait Recorder: Send + Sync {
    /// `rule` and `mode` are closed sets.
    fn refused(
        &self,
        provider: &'static str,
        namespace: &str,
        class: &str,
        rule: &'static str,
        mode: &'static str,
    );
}

/// The policy and who hears of what it refuses.
pub struct Guard {
    policy: Policy,
    clock: Arc<dyn Clock>,
    recorder: Arc<dyn Recorder>,
    said: Mutex<HashMap<(String, Rule), Moment>>,
}

/// Hears nothing: where there are no rules, none is broken.
struct Deaf;

impl Recorder for Deaf {
    fn refused(&self, _: &'static str, _: &str, _: &str, _: &'static str, _: &'static str) {}
}

// === impl Guard ===

impl Guard {
    /// A guard that holds Mounts to `policy`.
    pub fn new(policy: Policy, clock: Arc<dyn Clock>, recorder: Arc<dyn Recorder>) -> Self {
        Self { policy, clock, recorder, said: Mutex::default() }
    }

    /// A guard without rules.
    pub fn open(clock: Arc<dyn Clock>) -> Self {
        Self::new(Policy::default(), clock, Arc::new(Deaf))
    }

    /// Whether a Mount may go on. Names every enforced rule that it breaks; all are counted.
    pub fn check(&self, asking: &Asking<'_>) -> Result<(), Errors> {
        let broken = self.policy.broken(asking);
        let (namespace, class) = (&asking.pod.namespace, asking.class.unwrap_or(UNKNOWN));
        for one in &broken {
            let (rule, mode) = (one.rule.as_str(), one.mode.as_str());
            self.recorder.refused(asking.provider, namespace, class, rule, mode);
            if one.mode == Mode::Warn && self.is_news(asking, class, one.rule) {
                let (provider, pod, refusal) = (asking.provider, asking.pod, &one.error);
                tracing::warn!(provider, %pod, class, rule, %refusal, "the guard would refuse this mount, and only warns");
            }
        }
        refusal(broken)
    }

    /// Whether what was kept for a pod may go on being kept: the same, for nobody to hear.
    pub fn tolerates(&self, asking: &Asking<'_>) -> Result<(), Errors> {
        refusal(self.policy.broken(asking))
    }

    fn is_news(&self, asking: &Asking<'_>, class: &str, rule: Rule) -> bool {
        let key = (format!("{}/{}/{class}", asking.provider, asking.pod.namespace), rule);
        let now = self.clock.moment();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(&key).is_some_and(|at| now.since(*at) < QUIET) {
            return false;
        }
        if said.len() >= REMEMBERED {
            said.retain(|_, at| now.since(*at) < QUIET);
        }
        // Whoever makes so many classes is heard of by the metric alone.
        let room = said.len() < REMEMBERED;
        if room {
            said.insert(key, now);
        }
        room
    }
}

fn refusal(broken: Vec<Broken>) -> Result<(), Errors> {
    let enforced = broken.into_iter().filter(|one| one.mode == Mode::Enforce).map(|one| one.error).collect();
    Errors::from_list(enforced).map_or(Ok(()), Err)
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("policy", &self.policy).finish_non_exhaustive()
    }
}
