//! From the driver's message to a [`Mount`]; anything malformed is named.

use std::collections::BTreeMap;

use zeroize::{Zeroize, Zeroizing};

use super::proto::MountRequest;
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::{Pod, Secrets, Tokens};
use crate::mount::Mount;

const POD_NAME: &str = "csi.storage.k8s.io/pod.name";
const POD_NAMESPACE: &str = "csi.storage.k8s.io/pod.namespace";
const POD_UID: &str = "csi.storage.k8s.io/pod.uid";
const SERVICE_ACCOUNT: &str = "csi.storage.k8s.io/serviceAccount.name";
const TOKENS: &str = "csi.storage.k8s.io/serviceAccount.tokens";
const CLASS: &str = "secretProviderClass";
/// Kubernetes' own names: never a class's parameter.
const RESERVED: &str = "csi.storage.k8s.io/";

/// Reads a request and wipes its texts. Reports every malformed part.
pub(super) fn parse(mut request: MountRequest) -> Result<Mount, Errors> {
    let attributes = attributes(&request.attributes);
    let secrets = secrets(&request.secrets);
    let permission = permission(&request.permission);
    request.attributes.zeroize();
    request.secrets.zeroize();
    let (mut attributes, mut secrets, permission) = match (attributes, secrets, permission) {
        (Ok(attributes), Ok(secrets), Ok(permission)) => (attributes, secrets, permission),
        (attributes, secrets, permission) => {
            return Err(collect([attributes.err(), secrets.err(), permission.err()]));
        }
    };
    // Attributes first, then secrets (Kubernetes 1.35 moves them there); an old
    // driver may put tokens of its own beside the kubelet's (docs/driver-contract.md, 8).
    let among_secrets = secrets.remove(TOKENS);
    let secrets = secrets.into_iter().collect::<Secrets>();
    let tokens = tokens("attributes", attributes.remove(TOKENS))?.or(tokens("secrets", among_secrets)?);
    let pod = pod(&attributes)?;
    let class = attributes.remove(CLASS).filter(|name| !name.is_empty());
    let parameters = attributes.into_iter().filter(|(key, _)| !key.starts_with(RESERVED)).collect();
    Ok(Mount { pod, class, parameters, tokens, secrets, permission })
}

type Texts = BTreeMap<String, String>;

fn attributes(json: &str) -> Result<Texts, Error> {
    serde_json::from_str(json).map_err(|_| malformed("attributes", "is not a JSON object of strings"))
}

/// `secrets` may be absent, `""`, `null`, `{}` or a map.
fn secrets(json: &str) -> Result<Texts, Error> {
    if json.trim().is_empty() {
        return Ok(Texts::new());
    }
    let secrets: Option<Texts> = serde_json::from_str(json)
        .map_err(|_| malformed("secrets", "is neither null nor a JSON object of strings"))?;
    Ok(secrets.unwrap_or_default())
}

/// A decimal number: 420 is 0644.
fn permission(json: &str) -> Result<u32, Error> {
    let mode = json.trim().parse::<u32>().ok().filter(|mode| (1..=0o777).contains(mode));
    mode.ok_or_else(|| malformed("permission", "is not a decimal file mode from 1 to 511"))
}

fn tokens(part: &str, json: Option<String>) -> Result<Tokens, Error> {
    let Some(json) = json.map(Zeroizing::new).filter(|json| !json.is_empty()) else {
        return Ok(Tokens::default());
    };
    Tokens::parse(&json).map_err(|fault| malformed(part, &format!("has a {TOKENS} that is {fault}")))
}

fn pod(attributes: &Texts) -> Result<Pod, Errors> {
    let need = |key: &'static str| attributes.get(key).filter(|value| !value.is_empty()).cloned().ok_or(key);
    match (need(POD_NAMESPACE), need(POD_NAME), need(POD_UID), need(SERVICE_ACCOUNT)) {
        (Ok(namespace), Ok(name), Ok(uid), Ok(service_account)) => {
            Ok(Pod { namespace, name, uid, service_account })
        }
        (namespace, name, uid, account) => {
            let absent = [namespace.err(), name.err(), uid.err(), account.err()];
            Err(collect(absent.map(|key| {
                key.map(|key| {
                    malformed("attributes", &format!("lacks {key}"))
                        .hint("set podInfoOnMount: true in the CSIDriver object")
                })
            })))
        }
    }
}

fn collect<const N: usize>(errors: [Option<Error>; N]) -> Errors {
    let list = errors.into_iter().flatten().collect();
    Errors::from_list(list).unwrap_or_else(|| malformed("request", "is malformed").into())
}

/// Names the part of the request, never its content: that may be a token.
fn malformed(part: &str, fault: &str) -> Error {
    Error::new(Kind::Invalid, Stage::Request, format!("{part} {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = r#""csi.storage.k8s.io/pod.name":"p","csi.storage.k8s.io/pod.namespace":"n",
        "csi.storage.k8s.io/pod.uid":"u","csi.storage.k8s.io/serviceAccount.name":"s""#;

    fn request(attributes: &str, secrets: &str, permission: &str) -> MountRequest {
        MountRequest {
            attributes: attributes.into(),
            secrets: secrets.into(),
            permission: permission.into(),
            target_path: String::new(),
            current_object_version: Vec::new(),
        }
    }

    fn text(attributes: &str, secrets: &str, permission: &str) -> String {
        parse(request(attributes, secrets, permission))
            .err()
            .map(|errors| errors.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn every_malformed_part_is_named_and_nothing_is_echoed() {
        let all = text("eyJh", "[1]", "0644x");
        for part in ["attributes is not", "secrets is neither", "permission is not"] {
            assert!(all.contains(part), "{all}");
        }
        assert!(!all.contains("eyJh"));
        for bad in ["", "null", "[]", "7", "{\"a\":1}", "{\"a\":null}", "{\"a\":{}}", "{"] {
            assert!(text(bad, "null", "420").contains("attributes is not a JSON object of strings"), "{bad}");
        }
        for bad in ["", "null", "0", "512", "-1", "\"420\"", "4.2"] {
            assert!(text("{}", "null", bad).contains("permission"), "{bad}");
        }
    }

    #[test]
    fn absent_pod_info_names_each_key_and_the_way_out() {
        let all = text("{\"csi.storage.k8s.io/pod.name\":\"p\"}", "null", "420");
        assert_eq!((all.matches("lacks").count(), all.matches("podInfoOnMount").count()), (3, 1), "{all}");
    }

    #[test]
    fn secrets_may_be_absent_in_every_way() {
        for none in ["", " ", "null", "{}", "{\"clientid\":\"x\"}"] {
            assert_eq!(text(&format!("{{{POD}}}"), none, "420"), "", "{none:?}");
        }
    }

    #[test]
    fn credentials_are_kept_without_the_tokens_and_never_printed() {
        let secrets = format!(r#"{{"role_id":"r-1","secret_id":"hunter2","{TOKENS}":"{{}}"}}"#);
        let Ok(mount) = parse(request(&format!("{{{POD}}}"), &secrets, "420")) else {
            unreachable!("a valid request")
        };
        assert_eq!(mount.secrets.keys().collect::<Vec<_>>(), ["role_id", "secret_id"]);
        assert!(!format!("{mount:?}").contains("hunter2"));
    }

    #[test]
    fn reserved_keys_are_no_parameters_and_the_class_name_is_optional() {
        let attributes = format!("{{{POD},\"csi.storage.k8s.io/ephemeral\":\"true\",\"roleName\":\"web\"}}");
        let Ok(mount) = parse(request(&attributes, "null", "420")) else { unreachable!("a valid request") };
        assert_eq!((mount.class, mount.permission), (None, 0o644));
        assert_eq!(mount.parameters.get("roleName"), Some("web"));
        assert_eq!(mount.parameters.get("csi.storage.k8s.io/ephemeral"), None);
    }

    #[test]
    fn tokens_come_from_attributes_and_from_secrets() {
        let inner = |token: &str| format!(r#"{{\"vault\":{{\"token\":\"{token}\"}}}}"#);
        let attributes = format!("{{{POD},\"{TOKENS}\":\"{}\"}}", inner("a"));
        let secrets = format!("{{\"{TOKENS}\":\"{}\"}}", inner("b"));
        for (attributes, secrets) in
            [(attributes.as_str(), "null"), (&format!("{{{POD}}}"), secrets.as_str())]
        {
            let Ok(mount) = parse(request(attributes, secrets, "420")) else {
                unreachable!("a valid request")
            };
            assert!(mount.tokens.get("vault").is_some());
        }
        let bad = text(&format!("{{{POD},\"{TOKENS}\":\"eyJ\"}}"), "null", "420");
        assert!(
            bad.contains("serviceAccount.tokens that is not a JSON map") && !bad.contains("eyJ"),
            "{bad}"
        );
    }

    /// The captured requests of two driver generations, each beside its decoded form.
    #[test]
    fn every_request_of_the_real_drivers_is_read() {
        let mut count = 0;
        for dir in ["tests/fixtures/driver-requests", "tests/fixtures/driver-requests/apiserver-1.36"] {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.extension().is_some_and(|ending| ending == "bin") {
                    count += 1;
                    captured(&path);
                }
            }
        }
        assert_eq!(count, 36);
    }

    fn captured(path: &std::path::Path) {
        let name = path.display();
        let message =
            std::fs::read(path).ok().and_then(|bytes| prost::Message::decode(bytes.as_slice()).ok());
        let Some(message) = message else { unreachable!("{name} is a MountRequest") };
        let decoded = std::fs::read(path.with_extension("json")).unwrap_or_default();
        let decoded: serde_json::Value = serde_json::from_slice(&decoded).unwrap_or_default();
        let said = |key: &str| {
            decoded.pointer("/attributes").and_then(|all| all.get(key)?.as_str().map(str::to_owned))
        };
        let mount = match parse(message) {
            Ok(mount) => mount,
            Err(errors) => unreachable!("{name}: {errors}"),
        };
        assert_eq!(Some(mount.pod.uid), said(POD_UID), "{name}");
        assert_eq!(Some(mount.pod.service_account), said(SERVICE_ACCOUNT), "{name}");
        assert_eq!(mount.class, said(CLASS), "{name}");
        assert_eq!(mount.parameters.get("objects").map(str::to_owned), said("objects"), "{name}");
        let in_secrets =
            decoded.pointer("/request/secrets").is_some_and(|text| text.to_string().contains(TOKENS));
        assert_eq!(mount.tokens.is_empty(), said(TOKENS).is_none() && !in_secrets, "{name}");
    }

    proptest::proptest! {
        /// Whatever a pod's attributes hold: a Mount or a mistake that echoes nothing of them.
        #[test]
        fn any_request_is_read_or_refused_without_an_echo(
            attributes in "[{}\":,a-z\\\\0-9. -]{0,60}", secrets in "[{}\":,a-znul]{0,20}", permission in "[0-9a-z\"-]{0,6}",
        ) {
            crate::wire::fuzzed::request(&attributes, &secrets, &permission);
        }
    }
}
