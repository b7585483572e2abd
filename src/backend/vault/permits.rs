//! Whether a token could make a request, asked without making it: reading some
//! paths makes another credential.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Vault;
use super::credential::Credential;
use super::params::Read;
use super::upkeep::Errand;
use crate::error::{Error, Kind, Stage};
use crate::lease::Credential as _;
use crate::time::Deadline;

// === impl Vault ===

impl Vault {
    /// Whether the token's policies allow each of these requests now.
    pub(super) async fn permits_each(
        &self,
        credential: &Credential,
        reads: &[Read],
        by: Deadline,
    ) -> Result<Vec<bool>, Error> {
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        if credential.is_counted() {
            let text = "the token counts its uses, and asking would be one";
            return Err(Error::new(Kind::Precondition, Stage::Read, text));
        }
        let paths: BTreeSet<String> = reads.iter().map(ruled).collect();
        let errand = Errand::post("check", "sys/capabilities-self", &json!({"paths": paths}));
        let permitted =
            |data: &Map<String, Value>| reads.iter().map(|read| is_permitted(read, data)).collect();
        self.ask(credential, &errand, by, |reply| reply.data().map(permitted)).await
    }
}

/// The path that policies are compared with: as it is written, a list's with a slash at its end.
pub(super) fn ruled(read: &Read) -> String {
    let path = read.path.shown.split('?').next().unwrap_or_default();
    if lists(read) { format!("{path}/") } else { path.to_owned() }
}

/// Whether the request lists, also as browsers must write it.
pub(super) fn lists(read: &Read) -> bool {
    let query = read.path.shown.split_once('?').map_or("", |(_, query)| query);
    matches!(read.method.as_str(), "LIST" | "SCAN")
        || (read.method == "GET" && query.split('&').any(|pair| pair == "list=true"))
}

/// What one of must be there. `sudo` by itself allows nothing.
fn needed(read: &Read) -> &'static [&'static str] {
    match read.method.as_str() {
        "SCAN" => &["scan", "root"],
        _ if lists(read) => &["list", "root"],
        "GET" | "HEAD" => &["read", "root"],
        "DELETE" => &["delete", "root"],
        "PATCH" => &["patch", "root"],
        // Which of the two a server wants depends on whether the path has something to update.
        _ => &["update", "create", "root"],
    }
}

/// A path that the server says nothing of is not denied.
fn is_permitted(read: &Read, data: &Map<String, Value>) -> bool {
    let Some(has) = data.get(&ruled(read)).and_then(Value::as_array) else { return true };
    has.iter().filter_map(Value::as_str).any(|has| needed(read).contains(&has))
}

#[cfg(test)]
mod tests {
    use super::super::path::Path;
    use super::*;

    fn read(method: &str, path: &str) -> Read {
        let Ok(path) = Path::parse(path) else { unreachable!("{path}") };
        Read { method: method.to_owned(), path, args: None }
    }

    #[test]
    fn a_request_needs_what_its_method_needs() {
        for (method, path, ruled, granting, denying) in [
            ("GET", "database/creds/ro", "database/creds/ro", "read", "list"),
            ("GET", "v1/secret/data/a b?version=2", "secret/data/a b", "read", "create"),
            ("GET", "secret/metadata?list=true", "secret/metadata/", "list", "read"),
            ("LIST", "secret/metadata/", "secret/metadata/", "list", "read"),
            ("SCAN", "secret/metadata", "secret/metadata/", "scan", "list"),
            ("POST", "pki/issue/web", "pki/issue/web", "update", "read"),
            ("PUT", "pki/issue/web", "pki/issue/web", "create", "patch"),
            ("PATCH", "secret/data/x", "secret/data/x", "patch", "update"),
            ("DELETE", "secret/data/x", "secret/data/x", "delete", "sudo"),
        ] {
            let read = read(method, path);
            let answer = |word: &str| Map::from_iter([(ruled.to_owned(), json!([word]))]);
            assert_eq!(super::ruled(&read), ruled);
            assert!(
                is_permitted(&read, &answer(granting)) && is_permitted(&read, &answer("root")),
                "{read:?}"
            );
            assert!(
                !is_permitted(&read, &answer(denying)) && !is_permitted(&read, &answer("deny")),
                "{read:?}"
            );
            assert!(is_permitted(&read, &Map::new()), "nothing is said of {read:?}");
        }
    }
}
