//! Parameter Store: in tens by name, page by page by path.

use aws_sdk_ssm::operation::get_parameters::GetParametersOutput;
use aws_sdk_ssm::types::Parameter;
use futures_util::{StreamExt, stream};
use secrecy::SecretSlice;
use zeroize::Zeroizing;

use super::error::{At, Refusal, Said, Service};
use super::params::{Asked, Place};
use super::read::{Answers, Asking, Errand, TOGETHER, reading};
use super::{Aws, Error};
use crate::error::Kind;
use crate::lease::Reading;

/// As many as `GetParameters` and a page of `GetParametersByPath` take.
const TEN: usize = 10;
/// The most pages of one path.
const PAGES: usize = 100;

/// Parameters below a path: what is left of their names, and their values.
pub(super) type Leaves = Vec<(String, String)>;

// === impl Aws ===

impl Aws {
    /// One answer for each of `list`, all of the errand's region.
    pub(super) async fn parameters(&self, errand: Errand<'_>, list: Vec<Asking<'_>>) -> Answers {
        let tens = tens(list).into_iter().map(|ten| self.ten(&errand, ten));
        let (mut answers, mut singly) = (Answers::new(), Vec::new());
        let mut done = stream::iter(tens.collect::<Vec<_>>()).buffered(TOGETHER);
        while let Some((found, open)) = done.next().await {
            answers.extend(found);
            singly.extend(open);
        }
        let each = singly.into_iter().map(|asking| self.ten(&errand, vec![asking]));
        let singles: Vec<_> = stream::iter(each.collect::<Vec<_>>()).buffered(TOGETHER).collect().await;
        answers.extend(singles.into_iter().flat_map(|(found, _)| found));
        answers
    }

    /// What a request for up to ten gives, and what must be asked for by itself: one that is
    /// denied denies all ten, and each failing object is to be named.
    async fn ten<'a>(&self, errand: &Errand<'_>, ten: Vec<Asking<'a>>) -> (Answers, Vec<Asking<'a>>) {
        let names: Vec<_> = ten.iter().map(|asking| asking.place.selected()).collect();
        let at = |place: &'a Place| errand_at(errand, "GetParameters", place);
        let Some(first) = ten.first().map(|asking| at(asking.place)) else { return (Answers::new(), ten) };
        let answer = errand.effort.retry().run(errand.effort.by, |_| async {
            let call = self.ssm(errand.caller()).get_parameters().with_decryption(true);
            call.set_names(Some(names.clone())).send().await.map_err(|error| first.refusal(&error))
        });
        match answer.await {
            Ok(answer) => sorted(errand, ten, answer),
            Err(refusal) if ten.len() > 1 && is_of_one(&refusal) => (Answers::new(), ten),
            Err(refusal) => {
                let error = |asking: &Asking<'_>| match ten.len() {
                    1 => refusal.error.clone(),
                    _ => refusal.error.clone().with("id", &asking.place.id),
                };
                (ten.iter().map(|asking| (asking.number, Err(error(asking)))).collect(), Vec::new())
            }
        }
    }

    /// The parameters below each path.
    pub(super) async fn trees(&self, errand: Errand<'_>, list: Vec<Asking<'_>>) -> Answers {
        let each = list.into_iter().map(|asking| self.tree(&errand, asking));
        stream::iter(each.collect::<Vec<_>>()).buffered(TOGETHER).collect().await
    }

    async fn tree(&self, errand: &Errand<'_>, asking: Asking<'_>) -> (usize, Result<Reading, Error>) {
        let at = errand_at(errand, "GetParametersByPath", asking.place);
        let recursive = asking.asked == Asked::Tree { recursive: true };
        (asking.number, self.leaves(errand, asking.place, recursive, &at).await)
    }

    async fn leaves(
        &self,
        errand: &Errand<'_>,
        place: &Place,
        recursive: bool,
        at: &At<'_>,
    ) -> Result<Reading, Error> {
        let (mut leaves, mut page, mut size) = (Leaves::new(), None::<String>, 0);
        let (path, most) = (place.id.trim_end_matches('/'), self.operator.config.max_response_bytes);
        let path = if path.is_empty() { "/" } else { path };
        for _ in 0..PAGES {
            let answer = errand.effort.retry().run(errand.effort.by, |_| async {
                let call = self.ssm(errand.caller()).get_parameters_by_path().path(path).recursive(recursive);
                let call = call.with_decryption(true).max_results(10).set_next_token(page.clone());
                call.send().await.map_err(|error| at.refusal(&error))
            });
            let answer = answer.await.map_err(Error::from)?;
            for parameter in answer.parameters.unwrap_or_default() {
                size += parameter.value().map_or(0, str::len);
                leaves.extend(leaf(parameter, path));
            }
            if size > most {
                return Err(at
                    .odd("the parameters below the path are too large")
                    .kind_as(Kind::Precondition));
            }
            page = answer.next_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return packed(&mut leaves, at);
            }
        }
        let text = format!("more than {} parameters are below the path", PAGES * TEN);
        Err(at.odd(&text).kind_as(Kind::Precondition))
    }
}

/// What is said of a request for one place.
fn errand_at<'a>(errand: &Errand<'a>, action: &'static str, place: &'a Place) -> At<'a> {
    errand.at(Service::Ssm, action, &place.id)
}

/// Tens in which no name stands twice: Parameter Store refuses that, whatever the selectors are.
fn tens(list: Vec<Asking<'_>>) -> Vec<Vec<Asking<'_>>> {
    let mut tens: Vec<Vec<Asking<'_>>> = Vec::new();
    for asking in list {
        let fits = |ten: &&mut Vec<Asking<'_>>| {
            ten.len() < TEN && ten.iter().all(|other| other.place.id != asking.place.id)
        };
        match tens.iter_mut().find(fits) {
            Some(ten) => ten.push(asking),
            None => tens.push(vec![asking]),
        }
    }
    tens
}

/// Whether a refusal may be of one of ten.
fn is_of_one(refusal: &Refusal) -> bool {
    let kind = refusal.error.kind();
    !kind.is_transient() && !matches!(kind, Kind::Deadline | Kind::Unauthenticated)
}

/// Each answer to whom it belongs.
fn sorted<'a>(
    errand: &Errand<'_>,
    ten: Vec<Asking<'a>>,
    answer: GetParametersOutput,
) -> (Answers, Vec<Asking<'a>>) {
    let invalid = answer.invalid_parameters.unwrap_or_default();
    let mut values = answer.parameters.unwrap_or_default();
    let (mut answers, mut open, alone) = (Answers::new(), Vec::new(), ten.len() == 1);
    for asking in ten {
        let selected = asking.place.selected();
        let at = errand_at(errand, "GetParameters", asking.place);
        let found = values.iter_mut().find(|value| value.value.is_some() && is_of(value, asking.place));
        let value = found.and_then(|value| value.value.take());
        let mut only = || values.first_mut().filter(|_| alone).and_then(|value| value.value.take());
        if let Some(value) = value {
            answers.insert(asking.number, Ok(reading(wiped(value))));
        } else if invalid.contains(&selected) || invalid.contains(&asking.place.id) {
            answers.insert(asking.number, Err(absent(&at, &selected)));
        } else if let Some(value) = only() {
            // One was asked for and one came: a parameter of another account has another name there.
            answers.insert(asking.number, Ok(reading(wiped(value))));
        } else if alone {
            answers.insert(asking.number, Err(at.odd("the answer says nothing of this parameter")));
        } else {
            open.push(asking);
        }
    }
    (answers, open)
}

/// Whether an answer is this place's, by name or ARN and selector.
fn is_of(value: &Parameter, place: &Place) -> bool {
    let named = [value.name(), value.arn()].into_iter().flatten().any(|name| name == place.id);
    let selector = value.selector().unwrap_or_default().trim_start_matches(':');
    named && selector == place.version.as_deref().or(place.label.as_deref()).unwrap_or_default()
}

/// What Parameter Store puts on a list instead of saying it.
fn absent(at: &At<'_>, selected: &str) -> Error {
    let (code, text) = ("ParameterNotFound".to_owned(), format!("invalid parameters: {selected}"));
    at.refused(&Said { status: 200, code, text, ..Said::default() }).error
}

/// What is left of a parameter's name below a path, and its value.
fn leaf(parameter: Parameter, path: &str) -> Option<(String, String)> {
    let (name, value) = (parameter.name?, parameter.value?);
    let rest = name.strip_prefix(path).unwrap_or(&name).trim_start_matches('/').to_owned();
    Some((rest, value))
}

fn packed(leaves: &mut Leaves, at: &At<'_>) -> Result<Reading, Error> {
    if leaves.is_empty() {
        let text = format!("there is no parameter below {}", at.id);
        return Err(absent(at, at.id).kind_as(Kind::NotFound).with("note", text));
    }
    // No promise is made of their order, and an unchanged tree must be the same bytes.
    leaves.sort();
    let bytes = serde_json::to_vec(&leaves).map(Zeroizing::new);
    for (_, value) in leaves.drain(..) {
        drop(Zeroizing::new(value));
    }
    let bytes = bytes.map_err(|_| at.odd("the parameters cannot be kept").kind_as(Kind::Internal))?;
    Ok(reading(SecretSlice::from(Box::<[u8]>::from(bytes.as_slice()))))
}

fn wiped(text: String) -> SecretSlice<u8> {
    let text = Zeroizing::new(text);
    SecretSlice::from(Box::<[u8]>::from(text.as_bytes()))
}
