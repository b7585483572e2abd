//! What the driver does with a provider: one connection to its socket, requests
//! as JSON texts, answers checked before a file is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use zeroize::Zeroizing;

use super::class::Class;
use super::issuer::Token;
use crate::files::File;
use crate::identity::Pod;
use crate::secret::ObjectId;
use crate::wire::proto::csi_driver_provider_client::CsiDriverProviderClient;
use crate::wire::proto::{MountRequest, MountResponse, VersionRequest};

/// Drivers from v1.6.0 on name this authority.
const AUTHORITY: &str = "http://localhost";
/// 0644, in the decimal that the driver sends.
const PERMISSION: &str = "420";

/// A driver-like client of one provider.
#[derive(Clone, Debug)]
pub struct Driver(CsiDriverProviderClient<Channel>);

/// A provider's answer.
#[derive(Debug)]
pub struct Answer {
    /// The volume's files.
    pub files: Vec<File>,
    /// The version of each object.
    pub versions: BTreeMap<String, String>,
}

/// A refused Mount, as the driver reports it in the pod's events.
#[derive(Debug)]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// The provider's text.
    pub text: String,
}

// === impl Driver ===

impl Driver {
    /// A client of the provider at `socket`; connects when first used.
    pub fn new(socket: PathBuf) -> Self {
        let connect = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static(AUTHORITY).connect_with_connector_lazy(connect);
        Self(CsiDriverProviderClient::new(channel))
    }

    /// The provider's name and version.
    pub async fn version(&self) -> Result<String, Refusal> {
        let request = VersionRequest { version: "v1alpha1".into() };
        let answer = self.0.clone().version(request).await?.into_inner();
        Ok(format!("{} {}", answer.runtime_name, answer.runtime_version))
    }

    /// Asks for the volume of `pod` that `class` describes.
    pub async fn mount(&self, pod: &Pod, class: &Class, token: &Token) -> Result<Answer, Refusal> {
        let request = MountRequest {
            attributes: attributes(pod, class, token),
            secrets: "null".into(),
            target_path: format!("/var/lib/kubelet/pods/{}/volumes/kubernetes.io~csi/secrets/mount", pod.uid),
            permission: PERMISSION.into(),
            current_object_version: Vec::new(),
        };
        answer(self.0.clone().mount(request).await?.into_inner())
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { code: status.code(), text: status.message().to_owned() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rpc error: code = {:?} desc = {}", self.code, self.text)
    }
}

/// The class's parameters under the pod's attributes, keys sorted, escaped as Go does.
fn attributes(pod: &Pod, class: &Class, token: &Token) -> String {
    #[expect(clippy::disallowed_methods, reason = "the request carries the token")]
    let secret = token.token.expose_secret();
    let tokens = json!({ &token.audience: { "token": secret, "expirationTimestamp": token.expires } });
    let tokens = Zeroizing::new(tokens.to_string());
    let mut attributes: BTreeMap<&str, &str> =
        class.parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    attributes.extend([
        ("csi.storage.k8s.io/ephemeral", "true"),
        ("csi.storage.k8s.io/pod.name", &pod.name),
        ("csi.storage.k8s.io/pod.namespace", &pod.namespace),
        ("csi.storage.k8s.io/pod.uid", &pod.uid),
        ("csi.storage.k8s.io/serviceAccount.name", &pod.service_account),
        ("csi.storage.k8s.io/serviceAccount.tokens", &tokens),
        ("secretProviderClass", &class.name),
    ]);
    let json = json!(attributes).to_string();
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The driver's own checks (docs/driver-contract.md, 3.1).
fn answer(response: MountResponse) -> Result<Answer, Refusal> {
    let refuse = |text: String| Err(Refusal { code: Code::Unknown, text });
    if let Some(error) = response.error.filter(|error| !error.code.is_empty()) {
        return refuse(format!("mount request failed with provider error code {}", error.code));
    }
    if response.object_version.is_empty() {
        return refuse("missing object versions".into());
    }
    let files = response.files.into_iter().map(|file| File {
        object: ObjectId::new(file.path.clone()),
        path: file.path,
        // The driver takes the low nine bits, whatever the sign.
        mode: file.mode.cast_unsigned() & 0o777,
        bytes: file.contents.into(),
    });
    let versions = response.object_version.into_iter().map(|object| (object.id, object.version)).collect();
    Ok(Answer { files: files.collect(), versions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::issuer;
    use crate::wire::proto;

    fn response(versions: usize, code: &str) -> MountResponse {
        let version = |at: usize| proto::ObjectVersion { id: at.to_string(), version: "v".into() };
        MountResponse {
            object_version: (0..versions).map(version).collect(),
            error: Some(proto::Error { code: code.into() }),
            files: vec![proto::File { path: "a/b".into(), mode: 0o100_640, contents: b"x".to_vec() }],
        }
    }

    #[test]
    fn attributes_are_written_as_the_driver_writes_them() -> Result<(), String> {
        let pod = Pod { uid: "u".into(), ..issuer::pod("shop", "web-0", "web")? };
        let class = Class {
            name: "c".into(),
            namespace: None,
            provider: "local".into(),
            // The pod's own names win over a class that wants to be somebody else.
            parameters: [("a", "<&>"), ("csi.storage.k8s.io/pod.uid", "other")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        let token =
            Token { audience: "local".into(), token: "t".into(), expires: "2026-05-01T10:00:00Z".into() };
        assert_eq!(
            attributes(&pod, &class, &token),
            concat!(
                r#"{"a":"\u003c\u0026\u003e","csi.storage.k8s.io/ephemeral":"true","#,
                r#""csi.storage.k8s.io/pod.name":"web-0","csi.storage.k8s.io/pod.namespace":"shop","#,
                r#""csi.storage.k8s.io/pod.uid":"u","csi.storage.k8s.io/serviceAccount.name":"web","#,
                r#""csi.storage.k8s.io/serviceAccount.tokens":"{\"local\":{\"expirationTimestamp\":"#,
                r#"\"2026-05-01T10:00:00Z\",\"token\":\"t\"}}","secretProviderClass":"c"}"#
            )
        );
        Ok(())
    }

    #[test]
    fn answers_are_checked_as_the_driver_checks_them() {
        let refused = |response| answer(response).err().map(|refusal| refusal.text).unwrap_or_default();
        assert_eq!(refused(response(0, "")), "missing object versions");
        assert!(refused(response(1, "Odd")).ends_with("error code Odd"));
        let modes = answer(response(2, ""))
            .map(|answer| answer.files.iter().map(|file| file.mode).collect::<Vec<_>>());
        assert_eq!(modes.unwrap_or_default(), [0o640]);
    }
}
