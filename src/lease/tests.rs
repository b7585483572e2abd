#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! What holds for every value, every class and every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use proptest::prelude::*;
use secrecy::SecretSlice;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::freshness::{Facts, Rules, Verdict};
use super::*;
use crate::time::{Clock, HandHeld, Moment};

fn at(seconds: u64) -> Moment {
    Moment::at(Duration::from_secs(seconds))
}

fn span(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn life() -> impl Strategy<Value = Life> {
    let leased = (span(1..100_000), any::<bool>()).prop_map(|(ttl, renewable)| Life::Leased {
        id: LeaseId::new("a"),
        ttl,
        renewable,
    });
    let until = (span(1..100_000), any::<bool>()).prop_map(|(ttl, minted)| Life::Until { ttl, minted });
    let fixed = prop::option::of(span(30..10_000)).prop_map(|hint| Life::Static { hint });
    prop_oneof![leased, until, fixed, Just(Life::Once)]
}

fn rules() -> impl Strategy<Value = Rules> {
    (span(30..10_000), any::<bool>(), prop::option::of(span(1..200_000))).prop_map(
        |(interval, is_asked, renew_before)| {
            let floor = Duration::from_secs(60);
            Rules { interval, floor, is_asked, renew_before }
        },
    )
}

/// How far a verdict is from serving what is there.
fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Keep => 0,
        Verdict::Check => 1,
        Verdict::Read | Verdict::Mint => 2,
    }
}

const START: u64 = 1_000_000;

proptest! {
    /// What was just read is served, whatever the class says: no class and no gap mints at every Mount.
    #[test]
    fn fresh_values_are_kept(life in life(), rules in rules(), gap in span(0..1_000_000)) {
        let facts = Facts::new(at(START), &life);
        prop_assert_eq!(facts.verdict(at(START), None, &rules, gap), Verdict::Keep);
    }

    /// With time a value only gets staler.
    #[test]
    fn staleness_grows(life in life(), rules in rules(), gap in span(0..10_000), one in 0_u64..200_000, more in 0_u64..200_000) {
        let facts = Facts::new(at(START), &life);
        let verdict = |after| weight(facts.verdict(at(START + after), None, &rules, gap));
        prop_assert!(verdict(one) <= verdict(one + more));
    }

    /// Nobody is told that a value is overdue before a Mount would have replaced it.
    #[test]
    fn what_is_overdue_would_be_replaced(life in life(), rules in rules(), token in span(1..100_000), after in 0_u64..300_000) {
        let facts = Facts::new(at(START), &life);
        let owner = Term::new(at(START), Grant { ttl: Some(token), renewable: true });
        let now = at(START + after);
        if life.is_minted() && facts.is_overdue(now, owner.as_ref(), rules.renew_before) {
            prop_assert_eq!(facts.verdict(now, owner.as_ref(), &rules, Duration::ZERO), Verdict::Mint);
        }
    }

    /// And every one that has an end is overdue before it.
    #[test]
    fn what_is_about_to_end_is_overdue(ttl in span(100..100_000), renewable in any::<bool>(), before in prop::option::of(span(100..200_000))) {
        let term = Term::new(at(START), Grant { ttl: Some(ttl), renewable }).unwrap();
        prop_assert!(!term.is_overdue(at(START), before));
        prop_assert!(term.is_overdue(at(START + ttl.as_secs() - 1), before));
    }

    /// Nothing is served at or after its end, its token's end included.
    #[test]
    fn the_dead_are_not_served(life in life(), rules in rules(), token in span(1..100_000), after in 0_u64..300_000, gap in span(0..10_000)) {
        let facts = Facts::new(at(START), &life);
        let owner = Term::new(at(START), Grant { ttl: Some(token), renewable: true });
        let now = at(START + after);
        let verdict = facts.verdict(now, owner.as_ref(), &rules, gap);
        if life.is_minted() && facts.ends(owner.as_ref()).is_some_and(|ends| ends <= now) {
            prop_assert_eq!(verdict, Verdict::Mint);
        }
    }

    /// A value that costs nothing to read is read no more often than its interval, and not much less.
    #[test]
    fn static_values_keep_to_the_interval(hint in prop::option::of(span(30..10_000)), rules in rules(), after in 0_u64..30_000) {
        let facts = Facts::new(at(START), &Life::Static { hint });
        let interval = if rules.is_asked { rules.interval } else { hint.map_or(rules.interval, |hint| hint.max(rules.floor)) };
        let is_due = facts.verdict(at(START + after), None, &rules, Duration::ZERO) == Verdict::Read;
        prop_assert_eq!(is_due, Duration::from_secs(after) >= interval);
    }

    /// What was made once is made again only if the class asks for it.
    #[test]
    fn once_is_once(rules in rules(), after in 0_u64..1_000_000) {
        let verdict = Facts::new(at(START), &Life::Once).verdict(at(START + after), None, &rules, Duration::ZERO);
        prop_assert!(verdict == Verdict::Keep || (rules.is_asked && verdict == Verdict::Mint));
    }

    /// The keeper renews before any Mount would have another one made.
    #[test]
    fn renewal_comes_before_replacement(ttl in span(4..100_000), gap in span(0..10_000)) {
        let term = Term::new(at(START), Grant { ttl: Some(ttl), renewable: true }).unwrap();
        let renew = term.renew_at().unwrap();
        prop_assert!(renew >= at(START) + ttl / 2);
        prop_assert!(!term.is_ending(renew, gap, None));
    }

    /// A renewal that grants clearly less than before was the last: the maximum is near.
    #[test]
    fn a_capped_renewal_is_the_last(ttl in 10_u64..100_000, part in 0.0_f64..1.0) {
        let mut term = Term::new(at(START), Grant { ttl: Some(Duration::from_secs(ttl)), renewable: true }).unwrap();
        let again = Duration::from_secs(ttl).mul_f64(part);
        term.renew(at(START + ttl / 2), Grant { ttl: Some(again), renewable: true });
        prop_assert_eq!(term.is_renewable(), again >= Duration::from_secs(ttl).mul_f64(0.9));
        prop_assert_eq!(term.ends(), at(START + ttl / 2) + again);
        prop_assert_eq!(term.most(), Duration::from_secs(ttl));
    }
}

/// Something that wants to be tended each so often.
struct Ward {
    clock: HandHeld,
    each: Duration,
    takes: Duration,
    lane: u64,
    times: AtomicU32,
}

// === impl Ward ===

impl Ward {
    fn new(clock: HandHeld, each: u64) -> Self {
        Self {
            clock,
            each: Duration::from_secs(each),
            takes: Duration::ZERO,
            lane: 0,
            times: AtomicU32::new(0),
        }
    }

    fn times(&self) -> u32 {
        self.times.load(Ordering::SeqCst)
    }
}

impl Tended for Ward {
    fn tend(self: Arc<Self>) -> BoxFuture<'static, Option<Moment>> {
        async move {
            self.times.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(self.takes).await;
            Some(self.clock.moment() + self.each)
        }
        .boxed()
    }

    fn lane(&self) -> u64 {
        self.lane
    }
}

#[tokio::test(start_paused = true)]
async fn the_keeper_comes_in_time_and_to_nobody_who_is_gone() {
    let clock = HandHeld::at(START);
    let keeper = Arc::new(Keeper::new(Arc::new(clock)));
    let stop = CancellationToken::new();
    let task = tokio::spawn(keeper.clone().run(TaskTracker::new(), stop.clone()));
    let (often, rarely) = (Arc::new(Ward::new(clock, 10)), Arc::new(Ward::new(clock, 100)));
    for each in [&often, &rarely] {
        let tended: Arc<dyn Tended> = each.clone();
        keeper.schedule(keeper.register(), Arc::downgrade(&tended), clock.moment() + each.each);
    }
    tokio::time::sleep(Duration::from_secs(205)).await;
    assert_eq!((often.times(), rarely.times(), keeper.waiting()), (20, 2, 2));
    drop(often);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(keeper.waiting(), 1);
    stop.cancel();
    task.await.unwrap();
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert_eq!(rarely.times(), 2, "stopped");
}

/// A hundred sessions at a server that says nothing, and one at a server that answers.
#[tokio::test(start_paused = true)]
async fn a_silent_server_does_not_hold_up_the_others() {
    let clock = HandHeld::at(START);
    let keeper = Arc::new(Keeper::new(Arc::new(clock)));
    tokio::spawn(keeper.clone().run(TaskTracker::new(), CancellationToken::new()));
    let silent = |_| Ward { lane: 1, takes: Duration::from_secs(10), ..Ward::new(clock, 1) };
    let all: Vec<_> = (0..100).map(silent).chain([Ward::new(clock, 5)]).map(Arc::new).collect();
    for ward in &all {
        let tended: Arc<dyn Tended> = ward.clone();
        keeper.schedule(keeper.register(), Arc::downgrade(&tended), clock.moment() + ward.each);
    }
    tokio::time::sleep(Duration::from_secs(101)).await;
    assert!(all.last().unwrap().times() >= 18, "{}", all.last().unwrap().times());
    let silent: u32 = all.iter().take(100).map(|ward| ward.times()).sum();
    assert!((144..=176).contains(&silent), "sixteen at a time: {silent}");
}

#[test]
fn the_budget_counts_what_lives() {
    let budget = Budget::new(40);
    let mut one = Reading::of(SecretSlice::from(vec![0; 6]));
    let mut two = Reading::of(SecretSlice::from(vec![0; 6]));
    assert!(one.weigh(&budget, "a") && !two.weigh(&budget, "a"));
    let mut other = Reading::of(SecretSlice::from(vec![0; 6]));
    assert!(other.weigh(&budget, "b"), "a tenant that takes much takes only its share");
    drop(other);
    drop(two);
    assert_eq!(budget.used(), 6);
    drop(one);
    assert_eq!(budget.used(), 0);
}

#[test]
fn gaps_are_remembered_for_a_few_mounts() {
    let mut asked = Asked::since(at(0));
    let mut now = 0;
    for gap in [0, 75, 3600, 75] {
        now += gap;
        asked.again(at(now));
    }
    assert_eq!((asked.gap(), asked.count()), (Duration::from_secs(3600), 4));
    for _ in 0..8 {
        now += 75;
        asked.again(at(now));
    }
    assert_eq!((asked.gap(), asked.last()), (Duration::from_secs(75), at(now)));
}
