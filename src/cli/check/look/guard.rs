//! What the operator's guard would say, as far as manifests show it: nobody has a token here.

use super::super::finding::{Finding, Findings};
use super::super::manifest::{Class, Volume};
use super::super::{merge, rules};
use super::Look;
use super::parse::Places;
use crate::backend::explain::Explainer;
use crate::guard::{Asking, Broken, Mode, Rule};

/// Every rule that a Mount of the class would break, by each pod that mounts it.
pub(super) fn look(
    look: &Look<'_>,
    class: &Class,
    explainer: &dyn Explainer,
    places: &Places<'_>,
    findings: &mut Findings,
) {
    let volumes: Vec<_> = look.manifests.volumes.iter().filter(|volume| volume.is_of(class)).collect();
    if volumes.is_empty() {
        findings.extend(broken(look, class, explainer, None).iter().map(|one| found(places, None, one)));
    }
    for volume in volumes {
        let broken = broken(look, class, explainer, Some(volume));
        findings.extend(broken.iter().map(|one| found(places, Some(volume), one)));
    }
}

fn broken(look: &Look<'_>, class: &Class, explainer: &dyn Explainer, volume: Option<&Volume>) -> Vec<Broken> {
    let pod = merge::pod(look, class, volume);
    // What is refused before is said elsewhere.
    let Ok(parameters) = merge::parameters(look, class, volume, &pod) else { return Vec::new() };
    let Ok(servers) = explainer.named_by_author(&parameters) else { return Vec::new() };
    let asking = Asking {
        provider: explainer.name(),
        pod: &pod,
        class: Some(&class.name),
        profile: parameters.profile(),
        servers: &servers,
        shown: None,
    };
    let mut broken = look.check.rooms.guard.broken(&asking);
    broken.retain(|one| is_known(look, class, volume, one.rule));
    broken
}

/// Whether what the rule looks at was said by anybody.
fn is_known(look: &Look<'_>, class: &Class, volume: Option<&Volume>, rule: Rule) -> bool {
    let said = &look.check.pod;
    match rule {
        Rule::DefaultServiceAccount => volume.is_some() || said.service_account.is_some(),
        Rule::Namespaces | Rule::ProfileNamespaces => {
            let of_volume = volume.is_some_and(|volume| volume.namespace.is_some());
            of_volume || class.namespace.is_some() || said.namespace.is_some()
        }
        Rule::TokenLife | Rule::PodBinding => false,
        // Without the operator's file nobody knows which profile it would have been.
        Rule::Profile => !look.check.rooms.profiles.is_empty(),
        Rule::Addresses => true,
    }
}

fn found(places: &Places<'_>, volume: Option<&Volume>, broken: &Broken) -> Finding {
    let rule = match broken.mode {
        Mode::Enforce => rules::GUARD_REFUSES,
        Mode::Warn => rules::GUARD_WARNS,
    };
    let (text, hint) = broken.error.parts();
    let of_pod =
        matches!(broken.rule, Rule::DefaultServiceAccount | Rule::Namespaces | Rule::ProfileNamespaces);
    let finding = match volume.filter(|_| of_pod) {
        Some(volume) if broken.rule == Rule::DefaultServiceAccount => {
            volume.subject.at(volume.account.at, rule, text)
        }
        Some(volume) => volume.subject.at(volume.at, rule, text),
        None => places.class.subject.at(places.class.parameters_at, rule, text),
    };
    match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}
