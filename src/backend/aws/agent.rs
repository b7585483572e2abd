//! The EKS Pod Identity agent: a token for credentials, over plain HTTP on the node.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::{HeaderValue, Method};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;

use super::credential::Given;
use super::error::{At, Refusal, Said, Service};
use super::params::Family;
use super::{Aws, NAME, RETRY};
use crate::error::{Error, Kind, Stage};
use crate::identity::Presented;
use crate::net::{Failure, Request, Target};
use crate::time::Deadline;

const PATH: &str = "/v1/credentials";
/// How long one answer may take: behind the agent, EKS is asked.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest words of an agent that are looked at.
const MAX_WORDS: usize = 2000;

/// The agent's answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: SecretString,
    token: SecretString,
    #[serde(default)]
    account_id: String,
    expiration: String,
}

// === impl Aws ===

impl Aws {
    /// Shows the pod's token to the agent.
    pub(super) async fn by_agent(
        &self,
        proof: &Presented,
        family: Family,
        by: Deadline,
    ) -> Result<Given, Error> {
        let pod = proof.pod();
        let subject = format!("{}:{}", pod.namespace, pod.service_account);
        let at = At {
            stage: Stage::Login,
            service: Service::Agent,
            action: "AssumeRoleForPodIdentity",
            region: "",
            id: "",
            resource: String::new(),
            role: "",
            subject: [&subject, "pods.eks.amazonaws.com"],
            sent: proof.sensitive(),
        };
        let (target, request) =
            (self.agent(family).ok_or_else(|| at.odd("there is no agent"))?, request(proof)?);
        let ask = || async { self.ask_agent(&target, request.clone(), &at, by).await };
        let body = RETRY.run(by, |_| ask()).await?;
        given(&body).ok_or_else(|| at.odd("the agent's answer has no credentials"))
    }

    /// Whether somebody is there, asked without a token: any answer says so.
    pub(super) async fn meet_agent(
        &self,
        family: Family,
        patience: Duration,
        by: Deadline,
    ) -> Result<String, Failure> {
        let Some(target) = self.agent(family) else { return Ok("there is no agent to ask".to_owned()) };
        let mut request = Request::new(Method::GET, PATH);
        request.patience = Some(patience);
        self.wire.send(&target, request, "check", true, by).await?;
        Ok("the EKS Pod Identity agent answers".to_owned())
    }

    async fn ask_agent(
        &self,
        target: &Target,
        request: Request,
        at: &At<'_>,
        by: Deadline,
    ) -> Result<SecretSlice<u8>, Refusal> {
        // The agent is the node's own: no class names it.
        let reply =
            self.wire.send(target, request, "login", true, by).await.map_err(|failure| at.failed(failure))?;
        if (200..300).contains(&reply.status) {
            return Ok(reply.body);
        }
        #[expect(clippy::disallowed_methods, reason = "a refusal holds no credentials")]
        let words = String::from_utf8_lossy(reply.body.expose_secret()).chars().take(MAX_WORDS).collect();
        let refusal = at.refused(&Said {
            status: reply.status,
            text: words,
            retry_after: reply.retry_after,
            ..Said::default()
        });
        // 429 and 5xx are EKS's own trouble, whatever the words are.
        let error = match reply.status {
            429 => refusal.error.kind_as(Kind::Throttled),
            500.. => refusal.error.kind_as(Kind::Unavailable),
            400 if refusal.error.kind() == Kind::Invalid => refusal.error.kind_as(Kind::Denied).verdict(true),
            _ => refusal.error.verdict(true),
        };
        Err(error.into())
    }

    /// The agent's addresses: by IPv4, and by IPv6 where that cannot be reached.
    fn agent(&self, family: Family) -> Option<Target> {
        let (first, rest) = self.operator.agent.split_first()?;
        let others = rest.iter().map(|target| target.address.clone());
        Some(match family {
            Family::Auto => Target { others: others.collect(), ..first.clone() },
            Family::V4 => first.clone(),
            Family::V6 => rest.first().unwrap_or(first).clone(),
        })
    }
}

fn request(proof: &Presented) -> Result<Request, Error> {
    let token = proof.token();
    #[expect(clippy::disallowed_methods, reason = "the agent takes the raw token, marked sensitive")]
    let value = token.and_then(|token| HeaderValue::from_str(token.expose_secret()).ok());
    let unsendable = || Error::new(Kind::Internal, Stage::Login, "the token cannot be sent");
    let mut value = value.ok_or_else(unsendable)?;
    value.set_sensitive(true);
    let mut request = Request::new(Method::GET, PATH);
    request.headers.insert(http::header::AUTHORIZATION, value);
    request.patience = Some(PATIENCE);
    Ok(request)
}

fn given(body: &SecretSlice<u8>) -> Option<Given> {
    #[expect(clippy::disallowed_methods, reason = "the credentials are in it")]
    let answer: Answer = serde_json::from_slice(body.expose_secret()).ok()?;
    let expires = DateTime::from_str(&answer.expiration, Format::DateTime).ok()?;
    let expires = SystemTime::try_from(expires).ok()?;
    #[expect(clippy::disallowed_methods, reason = "the SDK signs with them, and wipes them")]
    let (secret, token) = (answer.secret_access_key.expose_secret(), answer.token.expose_secret().to_owned());
    let keys = Credentials::new(&answer.access_key_id, secret, Some(token), Some(expires), NAME);
    // The agent does not say which role it is: no two of its answers are known to be of one.
    let (id, account) = (answer.access_key_id, answer.account_id);
    Some(Given { keys, arn: String::new(), account, id, shares: false, chain: Vec::new() })
}
