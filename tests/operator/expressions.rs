//! What an expression of Prometheus names: metrics and labels, held to the definitions.

use std::collections::BTreeSet;

use keymount::observe::{Definition, Shape, definitions};

/// Labels that Prometheus itself gives.
const GIVEN: [&str; 3] = ["instance", "job", "le"];
/// Metrics of others that expressions may use.
const FOREIGN: [&str; 4] =
    ["up", "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"];

/// Every metric of ours that an expression names, and what is wrong with it.
pub fn check(expression: &str) -> (BTreeSet<&'static str>, Vec<String>) {
    let (mut used, mut faults) = (BTreeSet::new(), Vec::new());
    for (name, rest) in names(expression) {
        let Some(define) = defined(name) else {
            let ours = name.starts_with("keymount_") || name.starts_with("process_");
            if ours && !FOREIGN.contains(&name) {
                faults.push(format!("there is no metric {name}"));
            }
            continue;
        };
        used.insert(define.name);
        for label in matched(rest) {
            if !define.labels.contains(&label) && !GIVEN.contains(&label) {
                faults.push(format!("{name} has no label {label}"));
            }
        }
    }
    let known: BTreeSet<_> =
        definitions().iter().flat_map(|define| define.labels.iter().copied()).chain(GIVEN).collect();
    for label in grouped(expression) {
        if !known.contains(label) {
            faults.push(format!("nothing has the label {label}"));
        }
    }
    (used, faults)
}

/// The definition of a series, a histogram's by its parts.
fn defined(name: &str) -> Option<&'static Definition> {
    let whole = definitions().iter().find(|define| define.name == name);
    let part = || {
        let base = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end))?;
        let is_part =
            |define: &&&Definition| define.name == base && matches!(define.shape, Shape::Histogram(_));
        definitions().iter().find(is_part)
    };
    whole.or_else(part).copied()
}

/// Each word outside of strings, and what follows it.
fn names(expression: &str) -> Vec<(&str, &str)> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let (mut found, mut start, mut quoted) = (Vec::new(), None, false);
    for (at, letter) in expression.char_indices().chain([(expression.len(), ' ')]) {
        if letter == '"' {
            quoted = !quoted;
        }
        match start {
            None if word(letter) && !quoted => start = Some(at),
            Some(begin) if !word(letter) => {
                found.push((&expression[begin..at], &expression[at..]));
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// The labels of the matchers right behind a name.
fn matched(rest: &str) -> Vec<&str> {
    let Some(inside) = rest.strip_prefix('{') else { return Vec::new() };
    let inside = inside.split('}').next().unwrap_or_default();
    let pairs = inside.split(',').filter_map(|pair| pair.split(['=', '!']).next());
    pairs.map(str::trim).filter(|label| !label.is_empty()).collect()
}

/// The labels of `by (…)` and `on (…)`.
fn grouped(expression: &str) -> Vec<&str> {
    let clauses = expression.split("by (").skip(1).chain(expression.split("on (").skip(1));
    let lists = clauses.filter_map(|clause| clause.split(')').next());
    lists.flat_map(|list| list.split(',')).map(str::trim).filter(|label| !label.is_empty()).collect()
}

#[test]
fn faults_are_found() {
    let faults = |expression| check(expression).1;
    assert!(faults(r#"sum by (provider, le) (rate(keymount_backend_queue_wait_seconds_bucket{provider="x",le="1"}[5m]))"#).is_empty());
    assert_eq!(faults("keymount_mount_total > 0"), ["there is no metric keymount_mount_total"]);
    assert_eq!(faults("keymount_mounts_total_bucket"), ["there is no metric keymount_mounts_total_bucket"]);
    assert_eq!(faults(r#"keymount_mounts_total{pod="x"}"#), ["keymount_mounts_total has no label pod"]);
    assert_eq!(faults("sum by (pods) (keymount_mounts_total)"), ["nothing has the label pods"]);
}
