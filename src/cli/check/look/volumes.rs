//! The pods' side: volumes, mounts, who they run as.

use super::super::finding::{Finding, Findings};
use super::super::manifest::{DRIVER, Manifests, Volume, meet};
use super::super::near::near;
use super::super::rules;
use super::super::told::Told;
use super::Look;

const CLASS: &str = "secretProviderClass";
/// What the kubelet adds, over anything that stands there.
const OF_KUBELET: &str = "csi.storage.k8s.io/";

/// Looks at every volume.
pub(super) fn look(look: &Look<'_>, told: &[Told<'_>], findings: &mut Findings) {
    for volume in &look.manifests.volumes {
        if let Some(finding) = driver(volume) {
            // It is nobody's volume until that is right.
            findings.push(finding);
            continue;
        }
        findings.extend(class(look.manifests, volume));
        findings.extend(shape(volume));
        findings.extend(account(look.manifests, volume));
    }
    for one in told {
        for volume in &one.volumes {
            findings.extend(attributes(one, volume));
            findings.extend(credentials(one, volume));
            findings.extend(modes(one, volume));
        }
    }
}

fn driver(volume: &Volume) -> Option<Finding> {
    let (name, at) = &volume.driver;
    if name == DRIVER {
        return None;
    }
    let text = format!("there is no CSI driver {name}");
    Some(volume.subject.at(*at, rules::VOLUME_DRIVER, text).hint(format!("did you mean {DRIVER}?")))
}

/// The class that it mounts.
fn class(manifests: &Manifests, volume: &Volume) -> Option<Finding> {
    let Some((name, at)) = &volume.class else {
        let text = format!("the volume names no {CLASS}");
        let finding = volume.subject.at(volume.at, rules::VOLUME_CLASS, text);
        let slip = volume
            .attributes
            .iter()
            .find(|(key, _, _)| near(key, [CLASS, "secretProviderClassName"]).is_some());
        return Some(match slip {
            Some((key, at, _)) => {
                Finding { at: *at, ..finding.hint(format!("did you mean {CLASS}, where {key} is?")) }
            }
            None => finding.hint(format!("set volumeAttributes.{CLASS}")),
        });
    };
    // Pods alone say nothing of the classes that are elsewhere.
    if manifests.classes.is_empty() {
        return None;
    }
    let same: Vec<_> = manifests.classes.iter().filter(|class| class.name == *name).collect();
    if same.iter().any(|class| meet(class.namespace.as_ref(), volume.namespace.as_ref())) {
        return None;
    }
    let here = volume.namespace.as_deref().unwrap_or_default();
    if let Some(other) = same.first() {
        let there = other.namespace.as_deref().unwrap_or_default();
        let text = format!("the class {name} is in the namespace {there}, and the pod in {here}");
        let hint = "a pod mounts classes of its own namespace only: put a copy there";
        return Some(volume.subject.at(*at, rules::CLASS_ELSEWHERE, text).hint(hint));
    }
    let text = format!("there is no class {name} in these files");
    let finding = volume.subject.at(*at, rules::CLASS_ABSENT, text);
    let names = manifests.classes.iter().map(|class| class.name.as_str());
    Some(match near(name, names) {
        Some(meant) => finding.hint(format!("did you mean {meant}?")),
        None => finding.hint("name its file too, or correct the name"),
    })
}

fn shape(volume: &Volume) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !volume.is_read_only {
        let text = "readOnly is not true: the driver refuses the volume";
        findings
            .push(volume.subject.at(volume.at, rules::VOLUME_WRITABLE, text).hint("set csi.readOnly: true"));
    }
    if volume.mounts.is_empty() {
        let text = "no container mounts the volume";
        findings.push(
            volume
                .subject
                .at(volume.at, rules::VOLUME_UNUSED, text)
                .hint("add it to a container's volumeMounts"),
        );
    }
    for (at, _) in volume.mounts.iter().filter(|(_, by_path)| *by_path) {
        let text = "a file that is mounted by subPath stays as it is when the secret changes";
        let hint = "mount the volume as a folder, and let the app read the file there";
        findings.push(volume.subject.at(*at, rules::SUB_PATH, text).hint(hint));
    }
    findings
}

fn account(manifests: &Manifests, volume: &Volume) -> Option<Finding> {
    let name = volume.account.name.as_deref().unwrap_or("default");
    if name == "default" {
        let text = "the pod runs as the default service account, and so does every other pod that names none";
        let hint = "give it a service account of its own, and bind the role to that";
        return Some(volume.subject.at(volume.account.at, rules::ACCOUNT_DEFAULT, text).hint(hint));
    }
    let of_here = manifests
        .accounts
        .iter()
        .filter(|(namespace, _)| meet(namespace.as_ref(), volume.namespace.as_ref()));
    let names: Vec<_> = of_here.map(|(_, name)| name.as_str()).collect();
    if names.is_empty() || names.contains(&name) {
        return None;
    }
    let text = format!("there is no ServiceAccount {name} among those of these files");
    let finding = volume.subject.at(volume.account.at, rules::ACCOUNT_ABSENT, text);
    Some(match near(name, names) {
        Some(meant) => finding.hint(format!("did you mean {meant}?")),
        None => finding,
    })
}

/// What a pod changes of its class.
fn attributes(told: &Told<'_>, volume: &Volume) -> Vec<Finding> {
    // What another's provider knows is not known here.
    let vocabulary = told.explainer.as_ref().map(|explainer| explainer.vocabulary());
    let others = volume.attributes.iter().filter(|(key, _, _)| !key.starts_with(OF_KUBELET));
    let finding = |(key, at, value): &(String, _, String)| {
        let own = told.class.parameter(key);
        let text = match own {
            Some(own) if own.value == *value => return None,
            Some(_) => format!("the attribute {key} overrides the class's {key}"),
            None if vocabulary.as_ref()?.parameters.contains(key) => {
                format!("the attribute {key} adds to the class what it does not say")
            }
            None => format!("the attribute {key} means nothing to provider {}", told.class.provider),
        };
        let hint = "drivers before v1.6.0 leave attributes out when they refresh: put it into the class";
        Some(volume.subject.at(*at, rules::ATTRIBUTES, text).hint(hint))
    };
    others.filter_map(finding).collect()
}

fn credentials(told: &Told<'_>, volume: &Volume) -> Option<Finding> {
    let keys = told.explanation.as_ref().map(|told| told.secret_keys).unwrap_or_default();
    if keys.is_empty() || volume.has_credentials {
        return None;
    }
    let text =
        format!("the class logs in by a Secret with {}, and the volume names none", keys.join(" and "));
    Some(volume.subject.at(volume.at, rules::CREDENTIALS_ABSENT, text).hint("set csi.nodePublishSecretRef"))
}

/// The driver makes files root's, and fsGroup has no effect on them.
fn modes(told: &Told<'_>, volume: &Volume) -> Vec<Finding> {
    let files = told.explanation.iter().flat_map(|told| &told.files);
    let objects = super::Objects::of(told.class);
    let closed = files.filter(|file| {
        let mode = file.mode.filter(|mode| *mode != 0).unwrap_or(0o644);
        let by_group = mode & 0o040 != 0 && !volume.user.not_root_group;
        volume.user.not_root && mode & 0o004 == 0 && !by_group
    });
    let finding = |file: &crate::backend::explain::Wanted| {
        let mode = file.mode.unwrap_or_default();
        let at =
            objects.named(&file.object).map_or(objects.at, |index| objects.spot(index, "filePermission"));
        let text = format!(
            "{} will be {mode:04o} and root's: {} does not run as root and cannot read it",
            file.object, volume.subject.name
        );
        let hint = "fsGroup has no effect here: use 0444, or 0440 with runAsGroup: 0";
        told.class.subject.at(at, rules::MODE_UNREADABLE, text).hint(hint)
    };
    closed.map(finding).collect()
}
