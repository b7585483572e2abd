//! What a class of the local store does, and what it needs there.

use std::collections::BTreeSet;

use super::document::Read;
use super::params::{Object, Scope};
use super::{Local, NAME};
use crate::backend::explain::{Advice, Asker, Circle, Explain, Explanation, Request, Vocabulary, Wanted};
use crate::backend::{Backend as _, Parameters};
use crate::error::{Error, Kind, Stage};
use crate::time::Deadline;

/// What this backend reads itself.
const PARAMETERS: [&str; 2] = ["objects", "audience"];
/// What a class that came from `provider: vault` may still say.
const OF_VAULT: [&str; 16] = [
    "roleName",
    "refreshInterval",
    "renewBefore",
    "vaultAddress",
    "vaultAddresses",
    "vaultNamespace",
    "vaultRoleID",
    "vaultAuthMethod",
    "vaultAuthMountPath",
    "vaultKubernetesMountPath",
    "vaultCACert",
    "vaultCACertPath",
    "vaultCADirectory",
    "vaultTLSServerName",
    "vaultSkipTLSVerify",
    "vaultTLSClientCertPath",
];
/// Fields of an object; the last four mean nothing here and are passed over.
const FIELDS: [&str; 10] = [
    "objectName",
    "secretPath",
    "secretKey",
    "encoding",
    "filePermission",
    "optional",
    "method",
    "secretArgs",
    "refreshInterval",
    "renewBefore",
];

impl Explain for Local {
    fn vocabulary(&self) -> Vocabulary {
        let parameters = PARAMETERS.iter().chain(&OF_VAULT).map(|name| (*name).to_owned()).collect();
        Vocabulary { parameters, prefixes: &["openbao", "bao", "vault"], fields: &FIELDS, any_case: false }
    }

    fn advise(&self, _parameters: &Parameters) -> Vec<Advice> {
        Vec::new()
    }

    fn explain(&self, _parameters: &Parameters, scope: &Scope, objects: &Vec<Object>) -> Explanation {
        let reads = self.reads(objects);
        let request = |read: &Read| Request {
            shown: read.to_string(),
            needs: String::new(),
            mints: false,
            refresh: None,
        };
        let file = |object: &Object| Wanted {
            object: object.name.to_string(),
            mode: object.mode,
            request: reads.iter().position(|need| need.read == object.read).unwrap_or_default(),
            part: object
                .read
                .key
                .as_ref()
                .map_or_else(|| "the whole secret".to_owned(), |key| format!("key {key}")),
            optional: object.optional,
            is_many: false,
        };
        let audience = scope.audience.clone();
        let store = match self.store.path().as_os_str().is_empty() {
            true => "set by the operator (--local-store)".to_owned(),
            false => self.store.path().display().to_string(),
        };
        Explanation {
            login: vec![("store", store), ("audience", audience.clone())],
            audience: Some(audience),
            requests: reads.iter().map(|need| request(&need.read)).collect(),
            files: objects.iter().map(file).collect(),
            ..Explanation::default()
        }
    }

    /// Entries for the store's file, there being no command.
    fn setup(&self, _scope: &Scope, objects: &Vec<Object>, circle: &Circle<'_>) -> Vec<String> {
        let paths: BTreeSet<_> = objects.iter().map(|object| object.read.path.as_str()).collect();
        let nobody = [Asker::default()];
        let askers = if circle.askers.is_empty() { &nobody } else { circle.askers };
        let allow = |asker: &Asker| {
            let namespace = asker.namespace.as_deref().unwrap_or("NAMESPACE");
            let account = asker.service_account.as_deref().unwrap_or("SERVICE_ACCOUNT");
            format!("      - {{ namespace: {namespace}, serviceAccount: {account} }}\n")
        };
        let allows: String = askers.iter().map(allow).collect();
        let entries: Vec<_> = paths.iter().map(|path| format!("  {path}:\n    allow:\n{allows}")).collect();
        let entries = entries.concat();
        if paths.is_empty() {
            Vec::new()
        } else {
            vec![format!("# in the store's file\nsecrets:\n{}", entries.trim_end())]
        }
    }

    fn narrow(&self, objects: &mut Vec<Object>, keep: &dyn Fn(&Read) -> bool) {
        objects.retain(|object| keep(&object.read));
    }

    fn mints(&self, _read: &Read) -> bool {
        false
    }

    /// Never asked for: the store says by itself, at each read, who may not.
    fn forbidden(&self, _scope: &Scope, _objects: &Vec<Object>, read: &Read) -> Error {
        Error::new(Kind::Denied, Stage::Read, "the store does not allow it").with("path", read)
    }

    async fn reach(&self, _scope: &Scope, by: Deadline) -> Result<String, Error> {
        let document = self.store.document(by).await.map_err(|error| error.at(Stage::Reach))?;
        Ok(format!("{NAME}: the store has {} secrets", document.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::explain::Explainer;
    use crate::backend::local::Config;

    struct Nobody;

    impl crate::backend::Recorder for Nobody {
        fn request(&self, _: &'static str, _: &'static str, _: &str, _: std::time::Duration) {}
    }

    #[test]
    fn a_class_is_told_and_its_entries_are_written() {
        let local = Local::new(Config::new("/store.yaml"), std::sync::Arc::new(Nobody));
        let objects =
            "- {objectName: a, secretPath: shop/db, secretKey: k}\n- {objectName: b, secretPath: shop/db}";
        let parameters = Parameters::from_iter([("objects".to_owned(), objects.to_owned())]);
        let told = Explainer::explain(&local, &parameters).unwrap_or_default();
        let shown: Vec<_> = told.requests.iter().map(|one| one.shown.as_str()).collect();
        assert_eq!(shown, ["shop/db", "shop/db#k"]);
        let asker = Asker { namespace: Some("shop".into()), service_account: Some("web".into()) };
        let circle = Circle { policy: "", policies: &[], askers: &[asker] };
        let lines = Explainer::setup(&local, &parameters, &circle).unwrap_or_default();
        assert_eq!(
            lines,
            [
                "# in the store's file\nsecrets:\n  shop/db:\n    allow:\n      - { namespace: shop, serviceAccount: web }"
            ]
        );
    }
}
