//! A `SecretProviderClass` from a file, as the driver reads it from the API server.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The largest file; etcd keeps no larger object.
const MAX_TEXT: usize = 1536 * 1024;
const KIND: &str = "SecretProviderClass";

/// What the driver takes from a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The class's name.
    pub name: String,
    /// Its namespace, if the file says so.
    pub namespace: Option<String>,
    /// The provider, and so the socket.
    pub provider: String,
    /// The parameters.
    pub parameters: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Written {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct Spec {
    provider: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

// === impl Class ===

impl Class {
    /// Reads the YAML of one class.
    pub fn parse(yaml: &str) -> Result<Self, String> {
        Self::pick(yaml, None)
    }

    /// The class called `name` in a file of manifests; without a name the only one that is there.
    pub fn pick(yaml: &str, name: Option<&str>) -> Result<Self, String> {
        let mut classes = Self::all(yaml)?;
        let have = classes.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(name) = name {
            classes.retain(|class| class.name == name);
        }
        match (classes.pop(), name) {
            (Some(class), _) if classes.is_empty() => Ok(class),
            (None, Some(name)) => Err(format!("the file holds no {KIND} called {name}, but {have}")),
            (_, Some(name)) => Err(format!("the file holds more than one {KIND} called {name}")),
            (_, None) => Err(format!("the file holds several classes, {have}: say which (--class-name)")),
        }
    }

    /// Every class in a file of manifests, at least one.
    fn all(yaml: &str) -> Result<Vec<Self>, String> {
        if yaml.len() > MAX_TEXT {
            return Err(format!("the file is longer than {MAX_TEXT} bytes"));
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(yaml, options)
            .map_err(|error| format!("not the YAML of a {KIND}: {error}"))?;
        let kind = |document: &Value| document.get("kind").and_then(Value::as_str).map(str::to_owned);
        let others: Vec<_> = documents.iter().filter_map(kind).filter(|kind| kind != KIND).collect();
        let mut classes = Vec::new();
        for document in documents.into_iter().filter(|document| kind(document).as_deref() == Some(KIND)) {
            classes.push(Self::read(document)?);
        }
        match classes.is_empty() {
            false => Ok(classes),
            true if others.is_empty() => Err(format!("not the YAML of a {KIND}: there is no `kind`")),
            true => Err(format!("the file holds a {}, not a {KIND}", others.join(", a "))),
        }
    }

    fn read(document: Value) -> Result<Self, String> {
        let written: Written =
            serde_json::from_value(document).map_err(|error| format!("not a {KIND}: {error}"))?;
        Ok(Self {
            name: written.metadata.name,
            namespace: written.metadata.namespace,
            provider: written.spec.provider,
            parameters: written.spec.parameters,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: &str = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n\
                         metadata: { name: web, namespace: shop, labels: { a: b } }\n\
                         spec:\n  provider: local\n  parameters:\n    objects: |\n      - { objectName: a }\n";

    #[test]
    fn a_class_is_read_and_anything_else_is_named() {
        let class = Class::parse(CLASS).unwrap_or_else(|fault| unreachable!("{fault}"));
        assert_eq!((class.name.as_str(), class.namespace.as_deref()), ("web", Some("shop")));
        assert_eq!(class.parameters.get("objects").map(String::as_str), Some("- { objectName: a }\n"));
        let pod = CLASS.replace("kind: SecretProviderClass", "kind: Pod");
        assert!(Class::parse(&pod).is_err_and(|fault| fault.contains("holds a Pod")));
        for (bad, says) in [
            ("kind: [", "not the YAML"),
            ("", "no `kind`"),
            ("7", "no `kind`"),
            ("kind: SecretProviderClass\n", "missing field `metadata`"),
        ] {
            let fault = Class::parse(bad).err().unwrap_or_default();
            assert!(fault.contains(says), "{bad}: {fault}");
        }
    }

    #[test]
    fn one_of_several_documents_is_picked_by_name() {
        let other = CLASS.replace("name: web", "name: db");
        let file = format!("kind: Service\nspec: {{ parameters: [1] }}\n---\n{CLASS}---\n---\n{other}");
        let pick = |file: &str, name| Class::pick(file, name).map(|class| class.name);
        assert_eq!(pick(&file, Some("db")), Ok("db".into()));
        let fault = |result: Result<String, String>| result.err().unwrap_or_default();
        assert!(fault(pick(&file, None)).contains("several classes, web, db: say which"));
        assert!(fault(pick(&file, Some("none"))).contains("called none, but web, db"));
        assert!(fault(pick(&format!("{CLASS}---\n{CLASS}"), Some("web"))).contains("more than one"));
    }
}
