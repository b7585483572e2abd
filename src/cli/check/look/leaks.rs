//! Secrets that somebody wrote into a class. They are named by their place and
//! never printed, here or in any other finding.

use super::super::finding::Findings;
use super::super::manifest::Class;
use super::super::rules;
use super::super::yaml::{Is, Node, Spot};
use super::Objects;

/// Words that name a secret, in a key without capitals and hyphens.
const NAMES: [&str; 8] =
    ["password", "passwd", "secretid", "token", "privatekey", "apikey", "clientsecret", "accesskey"];
/// What is called so and is none.
const HARMLESS: [&str; 3] = ["tokenaudience", "tokenttl", "accesskeyid"];
/// How deep arguments are looked into.
const DEPTH: usize = 8;

/// Looks at every value of every class.
pub(super) fn look(classes: &[Class], findings: &mut Findings) {
    for class in classes {
        let mut found: Vec<(Spot, String)> = Vec::new();
        for parameter in &class.parameters {
            let at = if parameter.key == "objects" { None } else { Some(parameter.at) };
            scan(&parameter.key, &parameter.value, at, &mut found, findings);
        }
        let objects = Objects::of(class);
        for item in objects.items() {
            for entry in item.entries() {
                walk(&entry.key, &entry.value, entry.at, DEPTH, &mut found, findings);
            }
        }
        found.dedup();
        for (at, what) in found {
            let hint = "take it out, revoke it, and read it from where secrets are kept: whoever may list classes has seen it";
            findings.push(class.subject.at(at, rules::LEAK, what).hint(hint));
        }
    }
}

fn walk(
    key: &str,
    node: &Node,
    at: Spot,
    depth: usize,
    found: &mut Vec<(Spot, String)>,
    findings: &mut Findings,
) {
    match &node.is {
        Is::Text(scalar) => scan(key, &scalar.text, Some(at), found, findings),
        _ if depth == 0 => {}
        Is::List(items) => items.iter().for_each(|item| walk(key, item, at, depth - 1, found, findings)),
        Is::Map(entries) => {
            for entry in entries {
                walk(&entry.key, &entry.value, entry.at, depth - 1, found, findings);
            }
        }
    }
}

/// One value; without a place it is only noted what not to print.
fn scan(key: &str, value: &str, at: Option<Spot>, found: &mut Vec<(Spot, String)>, findings: &mut Findings) {
    let mut note = |what: String| found.extend(at.map(|at| (at, what)));
    let flat = key.to_ascii_lowercase().replace(['-', '_', '.'], "");
    let named = NAMES.iter().any(|name| flat.ends_with(name)) && !HARMLESS.contains(&flat.as_str());
    // A key of a secret, an object's name and a path are called so, too, and say where it is kept.
    let is_place = matches!(key, "objectName" | "secretKey" | "secretPath" | "objects");
    if let Some(kind) = looks_like(value) {
        for word in words(value).filter(|word| looks_like(word).is_some()) {
            findings.suspect(word);
        }
        note(format!("the value of {key} looks like {kind}"));
    } else if named && !is_place && !value.is_empty() && !value.contains("{{") {
        findings.suspect(value);
        note(format!("{key} is written out in the class"));
    }
    if let Some((user, _)) =
        value.split_once("://").and_then(|(_, rest)| rest.split(['/', '\n']).next()?.rsplit_once('@'))
    {
        findings.suspect(user);
        note(format!("the address in {key} carries credentials"));
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let of_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.+/=".contains(letter);
    text.split(move |letter| !of_word(letter))
}

/// What a value looks like, by the forms that tokens and keys have.
fn looks_like(value: &str) -> Option<&'static str> {
    if value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    words(value).find_map(|word| {
        let after =
            |prefix: &str, least: usize| word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= least);
        let token = ["hvs.", "hvb.", "hvr."].iter().any(|prefix| after(prefix, 20));
        let old = ["s.", "b.", "r."].iter().any(|prefix| {
            word.strip_prefix(prefix)
                .is_some_and(|rest| rest.len() >= 24 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        });
        if token || old {
            Some("a token of Vault or OpenBao")
        } else if after("eyJ", 20) && word.matches('.').count() == 2 {
            Some("a JWT")
        } else if (after("AKIA", 16) || after("ASIA", 16)) && word.len() == 20 {
            Some("an access key of AWS")
        } else if ["ghp_", "gho_", "glpat-", "xoxb-"].iter().any(|prefix| after(prefix, 20)) {
            Some("an access token")
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_secrets_are_known_and_ordinary_values_are_not() {
        for (value, is_one) in [
            ("hvs.CAESIJ1234567890abcdefgh", true),
            ("use s.abcdefghijklmnopqrstuvwx here", true),
            ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3ZWIifQ.c2lnbmF0dXJl", true),
            ("AKIAIOSFODNN7EXAMPLE", true),
            ("-----BEGIN EC PRIVATE KEY-----\nMHc", true),
            ("-----BEGIN CERTIFICATE-----\nMIIB", false),
            ("https://vault.vault.svc.cluster.local:8200", false),
            ("secret/data/shop/db", false),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", false),
        ] {
            assert_eq!(looks_like(value).is_some(), is_one, "{value}");
        }
    }
}
