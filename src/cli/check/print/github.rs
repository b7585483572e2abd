//! Annotations of GitHub Actions: `::error file=…,line=…::text`.

use super::super::finding::{Finding, Findings};
use crate::backend::explain::Severity;
use crate::cli::Terminal;

/// Prints a line for each finding.
pub(super) fn print(terminal: &mut Terminal, findings: &Findings) {
    for finding in findings.sorted() {
        terminal.plain(&line(&finding));
    }
}

fn line(finding: &Finding) -> String {
    let command = match finding.rule.severity {
        Severity::Note => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let column = if finding.at.column > 0 { format!(",col={}", finding.at.column) } else { String::new() };
    let (file, id) = (property(&finding.file), property(finding.rule.id));
    let hint = finding.hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    let subject = if finding.subject.is_empty() { String::new() } else { format!("{}: ", finding.subject) };
    let text = data(&format!("{subject}{}{hint}", finding.text));
    format!("::{command} file={file},line={}{column},title={id}::{text}", finding.at.line)
}

/// What a line's text may not have in it.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// What a property may not have in it either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::rules;
    use crate::cli::check::yaml::Spot;

    #[test]
    fn a_name_or_a_text_cannot_forge_another_command() {
        let finding = Finding {
            file: "a,b:c\n.yaml".into(),
            at: Spot { line: 3, column: 7 },
            rule: rules::NOT_YAML,
            subject: "Pod x".into(),
            text: "100% wrong\n::error::forged".into(),
            hint: Some("mend it".into()),
        };
        assert_eq!(
            line(&finding),
            "::error file=a%2Cb%3Ac%0A.yaml,line=3,col=7,title=not-yaml::Pod x: 100%25 wrong%0A::error::forged; hint: mend it"
        );
    }
}
