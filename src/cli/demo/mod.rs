//! `keymount demo`: a throw-away issuer, a store and a class, this very program's
//! server, and a driver-like client, in one temporary folder. Every step checks
//! that it did what it says.

mod backing;
mod bao;
mod server;
mod stage;
mod steps;
#[cfg(test)]
mod tests;
mod tree;
mod values;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use self::stage::Stage;
use self::steps::Steps;
use super::Terminal;
use super::signal::interrupted;
use crate::time::Stopwatch;

/// Plays the demo on standard output; `bao` is the OpenBao program to use
/// instead of the local store. The error says which step did not do what it says.
pub async fn run(keep: bool, bao: Option<PathBuf>) -> Result<(), String> {
    let mut terminal = Terminal::stdout();
    // Ended from outside, everything that was started ends too: it is all owned by the play.
    tokio::select! {
        played = play(&mut terminal, keep, bao.as_deref()) => played,
        () = interrupted() => Err("the demo was interrupted".into()),
    }
}

async fn play(terminal: &mut Terminal, keep: bool, bao: Option<&Path>) -> Result<(), String> {
    let folder = tempfile::Builder::new()
        .prefix("keymount-demo-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir();
    let folder = folder.map_err(|error| format!("cannot make a temporary folder: {error}"))?;
    let watch = Stopwatch::start();
    terminal.title("keymount demo: a pod's secrets, from its token to its volume");
    let played = perform(terminal, folder.path(), bao).await;
    match &played {
        Ok(steps) => {
            terminal.step(steps + 1, "Done");
            terminal.ok(&format!("all steps did what they say, in {:.1} s", watch.elapsed().as_secs_f64()));
        }
        Err(fault) => terminal.fault(fault),
    }
    if keep {
        let path = folder.keep();
        terminal.say(&format!("Everything is kept in {}", path.display()));
    }
    played.map(drop).map_err(|fault| format!("the demo did not do what it says: {fault}"))
}

/// Sets the stage, plays every step on it, and clears it away, whatever came of it.
async fn perform(terminal: &mut Terminal, dir: &Path, bao: Option<&Path>) -> Result<usize, String> {
    let mut stage = Stage::set(dir, bao).await?;
    let played = Steps::new(terminal, &mut stage).play().await;
    stage.clear().await;
    played
}
