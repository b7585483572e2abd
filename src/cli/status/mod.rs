//! `keymount status`: asks a running keymount, by its admin socket, what it
//! keeps, and shows names and times. No value ever comes this way.

mod ask;
mod cells;
mod report;
mod show;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use self::ask::ask;
use self::report::Report;
use self::show::show;
use super::Terminal;
use crate::time::{Clock as _, Wall};

/// How often a watch asks.
const EVERY: Duration = Duration::from_secs(2);

/// Shows what the keymount behind `socket` keeps; with `watch` until nobody reads any more.
/// The error says what is in the way and what to do about it.
pub async fn run(socket: &Path, json: bool, watch: bool) -> Result<(), String> {
    let mut terminal = Terminal::stdout();
    let text = ask(socket).await?;
    if json {
        terminal.plain(&text);
        return Ok(());
    }
    let report = Report::parse(&text)?;
    if watch {
        terminal.clear();
    }
    show(&mut terminal, &report, Wall.unix());
    while watch && terminal.is_read() {
        tokio::time::sleep(EVERY).await;
        again(&mut terminal, socket).await;
    }
    Ok(())
}

/// One more look. A keymount that is being restarted is no reason to stop.
async fn again(terminal: &mut Terminal, socket: &Path) {
    let report = ask(socket).await.and_then(|text| Report::parse(&text));
    terminal.clear();
    match report {
        Ok(report) => show(terminal, &report, Wall.unix()),
        Err(fault) => terminal.quote(&fault),
    }
}
