//! What parses and is seldom meant.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::Flavour;
use crate::backend::Parameters;
use crate::backend::explain::{Advice, Rule, Severity};
use crate::backend::objects::{Span, list};

const fn warning(id: &'static str, about: &'static str) -> Rule {
    Rule { id, severity: Severity::Warning, about }
}

const KV_PATH: Rule = warning("kv-v2-path", "a path of KV version 2 lacks `data/` behind the mount");
const ISSUE: Rule =
    warning("issue-needs-put", "a path that issues or signs is read by GET, which servers answer with 405");
const ARGS: Rule = warning("args-with-get", "secretArgs are sent with GET, whose body servers pass over");
const ENCODING: Rule = warning("encoding-without-key", "encoding counts for one key's value only");
const WILDCARD: Rule = warning("wildcard-path", "a path is taken as it is: `*` stands for nothing else");
const UNDATED: Rule =
    warning("undated-without-interval", "what does not say when it ends is made once and never again");
const TWICE: Rule =
    warning("namespace-twice", "the namespace stands in the path as well as in the parameter");
const VERSIONED: Rule =
    warning("address-with-path", "the address ends in `/v1` or `/ui`, which requests are put behind");
const ROLE_ID: Rule = warning("role-id-unused", "a role ID is given and the login is not by approle");

/// Every rule of this backend.
pub const RULES: &[Rule] = &[KV_PATH, ISSUE, ARGS, ENCODING, WILDCARD, UNDATED, TWICE, VERSIONED, ROLE_ID];

/// One object, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    secret_path: String,
    secret_key: Option<String>,
    method: Option<String>,
    secret_args: Option<IgnoredAny>,
    encoding: Option<String>,
    refresh_interval: Option<Span>,
}

/// One class's words.
struct Words<'a> {
    parameters: &'a Parameters,
    flavour: Flavour,
    /// Mounts whose other paths show that they are KV version 2.
    versioned: BTreeSet<String>,
}

/// Everything that is odd about a class.
pub(super) fn of(parameters: &Parameters, flavour: Flavour) -> Vec<Advice> {
    let entries: Vec<Entry> = list(parameters.get("objects").unwrap_or_default()).unwrap_or_default();
    let versioned = entries.iter().filter_map(|entry| {
        let (mount, rest) = entry.path().split_once('/')?;
        rest.starts_with("data/").then(|| mount.to_owned())
    });
    let words = Words { parameters, flavour, versioned: versioned.collect() };
    let objects = entries.iter().enumerate().flat_map(|(at, entry)| words.object(at, entry));
    words.class().into_iter().chain(objects).collect()
}

// === impl Words ===

impl Words<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.flavour.prefixes().iter().find_map(|prefix| self.parameters.get(&format!("{prefix}{name}")))
    }

    fn class(&self) -> Vec<Advice> {
        let of = |rule, key, text: String, hint| Advice { rule, object: None, key, text, hint };
        let mut found = Vec::new();
        let ends = |text: &str| ["/v1", "/ui"].iter().any(|end| text.trim_end_matches('/').ends_with(end));
        if self.get("Address").is_some_and(ends) {
            let text = "the address has a path, and every request adds `/v1/…` behind it".to_owned();
            found.push(of(VERSIONED, "vaultAddress", text, "leave the path out: https://HOST:PORT"));
        }
        if self.get("RoleID").is_some() && self.get("AuthMethod") != Some("approle") {
            let text = "the role ID is not used: the login is not by approle".to_owned();
            found.push(of(
                ROLE_ID,
                "vaultRoleID",
                text,
                "set vaultAuthMethod to approle, or leave the role ID out",
            ));
        }
        found
    }

    fn object(&self, at: usize, entry: &Entry) -> Vec<Advice> {
        let path = entry.path();
        let of = |rule, key, text: String, hint| Advice { rule, object: Some(at), key, text, hint };
        let mut found = Vec::new();
        let mount = path.split('/').next().unwrap_or_default();
        if self.lacks_data(path) {
            let rest = path.get(mount.len() + 1..).unwrap_or_default();
            let text = format!("{path} is no path of KV version 2, which would be {mount}/data/{rest}");
            found.push(of(
                KV_PATH,
                "secretPath",
                text,
                "put data/ behind the mount, unless it is KV version 1",
            ));
        }
        if entry.is_get() && issues(path) {
            let text = format!("{path} makes something from arguments, and GET is not how it is asked");
            found.push(of(ISSUE, "secretPath", text, "add `method: PUT` and secretArgs"));
        } else if entry.is_get() && entry.secret_args.is_some() {
            found.push(of(
                ARGS,
                "secretArgs",
                "servers read no arguments of a GET".into(),
                "add `method: PUT`",
            ));
        }
        let encoded = entry.encoding.as_deref().is_some_and(|word| !matches!(word, "" | "utf-8"));
        if encoded && entry.secret_key.as_deref().is_none_or(str::is_empty) {
            let text = "the whole answer is written as it is: encoding counts with secretKey only".to_owned();
            found.push(of(ENCODING, "encoding", text, "add secretKey, or leave encoding out"));
        }
        if path.contains('*') {
            let text = format!("{path} is asked for as it is: there are no patterns");
            found.push(of(
                WILDCARD,
                "secretPath",
                text,
                "name each secret; without secretKey a file holds all its keys",
            ));
        }
        let spaced = entry.refresh_interval.is_some() || self.parameters.get("refreshInterval").is_some();
        if !spaced && path.split('/').nth(1) == Some("sign") && path.starts_with("ssh") {
            let text =
                format!("what {path} signs does not say when it ends, so that it is never signed again");
            found.push(of(
                UNDATED,
                "secretPath",
                text,
                "add a refreshInterval that is shorter than the role's ttl",
            ));
        }
        let namespace =
            self.get("Namespace").map(|name| name.trim_matches('/')).filter(|name| !name.is_empty());
        if namespace.is_some_and(|name| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))) {
            let text = format!("{path} begins with the namespace, which every request goes to anyway");
            found.push(of(
                TWICE,
                "secretPath",
                text,
                "leave the namespace out of secretPath, or out of the parameters",
            ));
        }
        found
    }

    /// Whether the mount is, by its name or by its other paths, KV version 2, and the path is none of it.
    fn lacks_data(&self, path: &str) -> bool {
        const AREAS: [&str; 6] = ["data", "metadata", "config", "delete", "undelete", "subkeys"];
        let Some((mount, rest)) = path.split_once('/') else { return false };
        let known = matches!(mount, "secret" | "kv-v2" | "kv2") || self.versioned.contains(mount);
        known && !AREAS.contains(&rest.split('/').next().unwrap_or_default())
    }
}

// === impl Entry ===

impl Entry {
    /// The path without what may stand in front of it and behind it.
    fn path(&self) -> &str {
        let path = self.secret_path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix('/').unwrap_or(path);
        path.strip_prefix("v1/").unwrap_or(path)
    }

    fn is_get(&self) -> bool {
        self.method.as_deref().is_none_or(|method| method.is_empty() || method.eq_ignore_ascii_case("get"))
    }
}

/// Whether an engine issues or signs there: `pki/issue/web`, `ssh/sign/web`.
fn issues(path: &str) -> bool {
    let mut segments = path.split('/');
    let _mount = segments.next();
    matches!(segments.next(), Some("issue" | "sign" | "sign-verbatim" | "encrypt" | "decrypt"))
        && segments.next().is_some()
}
