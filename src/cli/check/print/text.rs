//! For people: first what is wrong, then what each class does.

use super::super::finding::{Finding, Findings};
use super::super::told::{Told, kept};
use super::{counted, word};
use crate::backend::explain::{Asker, Explanation, Severity, Step};
use crate::cli::Terminal;
use crate::config::Check;

/// The column where a class's facts begin.
const KEY: usize = 10;

/// Prints it.
pub(super) fn print(terminal: &mut Terminal, check: &Check, told: &[Told<'_>], findings: &Findings) {
    let sorted = findings.sorted();
    for finding in &sorted {
        one(terminal, finding);
    }
    if !check.quiet {
        let mut told: Vec<_> = told.iter().collect();
        told.sort_by_key(|one| (one.class.subject.file.clone(), one.class.at));
        for one in told {
            terminal.plain("");
            class(&mut Page { terminal, findings }, check, one);
        }
        terminal.plain("");
    }
    let count = |severity| sorted.iter().filter(|finding| finding.rule.severity == severity).count();
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let counts = counts.map(|(severity, what)| counted(count(severity), what)).join(", ");
    let classes = if told.len() == 1 { "1 class".to_owned() } else { format!("{} classes", told.len()) };
    terminal.title(&format!("{counts} in {classes}"));
}

fn one(terminal: &mut Terminal, finding: &Finding) {
    let Finding { file, at, rule, text, hint, subject } = finding;
    let column = if at.column > 0 { format!(":{}", at.column) } else { String::new() };
    let place = format!("{file}:{}{column}", at.line);
    let line = format!("{place}: {}[{}]: {}", word(rule.severity), rule.id, printable(text));
    match rule.severity {
        Severity::Error => terminal.alarm(&line),
        _ => terminal.plain(&line),
    }
    if !subject.is_empty() {
        terminal.plain(&format!("    in {}", printable(subject)));
    }
    if let Some(hint) = hint {
        terminal.plain(&format!("    hint: {}", printable(hint)));
    }
}

/// A foreign text moves no cursor.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// Where a class is told.
struct Page<'a> {
    terminal: &'a mut Terminal,
    findings: &'a Findings,
}

// === impl Page ===

impl Page<'_> {
    fn line(&mut self, text: &str) {
        let text = self.findings.clean(text);
        self.terminal.plain(&printable(&text));
    }

    fn fact(&mut self, key: &str, value: &str) {
        self.line(&format!("  {key:KEY$}{value}"));
    }

    fn list(&mut self, head: &str, lines: impl IntoIterator<Item = String>) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_some() {
            self.line(&format!("  {head}"));
        }
        for line in lines {
            // Commands have lines of their own.
            for line in line.lines() {
                self.line(&format!("    {line}"));
            }
        }
    }
}

fn class(page: &mut Page<'_>, check: &Check, told: &Told<'_>) {
    let class = told.class;
    let head = format!(
        "{} ({}:{}), provider {}",
        class.subject.name, class.subject.file, class.at.line, class.provider
    );
    let head = printable(&page.findings.clean(&head));
    page.terminal.title(&head);
    for asker in &told.askers {
        page.fact("who", &who(asker));
    }
    for (key, value) in told.login() {
        page.fact(key, &value);
    }
    let Some(explanation) = &told.explanation else {
        return page.line("  Every mount fails, or nothing is known of its provider: see above.");
    };
    let policy = &check.rooms.sessions.policy;
    let asks = explanation
        .requests
        .iter()
        .map(|request| format!("{}: {}", request.shown, kept(explanation, request, policy)));
    page.list("asks", asks);
    page.list("files", files(explanation));
    page.list(
        "needs",
        explanation.requests.iter().map(|request| request.needs.clone()).filter(|needs| !needs.is_empty()),
    );
    page.list("set up by", told.setup.iter().cloned());
    page.list("otherwise elsewhere", explanation.differences.iter().cloned());
    page.list("live", told.steps.iter().map(step));
}

fn who(asker: &Asker) -> String {
    let account = asker.service_account.as_deref().unwrap_or("of the pod that mounts it");
    let namespace = asker.namespace.as_deref().unwrap_or("where it is put");
    format!("service account {account}, namespace {namespace}")
}

fn files(explanation: &Explanation) -> impl Iterator<Item = String> {
    explanation.files.iter().map(|file| {
        let mode = file.mode.filter(|mode| *mode != 0).unwrap_or(0o644);
        let request =
            explanation.requests.get(file.request).map(|request| request.shown.as_str()).unwrap_or_default();
        let optional = if file.optional { ", left out if it is absent" } else { "" };
        format!("{mode:04o}  {}: {} of {request}{optional}", file.object, file.part)
    })
}

fn step(step: &Step) -> String {
    match &step.outcome {
        Ok(said) => format!("ok      {:8}{said}", step.name),
        Err(errors) => format!("NOT OK  {:8}{errors}", step.name),
    }
}
