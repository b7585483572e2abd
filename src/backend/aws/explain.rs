//! What a class of AWS does, and what it needs there.

mod advice;
mod differences;
mod setup;
#[cfg(test)]
mod tests;

pub use advice::RULES;

use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;

use super::clients::Caller;
use super::error::{At, Service};
use super::params::{Asked, Content, Family, Format, Identity, Objects, Read, Role, Scope, Want};
use super::{Aws, NAME, params};
use crate::backend::explain::{Advice, Circle, Explain, Explanation, Request, Vocabulary, Wanted};
use crate::backend::{Backend as _, Parameters};
use crate::error::{Error, Kind, Stage};
use crate::identity::Evidence;
use crate::time::Deadline;

/// Every field of an object.
const FIELDS: [&str; 16] = [
    "objectName",
    "objectType",
    "objectAlias",
    "objectVersion",
    "objectVersionLabel",
    "filePermission",
    "jmesPath",
    "failoverObject",
    "path",
    "recursive",
    "allKeys",
    "format",
    "profile",
    "encoding",
    "optional",
    "refreshInterval",
];
/// How long an answer may take that only shows that somebody is there.
const PATIENCE: Duration = Duration::from_secs(10);

impl Explain for Aws {
    fn vocabulary(&self) -> Vocabulary {
        let parameters = params::names().chain(["objects"]).map(str::to_owned).collect();
        Vocabulary { parameters, prefixes: &[], fields: &FIELDS, any_case: true }
    }

    fn advise(&self, parameters: &Parameters) -> Vec<Advice> {
        advice::of(parameters, self.accounts.is_some())
    }

    fn explain(&self, parameters: &Parameters, scope: &Scope, objects: &Objects) -> Explanation {
        let needs = objects.needs();
        let reads: Vec<&Read> = needs.iter().map(|need| &need.read).collect();
        let requests = needs.iter().map(|need| Request {
            shown: shown(&need.read),
            needs: setup::statement(scope, &need.read).map(|json| json.to_string()).unwrap_or_default(),
            mints: self.mints(&need.read),
            refresh: need.refresh,
        });
        let audience = match self.evidence(scope) {
            Evidence::Token { audience, .. } => Some(audience.to_owned()),
            Evidence::Secrets { .. } | Evidence::Node => None,
        };
        Explanation {
            login: facts(scope, audience.as_deref()),
            account: account(scope),
            audience,
            keeps: self.keeps(),
            requests: requests.collect(),
            files: objects.0.iter().flat_map(|want| wanted(want, &reads)).collect(),
            differences: differences::of(parameters, scope, objects),
            ..Explanation::default()
        }
    }

    fn setup(&self, scope: &Scope, objects: &Objects, circle: &Circle<'_>) -> Vec<String> {
        setup::commands(scope, objects, circle)
    }

    fn narrow(&self, objects: &mut Objects, keep: &dyn Fn(&Read) -> bool) {
        objects.0.retain(|want| keep(&want.read));
    }

    /// The login has made them already: `credentials` takes what is there.
    fn mints(&self, _read: &Read) -> bool {
        false
    }

    /// Never asked for: AWS says by itself, at each read, who may not.
    fn forbidden(&self, _scope: &Scope, objects: &Objects, read: &Read) -> Error {
        let names = objects.0.iter().filter(|want| want.read == *read).map(|want| want.name.as_str());
        Error::new(Kind::Denied, Stage::Read, "the role's policies do not allow it")
            .object(names.collect::<Vec<_>>().join(","))
            .with("backend", NAME)
    }

    async fn reach(&self, scope: &Scope, by: Deadline) -> Result<String, Error> {
        let region = scope.regions.primary.as_str();
        let agent = matches!(scope.identity, Identity::PodIdentity(_));
        let service = if agent { Service::Agent } else { Service::Sts };
        let action = if agent { "AssumeRoleForPodIdentity" } else { "AssumeRoleWithWebIdentity" };
        let resource = String::new();
        let at = At {
            stage: Stage::Reach,
            service,
            action,
            region,
            id: "",
            resource,
            role: "",
            subject: [""; 2],
            sent: Vec::new(),
        };
        if let Identity::PodIdentity(family) = scope.identity {
            let found = self.meet_agent(family, PATIENCE, by).await;
            return found.map_err(|failure| at.failed(failure));
        }
        let caller = Caller { keys: None, region, operation: "check", by, patience: PATIENCE };
        // Without a token nobody is asked for anything: the refusal shows that STS is there.
        match self.sts(caller).assume_role_with_web_identity().send().await {
            Err(SdkError::ServiceError(error)) if error.raw().status().as_u16() < 500 => {}
            Err(error) => return Err(at.refusal(&error).into()),
            Ok(_) => return Err(at.odd("credentials came for nothing")),
        }
        let own = self.operator.sts.as_ref().map(|address| format!(" ({address})")).unwrap_or_default();
        Ok(format!("STS answers in {region}{own}"))
    }
}

/// Where and as whom it logs in.
fn facts(scope: &Scope, audience: Option<&str>) -> Vec<(&'static str, String)> {
    let region = &scope.regions.primary;
    let mut facts = match &scope.identity {
        Identity::Irsa { role, .. } => vec![
            ("login", format!("sts:AssumeRoleWithWebIdentity in {region}")),
            (
                "role",
                match role {
                    Role::Named(role) => role.clone(),
                    Role::Annotated => "that of the service account's annotation".to_owned(),
                },
            ),
        ],
        Identity::PodIdentity(family) => {
            let by = match family {
                Family::Auto => "by IPv4, else by IPv6",
                Family::V4 => "by IPv4",
                Family::V6 => "by IPv6",
            };
            vec![
                ("login", format!("the node's EKS Pod Identity agent, {by}")),
                ("role", "that of the association".to_owned()),
            ]
        }
    };
    if let Some(link) = &scope.link {
        facts.push(("further role", link.role.clone()));
        facts.extend(link.external_id.clone().map(|id| ("external ID", id)));
    }
    // The agent's sessions are named by EKS.
    if matches!(scope.identity, Identity::Irsa { .. }) || scope.link.is_some() {
        facts.push(("session", "NAMESPACE-SERVICEACCOUNT-POD of the pod that asks".to_owned()));
    }
    facts.extend(audience.map(|audience| ("audience", audience.to_owned())));
    let duration = scope.duration.map(|span| humantime::format_duration(span).to_string());
    facts.extend(duration.map(|span| ("duration", span)));
    facts.push(("region", scope.regions.iter().collect::<Vec<_>>().join(", else ")));
    facts
}

/// A role is one for all classes that name it. An annotation, or an association, is each service account's own.
fn account(scope: &Scope) -> String {
    let Identity::Irsa { role: Role::Named(role), .. } = &scope.identity else { return String::new() };
    let link = scope.link.as_ref().map(|link| format!(" {}", link.role)).unwrap_or_default();
    format!("{role}{link}")
}

/// A request, by its action, its object and its regions.
fn shown(read: &Read) -> String {
    let what = match read.asked {
        Asked::Secret => "secretsmanager:GetSecretValue",
        Asked::Parameter => "ssm:GetParameters",
        Asked::Tree { recursive: true } => "ssm:GetParametersByPath (recursive)",
        Asked::Tree { recursive: false } => "ssm:GetParametersByPath",
        Asked::Credentials => return "the login's own credentials: no request".to_owned(),
    };
    let place = |place: &params::Place| {
        let parts = [("version", &place.version), ("label", &place.label)];
        let parts =
            parts.iter().filter_map(|(name, text)| text.as_ref().map(|text| format!(" {name} {text}")));
        format!("{}{} in {}", place.id, parts.collect::<String>(), place.region)
    };
    let failover = read.failover.as_ref().map(|other| format!(", else {}", place(other)));
    format!("{what} {}{}", place(&read.primary), failover.unwrap_or_default())
}

/// An object's files.
fn wanted(want: &Want, reads: &[&Read]) -> Vec<Wanted> {
    let request = reads.iter().position(|read| **read == want.read).unwrap_or_default();
    let file = |path: &str, mode: Option<u32>, part: String, is_many: bool| Wanted {
        object: path.to_owned(),
        mode,
        request,
        part,
        optional: want.optional,
        is_many,
    };
    let many = |part: &str| {
        let all = if want.file.is_empty() { "*".to_owned() } else { format!("{}/*", want.file) };
        vec![file(&all, want.mode, part.to_owned(), true)]
    };
    match &want.content {
        Content::Whole => {
            let whole = file(&want.file, want.mode, "the whole value".to_owned(), false);
            let parts = want
                .parts
                .iter()
                .map(|part| file(&part.file, part.mode, format!("jmesPath {}", part.path), false));
            std::iter::once(whole).chain(parts).collect()
        }
        Content::Keys => many("each key of the JSON object"),
        Content::Tree => many("each parameter below the path"),
        Content::Credentials(Format::Process) => {
            vec![file(&want.file, want.mode, "credentials for credential_process".to_owned(), false)]
        }
        Content::Credentials(Format::Profile(name)) => {
            vec![file(&want.file, want.mode, format!("credentials as profile {name}"), false)]
        }
    }
}
