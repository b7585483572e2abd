//! Secrets Manager: in batches of twenty where the role may, else one by one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::types::{ApiErrorType, SecretValueEntry};
use aws_smithy_types::Blob;
use futures_util::{StreamExt, stream};
use secrecy::SecretSlice;
use zeroize::Zeroizing;

use super::credential::Authority;
use super::error::{Refusal, Said, Service};
use super::params::Place;
use super::read::{Answers, Asking, Errand, TOGETHER, reading};
use super::{Aws, Error};
use crate::error::Kind;
use crate::lease::Reading;
use crate::time::Stopwatch;

/// As many as `BatchGetSecretValue` takes.
const BATCH: usize = 20;
/// A role that may not read in batches is not tried again for so long: its policy may change.
const UNBATCHED_FOR: Duration = Duration::from_secs(3600);
/// The most roles that are remembered.
const UNBATCHED_MOST: usize = 1024;
/// What AWS adds to a secret's name in its ARN: `-AbCdEf`.
const SUFFIX: usize = 7;

/// Roles that may not read in batches, by region.
#[derive(Default)]
pub(super) struct Unbatched(Mutex<BTreeMap<String, Vec<(Authority, Stopwatch)>>>);

// === impl Unbatched ===

impl Unbatched {
    fn has(&self, region: &str, authority: &Authority) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = known.get(region).into_iter().flatten();
        entries.any(|(its, since)| its == authority && since.elapsed() < UNBATCHED_FOR)
    }

    fn add(&self, region: &str, authority: &Authority) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for entries in known.values_mut() {
            entries.retain(|(_, since)| since.elapsed() < UNBATCHED_FOR);
        }
        known.retain(|_, entries| !entries.is_empty());
        if known.values().map(Vec::len).sum::<usize>() < UNBATCHED_MOST {
            known.entry(region.to_owned()).or_default().push((authority.clone(), Stopwatch::start()));
        }
    }
}

// === impl Aws ===

impl Aws {
    /// One answer for each of `list`, all of the errand's region.
    pub(super) async fn secrets(&self, errand: Errand<'_>, list: Vec<Asking<'_>>) -> Answers {
        let authority = errand.credential.powers();
        let may = self.operator.config.batch && !self.unbatched.has(errand.region, authority);
        let (current, mut singly): (Vec<_>, Vec<_>) =
            list.into_iter().partition(|asking| may && asking.place.is_current());
        let mut answers = Answers::new();
        let batches: Vec<Vec<Asking<'_>>> = current.chunks(BATCH).map(<[_]>::to_vec).collect();
        let asking = batches.into_iter().map(|batch| self.batch(&errand, batch));
        let mut done = stream::iter(asking.collect::<Vec<_>>()).buffered(TOGETHER);
        while let Some((found, open)) = done.next().await {
            answers.extend(found);
            singly.extend(open);
        }
        let each = singly.into_iter().map(|asking| self.secret(&errand, asking));
        let singles: Vec<_> = stream::iter(each.collect::<Vec<_>>()).buffered(TOGETHER).collect().await;
        answers.extend(singles);
        answers
    }

    async fn secret(&self, errand: &Errand<'_>, asking: Asking<'_>) -> (usize, Result<Reading, Error>) {
        let (number, place) = (asking.number, asking.place);
        let at = errand.at(Service::SecretsManager, "GetSecretValue", &place.id);
        let answer = errand.effort.retry().run(errand.effort.by, |_| async {
            let call = self.secrets_manager(errand.caller()).get_secret_value().secret_id(&place.id);
            let call = call.set_version_id(place.version.clone()).set_version_stage(place.label.clone());
            call.send().await.map_err(|error| at.refusal(&error))
        });
        let answer = answer.await.map_err(Error::from).and_then(|answer| {
            let bytes = value(answer.secret_string, answer.secret_binary);
            bytes
                .map(reading)
                .ok_or_else(|| at.odd("the secret has neither a text nor bytes").kind_as(Kind::NotFound))
        });
        (number, answer)
    }

    /// What a batch gives, and what must be asked for by itself.
    async fn batch<'a>(&self, errand: &Errand<'_>, batch: Vec<Asking<'a>>) -> (Answers, Vec<Asking<'a>>) {
        if batch.len() < 2 {
            return (Answers::new(), batch);
        }
        let ids: Vec<_> = batch.iter().map(|asking| asking.place.id.clone()).collect();
        let at = errand.at(Service::SecretsManager, "BatchGetSecretValue", "");
        let answer = errand.effort.retry().run(errand.effort.by, |_| async {
            let call = self.secrets_manager(errand.caller()).batch_get_secret_value();
            let call = call.set_secret_id_list(Some(ids.clone()));
            call.send().await.map_err(|error| at.refusal(&error))
        });
        match answer.await {
            Ok(answer) => {
                let (values, errors) = (answer.secret_values, answer.errors);
                sorted(errand, batch, values.unwrap_or_default(), &errors.unwrap_or_default())
            }
            Err(refusal) => self.unanswered(errand, batch, &refusal),
        }
    }

    /// A batch that was refused is asked for one by one; one that nobody answered is not.
    fn unanswered<'a>(
        &self,
        errand: &Errand<'_>,
        batch: Vec<Asking<'a>>,
        refusal: &Refusal,
    ) -> (Answers, Vec<Asking<'a>>) {
        let kind = refusal.error.kind();
        if kind.is_transient() || kind == Kind::Deadline || kind == Kind::Unauthenticated {
            let same = |asking: &Asking<'_>| {
                (asking.number, Err(refusal.error.clone().with("id", &asking.place.id)))
            };
            return (batch.iter().map(same).collect(), Vec::new());
        }
        // Too large an answer is this batch's fault, not the role's.
        if refusal.error.is_verdict() {
            let (region, role) = (errand.region, &errand.credential.role);
            tracing::debug!(
                region,
                role,
                code = refusal.code,
                "reads one by one: BatchGetSecretValue is refused"
            );
            self.unbatched.add(region, errand.credential.powers());
        }
        (Answers::new(), batch)
    }
}

/// Each answer of a batch to whom it belongs; what is in none of its lists is left open.
fn sorted<'a>(
    errand: &Errand<'_>,
    batch: Vec<Asking<'a>>,
    mut values: Vec<SecretValueEntry>,
    errors: &[ApiErrorType],
) -> (Answers, Vec<Asking<'a>>) {
    let (mut answers, mut open) = (Answers::new(), Vec::new());
    for asking in batch {
        // A secret that is asked for by name and by ARN stands there twice.
        let has = |entry: &SecretValueEntry| entry.secret_string.is_some() || entry.secret_binary.is_some();
        let found = values.iter_mut().find(|entry| has(entry) && is_of(entry, asking.place));
        let bytes = found.and_then(|entry| value(entry.secret_string.take(), entry.secret_binary.take()));
        let refused = errors.iter().find(|error| error.secret_id() == Some(&asking.place.id));
        match (bytes, refused) {
            (Some(bytes), _) => {
                answers.insert(asking.number, Ok(reading(bytes)));
            }
            (None, Some(error)) => {
                let error = member(errand, asking.place, error);
                // What is transient for one member is tried again by itself.
                match error.kind().is_transient() {
                    true => open.push(asking),
                    false => drop(answers.insert(asking.number, Err(error))),
                }
            }
            (None, None) => open.push(asking),
        }
    }
    (answers, open)
}

/// Why a batch has no value for one of its members: the same as `GetSecretValue` would say.
fn member(errand: &Errand<'_>, place: &Place, error: &ApiErrorType) -> Error {
    let at = errand.at(Service::SecretsManager, "GetSecretValue", &place.id);
    let code = error.error_code().unwrap_or_default();
    let said = Said {
        status: 400,
        // Batches write `ResourceNotFound` or `ResourceNotFoundException`.
        code: code.to_owned(),
        text: error.message().unwrap_or_default().to_owned(),
        ..Said::default()
    };
    at.refused(&said).error
}

/// Whether a batch's entry is the secret of this name or ARN; the ARN may lack its last six letters.
fn is_of(entry: &SecretValueEntry, place: &Place) -> bool {
    let partly = |arn: &str| {
        let rest = arn.strip_prefix(place.id.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.len() == SUFFIX && rest.starts_with('-'))
    };
    entry.name() == Some(&place.id) || entry.arn().is_some_and(partly)
}

/// A secret's bytes, out of what the SDK leaves unwiped.
fn value(text: Option<String>, bytes: Option<Blob>) -> Option<SecretSlice<u8>> {
    let bytes = text.map(String::into_bytes).or_else(|| bytes.map(Blob::into_inner))?;
    let bytes = Zeroizing::new(bytes);
    Some(SecretSlice::from(Box::<[u8]>::from(bytes.as_slice())))
}
