//! The cluster, by kubectl: whatever KUBECONFIG names and however one logs in there.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub const NAMESPACE: &str = "keymount-test";

/// What a command printed, or why it failed.
pub fn run(args: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new("kubectl");
    command.args(["--namespace", NAMESPACE]).args(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl is not installed");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    if output.status.success() { Ok(out) } else { Err(format!("kubectl {}: {err}", args.join(" "))) }
}

#[track_caller]
pub fn kubectl(args: &[&str]) -> String {
    run(args, "").unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub fn apply(object: &Value) {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(NAMESPACE);
    run(&["apply", "--namespace", namespace, "-f", "-"], &object.to_string())
        .unwrap_or_else(|error| panic!("{error}"));
}

/// An object, or `None` while it is not there.
pub fn get(what: &str, name: &str) -> Option<Value> {
    run(&["get", what, name, "-o", "json"], "").ok().map(|text| serde_json::from_str(&text).unwrap())
}

/// Deletes and waits until it is gone; what is not there is left alone.
pub fn delete(what: &str, name: &str) {
    let gone = run(&["delete", what, name, "--ignore-not-found", "--wait", "--timeout=120s"], "");
    gone.unwrap_or_else(|error| panic!("{error}"));
}

/// Looks until there is something to see; how long it took.
#[track_caller]
pub fn wait<T>(what: &str, limit: u64, mut look: impl FnMut() -> Option<T>) -> (T, f64) {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return (seen, began.elapsed().as_secs_f64());
        }
        assert!(began.elapsed() < Duration::from_secs(limit), "not within {limit} s: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
