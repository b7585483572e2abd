//! A profile's values, looked at before any class comes: what is wrong with them
//! is the operator's mistake, to be said at the start.

use super::Reader;
use super::objects::Translation;
use crate::backend::Profile;
use crate::backend::aws::Config;
use crate::backend::aws::config::Operator;
use crate::error::Error;
use crate::identity::Pod;

/// What is wrong with a profile's values for every pod.
pub fn faults(config: &Config, profile: &Profile) -> Vec<Error> {
    // Mistakes in the settings themselves are reported where they are.
    let Ok(operator) = Operator::new(config.clone()) else { return Vec::new() };
    let [namespace, name, uid, service_account] = ["namespace", "pod", "uid", "account"].map(str::to_owned);
    let parameters = profile.alone(&Pod { namespace, name, uid, service_account });
    let mut reader = Reader { operator: &operator, parameters: &parameters, faults: Vec::new() };
    reader.regions();
    reader.identity();
    reader.link();
    reader.duration();
    reader.span("refreshInterval");
    if Translation::read(parameters.get("pathTranslation")).is_none() {
        reader.fault("pathTranslation", Translation::FAULT, "");
    }
    // What the profile leaves out, the class may say.
    let is_its = |error: &Error| error.context("parameter").is_some_and(|key| parameters.get(key).is_some());
    let (has_role, mut faults) = (parameters.get("assumeRoleArn").is_some(), reader.faults);
    faults.retain(|error| is_its(error) && (has_role || error.context("parameter") != Some("externalId")));
    faults
}
