//! AWS's refusals in our words: its code, what kind that is, what it says (never
//! what we sent), and what to change.

mod rows;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::error::Error as _;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use secrecy::{ExposeSecret, SecretString};

pub(super) use self::rows::is_limit;
use self::rows::rows;
use super::NAME;
use super::wire::NoReply;
use crate::error::{Error, Kind, Stage};
use crate::net::{Cause, Failure, redact};

/// What was being done, for the text and for the hints' blanks.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) stage: Stage,
    pub(super) service: Service,
    /// The API's action, `GetSecretValue`.
    pub(super) action: &'static str,
    pub(super) region: &'a str,
    /// What it was done to: a name, an ARN, a path; empty in a login.
    pub(super) id: &'a str,
    /// The ARN that a policy would name.
    pub(super) resource: String,
    /// Who asked: a role's ARN.
    pub(super) role: &'a str,
    /// `NAMESPACE:SERVICEACCOUNT` and the audience of the pod's token; empty outside a login.
    pub(super) subject: [&'a str; 2],
    /// What was sent and must not come back.
    pub(super) sent: Vec<&'a SecretString>,
}

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Service {
    SecretsManager,
    Ssm,
    Sts,
    /// The Pod Identity agent of the node.
    Agent,
}

/// What a service said.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) status: u16,
    /// `AccessDeniedException`; empty if it gave none.
    pub(super) code: String,
    pub(super) text: String,
    pub(super) request: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

/// A refusal, or no reply.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// It may be an outage behind the service that only looks like a refusal.
    pub(super) ambiguous: bool,
    /// The code, to be looked at.
    pub(super) code: String,
}

impl Borrow<Error> for Refusal {
    fn borrow(&self) -> &Error {
        &self.error
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

// === impl Service ===

impl Service {
    /// The prefix of its actions in policies.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
            Self::Agent => "eks-auth",
        }
    }
}

// === impl At ===

impl At<'_> {
    /// What came of a call that gave no answer.
    pub(super) fn refusal<E>(&self, error: &SdkError<E, HttpResponse>) -> Refusal
    where
        E: ProvideErrorMetadata,
    {
        match error {
            SdkError::ServiceError(error) => self.refused(&said(error.err(), error.raw())),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error().and_then(failure_of) {
                Some(failure) => self.failed(failure).into(),
                None => self.odd("the request could not be sent").kind_as(Kind::Internal).into(),
            },
            SdkError::ConstructionFailure(_) => {
                let text = "the SDK takes this request for a wrong one: check names, ARNs and the region";
                self.odd(text).kind_as(Kind::Invalid).into()
            }
            SdkError::ResponseError(error) => {
                let error =
                    self.odd("the answer is not from AWS's API").with("http", error.raw().status().as_u16());
                error.into()
            }
            _ => self.odd("no answer").into(),
        }
    }

    /// No reply.
    pub(super) fn failed(&self, failure: Failure) -> Error {
        let hint = match (failure.cause(), self.service) {
            (Cause::Connect | Cause::Timeout, Service::Agent) => Some(
                "is the EKS Pod Identity Agent installed, and does it run on this node? preferredAddressType says ipv4 or ipv6",
            ),
            (Cause::Connect | Cause::Timeout, _) => {
                Some("check region, and the way there: a VPC endpoint, a NAT gateway or --aws-proxy-addr")
            }
            (Cause::Tls, _) => Some("trust the endpoint's CA with --aws-ca-cert"),
            (Cause::TooLarge, _) => Some("read a smaller secret, or raise --max-response-bytes"),
            _ => None,
        };
        let error = self.with_place(failure.at(self.stage));
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// A service's refusal.
    pub(super) fn refused(&self, said: &Said) -> Refusal {
        let row = rows().find(|row| row.fits(self.service, &said.code, &said.text));
        let kind = row.map_or_else(|| kind_of(said.status), |row| row.kind);
        let mut error = self.with_place(Error::new(kind, self.stage, self.text(said)));
        error = error.with("http", said.status);
        for (key, value) in
            [("code", said.code.as_str()), ("request", said.request.as_deref().unwrap_or_default())]
        {
            if !value.is_empty() {
                error = error.with(key, self.clean(value));
            }
        }
        if let Some(hint) = row.map(|row| row.hint).filter(|hint| !hint.is_empty()) {
            error = error.hint(self.fill(hint));
        }
        let ambiguous = row.is_some_and(|row| row.ambiguous);
        // Only a service that names its reason has decided anything: a proxy's page has not.
        let error = error.retry_after(said.retry_after).verdict(!said.code.is_empty());
        Refusal { error, ambiguous, code: said.code.clone() }
    }

    /// An answer that cannot be.
    pub(super) fn odd(&self, text: &str) -> Error {
        self.with_place(Error::new(Kind::Unavailable, self.stage, text))
    }

    fn with_place(&self, error: Error) -> Error {
        let mut error = error.with("backend", NAME).with("action", self.named());
        for (key, value) in [("region", self.region), ("id", self.id)] {
            if !value.is_empty() {
                error = error.with(key, value);
            }
        }
        match self.stage == Stage::Login && !self.role.is_empty() {
            true => error.with("role", self.role),
            false => error,
        }
    }

    fn named(&self) -> String {
        format!("{}:{}", self.service.prefix(), self.action)
    }

    fn text(&self, said: &Said) -> String {
        match said.text.trim() {
            "" => "the service gives no reason".to_owned(),
            text => self.clean(text),
        }
    }

    /// The service's words without what we sent.
    fn clean(&self, said: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "what was sent is looked for, to take it out")]
        let sent: Vec<_> = self.sent.iter().map(|sent| sent.expose_secret()).collect();
        redact(said, &sent)
    }

    /// Fills a hint's blanks.
    fn fill(&self, hint: &str) -> String {
        let [subject, audience] = self.subject;
        let role = if self.role.is_empty() { "the pod's role" } else { self.role };
        let blanks = [
            ("{action}", self.named()),
            ("{arn}", self.resource.clone()),
            ("{role}", role.to_owned()),
            ("{region}", self.region.to_owned()),
            ("{subject}", subject.to_owned()),
            ("{aud}", audience.to_owned()),
        ];
        blanks.into_iter().fold(hint.to_owned(), |text, (blank, value)| text.replace(blank, &value))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, ambiguous: false, code: String::new() }
    }
}

/// What a service's error says.
fn said(error: &impl ProvideErrorMetadata, raw: &HttpResponse) -> Said {
    let header = |name: &str| raw.headers().get(name).map(str::to_owned);
    Said {
        status: raw.status().as_u16(),
        code: error.code().unwrap_or_default().to_owned(),
        text: error.message().unwrap_or_default().to_owned(),
        request: header("x-amzn-requestid")
            .or_else(|| error.meta().extra("aws_request_id").map(str::to_owned)),
        retry_after: header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs),
    }
}

/// Our own failure inside the SDK's.
fn failure_of(error: &aws_smithy_runtime_api::client::result::ConnectorError) -> Option<Failure> {
    let mut link = error.source();
    while let Some(part) = link {
        if let Some(NoReply(failure)) = part.downcast_ref::<NoReply>() {
            return Some(failure.clone());
        }
        link = part.source();
    }
    None
}

/// What a status means that no row knows.
const fn kind_of(status: u16) -> Kind {
    match status {
        401 | 403 => Kind::Denied,
        404 => Kind::NotFound,
        429 => Kind::Throttled,
        300..=399 | 500.. => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}
