//! `keymount status`: asks a running keymount, by its admin socket, what it
//! keeps, and shows names and times. No value ever comes this way.

mod ask;
mod cells;
mod report;
mod screen;
mod show;
mod tally;
#[cfg(test)]
mod tests;
mod watch;

use std::path::Path;

use self::ask::ask;
use self::report::Report;
use self::show::show;
use super::Terminal;
use super::signal::interrupted;
use crate::time::{Clock as _, Wall};

/// Shows what the keymount behind `socket` keeps; with `watch` until somebody ends it, or
/// nobody reads any more. The error says what is in the way and what to do about it.
pub async fn run(socket: &Path, json: bool, watch: bool) -> Result<(), String> {
    let text = ask(socket).await?;
    let mut terminal = Terminal::stdout();
    if json {
        terminal.plain(&text);
        return Ok(());
    }
    let report = Report::parse(&text)?;
    if !watch {
        show(&mut terminal, &report, Wall.unix());
        return Ok(());
    }
    tokio::select! {
        () = watch::watch(socket) => Ok(()),
        () = interrupted() => Ok(()),
    }
}
