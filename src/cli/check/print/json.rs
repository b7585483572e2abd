//! For programs. Fields are added, never renamed.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::finding::{Finding, Findings};
use super::super::told::{Told, kept};
use super::word;
use crate::backend::explain::{Asker, Severity, Step};
use crate::cli::Terminal;
use crate::config::Check;

#[derive(Serialize)]
struct Found<'a> {
    file: &'a str,
    line: u64,
    column: Option<u64>,
    id: &'a str,
    severity: &'a str,
    subject: &'a str,
    text: &'a str,
    hint: Option<&'a str>,
}

/// Prints one document.
pub(super) fn print(terminal: &mut Terminal, check: &Check, told: &[Told<'_>], findings: &Findings) {
    let sorted = findings.sorted();
    let count = |severity| sorted.iter().filter(|finding| finding.rule.severity == severity).count();
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "findings": sorted.iter().map(found).collect::<Vec<_>>(),
        "classes": told.iter().map(|told| class(check, told)).collect::<Vec<_>>(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "notes": count(Severity::Note),
    });
    terminal.plain(&format!("{:#}", clean(document, findings)));
}

fn found(finding: &Finding) -> Found<'_> {
    Found {
        file: &finding.file,
        line: finding.at.line,
        column: Some(finding.at.column).filter(|column| *column > 0),
        id: finding.rule.id,
        severity: word(finding.rule.severity),
        subject: &finding.subject,
        text: &finding.text,
        hint: finding.hint.as_deref(),
    }
}

/// Every text of a document without what may be secret.
fn clean(document: Value, findings: &Findings) -> Value {
    match document {
        Value::String(text) => Value::String(findings.clean(&text)),
        Value::Array(items) => items.into_iter().map(|item| clean(item, findings)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, clean(value, findings))).collect()
        }
        other => other,
    }
}

fn class(check: &Check, told: &Told<'_>) -> Value {
    let (class, policy) = (told.class, &check.rooms.sessions.policy);
    let who =
        |asker: &Asker| json!({ "namespace": asker.namespace, "service_account": asker.service_account });
    let mut document = json!({
        "name": class.name,
        "namespace": class.namespace,
        "file": &*class.subject.file,
        "line": class.at.line,
        "provider": class.provider,
        "who": told.askers.iter().map(who).collect::<Vec<_>>(),
        "mounted_by": told.volumes.iter().map(|volume| &volume.subject.name).collect::<Vec<_>>(),
        "login": told.login().into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect::<serde_json::Map<_, _>>(),
        "live": told.steps.iter().map(step).collect::<Vec<_>>(),
    });
    let Some(explanation) = &told.explanation else { return document };
    let request = |request: &crate::backend::explain::Request| json!({ "request": request.shown, "needs": request.needs, "mints": request.mints, "kept": kept(explanation, request, policy) });
    let file = |file: &crate::backend::explain::Wanted| {
        let mode = format!("{:04o}", file.mode.filter(|mode| *mode != 0).unwrap_or(0o644));
        json!({ "path": file.object, "mode": mode, "request": file.request, "part": file.part, "optional": file.optional })
    };
    let more = json!({
        "audience": explanation.audience,
        "requests": explanation.requests.iter().map(request).collect::<Vec<_>>(),
        "files": explanation.files.iter().map(file).collect::<Vec<_>>(),
        "setup": told.setup,
        "differences": explanation.differences,
    });
    if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
        document.extend(more);
    }
    document
}

fn step(step: &Step) -> Value {
    match &step.outcome {
        Ok(said) => json!({ "stage": step.name, "ok": true, "text": said }),
        Err(errors) => json!({ "stage": step.name, "ok": false, "text": errors.to_string() }),
    }
}
