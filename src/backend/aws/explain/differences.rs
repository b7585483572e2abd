//! What the incumbent does otherwise with a class, as far as it concerns this one
//! (docs/aws.md, Differences).

use super::super::params::{Asked, Content, Identity, Objects, Role, Scope, Want};
use crate::backend::Parameters;

const WHO: &str = "secrets-store-csi-driver-provider-aws";
/// Parameters of ours that the incumbent passes over.
const OURS: [&str; 7] =
    ["roleArn", "audience", "assumeRoleArn", "externalId", "sessionDuration", "refreshInterval", "profile"];

/// One line each.
pub(super) fn of(parameters: &Parameters, scope: &Scope, objects: &Objects) -> Vec<String> {
    let wants = &objects.0;
    let named = |which: &dyn Fn(&Want) -> bool| {
        wants.iter().filter(|want| which(want)).map(|want| want.name.clone()).collect::<Vec<_>>().join(", ")
    };
    let mut lines = vec![format!(
        "{WHO} logs in and reads anew at every call of the driver, and hides AWS's own code where access is denied"
    )];
    if matches!(&scope.identity, Identity::Irsa { role: Role::Annotated, .. }) {
        lines.push(format!(
            "{WHO} looks the annotation of any service account up; here the operator must allow it"
        ));
    }
    if scope.regions.failover.is_some() {
        lines.push(format!(
            "{WHO} asks both regions at every mount, and the other one after a denial too; keymount asks it only for \
             what the first could not answer"
        ));
    }
    let twice = named(&|want| is_parameter(want) && wants.iter().any(|other| collides(want, other)));
    if !twice.is_empty() {
        lines.push(format!("{WHO} loses one of {twice}: two parameters of one name in one request"));
    }
    let selected = named(&|want| is_parameter(want) && has_selector(&want.read.primary.id));
    if !selected.is_empty() {
        lines.push(format!(
            "{WHO} ends its process, with every mount of the node, at the selector in {selected}"
        ));
    }
    let ours: Vec<_> = OURS.into_iter().filter(|key| parameters.get(key).is_some()).collect();
    if !ours.is_empty() {
        lines.push(format!("{WHO} does not know {}", ours.join(", ")));
    }
    let new = named(&|want| want.content != Content::Whole);
    if !new.is_empty() {
        lines.push(format!("{WHO} cannot write {new}: allKeys, path and credentials are keymount's"));
    }
    let lenient = named(&|want| want.optional);
    if !lenient.is_empty() {
        lines.push(format!("{WHO} fails the mount where {lenient} is absent: it does not know `optional`"));
    }
    lines
}

fn is_parameter(want: &Want) -> bool {
    want.read.asked == Asked::Parameter
}

/// Two parameters that are one to whoever goes by names.
fn collides(one: &Want, other: &Want) -> bool {
    is_parameter(other) && one.read != other.read && one.read.primary.id == other.read.primary.id
}

/// `name:3`; an ARN has colons of its own.
fn has_selector(id: &str) -> bool {
    !super::super::arn::Arn::is_meant(id) && id.contains(':')
}
