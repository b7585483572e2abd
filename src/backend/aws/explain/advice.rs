//! What parses and is seldom meant.

use super::super::arn::{Arn, partition};
use super::super::jmes;
use super::super::params::{Node, is_off, nodes};
use crate::backend::Parameters;
use crate::backend::explain::{Advice, Rule, Severity};

const fn rule(id: &'static str, severity: Severity, about: &'static str) -> Rule {
    Rule { id, severity, about }
}

const ROLE: Rule = rule(
    "aws-role-missing",
    Severity::Warning,
    "the class names no role, and the operator looks no annotation up",
);
const ADDRESS: Rule =
    rule("aws-address-type", Severity::Warning, "an address type that is none, or that nothing asks for");
const PARTITION: Rule =
    rule("aws-partition", Severity::Error, "the role and the region are of two partitions of AWS");
const FAILOVER: Rule = rule(
    "aws-no-failover",
    Severity::Warning,
    "an object that an ARN names has no other region without a failoverObject",
);
const ALIAS: Rule = rule("aws-alias-quoted", Severity::Warning, "a file's name has quotation marks in it");
const SWITCH: Rule = rule(
    "aws-name-is-switch",
    Severity::Warning,
    "a name without quotes is a switch of YAML 1.1, as `n` or `yes`, and read as `false` or `true`",
);
const JMES: Rule = rule("aws-jmes-path", Severity::Error, "a jmesPath is no expression, and the mount fails");

/// Every rule of this backend.
pub const RULES: &[Rule] = &[ROLE, ADDRESS, PARTITION, FAILOVER, ALIAS, SWITCH, JMES];

/// Everything that is odd about a class.
pub(super) fn of(parameters: &Parameters, looks_up: bool) -> Vec<Advice> {
    let objects = nodes(parameters.get("objects").unwrap_or_default()).unwrap_or_default();
    let objects =
        objects.iter().enumerate().flat_map(|(at, node)| object(at, node, parameters.get("failoverRegion")));
    class(parameters, looks_up).into_iter().chain(objects).collect()
}

fn class(parameters: &Parameters, looks_up: bool) -> Vec<Advice> {
    let of = |rule, key, text: String, hint| Advice { rule, object: None, key, text, hint };
    let mut found = Vec::new();
    let by_agent = parameters.get("usePodIdentity").is_some_and(|word| !is_off(word));
    if !by_agent && !looks_up && parameters.get("roleArn").is_none() {
        let text = "the role is the service account's annotation, which keymount does not look up".to_owned();
        let hint = "write roleArn into the class or its profile; or keymount needs --lookup-service-accounts: \
                    tell this command the same";
        found.push(of(ROLE, "roleArn", text, hint));
    }
    if let Some(kind) = parameters.get("preferredAddressType") {
        let known = ["auto", "ipv4", "ipv6"].iter().any(|word| kind.eq_ignore_ascii_case(word));
        let text = match (known, by_agent) {
            (false, _) => Some(format!("{kind} is none of auto, ipv4 and ipv6, and read as auto")),
            (true, false) => Some("only the Pod Identity agent has address types".to_owned()),
            (true, true) => None,
        };
        let hint = "write auto, ipv4 or ipv6 beside usePodIdentity: \"true\", or leave it out";
        found.extend(text.map(|text| of(ADDRESS, "preferredAddressType", text, hint)));
    }
    let region = parameters.get("region").map(partition);
    for key in ["roleArn", "assumeRoleArn"] {
        let Some((role, own)) = parameters.get(key).and_then(Arn::parse).zip(region) else { continue };
        if role.partition != own {
            let text = format!("the role is of partition {}, and the region of {own}", role.partition);
            found.push(of(PARTITION, key, text, "name a role and a region of one partition"));
        }
    }
    found
}

fn object(at: usize, node: &Node, failover: Option<&str>) -> Vec<Advice> {
    let of = |rule, key, text: String, hint| Advice { rule, object: Some(at), key, text, hint };
    let text = |node: &Node, key| node.text(key).ok().flatten().map(str::to_owned);
    let mut found = Vec::new();
    let name = text(node, "objectName").unwrap_or_default();
    if matches!(name.as_str(), "true" | "false") {
        let said = format!("the object's name is read as {name}");
        found.push(of(SWITCH, "objectName", said, "put the name into quotes"));
    }
    if failover.is_some() && Arn::is_meant(&name) && node.get("failoverObject").is_none() {
        let said = "an ARN is of one region: failoverRegion is never asked for it".to_owned();
        found.push(of(FAILOVER, "objectName", said, "name its copy in a failoverObject, beside objectAlias"));
    }
    let parts = node.list("jmesPath").unwrap_or_default();
    for alias in std::iter::once(node).chain(parts).filter_map(|node| text(node, "objectAlias")) {
        if alias.contains(['"', '\'']) {
            let said = format!("the file is called {alias}, quotation marks included");
            found.push(of(
                ALIAS,
                "objectAlias",
                said,
                "write '\"a-b\"' for a path only; an alias needs no quotes",
            ));
        }
    }
    for path in parts.iter().filter_map(|part| text(part, "path")).filter(|path| jmes::is_none(path)) {
        let said = format!("Invalid JMES Path: {path}.");
        let hint = "a path does not begin with a dot; a key with other letters than A-Z, a-z, 0-9 and _ stands in \
                    quotation marks of its own: '\"a-b\"'";
        found.push(of(JMES, "jmesPath", said, hint));
    }
    found
}
