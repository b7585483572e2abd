//! No reader sees half a set: not under 200 swaps, not after a kill in the middle of one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::class;
use crate::support::fetch::{Desk, Sidecar, read_set};
use crate::support::issuer::Issuer;
use crate::world::pod;

/// So many that writing them is most of a turn.
const FILES: usize = 8;

/// A store whose every value, and the number of its values, say which generation it is.
fn store(generation: usize) -> String {
    let value = |at| format!("key{at}: \"{generation}\"");
    let data = (0..FILES).map(value).collect::<Vec<_>>().join(", ");
    format!(
        "secrets:\n  a:\n    data: {{ {data} }}\n    allow:\n      - {{ namespace: shop, serviceAccount: web }}\n"
    )
}

fn desk() -> Desk {
    let object = |at| format!("- {{objectName: f{at}, secretPath: a, secretKey: key{at}}}");
    let objects = (0..FILES).map(object).collect::<Vec<_>>().join("\n");
    let token = Issuer::new("one").token(&pod("a"), "local", 600).token;
    Desk::new(&class("many", &objects), &token, &[]).with_file("--local-store", "store.yaml", &store(0))
}

/// The set's generation; a mixed or incomplete one ends the test.
fn generation(files: &BTreeMap<String, String>) -> usize {
    assert_eq!(files.len(), FILES, "{files:?}");
    let first = &files["f0"];
    assert!(files.values().all(|content| content == first), "{files:?}");
    first.parse().unwrap()
}

fn wait_for(desk: &Desk, sidecar: &Sidecar, wanted: usize) {
    let end = Instant::now() + Duration::from_secs(20);
    while read_set(&desk.out()).map(|files| generation(&files)) != Some(wanted) {
        assert!(Instant::now() < end, "generation {wanted} did not come: {}", sidecar.log());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_reader_sees_whole_sets_only_while_a_sidecar_swaps_200_times() {
    let (desk, done) = (desk(), AtomicBool::new(false));
    let mut sidecar = desk.watch("4ms", &[]);
    wait_for(&desk, &sidecar, 0);
    let (seen, latest) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut seen, mut latest) = (0_usize, 0);
            while !done.load(Ordering::SeqCst) {
                let Some(files) = read_set(&desk.out()) else { continue };
                let now = generation(&files);
                assert!(now >= latest, "back from {latest} to {now}");
                (seen, latest) = (seen + 1, now);
                // Other tests run beside this one.
                std::thread::sleep(Duration::from_micros(200));
                // By its own link a file is there, or is about to be: never empty.
                assert!(desk.text("f0").is_none_or(|content| !content.is_empty()));
            }
            (seen, latest)
        });
        for next in 1..=200 {
            desk.put("store.yaml", &store(next));
            wait_for(&desk, &sidecar, next);
        }
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert!(seen > 100 && latest >= 199, "{seen} whole sets seen, the last {latest}");
    // It ends what it has begun.
    assert_eq!(sidecar.child().end(Duration::from_secs(10)), 0);
    assert_eq!(desk.listing().len(), FILES + 2, "{:?}", desk.listing());
}

#[test]
fn a_kill_in_the_middle_of_a_write_leaves_a_whole_set_and_the_next_run_sweeps() {
    let desk = desk();
    assert_eq!(desk.run(&["--quiet"]).0, 0);
    let (mut at, mut cut) = (0, 0);
    for turn in 0..20_u64 {
        let mut sidecar = desk.watch("2ms", &[]);
        // Until it is at its second set at least, then a little further each time.
        at += 1;
        desk.put("store.yaml", &store(at));
        wait_for(&desk, &sidecar, at);
        at += 1;
        desk.put("store.yaml", &store(at));
        std::thread::sleep(Duration::from_micros(800 * turn));
        sidecar.child().kill9();
        sidecar.child().wait_exit(Duration::from_secs(5));
        let files = read_set(&desk.out()).expect("a set");
        assert!(generation(&files) >= at - 1, "{files:?}");
        cut += usize::from(desk.listing().len() > FILES + 2);
        assert_eq!(desk.run(&["--quiet"]).0, 0);
        assert_eq!(generation(&read_set(&desk.out()).unwrap()), at);
        assert_eq!(desk.listing().len(), FILES + 2, "{:?}", desk.listing());
    }
    assert!(cut > 0, "no kill came in the middle of a write");
}
