//! The CSIDriver object: whether a provider is told what it needs.

use super::super::finding::{Finding, Findings};
use super::super::manifest::Driver;
use super::super::rules;
use super::super::told::Told;

/// The shortest life of a token that the API server gives.
const SHORTEST: u64 = 600;

/// Looks at the object, and at what the classes need of it.
pub(super) fn look(drivers: &[Driver], told: &[Told<'_>], findings: &mut Findings) {
    for driver in drivers {
        findings.extend(by_itself(driver));
        let mut audiences: Vec<_> =
            told.iter().filter_map(|one| Some((one.explanation.as_ref()?.audience.clone()?, one))).collect();
        audiences.sort_by(|(one, _), (other, _)| one.cmp(other));
        audiences.dedup_by(|(one, _), (other, _)| one == other);
        let absent = audiences
            .iter()
            .filter(|(audience, _)| !driver.audiences.iter().any(|(has, _, _)| has == audience));
        findings.extend(absent.map(|(audience, one)| {
            let text =
                format!("tokenRequests has no audience {audience}, which {} needs", one.class.subject.name);
            let hint = format!("add to spec.tokenRequests: - audience: {audience}");
            driver.subject.at(driver.at, rules::DRIVER_AUDIENCE, text).hint(hint)
        }));
    }
}

fn by_itself(driver: &Driver) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !driver.pod_info.on {
        let text = "podInfoOnMount is not true: no provider learns which pod asks";
        findings.push(
            driver
                .subject
                .at(driver.pod_info.at, rules::DRIVER_POD_INFO, text)
                .hint("set podInfoOnMount: true"),
        );
    }
    if let Some(at) = driver.not_ephemeral {
        let text = "volumeLifecycleModes does not have Ephemeral: no pod can have such a volume";
        findings.push(
            driver
                .subject
                .at(at, rules::DRIVER_EPHEMERAL, text)
                .hint("set volumeLifecycleModes: [Ephemeral]"),
        );
    }
    if !driver.republish.on {
        let text = "requiresRepublish is not true: files stay as they were at the pod's start";
        let hint = "set requiresRepublish: true, and start the driver with --enable-secret-rotation=true";
        findings.push(driver.subject.at(driver.republish.at, rules::DRIVER_REPUBLISH, text).hint(hint));
    }
    for (audience, at, life) in &driver.audiences {
        if let Some(life) = life.filter(|life| *life < SHORTEST) {
            let text = format!(
                "tokens for {audience} would live {life} s, and the API server gives {SHORTEST} at least"
            );
            findings.push(driver.subject.at(*at, rules::DRIVER_EXPIRY, text));
        }
    }
    findings
}
