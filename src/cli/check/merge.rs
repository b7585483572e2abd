//! What a backend is given: the class's parameters under the pod's attributes, as
//! the driver lays them over each other. Whatever the operator's settings add to a
//! class comes in here, and nowhere else.

use super::manifest::{Class, Volume};
use crate::backend::Parameters;
use crate::config::Config;
use crate::error::Errors;

/// Parameters that are read here and that no backend sees.
pub(super) const KEYS: [&str; 0] = [];

/// The parameters of a Mount of this class, by this volume if one is meant.
#[expect(clippy::unnecessary_wraps, reason = "settings of the operator's may refuse what a class says")]
pub(super) fn parameters(
    _config: &Config,
    class: &Class,
    volume: Option<&Volume>,
) -> Result<Parameters, Errors> {
    let own = class.parameters.iter().map(|parameter| (parameter.key.clone(), parameter.value.clone()));
    let attributes = volume.iter().flat_map(|volume| &volume.attributes);
    let attributes = attributes.map(|(key, _, value)| (key.clone(), value.clone()));
    Ok(own.chain(attributes).collect())
}
