//! The manifests that matter: classes, the pods that mount them, and what lies between.

mod class;
mod driver;
mod workload;

use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) use class::{Class, Parameter};
pub(super) use driver::Driver;
pub(super) use workload::{DRIVER, Volume};

use super::finding::{Findings, Subject};
use super::input::Source;
use super::rules;
use super::yaml::{self, Node};

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) classes: Vec<Class>,
    pub(super) volumes: Vec<Volume>,
    pub(super) drivers: Vec<Driver>,
    /// Namespace and name of each `ServiceAccount`.
    pub(super) accounts: BTreeSet<(Option<String>, String)>,
}

// === impl Manifests ===

impl Manifests {
    /// Takes the manifests of every source. `namespace` is that of those who name none.
    pub(super) fn of(sources: &[Source], namespace: Option<&str>, findings: &mut Findings) -> Self {
        let mut all = Self::default();
        for source in sources {
            let written = yaml::read(&source.text);
            let subject = Subject { file: source.name.clone(), name: String::new() };
            let concerns = source.is_named
                || source.text.contains("SecretProviderClass")
                || source.text.contains(DRIVER);
            if concerns && let Some((at, fault)) = &written.broken {
                findings.push(broken(&subject, *at, fault, &source.text));
            }
            for document in &written.documents {
                all.take(document, &source.name, namespace, findings);
            }
            if written.documents.iter().any(|document| is_ours(document)) {
                let twice = written.twice.iter();
                findings.extend(twice.map(|(at, key)| {
                    let text = format!(
                        "the key {key} stands twice here: the API server refuses it, or the last one counts"
                    );
                    subject.at(*at, rules::KEY_TWICE, text).hint("keep one of them")
                }));
            }
        }
        all
    }

    /// Whether there is nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.volumes.is_empty() && self.drivers.is_empty()
    }

    fn take(
        &mut self,
        document: &Arc<Node>,
        file: &Arc<str>,
        default: Option<&str>,
        findings: &mut Findings,
    ) {
        let (kind, name) = (document.text_of("kind").unwrap_or_default(), name(document));
        let namespace =
            document.find(&["metadata", "namespace"]).and_then(Node::text).or(default).map(str::to_owned);
        let shown =
            namespace.as_ref().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
        let subject = Subject { file: file.clone(), name: format!("{kind} {shown}") };
        match kind {
            "List" | "SecretProviderClassList" => {
                for item in document.get("items").map(Node::items).unwrap_or_default() {
                    self.take(item, file, default, findings);
                }
            }
            class::KIND => self.classes.push(Class::read(document, subject, namespace, findings)),
            "CSIDriver" if name == DRIVER => self.drivers.push(Driver::read(document, subject)),
            "ServiceAccount" => {
                self.accounts.insert((namespace, name));
            }
            _ => self.volumes.extend(workload::volumes(document, &subject, namespace.as_deref())),
        }
    }
}

fn name(document: &Node) -> String {
    let name = document.find(&["metadata", "name"]).or_else(|| document.find(&["metadata", "generateName"]));
    name.and_then(Node::text).unwrap_or_default().to_owned()
}

/// Whether one of the things we look at is in it.
fn is_ours(document: &Node) -> bool {
    let kind = document.text_of("kind").unwrap_or_default();
    matches!(kind, class::KIND | "CSIDriver") || workload::spec(document).is_some()
}

fn broken(subject: &Subject, at: yaml::Spot, fault: &str, text: &str) -> super::finding::Finding {
    let finding = subject.at(at, rules::NOT_YAML, format!("not YAML: {fault}"));
    match text.contains("{{") {
        true => finding.hint("render the template first: helm template CHART | keymount check -"),
        false => finding,
    }
}

/// Whether two manifests may be of one namespace: who names none goes where it is put.
pub(super) fn meet(one: Option<&String>, other: Option<&String>) -> bool {
    one == other || one.is_none() || other.is_none()
}
