//! What is wrong, and where.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::yaml::Spot;
use crate::backend::explain::{Rule, Severity};
use crate::net::redact;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) file: Arc<str>,
    pub(super) at: Spot,
    pub(super) rule: Rule,
    /// What it is about: `SecretProviderClass shop/web`.
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) hint: Option<String>,
}

/// Everything that is wrong.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    /// Texts of the manifests that may be secrets, and are never printed.
    suspects: BTreeSet<String>,
}

/// Where findings of one manifest go.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) file: Arc<str>,
    pub(super) name: String,
}

// === impl Subject ===

impl Subject {
    /// A finding there, without a hint.
    pub(super) fn at(&self, at: Spot, rule: Rule, text: impl Into<String>) -> Finding {
        let (file, subject) = (self.file.clone(), self.name.clone());
        Finding { file, at, rule, subject, text: text.into(), hint: None }
    }
}

// === impl Finding ===

impl Finding {
    /// Says what to change.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

// === impl Findings ===

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.list.extend(findings);
    }

    /// Notes a text that is not to be printed.
    pub(super) fn suspect(&mut self, text: &str) {
        self.suspects.insert(text.trim().to_owned());
    }

    /// A text without what may be secret.
    pub(super) fn clean(&self, text: &str) -> String {
        let suspects: Vec<_> = self.suspects.iter().map(String::as_str).collect();
        let mut text = text.to_owned();
        if suspects.is_empty() {
            return text;
        }
        // Short ones are passed over by what knows tokens.
        for suspect in suspects.iter().filter(|suspect| suspect.len() > 2) {
            text = text.replace(suspect, "[redacted]");
        }
        redact(&text, &suspects)
    }

    /// In order of files and lines, each once, nothing secret in it.
    pub(super) fn sorted(&self) -> Vec<Finding> {
        let mut list: Vec<_> = self.list.iter().map(|finding| self.cleaned(finding)).collect();
        list.sort_by(|one, other| {
            (&one.file, one.at, one.rule.id, &one.text).cmp(&(
                &other.file,
                other.at,
                other.rule.id,
                &other.text,
            ))
        });
        list.dedup();
        list
    }

    fn cleaned(&self, finding: &Finding) -> Finding {
        let text = self.clean(&finding.text);
        let hint = finding.hint.as_ref().map(|hint| self.clean(hint));
        Finding { text, hint, subject: self.clean(&finding.subject), ..finding.clone() }
    }

    /// How many of this severity.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.sorted().iter().filter(|finding| finding.rule.severity == severity).count()
    }
}
