//! Alerts: what they name exists, each has a test and a runbook, and Prometheus agrees.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::expressions;
use crate::support::parts;

const RULES: &str = "charts/keymount/files/alerts.yaml";

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// One alert.
#[derive(Deserialize)]
pub struct Rule {
    pub alert: String,
    pub expr: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Cases {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    alert_rule_test: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    alertname: String,
    exp_alerts: Vec<serde_json::Value>,
}

/// Every alert.
pub fn rules() -> Vec<Rule> {
    let rules: Rules = serde_saphyr::from_str(&std::fs::read_to_string(RULES).unwrap()).unwrap();
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// The page of an alert: `KeymountBackendDown` is `backend-down`.
fn page(alert: &str) -> String {
    let mut name = String::new();
    for letter in alert.strip_prefix("Keymount").expect("the prefix").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == ending)).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn promtool(args: &[&str], files: &[PathBuf]) {
    let Some(promtool) = parts::require("PROMTOOL_BIN") else { return };
    let output = Command::new(promtool).args(args).args(files).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

#[test]
fn promtool_accepts_the_rules() {
    promtool(&["check", "rules"], &[RULES.into()]);
}

#[test]
fn each_alert_fires_and_is_silent_as_promtool_runs_it() {
    promtool(&["test", "rules"], &files("tests/alerts", "yaml"));
}

#[test]
fn each_alert_has_a_case_that_fires_and_one_that_does_not() {
    let mut cases: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for file in files("tests/alerts", "yaml") {
        let tests: Cases = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for case in tests.tests {
            for expected in case.alert_rule_test {
                assert!(case.name.starts_with(&expected.alertname), "{}", case.name);
                cases.entry(expected.alertname).or_default().insert(!expected.exp_alerts.is_empty());
            }
        }
    }
    let alerts: BTreeSet<_> = rules().into_iter().map(|rule| rule.alert).collect();
    assert_eq!(alerts, cases.keys().cloned().collect(), "alerts, cases");
    for (alert, kinds) in cases {
        assert_eq!(kinds.len(), 2, "{alert} only ever fires, or never");
    }
}

#[test]
fn alerts_name_what_is_defined_and_say_what_they_must() {
    let mut faults = Vec::new();
    for rule in rules() {
        let (used, found) = expressions::check(&rule.expr);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", rule.alert)));
        if used.is_empty() && !["KeymountDown", "KeymountRestarting"].contains(&rule.alert.as_str()) {
            faults.push(format!("{}: no metric of ours", rule.alert));
        }
        let severity = rule.labels.get("severity").map(String::as_str).unwrap_or_default();
        if !["critical", "warning", "info"].contains(&severity) {
            faults.push(format!("{}: severity {severity:?}", rule.alert));
        }
        for annotation in ["summary", "description"] {
            if rule.annotations.get(annotation).is_none_or(|text| text.trim().is_empty()) {
                faults.push(format!("{}: no {annotation}", rule.alert));
            }
        }
        let url = format!("docs/runbooks/{}.md", page(&rule.alert));
        if rule.annotations.get("runbook_url") != Some(&url) {
            faults.push(format!("{}: its runbook_url is not {url}", rule.alert));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let pages: BTreeMap<_, _> =
        files("docs/runbooks", "md").into_iter().map(|path| (stem(&path), path)).collect();
    let alerts: BTreeMap<_, _> = rules().into_iter().map(|rule| (page(&rule.alert), rule)).collect();
    let index = std::fs::read_to_string("docs/runbooks/README.md").unwrap();
    let pages: BTreeMap<_, _> = pages.into_iter().filter(|(name, _)| name != "README").collect();
    assert_eq!(alerts.keys().collect::<Vec<_>>(), pages.keys().collect::<Vec<_>>(), "alerts, pages");
    for (name, rule) in alerts {
        let text = std::fs::read_to_string(&pages[&name]).unwrap();
        assert!(text.starts_with(&format!("# {}\n", rule.alert)), "the title of {name}.md");
        for heading in ["## What it means", "## Who is hurt", "## How to see it", "## What to do"] {
            assert!(text.contains(&format!("\n{heading}\n")), "{name}.md has no {heading:?}");
        }
        let severity = &rule.labels["severity"];
        let row = format!("| [{}]({name}.md) | {severity} |", rule.alert);
        assert!(index.contains(&row), "docs/runbooks/README.md lacks the row {row}");
    }
}

/// Each query that a runbook shows, with its page.
pub fn runbook_queries() -> Vec<(String, String)> {
    let pages = files("docs/runbooks", "md").into_iter();
    let queries = pages.flat_map(|file| {
        let text = std::fs::read_to_string(&file).unwrap();
        let blocks = text.split("```promql\n").skip(1);
        let queries: Vec<_> =
            blocks.map(|block| (stem(&file), block.split("```").next().unwrap().trim().to_owned())).collect();
        queries
    });
    queries.collect()
}

#[test]
fn queries_of_runbooks_name_what_is_defined() {
    let mut faults = Vec::new();
    for (page, query) in runbook_queries() {
        faults.extend(expressions::check(&query).1.into_iter().map(|fault| format!("{page}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(runbook_queries().len() > 30);
}
