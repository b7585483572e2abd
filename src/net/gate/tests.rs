#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
use super::*;
use crate::error::{Kind, Stage};

const FAR: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

fn gate(in_flight: usize, rate: Option<f64>) -> Arc<Gate> {
    Gate::new(Limits { in_flight, rate, ..Limits::default() })
}

async fn enter(gate: &Arc<Gate>, priority: Priority) -> Place {
    gate.enter(Deadline::after(FAR).of(priority)).await.unwrap()
}

/// Waits with this priority, notes its name when it is let in, and stays for `stay`.
fn visit(
    gate: &Arc<Gate>,
    log: &Arc<Mutex<Vec<&'static str>>>,
    name: &'static str,
    priority: Priority,
    stay: Duration,
) -> tokio::task::JoinHandle<()> {
    let (gate, log) = (gate.clone(), log.clone());
    tokio::spawn(async move {
        let place = enter(&gate, priority).await;
        log.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        tokio::time::sleep(stay).await;
        drop(place);
    })
}

/// Lets every task get as far as it can without time going by.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn all(visits: Vec<tokio::task::JoinHandle<()>>) {
    for visit in visits {
        assert!(visit.await.is_ok());
    }
}

fn names(log: &Arc<Mutex<Vec<&'static str>>>) -> Vec<&'static str> {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Nobody is inside and nobody waits: nothing was lost.
async fn assert_empty(gate: &Arc<Gate>) {
    tokio::time::sleep(SETTLE * 2).await;
    let state = gate.state();
    assert_eq!((state.busy, state.line.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_is_let_in_by_priority() {
    use Priority::{First, Refresh, Renewal};
    let (gate, log) = (gate(1, None), Arc::default());
    let mut visits = vec![visit(&gate, &log, "inside", Renewal, MS)];
    settle().await;
    for (name, priority) in [("renewal", Renewal), ("refresh", Refresh), ("first", First), ("second", First)]
    {
        visits.push(visit(&gate, &log, name, priority, MS));
        settle().await;
    }
    all(visits).await;
    assert_eq!(names(&log), ["inside", "first", "second", "refresh", "renewal"]);
    assert_empty(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_gets_its_turn_however_many_pods_start() {
    let (gate, log) = (gate(1, None), Arc::default());
    let inside = enter(&gate, Priority::First).await;
    let renewal = visit(&gate, &log, "renewal", Priority::Renewal, MS);
    settle().await;
    let firsts = (0..50).map(|_| visit(&gate, &log, "first", Priority::First, MS)).collect();
    settle().await;
    drop(inside);
    all(firsts).await;
    assert!(renewal.await.is_ok());
    assert_eq!(names(&log).iter().position(|name| *name == "renewal"), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_place_settles_before_the_next_one_has_it() {
    let gate = gate(1, None);
    drop(enter(&gate, Priority::First).await);
    let place = enter(&gate, Priority::First).await;
    assert!(place.waited >= SETTLE && place.waited < SETTLE * 3, "{:?}", place.waited);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_line_takes_nothing_with_it() {
    let (gate, log) = (gate(1, None), Arc::default());
    let inside = enter(&gate, Priority::First).await;
    let gone = visit(&gate, &log, "gone", Priority::First, MS);
    let late = gate.enter(Deadline::after(MS * 10));
    let stays = visit(&gate, &log, "stays", Priority::First, MS);
    assert!(late.await.is_err());
    gone.abort();
    settle().await;
    assert_eq!(gate.state().line.len(), 1, "only the one that stays");
    drop(inside);
    assert!(stays.await.is_ok());
    assert_eq!(names(&log), ["stays"]);
    assert_empty(&gate).await;
}

/// The moment between being called and noticing it.
#[tokio::test(start_paused = true)]
async fn a_turn_that_nobody_takes_goes_to_the_next_with_its_share_of_the_rate() {
    let (gate, log) = (gate(1, Some(1.0)), Arc::default());
    let (ticket, mut turn) = gate.line_up(Priority::First).map_err(|fault| fault.to_string()).unwrap();
    gate.advance();
    assert!(turn.try_recv().is_ok(), "it was called");
    let next = visit(&gate, &log, "next", Priority::Renewal, MS);
    settle().await;
    assert_eq!(names(&log), [""; 0]);
    let watch = Stopwatch::start();
    drop((turn, ticket));
    assert!(next.await.is_ok());
    assert_eq!(names(&log), ["next"]);
    assert!(watch.elapsed() < MS * 10, "what was not sent costs nothing: {:?}", watch.elapsed());
    assert_empty(&gate).await;
}

/// The other moment: called when it has stopped listening and has not left yet.
#[tokio::test(start_paused = true)]
async fn a_turn_of_somebody_who_is_leaving_goes_to_the_next() {
    let (gate, log) = (gate(1, None), Arc::default());
    let inside = enter(&gate, Priority::First).await;
    let (ticket, turn) = gate.line_up(Priority::First).map_err(|fault| fault.to_string()).unwrap();
    drop(turn);
    let next = visit(&gate, &log, "next", Priority::First, MS);
    settle().await;
    drop(inside);
    tokio::time::sleep(SETTLE * 2).await;
    assert_eq!((gate.state().line.len(), names(&log).len()), (1, 0), "the call went to the one that leaves");
    drop(ticket);
    assert!(next.await.is_ok());
    assert_empty(&gate).await;
}

/// Any mixture of patience, priorities and cancellations; then everything is as it was.
#[tokio::test(start_paused = true)]
async fn no_place_is_ever_lost() {
    let gate = gate(3, Some(200.0));
    let priorities = [Priority::First, Priority::Refresh, Priority::Renewal].into_iter().cycle();
    let tasks: Vec<_> = (0..600_u32)
        .zip(priorities)
        .map(|(at, priority)| {
            let gate = gate.clone();
            tokio::spawn(async move {
                tokio::time::sleep(MS * (at % 89)).await;
                let place = gate.enter(Deadline::after(MS * (at * 7 % 1500)).of(priority)).await;
                tokio::time::sleep(MS * (at % 5)).await;
                place.is_ok()
            })
        })
        .collect();
    tokio::time::sleep(MS * 50).await;
    tasks.iter().step_by(4).for_each(tokio::task::JoinHandle::abort);
    let mut passed = 0;
    for task in tasks {
        passed += usize::from(task.await.unwrap_or(false));
    }
    assert!(passed > 100 && passed < 600, "some pass and some do not: {passed}");
    assert_empty(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept_and_its_second_is_a_burst() {
    let (gate, watch) = (gate(100, Some(5.0)), Stopwatch::start());
    let mut at = Vec::new();
    for _ in 0..15 {
        drop(enter(&gate, Priority::First).await);
        at.push(watch.elapsed());
    }
    let (burst, rest) = at.split_at(5);
    assert!(burst.iter().all(|at| *at < MS), "{at:?}");
    for (nth, at) in (1_u32..).zip(rest) {
        let (due, late) = (MS * 200 * nth, MS * 200 * nth + MS * 3);
        assert!(*at >= due && *at <= late, "the {nth}th after the burst at {at:?}");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let watch = Stopwatch::start();
    for _ in 0..6 {
        drop(enter(&gate, Priority::First).await);
    }
    assert!(watch.elapsed() >= MS * 200, "rest fills one second's worth and no more");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_starts_overtakes_a_renewal_at_the_bucket_too() {
    let (gate, log) = (gate(100, Some(1.0)), Arc::default());
    drop(enter(&gate, Priority::First).await);
    let mut visits = vec![visit(&gate, &log, "renewal", Priority::Renewal, MS)];
    tokio::time::sleep(MS * 900).await;
    visits.push(visit(&gate, &log, "first", Priority::First, MS));
    let watch = Stopwatch::start();
    all(visits).await;
    assert_eq!(names(&log), ["first", "renewal"]);
    assert!(watch.elapsed() >= MS * 1100, "one each second: {:?}", watch.elapsed());
    assert_empty(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_late_learns_how_long_it_waited_and_for_what() {
    let late = async |gate: &Arc<Gate>, left: Duration| {
        let failure = gate.enter(Deadline::after(left)).await.unwrap_err();
        assert_eq!(failure.cause(), Cause::Deadline);
        assert!(failure.waited() >= left && failure.waited() < left + MS * 3, "{:?}", failure.waited());
        failure
    };
    let full = gate(14, None);
    let inside = futures_util::future::join_all((0..14).map(|_| enter(&full, Priority::First))).await;
    let failure = late(&full, MS * 12_340).await;
    let text = "waited 12.3 s behind other requests to this server (its limit is 14 at a time)";
    assert_eq!(failure.to_string(), text);
    assert_eq!(failure.at(Stage::Read).kind(), Kind::Deadline);
    drop(inside);

    for (rate, limit) in [(0.2, "0.2 requests"), (1.0, "1 request"), (5.0, "5 requests")] {
        let slow = gate(14, Some(rate));
        let burst = (0..if rate < 5.0 { 1 } else { 5 }).map(|_| enter(&slow, Priority::First));
        drop(futures_util::future::join_all(burst).await);
        let failure = late(&slow, MS * 120).await;
        let text =
            format!("waited 0.1 s behind other requests to this server (its limit is {limit} a second)");
        assert_eq!(failure.to_string(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_gate_is_open_even_after_the_deadline() {
    let place = gate(1, Some(1.0)).enter(Deadline::after(Duration::ZERO)).await;
    assert_eq!(place.map(|place| place.waited).ok(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_full_line_refuses_at_once() {
    let gate = gate(1, None);
    let inside = enter(&gate, Priority::First).await;
    let waiting: Vec<_> = (0..MOST).map(|_| gate.line_up(Priority::Renewal)).collect();
    assert!(waiting.iter().all(Result::is_ok));
    let watch = Stopwatch::start();
    let failure = gate.enter(Deadline::after(FAR)).await.unwrap_err();
    assert_eq!(watch.elapsed(), Duration::ZERO);
    assert_eq!(
        failure.to_string(),
        "4096 requests to this server wait already: this one was refused at once"
    );
    assert_eq!((failure.cause().as_str(), failure.waited()), ("queue_full", Duration::ZERO));
    assert_eq!(failure.at(Stage::Read).kind(), Kind::Throttled);
    drop(waiting);
    drop(inside);
    drop(enter(&gate, Priority::First).await);
    assert_empty(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn a_wider_gate_lets_in_who_waits() {
    let (gate, log) = (gate(1, None), Arc::default());
    let inside = enter(&gate, Priority::First).await;
    let visits = (0..3).map(|_| visit(&gate, &log, "in", Priority::First, MS)).collect();
    settle().await;
    assert_eq!(names(&log).len(), 0);
    gate.widen(3);
    settle().await;
    assert_eq!(names(&log).len(), 2);
    gate.widen(1);
    assert_eq!(gate.state().places, 3, "it is never narrowed");
    all(visits).await;
    drop(inside);
    assert_empty(&gate).await;
}
