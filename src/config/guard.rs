//! The guard's settings: those that are flags, and the lists of the settings file.

use std::collections::{BTreeMap, BTreeSet};

use super::file::Node;
use super::parse::{PROVIDERS, Purpose, duration};
use super::values::Values;
use crate::guard::{Addresses, Mode, Names, Pattern, Policy, Rule};
use crate::net::Address;

/// Providers whose classes may name a server, and the flag that pins it.
const PINNED: [(&str, &str); 2] =
    [("vault", "vault-allowed-address"), ("openbao", "openbao-allowed-address")];

/// Keys of `guard:` in the file that are flags too.
pub(super) const FLAGS: [(&str, &str); 5] = [
    ("mode", "guard-mode"),
    ("refuseDefaultServiceAccount", "guard-refuse-default-service-account"),
    ("maxTokenLife", "guard-max-token-life"),
    ("requirePodBinding", "guard-require-pod-binding"),
    ("requireProfile", "guard-require-profile"),
];

/// The policy; `profiles` are the namespaces of each profile.
pub(super) fn read(values: &mut Values, purpose: Purpose, profiles: BTreeMap<String, Names>) -> Policy {
    let (modes, file, mut addresses) = lists(values);
    for (provider, flag) in PINNED {
        let pinned = pinned(values, flag);
        if !pinned.is_empty() {
            addresses.entry(provider.to_owned()).or_default().pinned = pinned;
        }
    }
    let mode = values.parsed("guard-mode", Mode::parse).unwrap_or_default();
    if purpose == Purpose::Fetch {
        // Who fetches asks for nobody else, and names its own pod: only where its token goes is looked at.
        return Policy { addresses, ..Policy::default() };
    }
    let patterns = |values: &mut Values, flag: &'static str, mut all: Vec<Pattern>| {
        for text in values.list(flag) {
            match Pattern::parse(&text) {
                Ok(pattern) => all.push(pattern),
                Err(fault) => values.fault(format!("--{flag}: {text:?}: {fault}")),
            }
        }
        all
    };
    let namespaces = Names {
        allow: patterns(values, "guard-allow-namespace", file.allow),
        deny: patterns(values, "guard-deny-namespace", file.deny),
    };
    Policy {
        mode,
        modes,
        refuse_default_service_account: values.switch("guard-refuse-default-service-account"),
        max_token_life: values.parsed("guard-max-token-life", |text| match duration(text) {
            Ok(life) if life.is_zero() => Err("not more than 0".to_owned()),
            read => read,
        }),
        require_pod_binding: values.switch("guard-require-pod-binding"),
        require_profile: require_profile(values),
        namespaces,
        profiles,
        addresses,
    }
}

fn require_profile(values: &mut Values) -> BTreeSet<String> {
    let wanted: BTreeSet<_> = values.list("guard-require-profile").into_iter().collect();
    for name in wanted.iter().filter(|name| !PROVIDERS.contains(&name.as_str())) {
        let have = PROVIDERS.join(", ");
        values.fault(format!("--guard-require-profile {name}: unknown provider; this build has {have}"));
    }
    wanted
}

/// The lists that have no flag: modes of single rules, namespaces, addresses.
fn lists(values: &mut Values) -> (BTreeMap<Rule, Mode>, Names, BTreeMap<String, Addresses>) {
    let (mut modes, mut addresses) = (BTreeMap::new(), BTreeMap::new());
    let Some(value) = values.tree("guard") else { return (modes, Names::default(), addresses) };
    let Some(mut node) = Node::new("guard".into(), value, values.faults()) else {
        return (modes, Names::default(), addresses);
    };
    if let Some(mut node) = node.node("modes") {
        for (name, rule) in Rule::ALL.map(|rule| (rule.as_str(), rule)) {
            modes.extend(node.parsed(name, Mode::parse).map(|mode| (rule, mode)));
        }
        node.finish(&Rule::ALL.map(Rule::as_str).join(", "));
    }
    let names = node.node("namespaces").map(names).unwrap_or_default();
    if let Some(mut node) = node.node("addresses") {
        for (provider, _) in PINNED {
            if let Some(allowed) = node.node(provider).and_then(allowed) {
                addresses.insert(
                    provider.to_owned(),
                    Addresses { allowed: Some(allowed), ..Addresses::default() },
                );
            }
        }
        node.finish(&PINNED.map(|(provider, _)| provider).join(", "));
    }
    let flags = FLAGS.map(|(key, _)| key).join(", ");
    node.finish(&format!("{flags}, modes, namespaces, addresses"));
    (modes, names, addresses)
}

/// `allow:` and `deny:` of namespaces.
pub(super) fn names(mut node: Node<'_>) -> Names {
    let mut list = |key: &str| {
        let list = node.each(key, Pattern::parse);
        if list.as_ref().is_some_and(Vec::is_empty) {
            node.fault(key, "is empty or has only mistakes; leave it out, or name a namespace");
        }
        list.unwrap_or_default()
    };
    let names = Names { allow: list("allow"), deny: list("deny") };
    node.finish("allow, deny");
    names
}

fn allowed(mut node: Node<'_>) -> Option<BTreeSet<String>> {
    if node.texts("deny").is_some() {
        node.fault("deny", "a server has more names than a list could hold: list those that are allowed");
    }
    let allowed = node.each("allow", |text| Address::parse(text).map(|address| address.to_string()));
    node.finish("allow");
    allowed.map(|list| list.into_iter().collect())
}

fn pinned(values: &mut Values, flag: &str) -> BTreeSet<String> {
    let mut pinned = BTreeSet::new();
    for text in values.list(flag) {
        match Address::parse(&text) {
            Ok(address) => {
                pinned.insert(address.to_string());
            }
            Err(fault) => values.fault(format!("--{flag}: {fault}")),
        }
    }
    pinned
}
