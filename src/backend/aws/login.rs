//! From a pod's token to a role's credentials.
//!
//! Both first steps check this very token: STS against the cluster's OIDC
//! provider, the Pod Identity agent through EKS. A further role is taken with
//! the first one's credentials.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::types::{AssumedRoleUser, Credentials as Keys};
use secrecy::ExposeSecret;

use super::arn::Arn;
use super::clients::Caller;
use super::credential::{Credential, Given};
use super::error::{At, Refusal, Service};
use super::params::{Identity, Link, Role, Scope};
use super::{Aws, NAME, RETRY, RETRY_BEFORE_FAILOVER, session_name};
use crate::error::{Error, Kind, Stage};
use crate::identity::{Pod, Presented};
use crate::net::Retry;
use crate::time::Deadline;

/// Where IRSA's own webhook finds the role.
const ANNOTATION: &str = "eks.amazonaws.com/role-arn";
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long to wait before asking again whether a refusal was an outage behind the service.
const AGAIN: Duration = Duration::from_millis(500);

// === impl Aws ===

impl Aws {
    /// Logs a pod in.
    pub(super) async fn log_in(
        &self,
        proof: &Presented,
        scope: &Scope,
        by: Deadline,
    ) -> Result<Credential, Error> {
        let first = match &scope.identity {
            Identity::Irsa { role, audience } => {
                let role = self.role(role, proof.pod(), by).await?;
                self.by_web_identity(proof, scope, &role, audience, by).await?
            }
            Identity::PodIdentity(family) => self.by_agent(proof, *family, by).await?,
        };
        let given = match &scope.link {
            Some(link) => self.by_link(proof.pod(), scope, &first, link, by).await?,
            None => first,
        };
        Ok(Credential::new(given, scope))
    }

    /// The role that the class names, or the service account's annotation.
    async fn role(&self, role: &Role, pod: &Pod, by: Deadline) -> Result<String, Error> {
        match role {
            Role::Named(role) => Ok(role.clone()),
            Role::Annotated => self.annotated(pod, by).await,
        }
    }

    async fn annotated(&self, pod: &Pod, by: Deadline) -> Result<String, Error> {
        let Some(accounts) = &self.accounts else {
            return Err(roleless(pod).hint(format!(
                "write roleArn into the class or its profile; or start keymount with --lookup-service-accounts, \
                 and let it get serviceaccounts, so that the annotation {ANNOTATION} is looked up"
            )));
        };
        let found = accounts.annotation(&pod.namespace, &pod.service_account, ANNOTATION, by).await;
        let found = found.map_err(|error| error.with("backend", NAME))?;
        found.map(|role| role.trim().to_owned()).filter(|role| !role.is_empty()).ok_or_else(|| {
            let hint =
                format!("annotate the service account with {ANNOTATION}, or write roleArn into the class");
            roleless(pod).hint(hint).verdict(true)
        })
    }

    /// IAM roles for service accounts, by the regional STS, and by another region's if that one is down.
    async fn by_web_identity(
        &self,
        proof: &Presented,
        scope: &Scope,
        role: &str,
        audience: &str,
        by: Deadline,
    ) -> Result<Given, Error> {
        let pod = proof.pod();
        let Some(token) = proof.token() else {
            return Err(Error::new(Kind::Internal, Stage::Login, "there is no token to log in with"));
        };
        let subject = format!("{}:{}", pod.namespace, pod.service_account);
        let mut last = None;
        for turn in turns(scope, by) {
            let at = At {
                subject: [&subject, audience],
                sent: proof.sensitive(),
                ..at("AssumeRoleWithWebIdentity", turn.region, role)
            };
            let ask = || async {
                #[expect(clippy::disallowed_methods, reason = "STS verifies the token")]
                let call = self
                    .sts(turn.caller(None))
                    .assume_role_with_web_identity()
                    .web_identity_token(token.expose_secret());
                let call = call.role_arn(role).role_session_name(session_name::of(pod));
                let call = call.set_duration_seconds(scope.duration.and_then(seconds));
                call.send().await.map_err(|error| at.refusal(&error))
            };
            let answer = turn.retry.clone().run(turn.by, |_| ask()).await;
            let answer = match answer {
                Err(refusal) if refusal.ambiguous && turn.by.left() > AGAIN => {
                    tokio::time::sleep(AGAIN).await;
                    turn.retry.clone().run(turn.by, |_| ask()).await
                }
                answer => answer,
            };
            match answer {
                Ok(answer) => {
                    let given = given(answer.credentials(), answer.assumed_role_user(), (role, None));
                    return given.ok_or_else(|| at.odd("the answer has no credentials"));
                }
                Err(refusal) if turn.goes_on(&refusal) => last = Some(refusal),
                Err(refusal) => return Err(both(last, refusal)),
            }
        }
        Err(last.map_or_else(|| unasked(role), Error::from))
    }

    /// A further role, taken with the first one's credentials.
    async fn by_link(
        &self,
        pod: &Pod,
        scope: &Scope,
        first: &Given,
        link: &Link,
        by: Deadline,
    ) -> Result<Given, Error> {
        let role = &link.role;
        let mut last = None;
        for turn in turns(scope, by) {
            let at = At { resource: role.clone(), ..at("AssumeRole", turn.region, role) };
            let ask = || async {
                let call = self.sts(turn.caller(Some(&first.keys))).assume_role().role_arn(role);
                let call = call.role_session_name(session_name::of(pod));
                let call = call.set_external_id(link.external_id.clone());
                let call = call.set_duration_seconds(scope.duration.and_then(seconds));
                call.send().await.map_err(|error| at.refusal(&error))
            };
            match turn.retry.clone().run(turn.by, |_| ask()).await {
                Ok(answer) => {
                    let step = (role.as_str(), link.external_id.clone());
                    let Some(given) = given(answer.credentials(), answer.assumed_role_user(), step) else {
                        return Err(at.odd("the answer has no credentials"));
                    };
                    let chain = first.chain.iter().cloned().chain(given.chain).collect();
                    let id = format!("{} {}", first.id, given.id);
                    return Ok(Given { chain, id, shares: first.shares, ..given });
                }
                Err(refusal) if turn.goes_on(&refusal) => last = Some(refusal),
                Err(refusal) => return Err(both(last, refusal)),
            }
        }
        Err(last.map_or_else(|| unasked(role), Error::from))
    }
}

/// One region's turn.
struct Turn<'a> {
    region: &'a str,
    retry: Retry,
    by: Deadline,
    is_last: bool,
}

/// The scope's regions, the second one in case that the first cannot be asked.
fn turns(scope: &Scope, by: Deadline) -> impl Iterator<Item = Turn<'_>> {
    let regions: Vec<_> = scope.regions.iter().collect();
    let count = regions.len();
    regions.into_iter().enumerate().map(move |(at, region)| match at + 1 == count {
        true => Turn { region, retry: RETRY, by, is_last: true },
        false => Turn { region, retry: RETRY_BEFORE_FAILOVER, by: by.at_most(by.left() / 2), is_last: false },
    })
}

// === impl Turn ===

impl Turn<'_> {
    /// Whether the next region may know better: this one could not be asked.
    fn goes_on(&self, refusal: &Refusal) -> bool {
        let kind = refusal.error.kind();
        !self.is_last && (kind.is_transient() || kind == Kind::Deadline)
    }

    fn caller<'a>(&'a self, keys: Option<&'a Credentials>) -> Caller<'a> {
        Caller { keys, region: self.region, operation: "login", by: self.by, patience: PATIENCE }
    }
}

fn at<'a>(action: &'static str, region: &'a str, role: &'a str) -> At<'a> {
    At {
        stage: Stage::Login,
        service: Service::Sts,
        action,
        region,
        id: "",
        resource: String::new(),
        role,
        subject: ["", ""],
        sent: Vec::new(),
    }
}

/// What STS gave.
fn given(keys: Option<&Keys>, user: Option<&AssumedRoleUser>, step: (&str, Option<String>)) -> Option<Given> {
    let keys = keys?;
    let expires = SystemTime::try_from(*keys.expiration()).ok()?;
    let token = Some(keys.session_token().to_owned());
    let keys = Credentials::new(keys.access_key_id(), keys.secret_access_key(), token, Some(expires), NAME);
    let arn = user.map(AssumedRoleUser::arn).unwrap_or_default();
    let account = Arn::parse(arn).map(|arn| arn.account).unwrap_or_default().to_owned();
    // `AROA…:SESSION`: the session's name is each pod's own, the role's ID is not.
    let id = user.map(AssumedRoleUser::assumed_role_id).unwrap_or_default();
    let id = id.split(':').next().unwrap_or_default().to_owned();
    let (arn, chain) = (arn.to_owned(), vec![(step.0.to_owned(), step.1)]);
    // Nobody vouches that two roles are one if STS does not say which it is.
    Some(Given { keys, arn, account, shares: !id.is_empty(), id, chain })
}

fn seconds(span: Duration) -> Option<i32> {
    i32::try_from(span.as_secs()).ok()
}

/// What the last region said, and that the one before could not be asked.
fn both(before: Option<Refusal>, last: Refusal) -> Error {
    match before {
        Some(before) => last.error.with("before", before.error),
        None => last.error,
    }
}

fn roleless(pod: &Pod) -> Error {
    let text = format!(
        "An IAM role must be associated with service account {} (namespace: {})",
        pod.service_account, pod.namespace
    );
    Error::new(Kind::Invalid, Stage::Login, text).with("backend", NAME)
}

fn unasked(role: &str) -> Error {
    Error::new(Kind::Internal, Stage::Login, "no region was asked").with("role", role)
}
