//! `--watch`: on a terminal drawn anew in place, elsewhere a line for each change.

use std::path::Path;
use std::time::Duration;

use super::ask::{ask, ask_for};
use super::report::Report;
use super::screen::Screen;
use super::show::{clean, counted, show};
use super::tally::{Minute, Tally};
use crate::cli::Terminal;
use crate::time::age::relative;
use crate::time::{Clock as _, Wall};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(2);
/// After so many looks lines are said again, changed or not.
const AGAIN: usize = 30;
const DAY: u64 = 24 * 3600;

/// What is watched, and what was seen of it.
struct Watched<'a> {
    socket: &'a Path,
    minute: Minute,
    /// The last report, and when it came.
    last: Option<(Report, u64)>,
    /// Why there is none that is newer.
    fault: Option<String>,
}

/// Watches until nobody reads any more. A keymount that is gone is asked for again.
pub(super) async fn watch(socket: &Path) {
    let mut watched = Watched { socket, minute: Minute::default(), last: None, fault: None };
    match Screen::open() {
        Some(screen) => watched.on(screen).await,
        None => watched.by_lines().await,
    }
}

// === impl Watched ===

impl Watched<'_> {
    /// One more look.
    async fn look(&mut self) {
        match ask(self.socket).await.and_then(|text| Report::parse(&text)) {
            Ok(report) => (self.last, self.fault) = (Some((report, Wall.unix())), None),
            Err(fault) => self.fault = Some(fault),
        }
        if self.fault.is_none()
            && let Ok(metrics) = ask_for(self.socket, "/metrics").await
        {
            self.minute.add(Tally::parse(&metrics));
        }
    }

    async fn on(&mut self, mut screen: Screen) {
        loop {
            self.look().await;
            let lines = Terminal::drawn(Terminal::has_colour(), |terminal| self.draw(terminal));
            if !screen.draw(&lines) {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn by_lines(&mut self) {
        let (mut terminal, mut said, mut looks) = (Terminal::stdout(), Vec::new(), 0);
        while terminal.is_read() {
            self.look().await;
            let facts = self.facts();
            if facts != said || looks % AGAIN == 0 {
                let time = time(Wall.unix());
                for fact in &facts {
                    terminal.plain(&format!("{time} {fact}"));
                }
                said = facts;
            }
            looks += 1;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The whole page.
    fn draw(&self, terminal: &mut Terminal) {
        let now = Wall.unix();
        terminal.plain(&format!("{} UTC, each {} s; Ctrl-C ends it", time(now), EVERY.as_secs()));
        if let Some(fault) = &self.fault {
            let since = self.last.as_ref().map(|(_, seen)| now.saturating_sub(*seen)).unwrap_or_default();
            terminal.alarm(&format!("gone for {since} s, asking again; below is what it said last"));
            terminal.quote(&clean(fault));
        }
        let Some((report, _)) = &self.last else { return };
        for provider in &report.providers {
            let text =
                format!("  {:<8}  {}", clean(&provider.name), self.lately(report, &provider.name, now));
            match self.minute.of(&provider.name).is_some_and(|lately| lately.is_troubled()) {
                true => terminal.alarm(&text),
                false => terminal.plain(&text),
            }
        }
        terminal.plain("");
        show(terminal, report, now);
    }

    /// How a provider fares at a glance.
    fn lately(&self, report: &Report, provider: &str, now: u64) -> String {
        let lately = self.minute.of(provider).map_or_else(|| "counting".to_owned(), |lately| lately.said());
        let (failing, ends) = report.trouble(provider);
        let failing =
            if failing == 0 { String::new() } else { format!("; {} failing", counted(failing, "session")) };
        let ends = ends.map(|ends| format!("; soonest end {}", relative(ends, now))).unwrap_or_default();
        format!("last minute: {lately}{failing}{ends}")
    }

    /// The same for a log: what has no clock in it, so that it is only said when it changes.
    fn facts(&self) -> Vec<String> {
        if let Some(fault) = &self.fault {
            return vec![format!("gone: {}", clean(fault))];
        }
        let Some((report, _)) = &self.last else { return Vec::new() };
        let fact = |provider: &super::report::Provider| {
            let (sessions, leases) = report.counts(&provider.name);
            let (failing, _) = report.trouble(&provider.name);
            let lately = self.minute.of(&provider.name);
            let backend = match lately.is_some_and(|lately| lately.is_troubled()) {
                true => "failing",
                false => "ok",
            };
            let ready = if provider.ready { "ready" } else { "not-ready" };
            let name = clean(&provider.name);
            format!("{name} {ready} backend={backend} sessions={sessions} leases={leases} failing={failing}")
        };
        report.providers.iter().map(fact).collect()
    }
}

/// The time of day.
fn time(unix: u64) -> String {
    let seconds = unix % DAY;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
