//! A profile's values, looked at before any class comes: what is wrong with them
//! is the operator's mistake, to be said at the start.

use super::Reader;
use crate::backend::vault::config::Operator;
use crate::backend::vault::{Config, Flavour};
use crate::backend::{Parameters, Profile, Profiles};
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::Pod;
use crate::net::Target;

/// What is wrong with a profile's values, and with its limits beside those of `others`.
pub fn faults(flavour: Flavour, config: &Config, profile: &Profile, others: &Profiles) -> Vec<Error> {
    // Mistakes in the settings themselves are reported where they are.
    let Ok(operator) = Operator::new(flavour, config.clone()) else { return Vec::new() };
    let mut faults = match target(&operator, profile) {
        Ok(None) => Vec::new(),
        Ok(Some(target)) => limits(&operator, profile, &target, others).into_iter().collect(),
        Err(errors) => errors.iter().cloned().collect(),
    };
    faults.extend(login_faults(&operator, profile));
    faults
}

/// The server of the profile with its trust; `None` where it names none.
pub(in super::super) fn target(operator: &Operator, profile: &Profile) -> Result<Option<Target>, Errors> {
    if !profile.names_server() {
        return Ok(None);
    }
    let parameters = profile.common();
    let mut reader = Reader { operator, parameters: &parameters, faults: Vec::new() };
    let target = reader.target();
    Errors::from_list(reader.faults).map_or(Ok(target), Err)
}

/// What would be wrong for every pod.
fn login_faults(operator: &Operator, profile: &Profile) -> Vec<Error> {
    let parameters = sample(profile);
    let mut reader = Reader { operator, parameters: &parameters, faults: Vec::new() };
    let method = reader.method();
    reader.mount(&method);
    reader.namespace();
    reader.audience();
    for span in ["refreshInterval", "renewBefore"] {
        reader.span(span);
    }
    reader.faults
}

/// The profile as a pod would have it.
fn sample(profile: &Profile) -> Parameters {
    let [namespace, name, uid, service_account] = ["n", "p", "u", "s"].map(str::to_owned);
    let pod = Pod { namespace, name, uid, service_account };
    profile.alone(&pod)
}

/// One server is held to one set of limits, whoever names it.
fn limits(operator: &Operator, profile: &Profile, target: &Target, others: &Profiles) -> Option<Error> {
    let own = operator.config.limits_of(profile);
    if operator.target.as_ref() == Some(target) && own != operator.config.limits() {
        let [inflight, rate] = ["max-inflight", "rate"].map(|flag| operator.flag(flag));
        return Some(clash(&format!(
            "the server of {}, whose limits are {inflight} and {rate}",
            operator.flag("addr")
        )));
    }
    let mut others =
        others.iter().filter(|other| other.provider == profile.provider && other.name < profile.name);
    let other = others.find(|other| {
        let same = self::target(operator, other).is_ok_and(|its| its.as_ref() == Some(target));
        same && operator.config.limits_of(other) != own
    })?;
    Some(clash(&format!("the server of profile {}, which has other limits", other.name)))
}

fn clash(what: &str) -> Error {
    Error::new(Kind::Invalid, Stage::Start, format!("its maxInflight and rate are for {what}"))
        .hint("give the limits in one place, or the same in both")
}
