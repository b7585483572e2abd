//! Who is asked for what: each region's secrets together, its parameters
//! together, and another region for what one could not answer.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::arn;
use super::clients::Caller;
use super::credential::Credential;
use super::error::{At, Service};
use super::params::{Asked, Place};
use super::{Aws, NAME, RETRY, RETRY_BEFORE_FAILOVER, Read, keyfile};
use crate::error::{Error, Kind, Stage};
use crate::lease::{Life, Reading};
use crate::net::Retry;
use crate::time::Deadline;

/// Requests of one mount at a time, of each service.
pub(super) const TOGETHER: usize = 8;

/// Answers by the place of their request in the list.
pub(super) type Answers = BTreeMap<usize, Result<Reading, Error>>;

/// A request and its place in the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    pub(super) number: usize,
    pub(super) asked: Asked,
    pub(super) place: &'a Place,
}

/// How patiently a region is asked.
#[derive(Clone)]
pub(super) struct Effort {
    retry: Retry,
    patience: Duration,
    pub(super) by: Deadline,
}

/// Who asks one region for some of it.
#[derive(Clone)]
pub(super) struct Errand<'a> {
    pub(super) credential: &'a Credential,
    pub(super) region: &'a str,
    pub(super) effort: &'a Effort,
}

// === impl Aws ===

impl Aws {
    /// One answer for each of `due`, in order.
    pub(super) async fn read_all(
        &self,
        credential: &Credential,
        due: &[Read],
        by: Deadline,
    ) -> Vec<Result<Reading, Error>> {
        let all = due.iter().enumerate().map(|(number, read)| {
            let asking = Asking { number, asked: read.asked, place: &read.primary };
            (asking, read.failover.as_ref())
        });
        let (twice, once): (Vec<_>, Vec<_>) = all.partition(|(_, failover)| failover.is_some());
        let once = once.into_iter().map(|(asking, _)| asking).collect();
        let patient = Effort::patient(by);
        let (mut answers, others) =
            tokio::join!(self.round(credential, once, &patient), self.in_two(credential, twice, &patient));
        answers.extend(others);
        self.in_order(due.len(), answers)
    }

    /// Asks each first place, and the second where the first could not be asked. A region that
    /// has answered no has answered: its neighbour must not be asked around a denial.
    async fn in_two(
        &self,
        credential: &Credential,
        list: Vec<(Asking<'_>, Option<&Place>)>,
        patient: &Effort,
    ) -> Answers {
        let quick = Effort::quick(patient.by);
        let first = list.iter().map(|(asking, _)| *asking).collect();
        let mut answers = self.round(credential, first, &quick).await;
        let open = list.into_iter().filter_map(|(asking, failover)| {
            let failed = answers.get(&asking.number)?.as_ref().err()?.kind();
            let could_not = failed.is_transient() || failed == Kind::Deadline;
            failover.filter(|_| could_not).map(|place| Asking { place, ..asking })
        });
        let open: Vec<_> = open.collect();
        for (number, second) in self.round(credential, open, patient).await {
            let first = answers.remove(&number);
            let answer = match (second, first) {
                (Err(error), Some(Err(first))) => Err(error.with("before", first)),
                (answer, _) => answer,
            };
            answers.insert(number, answer);
        }
        answers
    }

    /// Asks every region's services at the same time.
    async fn round(&self, credential: &Credential, list: Vec<Asking<'_>>, effort: &Effort) -> Answers {
        let mut groups = BTreeMap::<(&str, u8), Vec<Asking<'_>>>::new();
        for asking in list {
            let group = match asking.asked {
                Asked::Secret => 0,
                Asked::Parameter => 1,
                Asked::Tree { .. } => 2,
                Asked::Credentials => 3,
            };
            groups.entry((asking.place.region.as_str(), group)).or_default().push(asking);
        }
        let work = groups.into_iter().map(|((region, group), list)| {
            let errand = Errand { credential, region, effort };
            let work: BoxFuture<'_, Answers> = match group {
                0 => self.secrets(errand, list).boxed(),
                1 => self.parameters(errand, list).boxed(),
                2 => self.trees(errand, list).boxed(),
                _ => std::future::ready(minted(credential, &list)).boxed(),
            };
            work
        });
        join_all(work).await.into_iter().flatten().collect()
    }

    /// The answers in order, as long as they fit into a volume together.
    fn in_order(&self, count: usize, mut answers: Answers) -> Vec<Result<Reading, Error>> {
        let most = self.operator.config.max_response_bytes;
        let mut kept = 0;
        let each = (0..count).map(|number| {
            let answer = answers.remove(&number).unwrap_or_else(|| Err(unanswered()));
            kept += answer.as_ref().map_or(0, Reading::size);
            if kept > most { Err(too_much(most)) } else { answer }
        });
        each.collect()
    }
}

/// The session's own credentials, which end when they end.
fn minted(credential: &Credential, list: &[Asking<'_>]) -> Answers {
    let each = list.iter().map(|asking| {
        let life = Life::Until { ttl: credential.left(), minted: true };
        (asking.number, Ok(Reading::new(keyfile::process(&credential.keys), life)))
    });
    each.collect()
}

// === impl Effort ===

impl Effort {
    fn patient(by: Deadline) -> Self {
        Self { retry: RETRY, patience: Duration::from_secs(15), by }
    }

    /// Where another region can be asked, half of the time is left for it.
    fn quick(by: Deadline) -> Self {
        let by = by.at_most(by.left() / 2);
        Self { retry: RETRY_BEFORE_FAILOVER, patience: Duration::from_secs(4), by }
    }

    pub(super) fn retry(&self) -> Retry {
        self.retry.clone()
    }
}

// === impl Errand ===

impl<'a> Errand<'a> {
    pub(super) fn caller(&self) -> Caller<'a> {
        Caller {
            keys: Some(&self.credential.keys),
            region: self.region,
            operation: "read",
            by: self.effort.by,
            patience: self.effort.patience,
        }
    }

    /// What is said of a request of this errand.
    pub(super) fn at(&self, service: Service, action: &'static str, id: &'a str) -> At<'a> {
        At {
            stage: Stage::Read,
            service,
            action,
            region: self.region,
            id,
            resource: self.resource(service, id),
            role: &self.credential.role,
            subject: ["", ""],
            sent: Vec::new(),
        }
    }

    /// The ARN that a policy names; a secret's ends in six letters of its own.
    fn resource(&self, service: Service, id: &str) -> String {
        let account = match self.credential.account.as_str() {
            "" => "*",
            account => account,
        };
        match service {
            Service::SecretsManager => arn::secret(self.region, account, id),
            _ => arn::parameter(self.region, account, id),
        }
    }
}

/// A static answer, to be shared if the session's authority allows it.
pub(super) fn reading(bytes: secrecy::SecretSlice<u8>) -> Reading {
    Reading::of(bytes).sharing(true)
}

fn unanswered() -> Error {
    Error::new(Kind::Internal, Stage::Read, "a request was not made").with("backend", NAME)
}

fn too_much(most: usize) -> Error {
    Error::new(Kind::Precondition, Stage::Read, format!("the class's answers are more than {most} bytes together"))
        .with("backend", NAME)
        .hint("split the class, or raise the driver's --max-call-recv-msg-size and keymount's --max-response-bytes together")
}
