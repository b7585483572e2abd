//! A `SecretProviderClass` as it is written.

use std::sync::Arc;

use super::super::finding::{Findings, Subject};
use super::super::rules;
use super::super::yaml::{Entry, Node, Spot};

pub(super) const KIND: &str = "SecretProviderClass";
const GROUP: &str = "secrets-store.csi.x-k8s.io/";

/// A class.
#[derive(Debug)]
pub(in super::super) struct Class {
    pub(in super::super) subject: Subject,
    pub(in super::super) name: String,
    pub(in super::super) namespace: Option<String>,
    /// Where it begins.
    pub(in super::super) at: Spot,
    pub(in super::super) provider: String,
    pub(in super::super) provider_at: Spot,
    /// Where the parameters begin.
    pub(in super::super) parameters_at: Spot,
    pub(in super::super) parameters: Vec<Parameter>,
    pub(in super::super) document: Arc<Node>,
}

/// One parameter.
#[derive(Debug)]
pub(in super::super) struct Parameter {
    pub(in super::super) key: String,
    pub(in super::super) at: Spot,
    /// As the driver hands it on.
    pub(in super::super) value: String,
    pub(in super::super) node: Arc<Node>,
}

// === impl Class ===

impl Class {
    /// Takes a class as far as it is one; says what is missing.
    pub(super) fn read(
        document: &Arc<Node>,
        subject: Subject,
        namespace: Option<String>,
        findings: &mut Findings,
    ) -> Self {
        let at = document.entry("kind").map_or(document.at, |entry| entry.at);
        let name = document.find(&["metadata", "name"]).and_then(Node::text).unwrap_or_default().to_owned();
        let spec = document.entry("spec");
        let spec_at = spec.map_or(at, |entry| entry.at);
        let provider = document.find(&["spec", "provider"]);
        let parameters = spec.and_then(|spec| spec.value.entry("parameters"));
        let class = Self {
            name,
            namespace,
            at,
            provider: provider.and_then(Node::text).unwrap_or_default().to_owned(),
            provider_at: provider.map_or(spec_at, |node| node.at),
            parameters_at: parameters.map_or(spec_at, |entry| entry.at),
            parameters: parameters.map(|entry| written(&entry.value)).unwrap_or_default(),
            document: document.clone(),
            subject,
        };
        class.shape(spec.is_some(), findings);
        class.version(findings);
        class
    }

    /// What the API server and the driver want of every class.
    fn shape(&self, has_spec: bool, findings: &mut Findings) {
        let mut fault = |at, text: &str, hint: &str| {
            findings.push(self.subject.at(at, rules::CLASS_SHAPE, text).hint(hint));
        };
        if self.name.is_empty() {
            fault(self.at, "the class has no metadata.name", "name it");
        }
        if !has_spec {
            let misplaced =
                ["provider", "parameters"].into_iter().any(|key| self.document.entry(key).is_some());
            let hint = if misplaced {
                "put provider and parameters below spec"
            } else {
                "add spec.provider and spec.parameters"
            };
            return fault(self.at, "the class has no spec", hint);
        }
        if self.provider.is_empty() {
            fault(self.provider_at, "provider not set in spec", "set spec.provider, such as vault");
        }
        if self.parameters.is_empty() {
            let text = format!("parameters not set in {}", self.subject.name);
            fault(self.parameters_at, &text, "set spec.parameters, a map of texts");
        }
    }

    fn version(&self, findings: &mut Findings) {
        let Some(entry) = self.document.entry("apiVersion") else {
            findings.push(
                self.subject
                    .at(self.at, rules::API_VERSION, "the class has no apiVersion")
                    .hint(format!("{GROUP}v1")),
            );
            return;
        };
        let written = entry.value.text().unwrap_or_default();
        let finding = match written.strip_prefix(GROUP) {
            Some("v1") => return,
            Some("v1alpha1") => self.subject.at(entry.at, rules::API_OLD, "v1alpha1 is deprecated"),
            _ => self.subject.at(entry.at, rules::API_VERSION, format!("{written} is not the API of {KIND}")),
        };
        findings.push(finding.hint(format!("write {GROUP}v1")));
    }

    /// The parameter of this name.
    pub(in super::super) fn parameter(&self, key: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.key == key)
    }
}

/// The parameters, those of a merged map under them.
fn written(parameters: &Node) -> Vec<Parameter> {
    let (bases, own): (Vec<_>, Vec<_>) = parameters.entries().iter().partition(|entry| entry.key == "<<");
    let under = bases.into_iter().flat_map(|entry| entry.value.entries());
    let under = under.filter(|entry| own.iter().all(|other| other.key != entry.key));
    own.iter().copied().chain(under).map(Parameter::of).collect()
}

// === impl Parameter ===

impl Parameter {
    fn of(entry: &Entry) -> Self {
        let value = match &entry.value.is {
            super::super::yaml::Is::Text(scalar) if !entry.value.is_null() => scalar.text.clone(),
            _ => String::new(),
        };
        Self { key: entry.key.clone(), at: entry.at, value, node: entry.value.clone() }
    }
}
