//! The policy and the role that a class needs, as the commands that make them:
//! no here-documents, so that they can be pasted with their indentation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::super::error::capability;
use super::super::method::Method;
use super::super::params::{Objects, Read, Scope};
use super::super::permits;
use super::Flavour;
use crate::backend::explain::{Asker, Circle, quoted};

/// How long a login is good for before it is renewed.
const TTL: &str = "1h";
/// What nobody has said.
const SOMEBODY: &str = "SERVICE_ACCOUNT";
const SOMEWHERE: &str = "NAMESPACE";

/// The capabilities that a request needs, as a policy quotes them.
pub(super) fn capabilities(read: &Read) -> String {
    let method = if permits::lists(read) && read.method == "GET" { "LIST" } else { read.method.as_str() };
    // Reading a list by SCAN is a capability of OpenBao's own.
    let capability = if method == "SCAN" { "scan" } else { capability(method) };
    format!("\"{capability}\"")
}

/// A policy's rule in one line.
pub(super) fn rule(path: &str, capabilities: &str) -> String {
    let path = path.replace('\\', "\\\\").replace('"', "\\\"");
    format!("path \"{path}\" {{ capabilities = [{capabilities}] }}")
}

/// The commands: the policy, then the role.
pub(super) fn commands(
    flavour: Flavour,
    scope: &Scope,
    objects: &Objects,
    circle: &Circle<'_>,
) -> Vec<String> {
    let tool = match flavour {
        Flavour::Vault => "vault",
        Flavour::OpenBao => "bao",
    };
    let namespace = scope.namespace.as_ref().map(|name| format!("-namespace={} ", quoted(name)));
    let namespace = namespace.unwrap_or_default();
    let rules = policy(objects).iter().map(|rule| quoted(rule)).collect::<Vec<_>>().join(" \\\n  ");
    let policy = format!(
        "printf '%s\\n' \\\n  {rules} |\n  {tool} policy write {namespace}{} -",
        quoted(circle.policy)
    );
    let write = format!("{tool} write {namespace}");
    let role =
        |kind: &str, name: &str| format!("{write}{}", quoted(&format!("auth/{}/{kind}/{name}", scope.mount)));
    let policies = format!("token_policies={}", quoted(&circle.policies.join(",")));
    let role = match &scope.method {
        Method::Jwt => of_claims(&role("role", &scope.role), scope, circle),
        // A mount of that name takes the same login, and is of the other type.
        Method::Kubernetes if scope.mount.ends_with("jwt") => {
            of_claims(&role("role", &scope.role), scope, circle)
        }
        Method::Kubernetes => of_accounts(&role("role", &scope.role), &policies, scope, circle),
        Method::AppRole { .. } => format!("{} {policies} token_ttl={TTL}", role("role", circle.policy)),
        Method::UserPass => format!("{} {policies} token_ttl={TTL}", role("users", "USERNAME")),
        Method::Certificate => {
            let name = if scope.role.is_empty() { circle.policy } else { &scope.role };
            format!("{} certificate=@CA.pem {policies} token_ttl={TTL}", role("certs", name))
        }
    };
    vec![policy, role]
}

/// Every path once, with everything that is done to it.
fn policy(objects: &Objects) -> Vec<String> {
    let mut paths = BTreeMap::<String, BTreeSet<String>>::new();
    for want in &objects.0 {
        paths.entry(permits::ruled(&want.read)).or_default().insert(capabilities(&want.read));
    }
    paths
        .into_iter()
        .map(|(path, can)| rule(&path, &can.into_iter().collect::<Vec<_>>().join(", ")))
        .collect()
}

/// A role of a `kubernetes` mount.
fn of_accounts(role: &str, policies: &str, scope: &Scope, circle: &Circle<'_>) -> String {
    let names = each(circle.askers, |asker| asker.service_account.as_deref(), SOMEBODY);
    let namespaces = each(circle.askers, |asker| asker.namespace.as_deref(), SOMEWHERE);
    // The server combines the two lists freely.
    let wide = names.len() > 1 && namespaces.len() > 1;
    let comment = if wide { "# each of these names is admitted in each of these namespaces\n" } else { "" };
    let lines = [
        role.to_owned(),
        format!("bound_service_account_names={}", quoted(&names.join(","))),
        format!("bound_service_account_namespaces={}", quoted(&namespaces.join(","))),
        format!("audience={}", quoted(&scope.audience)),
        format!("{policies} token_ttl={TTL}"),
    ];
    format!("{comment}{}", lines.join(" \\\n  "))
}

/// A role of a `jwt` mount.
fn of_claims(role: &str, scope: &Scope, circle: &Circle<'_>) -> String {
    let subject = |asker: &Asker| {
        let namespace = asker.namespace.as_deref().unwrap_or(SOMEWHERE);
        format!("system:serviceaccount:{namespace}:{}", asker.service_account.as_deref().unwrap_or(SOMEBODY))
    };
    let subjects: BTreeSet<_> = circle.askers.iter().map(subject).collect();
    let nobody = BTreeSet::from([subject(&Asker::default())]);
    let body = json!({
        "role_type": "jwt",
        "user_claim": "sub",
        "bound_audiences": [scope.audience],
        "bound_claims": { "sub": if subjects.is_empty() { nobody } else { subjects } },
        "token_policies": circle.policies,
        "token_ttl": TTL,
    });
    format!("printf %s {} |\n  {role} -", quoted(&body.to_string()))
}

/// What the askers say of themselves, each once.
fn each<'a>(askers: &'a [Asker], part: fn(&'a Asker) -> Option<&'a str>, default: &'a str) -> Vec<&'a str> {
    let said: BTreeSet<_> = askers.iter().map(|asker| part(asker).unwrap_or(default)).collect();
    if said.is_empty() { vec![default] } else { said.into_iter().collect() }
}
