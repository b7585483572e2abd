//! A report for eyes, within a hundred columns.

use super::cells::{self, Row};
use super::report::{Report, Session};
use crate::cli::Terminal;
use crate::time::age::{ago, relative};

const HEAD: [&str; 6] =
    ["NAMESPACE/POD", "CLASS", "PROVIDER", "SESSION EXPIRES", "SOONEST LEASE", "LAST REFRESH"];
/// With the gaps between them and the mark before them a hundred columns.
const WIDTHS: [usize; 6] = [32, 20, 8, 9, 9, 10];
/// Before a session whose refresh was never seen.
const MARK: &str = "! ";
const NO_MARK: &str = "  ";
const LEGEND: &str = "! one mount came and no refresh after it: the driver's rotation seems to be off \
                      (enableSecretRotation), so that files are not refreshed; leases are renewed all the same";
/// What has no end.
const NEVER: &str = "never";
/// What is not there.
const NONE: &str = "-";

/// Prints the report as of `now`, in seconds since 1970.
pub(super) fn show(terminal: &mut Terminal, report: &Report, now: u64) {
    let kept = bytes(report.kept_bytes);
    terminal.title(&format!("keymount {} keeps {kept} of values", clean(&report.version)));
    for provider in &report.providers {
        let (sessions, leases) = report.counts(&provider.name);
        let counts = format!("{}, {}", counted(sessions, "session"), counted(leases, "lease"));
        let name = clean(&provider.name);
        match provider.ready {
            true => terminal.plain(&format!("  {name:<8}  ready      {counts}")),
            false => terminal.alarm(&format!("  {name:<8}  NOT READY  {counts}")),
        }
    }
    if !report.sessions.is_empty() {
        terminal.plain("");
        table(terminal, &report.sessions, now);
    }
}

fn table(terminal: &mut Terminal, sessions: &[Session], now: u64) {
    let rows: Vec<_> = sessions.iter().map(|session| row(session, now)).collect();
    // A heading goes over two lines, so that it makes no column wider than its cells need.
    let words = HEAD.map(|text| text.split(' ').max_by_key(|word| word.len()).unwrap_or_default().to_owned());
    let widths = cells::widths(rows.iter().chain([&words]), WIDTHS);
    print(terminal, NO_MARK, cells::lines(&HEAD.map(str::to_owned), widths));
    for (session, row) in sessions.iter().zip(&rows) {
        let mark = if session.refresh_never_seen { MARK } else { NO_MARK };
        print(terminal, mark, cells::lines(row, widths));
        if let Some(error) = &session.last_error {
            terminal.quote(&clean(error));
        }
    }
    if sessions.iter().any(|session| session.refresh_never_seen) {
        terminal.plain("");
        terminal.say(LEGEND);
    }
}

/// Prints a row's lines, the first with its mark.
fn print(terminal: &mut Terminal, mark: &str, lines: Vec<String>) {
    let marks = std::iter::once(mark).chain(std::iter::repeat(NO_MARK));
    for (mark, line) in marks.zip(lines) {
        terminal.plain(&format!("{mark}{line}"));
    }
}

fn row(session: &Session, now: u64) -> Row {
    let classes: Vec<_> =
        session.classes.iter().filter(|class| !class.is_empty()).map(|class| clean(class)).collect();
    let ends = session.minted.iter().map(|minted| minted.expires.unwrap_or(u64::MAX)).min();
    [
        clean(&format!("{}/{}", session.namespace, session.pod)),
        if classes.is_empty() { NONE.into() } else { classes.join(", ") },
        clean(&session.provider),
        until(session.credential_expires.unwrap_or(u64::MAX), now),
        ends.map_or_else(|| NONE.into(), |ends| until(ends, now)),
        session.last_refresh.map_or_else(|| NEVER.into(), |refresh| ago(refresh, now)),
    ]
}

/// When it ends, if it does.
fn until(ends: u64, now: u64) -> String {
    if ends == u64::MAX { NEVER.into() } else { relative(ends, now) }
}

/// A foreign text cannot move the cursor.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A size with one decimal at most.
fn bytes(count: u64) -> String {
    const KIB: u64 = 1024;
    let (unit, name) = match count {
        0..KIB => return format!("{count} bytes"),
        KIB..0x10_0000 => (KIB, "KiB"),
        _ => (KIB * KIB, "MiB"),
    };
    format!("{}.{} {name}", count / unit, count % unit * 10 / unit)
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_round() {
        for (count, said) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1_600_000, "1.5 MiB"),
            (1 << 33, "8192.0 MiB"),
        ] {
            assert_eq!(super::bytes(count), said);
        }
    }
}
