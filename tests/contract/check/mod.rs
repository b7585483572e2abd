//! `keymount check`: what it finds, in which form, and how it ends.

mod fixtures;
mod forms;
mod live;
mod operator;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::fetch::{Ended, run};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
    command.arg("check").args(args);
    command
}

/// One check, to its end.
pub fn check(args: &[&str]) -> Ended {
    run(&mut command(args))
}

/// One check of what comes on standard input.
pub fn check_text(text: &str, args: &[&str]) -> Ended {
    let mut command = command(args);
    let mut child =
        command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever does not read to the end has its reasons.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.code().unwrap_or(-1), out, err)
}

/// The line and id of each finding, in a JSON answer.
pub fn findings(out: &str) -> Vec<(u64, String)> {
    let answer: Value = serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"));
    let one =
        |finding: &Value| (finding["line"].as_u64().unwrap(), finding["id"].as_str().unwrap().to_owned());
    answer["findings"].as_array().unwrap().iter().map(one).collect()
}
