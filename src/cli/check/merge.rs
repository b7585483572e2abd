//! What a backend is given: the class's parameters under the pod's attributes, as
//! the driver lays them over each other, with the operator's profile under both.
//! Whatever the operator's settings add to a class comes in here, and nowhere else.

use super::look::Look;
use super::manifest::{Class, Volume};
use crate::backend::{PROFILE, Parameters};
use crate::error::Errors;
use crate::identity::Pod;

/// Parameters that are read here and that no backend sees.
pub(super) const KEYS: [&str; 1] = [PROFILE];

/// The parameters of a Mount of this class by `pod`, with the attributes of this volume if one is meant.
pub(super) fn parameters(
    look: &Look<'_>,
    class: &Class,
    volume: Option<&Volume>,
    pod: &Pod,
) -> Result<Parameters, Errors> {
    let written = written(class, volume);
    let profiles = &look.check.rooms.profiles;
    if profiles.is_empty() {
        // Whoever checks without the operator's file cannot know what a profile sets.
        return Ok(written.filter(|(key, _)| !KEYS.contains(&key.as_str())).collect());
    }
    let written: Parameters = written.collect();
    profiles.merge(&class.provider, pod, &written).map(std::borrow::Cow::into_owned)
}

fn written<'a>(class: &'a Class, volume: Option<&'a Volume>) -> impl Iterator<Item = (String, String)> + 'a {
    let own = class.parameters.iter().map(|parameter| (parameter.key.clone(), parameter.value.clone()));
    let attributes = volume.into_iter().flat_map(|volume| &volume.attributes);
    own.chain(attributes.map(|(key, _, value)| (key.clone(), value.clone())))
}

/// Who mounts the class by this volume, or by the first that does; what nobody has said stands
/// for itself.
pub(super) fn pod(look: &Look<'_>, class: &Class, volume: Option<&Volume>) -> Pod {
    let volume = volume.or_else(|| look.manifests.volumes.iter().find(|volume| volume.is_of(class)));
    let said = &look.check.pod;
    let or = |text: Option<String>, name: &str| text.unwrap_or_else(|| name.to_owned());
    let namespace = volume.and_then(|volume| volume.namespace.clone()).or_else(|| class.namespace.clone());
    let account = match volume {
        Some(volume) => Some(or(volume.account.name.clone(), "default")),
        None => said.service_account.clone(),
    };
    Pod {
        namespace: or(namespace.or_else(|| said.namespace.clone()), "namespace"),
        service_account: or(account, "service-account"),
        name: "pod".to_owned(),
        uid: "pod".to_owned(),
    }
}
