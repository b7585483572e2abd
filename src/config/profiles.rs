//! `profiles:` of the settings file.

use std::collections::{BTreeMap, BTreeSet};

use super::file::Node;
use super::guard;
use super::parse::{PROVIDERS, positive};
use super::values::{Values, boolean, rate};
use crate::backend::{PROFILE, Part, Profile, Profiles, Setting, Settings, template_fault};
use crate::guard::Names;

/// The longest name of a profile.
const MAX_NAME: usize = 63;

const KEYS: &str = "provider, parameters, override, default, maxInflight, rate, namespaces";

/// The profiles and whose they are.
pub(super) fn read(values: &mut Values) -> (Profiles, BTreeMap<String, Names>) {
    let (mut profiles, mut namespaces) = (Vec::new(), BTreeMap::new());
    let Some(value) = values.tree("profiles") else { return (Profiles::default(), namespaces) };
    let Some(mut all) = Node::new("profiles".into(), value, values.faults()) else {
        return (Profiles::default(), namespaces);
    };
    for name in all.keys() {
        if let Err(fault) = name_fault(&name) {
            all.fault(&name, fault);
        }
        let Some(node) = all.node(&name) else { continue };
        let (profile, names) = one(node, &name);
        namespaces.insert(name, names);
        profiles.extend(profile);
    }
    for profile in second_defaults(&profiles) {
        all.fault(&format!("{profile}.default"), "another profile is the default of its provider already");
    }
    (Profiles::new(profiles), namespaces)
}

/// What the providers find wrong with their profiles.
#[cfg(feature = "vault")]
pub(super) fn check(
    values: &mut Values,
    profiles: &Profiles,
    flavours: [(crate::backend::vault::Flavour, &crate::backend::vault::Config); 2],
) {
    for (flavour, config) in flavours {
        for profile in profiles.iter().filter(|profile| profile.provider == flavour.name()) {
            report(
                values,
                profile,
                crate::backend::vault::profile_faults(flavour, config, profile, profiles),
            );
        }
    }
}

/// What `provider: aws` finds wrong with its profiles.
#[cfg(feature = "aws")]
pub(super) fn check_aws(values: &mut Values, profiles: &Profiles, config: &crate::backend::aws::Config) {
    for profile in profiles.iter().filter(|profile| profile.provider == "aws") {
        report(values, profile, crate::backend::aws::profile_faults(config, profile));
    }
}

#[cfg(any(feature = "aws", feature = "vault"))]
fn report(values: &mut Values, profile: &Profile, errors: Vec<crate::error::Error>) {
    for error in errors {
        // The path of the key stands in place of the stage, which here is always the start.
        let text = error.to_string();
        let text = text.split_once(['=']).and_then(|(_, rest)| rest.split_once([' ', ':']));
        let text = text.map(|(_, rest)| rest.trim_start().to_owned()).unwrap_or_default();
        values.fault(format!("--config: profiles.{}: {text}", profile.name));
    }
}

fn one(mut node: Node<'_>, name: &str) -> (Option<Profile>, Names) {
    let provider = provider(&mut node);
    let is_default = node.parsed("default", boolean).unwrap_or_default();
    let (max_in_flight, rate) = (node.parsed("maxInflight", positive), node.parsed("rate", rate));
    let names = node.node("namespaces").map(guard::names).unwrap_or_default();
    let Some((provider, settings)) = provider else {
        // What the others are can only be said of a provider.
        return (None, names);
    };
    let parameters =
        node.node("parameters").map(|node| parameters(node, provider, settings)).unwrap_or_default();
    let overrides = overrides(&mut node, provider, settings, &parameters);
    let profile = Profile {
        name: name.to_owned(),
        provider,
        settings,
        parameters,
        overrides,
        is_default,
        max_in_flight,
        rate,
    };
    limits(&mut node, &profile);
    lent(&mut node, &profile);
    node.finish(KEYS);
    (Some(profile), names)
}

fn name_fault(name: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(()),
        false => Err("a profile's name has 1 to 63 letters, digits, dots, hyphens and underscores"),
    }
}

fn provider(node: &mut Node<'_>) -> Option<(&'static str, Settings)> {
    let have = || format!("this build has {}", PROVIDERS.join(", "));
    if !node.keys().iter().any(|key| key == "provider") {
        node.fault("provider", format!("missing; {}", have()));
    }
    node.parsed("provider", |text| settings_of(text).ok_or_else(|| format!("unknown; {}", have())))
}

fn settings_of(provider: &str) -> Option<(&'static str, Settings)> {
    match provider {
        #[cfg(feature = "vault")]
        "vault" => Some(("vault", crate::backend::vault::of_vault)),
        #[cfg(feature = "vault")]
        "openbao" => Some(("openbao", crate::backend::vault::of_openbao)),
        #[cfg(feature = "local")]
        "local" => Some(("local", crate::backend::local::setting)),
        #[cfg(feature = "aws")]
        "aws" => Some(("aws", crate::backend::aws::setting)),
        _ => None,
    }
}

fn parameters(mut node: Node<'_>, provider: &str, settings: Settings) -> BTreeMap<String, String> {
    let (mut parameters, mut decided) = (BTreeMap::new(), BTreeMap::<&str, String>::new());
    for key in node.keys() {
        // A list of servers is written as a list.
        let Some(text) = node.texts(&key).map(|texts| texts.join(",")) else { continue };
        let setting = match known(&key, provider, settings) {
            Ok(setting) => setting,
            Err(fault) => {
                node.fault(&key, fault);
                continue;
            }
        };
        if let Some(fault) = text_fault(&text, setting.part) {
            node.fault(&key, fault);
        }
        if let Some(other) = decided.insert(setting.decides, key.clone()) {
            node.fault(&key, format!("decides the same as {other}: keep one of them"));
        }
        parameters.insert(key, text);
    }
    parameters
}

/// What the parameter sets, if a profile may set it.
fn known(key: &str, provider: &str, settings: Settings) -> Result<Setting, String> {
    if key == PROFILE || key == "objects" {
        return Err("stays in the class".into());
    }
    settings(key).ok_or_else(|| format!("no parameter of provider {provider}"))
}

fn text_fault(text: &str, part: Part) -> Option<String> {
    if text.is_empty() {
        return Some("is empty: leave it out".into());
    }
    match template_fault(text) {
        Err(fault) => Some(fault),
        // A pod's name decides as whom it logs in, never where its token goes.
        Ok(true) if part != Part::Login => Some("no template may stand here".into()),
        Ok(_) => None,
    }
}

fn overrides(
    node: &mut Node<'_>,
    provider: &str,
    settings: Settings,
    parameters: &BTreeMap<String, String>,
) -> BTreeSet<&'static str> {
    let set: BTreeSet<_> = parameters.keys().filter_map(|key| settings(key)).map(|set| set.decides).collect();
    let read = |key: &str| {
        let decides = known(key, provider, settings)?.decides;
        match set.contains(decides) {
            true => Ok(decides),
            false => Err("the profile does not set it, so that every class may".to_owned()),
        }
    };
    node.each("override", read).unwrap_or_default().into_iter().collect()
}

fn limits(node: &mut Node<'_>, profile: &Profile) {
    let given = [("maxInflight", profile.max_in_flight.is_some()), ("rate", profile.rate.is_some())];
    for (key, _) in given.into_iter().filter(|(_, given)| *given && !profile.names_server()) {
        node.fault(key, "the profile names no server to limit");
    }
}

/// Decision 14: what the operator lends goes to servers of the operator's choice.
fn lent(node: &mut Node<'_>, profile: &Profile) {
    let part = |key: &String| (profile.settings)(key).map(|setting| setting.part);
    let server = profile.parameters.keys().find(|key| part(key) == Some(Part::Server));
    let decides = server.and_then(|key| (profile.settings)(key)).map(|setting| setting.decides);
    if decides.is_some_and(|decides| !profile.overrides.contains(decides)) {
        return;
    }
    for key in profile.parameters.keys().filter(|key| part(key) == Some(Part::Lent)) {
        let text =
            "lends the operator's own trust: the profile must name the server and let no class name another";
        node.fault(&format!("parameters.{key}"), text);
    }
}

fn second_defaults(profiles: &[Profile]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let defaults = profiles.iter().filter(|profile| profile.is_default);
    defaults.filter(|profile| !seen.insert(profile.provider)).map(|profile| profile.name.clone()).collect()
}
