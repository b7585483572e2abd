//! What was found, in the form that was asked for.

mod github;
mod json;
mod text;

use super::finding::Findings;
use super::told::Told;
use crate::backend::explain::Severity;
use crate::cli::Terminal;
use crate::config::{Check, Output};

/// Prints everything.
pub(super) fn all(check: &Check, told: &[Told<'_>], findings: &Findings) {
    let mut terminal = Terminal::stdout();
    match check.output {
        Output::Text => text::print(&mut terminal, check, told, findings),
        Output::Json => json::print(&mut terminal, check, told, findings),
        Output::GitHub => github::print(&mut terminal, findings),
    }
}

/// Prints every kind of finding.
pub(super) fn rules() {
    let mut terminal = Terminal::stdout();
    for rule in super::rules::all() {
        terminal.plain(&format!("{:26}{:9}{}", rule.id, word(rule.severity), rule.about));
    }
}

/// A severity as it is printed.
const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// `1 error`, `2 errors`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
