//! A client that talks to a provider as the driver does, for tests that need no driver.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::csi_messages::volume_context;
use super::kube_objects::{PodRef, Token};
use super::provider_messages::{MountRequest, VersionRequest};
pub use super::provider_messages::{MountResponse, ObjectVersion, VersionResponse};
use super::{old_client, secrets};

/// One connection to a provider's socket, as the driver holds one for its whole life.
#[derive(Clone)]
pub struct Provider {
    channel: Channel,
}

impl Provider {
    pub async fn connect(socket: &Path) -> Result<Self, tonic::transport::Error> {
        let socket = socket.to_owned();
        let connector = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { tokio::net::UnixStream::connect(socket).await.map(hyper_util::rt::TokioIo::new) }
        });
        // The authority that driver v1.6.0 sends.
        let endpoint = Endpoint::from_static("http://localhost").user_agent("grpc-go/1.79.3")?;
        Ok(Self { channel: endpoint.connect_with_connector(connector).await? })
    }

    /// The same as a driver before v1.6.0: its authority is the socket's path.
    pub async fn connect_as_old_driver(socket: &Path) -> Result<Self, tonic::transport::Error> {
        let socket = socket.to_owned();
        let connector = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { old_client::connect(socket).await.map(hyper_util::rt::TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://localhost").user_agent("grpc-go/1.56.3")?;
        Ok(Self { channel: endpoint.connect_with_connector(connector).await? })
    }

    pub async fn version(&self) -> Result<VersionResponse, Status> {
        let message = VersionRequest { version: "v1alpha1".to_owned() };
        self.call("Version", message, Some(Duration::from_secs(5))).await
    }

    pub async fn mount(&self, mount: &Mount) -> Result<MountResponse, Status> {
        let answer = self.call("Mount", mount.request(), mount.timeout).await;
        if let Err(status) = &answer {
            // The pod's events show it to whoever may look at the pod.
            secrets::assert_none("an error's text", &format!("{status:?}"));
        }
        answer
    }

    pub async fn call<Q, A>(&self, method: &str, message: Q, timeout: Option<Duration>) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        // The driver's default limit of an answer is tonic's, too: 4 MiB.
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = Request::new(message);
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        let path = format!("/v1alpha1.CSIDriverProvider/{method}").parse().expect("a path");
        let codec = tonic_prost::ProstCodec::<Q, A>::default();
        client.unary(request, path, codec).await.map(tonic::Response::into_inner)
    }
}

/// A Mount call in the making, as driver v1.6.0 would send it unless told otherwise.
#[derive(Debug, Clone)]
pub struct Mount {
    pub attributes: BTreeMap<String, String>,
    pub secrets: String,
    pub permission: String,
    pub target_path: String,
    pub current_object_version: Vec<ObjectVersion>,
    /// The `grpc-timeout`; drivers up to v1.5.6 send none when they rotate.
    pub timeout: Option<Duration>,
}

impl Mount {
    /// The class's parameters, and over them what the kubelet said.
    pub fn new(pod: &PodRef, parameters: &[(&str, &str)], tokens: &BTreeMap<String, Token>) -> Self {
        let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        let mut attributes: BTreeMap<_, _> = parameters.iter().map(own).collect();
        attributes.extend(volume_context(pod, tokens));
        let folder =
            format!("/var/lib/kubelet/pods/{}/volumes/kubernetes.io~csi/{}/mount", pod.uid, pod.volume);
        Self {
            attributes,
            secrets: "null".to_owned(),
            permission: "420".to_owned(),
            target_path: folder,
            current_object_version: Vec::new(),
            timeout: Some(Duration::from_secs(119)),
        }
    }

    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.attributes.insert(key.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, key: &str) -> Self {
        self.attributes.remove(key);
        self
    }

    pub fn secrets(mut self, json: &str) -> Self {
        json.clone_into(&mut self.secrets);
        self
    }

    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// The rotation call of drivers up to v1.5.6: no deadline, fewer attributes, the mounted versions.
    pub fn old_rotation(mut self, mounted: &[ObjectVersion]) -> Self {
        mounted.clone_into(&mut self.current_object_version);
        "{}".clone_into(&mut self.secrets);
        self.timeout = None;
        self.without("secretProviderClass").without("csi.storage.k8s.io/ephemeral")
    }

    fn request(&self) -> MountRequest {
        MountRequest {
            attributes: go_json(&self.attributes),
            secrets: self.secrets.clone(),
            target_path: self.target_path.clone(),
            permission: self.permission.clone(),
            current_object_version: self.current_object_version.clone(),
        }
    }
}

/// Go's encoder sorts the keys and escapes what could end an HTML script.
fn go_json(map: &BTreeMap<String, String>) -> String {
    let text = serde_json::to_string(map).expect("a map");
    let text = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
