//! `secretObjects`: what the driver copies into Kubernetes Secrets, and what it
//! only logs when it cannot (docs/driver-contract.md).

use std::collections::BTreeSet;

use super::super::finding::{Finding, Findings};
use super::super::manifest::Class;
use super::super::near::near;
use super::super::rules;
use super::super::yaml::{Node, Spot};
use crate::backend::explain::Explanation;

/// Types of Secrets and the keys that the API server or the driver wants of them.
const TYPES: [(&str, &[&str]); 5] = [
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/basic-auth", &["username", "password"]),
];
const TLS: &str = "kubernetes.io/tls";
const BASIC: &str = "kubernetes.io/basic-auth";

/// Looks at the Secrets of a class. Which files there are is only known of our own providers.
pub(super) fn look(class: &Class, told: Option<&Explanation>, is_ours: bool, findings: &mut Findings) {
    let objects = super::Objects::of(class);
    let files: BTreeSet<String> = match told {
        Some(told) => told.files.iter().map(|file| file.object.clone()).collect(),
        None => objects.items().iter().flat_map(|item| written(item)).collect(),
    };
    let many = told.iter().flat_map(|told| &told.files).filter(|file| file.is_many);
    let many: Vec<_> = many.map(|file| file.object.trim_end_matches('*').to_owned()).collect();
    let Some(list) = class.document.find(&["spec", "secretObjects"]) else { return };
    let mut names = BTreeSet::new();
    for secret in list.items() {
        let name = secret.text_of("secretName").unwrap_or_default();
        if !name.is_empty() && !names.insert(name) {
            let at = secret.entry("secretName").map_or(secret.at, |entry| entry.at);
            findings.push(class.subject.at(
                at,
                rules::SYNC_TWICE,
                format!("two Secrets are called {name}: the last one counts"),
            ));
        }
        findings.extend(shape(class, secret));
        findings.extend(keys(class, secret));
        if is_ours {
            findings.extend(values(class, secret, &files, &many));
        }
    }
}

fn data(secret: &Node) -> impl Iterator<Item = &Node> {
    secret.get("data").map(Node::items).unwrap_or_default().iter().map(|item| &**item)
}

/// What the driver wants of each, and only logs.
fn shape(class: &Class, secret: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fault = |at: Spot, text: String| findings.push(class.subject.at(at, rules::SYNC_SHAPE, text));
    for key in ["secretName", "type", "data"] {
        if secret.get(key).is_none() {
            fault(
                secret.at,
                format!("the Secret has no {key}: the driver makes none, and says so in its log only"),
            );
        }
    }
    for item in data(secret) {
        for key in ["objectName", "key"] {
            if item.text_of(key).is_none_or(|text| text.trim().is_empty()) {
                fault(item.at, format!("a value of the Secret has no {key}"));
            }
        }
    }
    findings
}

/// The keys, by the Secret's type.
fn keys(class: &Class, secret: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for item in data(secret) {
        let key = item.text_of("key").unwrap_or_default().trim();
        if !key.is_empty() && !seen.insert(key) {
            let at = item.entry("key").map_or(item.at, |entry| entry.at);
            findings.push(class.subject.at(
                at,
                rules::SYNC_TWICE,
                format!("the Secret has the key {key} twice"),
            ));
        }
    }
    let kind = secret.text_of("type").unwrap_or_default();
    let at = secret.entry("type").map_or(secret.at, |entry| entry.at);
    let Some((_, wanted)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        if let Some(meant) =
            near(kind, TYPES.iter().map(|(name, _)| *name).chain(["Opaque"])).filter(|meant| *meant != kind)
        {
            let text = format!("{kind} is no type that is known");
            findings
                .push(class.subject.at(at, rules::SYNC_KEYS, text).hint(format!("did you mean {meant}?")));
        }
        return findings;
    };
    let has = |key: &&&str| seen.contains(**key);
    let enough =
        if kind == BASIC { wanted.iter().any(|key| has(&key)) } else { wanted.iter().all(|key| has(&key)) };
    if !enough && secret.get("data").is_some() {
        let text = format!("a Secret of type {kind} needs {}", wanted.join(" and "));
        findings.push(class.subject.at(at, rules::SYNC_KEYS, text));
    }
    // The driver itself takes no other key there, not even ca.crt.
    let foreign = seen.iter().filter(|key| kind == TLS && !wanted.contains(key));
    findings.extend(foreign.map(|key| {
        let text = format!(
            "a Secret of type {TLS} takes only tls.crt and tls.key, not {key}: the driver makes none"
        );
        class.subject.at(at, rules::SYNC_KEYS, text).hint("use the type Opaque, or leave the key out")
    }));
    findings
}

/// What the files of an object may be called, of a class that is not understood.
fn written(item: &Node) -> Vec<String> {
    let parts = item.get("jmesPath").map(Node::items).unwrap_or_default();
    let nodes = std::iter::once(item).chain(parts.iter().map(|part| &**part));
    let names = nodes.flat_map(|node| ["objectName", "objectAlias"].map(|key| node.text_of(key)));
    names.flatten().flat_map(|name| [name.to_owned(), name.replace('/', "_")]).collect()
}

/// The files that values are taken from; those in the folders of `many` nobody knows beforehand.
fn values(class: &Class, secret: &Node, files: &BTreeSet<String>, many: &[String]) -> Vec<Finding> {
    let entries = data(secret).filter_map(|item| item.entry("objectName"));
    let may_be = |name: &str| files.contains(name) || many.iter().any(|folder| name.starts_with(folder));
    let absent = entries.filter(|entry| entry.value.text().is_some_and(|name| !may_be(name.trim())));
    let finding = |entry: &super::super::yaml::Entry| {
        let name = entry.value.text().unwrap_or_default();
        let text = format!("the class has no file {name}: the Secret is never made");
        let finding = class.subject.at(entry.at, rules::SYNC_FILE, text);
        match near(name, files.iter().map(String::as_str)) {
            Some(meant) => {
                finding.hint(format!("did you mean {meant}? It is an objectName, not a secretKey"))
            }
            None => finding.hint("name an objectName of `objects`, not a secretKey"),
        }
    };
    absent.map(finding).collect()
}
