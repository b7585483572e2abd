//! One class: its words, what the provider says to it, what is seldom meant.

use std::collections::BTreeMap;

use secrecy::SecretSlice;

use super::super::finding::{Finding, Findings};
use super::super::manifest::{Class, Parameter};
use super::super::near::{near, renamed};
use super::super::{merge, rules};
use super::parse::Places;
use super::{Look, Objects};
use crate::backend::Parameters;
use crate::backend::explain::{Explainer, Explanation, Vocabulary};
use crate::backend::objects::Span;
use crate::error::Errors;
use crate::files::project;
use crate::secret::{ObjectId, Secret};

/// The driver's rule for a provider's name, which is also its socket's.
const NAME: usize = 30;
/// Providers that there are, of this project and of others: which of them this build has, its explainers say.
const KNOWN: [&str; 11] =
    ["vault", "openbao", "local", "aws", "gcp", "azure", "akeyless", "conjur", "oci", "gke", "alibabacloud"];
/// What the driver gives files whose object has no mode.
const MODE: u32 = 0o644;

/// Looks at a class; what it does, if the provider takes it.
pub(super) fn look(
    look: &Look<'_>,
    class: &Class,
    explainer: Option<&dyn Explainer>,
    findings: &mut Findings,
) -> Option<Explanation> {
    findings.extend(class.parameters.iter().filter_map(|parameter| not_text(class, parameter)));
    findings.extend(class.parameters.iter().filter_map(|parameter| template(class, parameter)));
    let Some(explainer) = explainer else {
        findings.extend(provider(class));
        return None;
    };
    let objects = Objects::of(class);
    let vocabulary = explainer.vocabulary();
    findings.extend(unknown(class, &vocabulary));
    findings.extend(fields(class, &objects, &vocabulary));
    findings.extend(intervals(look, class, &objects));
    let places = Places { class, objects: &objects, vocabulary: &vocabulary };
    let parameters = match merge::parameters(&look.check.rooms, class, None) {
        Ok(parameters) => parameters,
        Err(errors) => {
            findings.extend(places.refused(&class.subject, &errors));
            return None;
        }
    };
    for advice in explainer.advise(&parameters) {
        let at =
            advice.object.map_or_else(|| places.parameter(advice.key), |at| objects.spot(at, advice.key));
        findings.push(class.subject.at(at, advice.rule, advice.text).hint(advice.hint));
    }
    match explainer.explain(&parameters).and_then(|told| files(look, &told).map(|()| told)) {
        Ok(told) => {
            findings.extend(unproven(look, class, &told, places.parameter("vaultAuthMethod")));
            overridden(look, class, explainer, &parameters, &places, findings);
            Some(told)
        }
        Err(errors) => {
            findings.extend(places.refused(&class.subject, &errors));
            None
        }
    }
}

/// The files' rules, by what the driver is given at a Mount.
pub(super) fn files(look: &Look<'_>, told: &Explanation) -> Result<(), Errors> {
    let empty = |file: &crate::backend::explain::Wanted| Secret {
        object: ObjectId::new(file.object.clone()),
        path: file.object.clone(),
        mode: file.mode,
        bytes: SecretSlice::from(Vec::new()),
    };
    // What only the answer names has no name to look at.
    let secrets: Vec<_> = told.files.iter().filter(|file| !file.is_many).map(empty).collect();
    if secrets.is_empty() && !told.files.is_empty() {
        return Ok(());
    }
    project(secrets, MODE, look.check.rooms.server.max_response).map(|_| ())
}

/// Parameters that a pod's attributes change into something that is refused.
fn overridden(
    look: &Look<'_>,
    class: &Class,
    explainer: &dyn Explainer,
    own: &Parameters,
    places: &Places<'_>,
    findings: &mut Findings,
) {
    // By reference to the manifests, whose volumes outlive this look.
    let volumes = look.manifests.volumes.iter().filter(|volume| {
        volume.class.as_ref().is_some_and(|(name, _)| *name == class.name)
            && super::meet(volume.namespace.as_ref(), class.namespace.as_ref())
    });
    for volume in volumes.filter(|volume| !volume.attributes.is_empty()) {
        let merged = match merge::parameters(&look.check.rooms, class, Some(volume)) {
            Ok(merged) if merged == *own => continue,
            merged => merged,
        };
        let result = merged.and_then(|merged| explainer.explain(&merged)).and_then(|told| files(look, &told));
        let Err(errors) = result else { continue };
        let at = volume.attributes.first().map_or(volume.at, |(_, at, _)| *at);
        // It is the pod's manifest that is wrong, whatever the class's line.
        let refused =
            places.refused(&volume.subject, &errors).into_iter().map(|finding| Finding { at, ..finding });
        findings.extend(refused);
    }
}

/// Two classes of one name.
pub(super) fn look_together(classes: &[Class], findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for class in classes.iter().filter(|class| !class.name.is_empty()) {
        if let Some(first) = seen.insert((&class.namespace, &class.name), class) {
            let text = format!("the class stands in {}:{} too", first.subject.file, first.at.line);
            findings.push(
                class
                    .subject
                    .at(class.at, rules::CLASS_TWICE, text)
                    .hint("keep one of them, or give them different names"),
            );
        }
    }
}

/// A provider that is not ours.
fn provider(class: &Class) -> Option<Finding> {
    let name = class.provider.as_str();
    let found = |rule, text: String| Some(class.subject.at(class.provider_at, rule, text));
    let of_driver = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if name.is_empty() {
        return None;
    } else if name.len() > NAME || !name.chars().all(of_driver) {
        return found(rules::PROVIDER_NAME, format!("invalid provider: provider {name:?}")).map(|finding| {
            finding.hint("letters, digits, - and _, at most 30 of them; it names the socket, NAME.sock")
        });
    }
    if !KNOWN.contains(&name)
        && let Some(meant) = near(name, KNOWN)
    {
        return found(rules::PROVIDER_UNKNOWN, format!("the driver would look for {name}.sock"))
            .map(|finding| finding.hint(format!("did you mean {meant}?")));
    }
    found(
        rules::PROVIDER_ELSEWHERE,
        format!("this build does not serve {name}: its parameters are not looked at"),
    )
}

fn not_text(class: &Class, parameter: &Parameter) -> Option<Finding> {
    let kind = parameter.node.odd_type().filter(|kind| *kind != "nothing")?;
    let hint = match (parameter.key.as_str(), kind) {
        ("objects", "a list") => "write it as a text: `objects: |` and the list below, further in".to_owned(),
        (_, "a list" | "a map") => "write it as a text".to_owned(),
        _ => format!("put it into quotes: {}: \"{}\"", parameter.key, parameter.value),
    };
    let text =
        format!("{} is {kind}, and parameters are texts: the API server refuses the class", parameter.key);
    Some(class.subject.at(parameter.at, rules::NOT_TEXT, text).hint(hint))
}

/// What Helm, Kustomize or envsubst should have replaced.
fn template(class: &Class, parameter: &Parameter) -> Option<Finding> {
    let left = ["{{", "${"].into_iter().find(|open| parameter.value.contains(open))?;
    // Arguments of a template engine behind the backend are its own affair.
    let line = parameter.value.lines().position(|line| line.contains(left)).unwrap_or_default();
    let line = u64::try_from(line).unwrap_or_default() + 1;
    let column =
        parameter.value.lines().find_map(|line| line.find(left)).and_then(|at| u64::try_from(at + 1).ok());
    let at = parameter.node.spot_inside(line, column.unwrap_or(1));
    let text = format!("{} has `{left}` in it: nobody replaces it after this", parameter.key);
    Some(class.subject.at(at, rules::TEMPLATE, text).hint("check what your template makes, not the template"))
}

fn unknown(class: &Class, vocabulary: &Vocabulary) -> Vec<Finding> {
    let words = &vocabulary.parameters;
    let is_known = |key: &str| words.iter().any(|word| word == key) || merge::KEYS.contains(&key);
    let unknown = class.parameters.iter().filter(|parameter| !is_known(&parameter.key));
    let finding = |parameter: &Parameter| {
        let key = &parameter.key;
        let text = format!("provider {} does not know {key}, and passes it over", class.provider);
        let finding = class.subject.at(parameter.at, rules::PARAMETER_UNKNOWN, text);
        let meant =
            renamed(key, vocabulary.prefixes, words).or_else(|| near(key, words.iter().map(String::as_str)));
        let field = near(key, vocabulary.fields.iter().copied());
        match (meant, field) {
            (Some(meant), _) => finding.hint(format!("did you mean {meant}?")),
            (None, Some(field)) => {
                finding.hint(format!("{field} is a field of an object: put it into `objects`"))
            }
            _ => finding,
        }
    };
    unknown.map(finding).collect()
}

fn fields(class: &Class, objects: &Objects, vocabulary: &Vocabulary) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in objects.items().iter().flat_map(|item| item.entries()) {
        let key = entry.key.as_str();
        if key == "filePermission" && entry.value.text().is_some_and(is_decimal_slip) {
            let written = entry.value.text().unwrap_or_default();
            let means = written.parse::<u32>().unwrap_or_default();
            let text = format!("filePermission {written} is a decimal number, which is {means:04o} in octal");
            findings.push(
                class.subject.at(entry.at, rules::DECIMAL_MODE, text).hint(format!("write 0{written}")),
            );
        }
        if vocabulary.has_field(key) || key == "<<" {
            continue;
        }
        let text = format!("objects of provider {} have no field {key}: it is passed over", class.provider);
        let finding = class.subject.at(entry.at, rules::FIELD_UNKNOWN, text);
        let meant = near(key, vocabulary.fields.iter().copied());
        findings.push(match meant {
            Some(meant) => finding.hint(format!("did you mean {meant}?")),
            None => finding,
        });
    }
    findings
}

/// Three octal digits without the zero that makes them octal.
fn is_decimal_slip(text: &str) -> bool {
    text.len() == 3 && !text.starts_with('0') && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
}

/// Intervals that the operator's floor lengthens.
fn intervals(look: &Look<'_>, class: &Class, objects: &Objects) -> Vec<Finding> {
    const KEY: &str = "refreshInterval";
    let floor = look.check.rooms.sessions.policy.floor;
    let own = class.parameter(KEY).map(|parameter| (parameter.value.as_str(), parameter.at));
    let items = objects.items().iter().filter_map(|item| item.entry(KEY));
    let items = items.filter_map(|entry| Some((entry.value.text()?, entry.at)));
    let short = own
        .into_iter()
        .chain(items)
        .filter(|(text, _)| Span::new(*text).read().is_ok_and(|span| span < floor));
    let finding = |(text, at)| {
        let floor = humantime::format_duration(floor);
        let text = format!(
            "refreshInterval {text} is less than the operator's --min-refresh-interval: it is {floor}"
        );
        class.subject.at(at, rules::INTERVAL_FLOOR, text).hint(format!("write {floor} or more"))
    };
    short.map(finding).collect()
}

fn unproven(
    look: &Look<'_>,
    class: &Class,
    told: &Explanation,
    at: super::super::yaml::Spot,
) -> Option<Finding> {
    let allowed = look.check.rooms.keys.unproven.contains(&class.provider);
    if !told.is_unproven || allowed {
        return None;
    }
    let text = "this login does not prove which pod asks, and is refused unless the operator allows it";
    let hint = format!("keymount needs --allow-unproven={}; tell this command the same", class.provider);
    Some(class.subject.at(at, rules::UNPROVEN, text).hint(hint))
}
