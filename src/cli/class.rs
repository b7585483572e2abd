//! A `SecretProviderClass` from a file, as the driver reads it from the API server.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The largest file; etcd keeps no larger object.
const MAX_TEXT: usize = 1536 * 1024;

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
    kind: String,
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
    parameters: BTreeMap<String, String>,
}

// === impl Class ===

impl Class {
    /// Reads the YAML of one class.
    pub fn parse(yaml: &str) -> Result<Self, String> {
        if yaml.len() > MAX_TEXT {
            return Err(format!("the class is longer than {MAX_TEXT} bytes"));
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let written: Written = serde_saphyr::from_str_with_options(yaml, options)
            .map_err(|error| format!("not the YAML of one SecretProviderClass: {error}"))?;
        if written.kind != "SecretProviderClass" {
            return Err(format!("the file holds a {}, not a SecretProviderClass", written.kind));
        }
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

    #[test]
    fn a_class_is_read_and_anything_else_is_named() {
        let yaml = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n\
                    metadata: { name: web, namespace: shop, labels: { a: b } }\n\
                    spec:\n  provider: local\n  parameters:\n    objects: |\n      - { objectName: a }\n";
        let class = Class::parse(yaml).unwrap_or_else(|fault| unreachable!("{fault}"));
        assert_eq!((class.name.as_str(), class.namespace.as_deref()), ("web", Some("shop")));
        assert_eq!(class.parameters.get("objects").map(String::as_str), Some("- { objectName: a }\n"));
        let pod = yaml.replace("kind: SecretProviderClass", "kind: Pod");
        assert!(Class::parse(&pod).is_err_and(|fault| fault.contains("holds a Pod")));
        assert!(Class::parse("kind: [").is_err());
    }
}
