//! The roles that a class needs, as the commands that make them. What only the
//! cluster or the account knows is a blank in capitals.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::arn::{self, Arn, partition};
use super::super::params::{Asked, Identity, Link, Objects, Place, Read, Role, Scope};
use crate::backend::explain::{Asker, Circle, quoted};

/// What nobody has said.
const SOMEBODY: &str = "SERVICE_ACCOUNT";
const SOMEWHERE: &str = "NAMESPACE";
const ACCOUNT: &str = "ACCOUNT";
const ROLE: &str = "ROLE";
/// The cluster's issuer without `https://`.
const ISSUER: &str = "ISSUER";

/// What a role's policy must say for a request; `None` where there is none to make.
pub(super) fn statement(scope: &Scope, read: &Read) -> Option<Value> {
    let (action, resources) = (action(read.asked)?, resources(scope, read));
    Some(allow(action, &resources.into_iter().collect::<Vec<_>>()))
}

/// The commands: each role, then what makes it the service accounts'.
pub(super) fn commands(scope: &Scope, objects: &Objects, circle: &Circle<'_>) -> Vec<String> {
    let reads = reading(scope, objects);
    let first = first_role(scope);
    let trust = trust(scope, circle);
    let Some(link) = &scope.link else {
        let policy = (!reads.is_empty()).then(|| put(&first, circle.policy, &reads));
        return [vec![create(&first, trust)], policy.into_iter().collect(), bind(scope, &first, circle)]
            .concat();
    };
    let assume = allow("sts:AssumeRole", &[link.role.as_str()]);
    let mut commands = vec![create(&first, trust), put(&first, circle.policy, &[assume])];
    commands.extend(bind(scope, &first, circle));
    commands.push(create(&link.role, trust_of_link(link, &first)));
    if !reads.is_empty() {
        commands.push(put(&link.role, circle.policy, &reads));
    }
    commands
}

/// The action of a request.
fn action(asked: Asked) -> Option<&'static str> {
    match asked {
        Asked::Secret => Some("secretsmanager:GetSecretValue"),
        Asked::Parameter => Some("ssm:GetParameters"),
        Asked::Tree { .. } => Some("ssm:GetParametersByPath"),
        Asked::Credentials => None,
    }
}

/// The ARNs of a request, of every region.
fn resources(scope: &Scope, read: &Read) -> BTreeSet<String> {
    let reader = scope.link.as_ref().map_or_else(|| first_role(scope), |link| link.role.clone());
    let account = Arn::parse(&reader).map_or(ACCOUNT, |role| role.account).to_owned();
    let of = |place: &Place| match read.asked {
        Asked::Secret => arn::secret(&place.region, &account, &place.id),
        // A policy is asked for the parameter, whatever its version is.
        _ => arn::parameter(&place.region, &account, plain(&place.id)),
    };
    std::iter::once(&read.primary).chain(&read.failover).map(of).collect()
}

/// A parameter's name without the selector that may stand in it.
fn plain(id: &str) -> &str {
    match Arn::is_meant(id) {
        true => id,
        false => id.split(':').next().unwrap_or(id),
    }
}

/// Every action once, with everything that it is done to.
fn reading(scope: &Scope, objects: &Objects) -> Vec<Value> {
    let mut actions = BTreeMap::<&str, BTreeSet<String>>::new();
    for want in &objects.0 {
        if let Some(action) = action(want.read.asked) {
            actions.entry(action).or_default().extend(resources(scope, &want.read));
        }
    }
    actions.into_iter().map(|(action, on)| allow(action, &on.into_iter().collect::<Vec<_>>())).collect()
}

fn allow<T: serde::Serialize>(action: &str, resources: &[T]) -> Value {
    let resource = match resources {
        [one] => json!(one),
        many => json!(many),
    };
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

fn document(statements: &[Value]) -> String {
    quoted(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

/// The ARN of the role that the token is shown for, a blank where the class does not say it.
fn first_role(scope: &Scope) -> String {
    match &scope.identity {
        Identity::Irsa { role: Role::Named(role), .. } => role.clone(),
        _ => format!("arn:{}:iam::{ACCOUNT}:role/{ROLE}", partition(&scope.regions.primary)),
    }
}

/// A role's path and name.
fn path_and_name(role: &str) -> (String, &str) {
    let resource = Arn::parse(role).map_or(role, |arn| arn.resource);
    let inner = resource.strip_prefix("role/").unwrap_or(resource);
    match inner.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_owned(), inner),
    }
}

fn create(role: &str, trust: Value) -> String {
    let (path, name) = path_and_name(role);
    let path = if path == "/" { String::new() } else { format!(" --path {}", quoted(&path)) };
    let trust = document(&[trust]);
    format!(
        "aws iam create-role --role-name {}{path} \\\n  --assume-role-policy-document {trust}",
        quoted(name)
    )
}

fn put(role: &str, policy: &str, statements: &[Value]) -> String {
    let (_, name) = path_and_name(role);
    let document = document(statements);
    format!(
        "aws iam put-role-policy --role-name {} --policy-name {} \\\n  --policy-document {document}",
        quoted(name),
        quoted(policy)
    )
}

/// Who may take the first role.
fn trust(scope: &Scope, circle: &Circle<'_>) -> Value {
    let Identity::Irsa { audience, .. } = &scope.identity else {
        return json!({
            "Effect": "Allow",
            "Principal": { "Service": "pods.eks.amazonaws.com" },
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        });
    };
    let role = first_role(scope);
    let (partition, account) = Arn::parse(&role).map_or(("aws", ACCOUNT), |arn| (arn.partition, arn.account));
    let subjects: BTreeSet<_> = askers(circle)
        .iter()
        .map(|(namespace, name)| format!("system:serviceaccount:{namespace}:{name}"))
        .collect();
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": format!("arn:{partition}:iam::{account}:oidc-provider/{ISSUER}") },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": {
            format!("{ISSUER}:aud"): audience,
            format!("{ISSUER}:sub"): subjects,
        } },
    })
}

/// Who may take the further role.
fn trust_of_link(link: &Link, first: &str) -> Value {
    let mut trust = json!({ "Effect": "Allow", "Principal": { "AWS": first }, "Action": "sts:AssumeRole" });
    if let (Some(id), Some(trust)) = (&link.external_id, trust.as_object_mut()) {
        trust.insert("Condition".into(), json!({ "StringEquals": { "sts:ExternalId": id } }));
    }
    trust
}

/// What makes the role the service accounts', where the class does not name it.
fn bind(scope: &Scope, role: &str, circle: &Circle<'_>) -> Vec<String> {
    let each = |bind: fn(&str, &str, &str) -> String| {
        askers(circle).iter().map(|(namespace, name)| bind(namespace, name, role)).collect()
    };
    match &scope.identity {
        Identity::Irsa { role: Role::Named(_), .. } => Vec::new(),
        Identity::Irsa { role: Role::Annotated, .. } => each(|namespace, name, role| {
            let [namespace, name] = [namespace, name].map(quoted);
            format!("kubectl annotate serviceaccount --namespace {namespace} {name} {ANNOTATION}={role}")
        }),
        Identity::PodIdentity(_) => each(|namespace, name, role| {
            let [namespace, name] = [namespace, name].map(quoted);
            format!(
                "aws eks create-pod-identity-association --cluster-name CLUSTER \\\n  \
                 --namespace {namespace} --service-account {name} --role-arn {role}"
            )
        }),
    }
}

const ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// Everybody who asks, each once; a blank for nobody.
fn askers<'a>(circle: &Circle<'a>) -> BTreeSet<(&'a str, &'a str)> {
    let names = |asker: &'a Asker| {
        let namespace = asker.namespace.as_deref().unwrap_or(SOMEWHERE);
        (namespace, asker.service_account.as_deref().unwrap_or(SOMEBODY))
    };
    let askers: BTreeSet<_> = circle.askers.iter().map(names).collect();
    if askers.is_empty() { BTreeSet::from([(SOMEWHERE, SOMEBODY)]) } else { askers }
}
