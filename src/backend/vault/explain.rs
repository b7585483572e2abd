//! What a class of Vault or OpenBao does, and what it needs there.

mod advice;
mod differences;
mod setup;
#[cfg(test)]
mod tests;

pub use advice::RULES;

use std::time::Duration;

use serde_json::Value;

use super::envelope::Envelope;
use super::error::{At, READ};
use super::method::Method;
use super::params::{Objects, Read, Scope, Want};
use super::wire::Call;
use super::{Flavour, Vault, permits};
use crate::backend::explain::{Advice, Circle, Explain, Explanation, Request, Vocabulary, Wanted};
use crate::backend::{Backend as _, Parameters};
use crate::error::{Error, Kind, Stage};
use crate::identity::Evidence;
use crate::time::Deadline;

/// Every parameter that a prefix stands in front of.
const PREFIXED: [&str; 15] = [
    "Address",
    "Addresses",
    "Namespace",
    "RoleName",
    "RoleID",
    "AuthMethod",
    "AuthMountPath",
    "KubernetesMountPath",
    "CACert",
    "CACertPath",
    "CADirectory",
    "TLSServerName",
    "TLSClientCertPath",
    "TLSClientKeyPath",
    "SkipTLSVerify",
];
/// Every parameter without one.
const PLAIN: [&str; 5] = ["roleName", "audience", "objects", "refreshInterval", "renewBefore"];
/// Every field of an object.
const FIELDS: [&str; 10] = [
    "objectName",
    "secretPath",
    "secretKey",
    "method",
    "secretArgs",
    "filePermission",
    "encoding",
    "optional",
    "refreshInterval",
    "renewBefore",
];

/// Always 200, so that what is wrong is read from the answer and not from the status.
const HEALTH: &str = "/v1/sys/health?standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200\
                      &drsecondarycode=200";
/// How long a health page may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Explain for Vault {
    fn vocabulary(&self) -> Vocabulary {
        let fronts = self.wire.flavour.prefixes();
        let has = |name: &str| name != "RoleName" || self.wire.flavour == Flavour::OpenBao;
        let ours = PREFIXED.iter().filter(|name| has(name));
        let ours = ours.flat_map(|name| fronts.iter().map(move |front| format!("{front}{name}")));
        let parameters = PLAIN.iter().map(|name| (*name).to_owned()).chain(ours).collect();
        Vocabulary { parameters, prefixes: &["openbao", "bao", "vault"], fields: &FIELDS, any_case: false }
    }

    fn advise(&self, parameters: &Parameters) -> Vec<Advice> {
        advice::of(parameters, self.wire.flavour)
    }

    fn explain(&self, parameters: &Parameters, scope: &Scope, objects: &Objects) -> Explanation {
        let needs = objects.needs();
        let reads: Vec<&Read> = needs.iter().map(|need| &need.read).collect();
        let requests = needs.iter().map(|need| Request {
            shown: format!("{:?}", need.read),
            needs: setup::rule(&permits::ruled(&need.read), &setup::capabilities(&need.read)),
            mints: self.mints(&need.read),
            refresh: need.refresh,
        });
        let evidence = self.evidence(scope);
        Explanation {
            login: facts(scope),
            account: account(scope),
            audience: match evidence {
                Evidence::Token { audience, .. } => Some(audience.to_owned()),
                Evidence::Secrets { .. } | Evidence::Node => None,
            },
            secret_keys: if let Evidence::Secrets { keys } = evidence { keys } else { &[] },
            is_unproven: !matches!(evidence, Evidence::Token { .. }),
            keeps: self.keeps(),
            requests: requests.collect(),
            files: objects.0.iter().map(|want| wanted(want, &reads)).collect(),
            differences: differences::of(self.wire.flavour, parameters, scope, objects),
        }
    }

    fn setup(&self, scope: &Scope, objects: &Objects, circle: &Circle<'_>) -> Vec<String> {
        setup::commands(self.wire.flavour, scope, objects, circle)
    }

    fn narrow(&self, objects: &mut Objects, keep: &dyn Fn(&Read) -> bool) {
        objects.0.retain(|want| keep(&want.read));
    }

    fn mints(&self, read: &Read) -> bool {
        !read.only_looks()
    }

    fn forbidden(&self, scope: &Scope, objects: &Objects, read: &Read) -> Error {
        let names = objects.0.iter().filter(|want| want.read == *read).map(|want| want.object.as_str());
        let names = names.collect::<Vec<_>>().join(",");
        let rule = setup::rule(&permits::ruled(read), &setup::capabilities(read));
        let whose = if scope.role.is_empty() {
            "of this login".to_owned()
        } else {
            format!("of role {}", scope.role)
        };
        let error =
            Error::new(Kind::Denied, Stage::Read, "the policies of this login do not allow it").object(names);
        error
            .with("backend", self.wire.flavour.name())
            .with("path", &read.path.shown)
            .hint(format!("a policy {whose} needs: {rule}"))
    }

    async fn reach(&self, scope: &Scope, by: Deadline) -> Result<String, Error> {
        let address = &scope.target.address;
        let at = At {
            flavour: self.wire.flavour,
            stage: Stage::Reach,
            rows: READ,
            address,
            namespace: None,
            method: "GET",
            path: "sys/health",
            role: "",
            mount: "",
            pod: [""; 3],
            sent: Vec::new(),
        };
        // A namespace has no health of its own: servers answer 400 to its header here.
        let call = Call::new(&scope.target, "check", "GET", HEALTH, None)?.patience(PATIENCE);
        let reply = self.wire.send(&call, &at, by).await.map_err(|refusal| refusal.error)?;
        let odd = |text| Err(at.odd(&reply, Kind::Unavailable, text));
        let Some(health) = Envelope::parse(&reply.body) else {
            return odd("the answer is not from Vault's API: not JSON");
        };
        let says = |key: &str| health.data().and_then(|data| data.get(key));
        let is = |key: &str| says(key).and_then(Value::as_bool);
        match (is("initialized"), is("sealed")) {
            (Some(false), _) => {
                odd("the server is not initialised").map_err(|error| error.hint("initialise it"))
            }
            (_, Some(true)) => odd("the server is sealed").map_err(|error| error.hint("unseal it")),
            (_, None) => odd("the answer is not that of a health page"),
            _ => {
                let version = says("version").and_then(Value::as_str).unwrap_or("of no version");
                let version: String = version.chars().filter(char::is_ascii_graphic).take(40).collect();
                Ok(format!("{} {version} answers at {}", self.wire.flavour.name(), scope.target.place()))
            }
        }
    }
}

/// Where and as whom it logs in.
fn facts(scope: &Scope) -> Vec<(&'static str, String)> {
    let mut facts = vec![("address", scope.target.place())];
    facts.extend(scope.namespace.clone().map(|namespace| ("namespace", namespace)));
    facts.push(("login", format!("POST auth/{}/login ({})", scope.mount, name(&scope.method))));
    if !scope.role.is_empty() {
        facts.push(("role", scope.role.clone()));
    }
    if scope.method.needs_role() {
        facts.push(("audience", scope.audience.clone()));
    }
    facts
}

/// What `vaultAuthMethod` calls it.
fn name(method: &Method) -> &'static str {
    match method {
        Method::Kubernetes => "kubernetes",
        Method::Jwt => "jwt",
        Method::AppRole { .. } => "approle",
        Method::UserPass => "userpass",
        Method::Certificate => "cert",
    }
}

/// A role is one for all classes that name it at one server.
fn account(scope: &Scope) -> String {
    if scope.role.is_empty() {
        return String::new();
    }
    let namespace = scope.namespace.as_deref().unwrap_or_default();
    format!("{} {namespace} {} {}", scope.target.place(), scope.mount, scope.role)
}

fn wanted(want: &Want, reads: &[&Read]) -> Wanted {
    let request = reads.iter().position(|read| **read == want.read).unwrap_or_default();
    let part =
        want.key.as_ref().map_or_else(|| "the whole answer as JSON".to_owned(), |key| format!("key {key}"));
    let (object, mode) = (want.object.to_string(), want.mode);
    Wanted { object, mode, request, part, optional: want.optional, is_many: false }
}
