//! What the kubelet writes to the driver: the messages of csi.v1, and the facts about a pod in them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::kube_objects::{PodRef, Token};

pub(super) fn volume_id(pod: &PodRef) -> String {
    format!("csi-{}-{}", pod.uid, pod.volume)
}

impl NodePublishVolumeRequest {
    pub(super) fn of(pod: &PodRef, target: &Path, tokens: &BTreeMap<String, Token>) -> Self {
        let access_mode = Some(AccessMode { mode: SINGLE_NODE_WRITER });
        Self {
            volume_id: volume_id(pod),
            target_path: target.display().to_string(),
            volume_capability: Some(VolumeCapability { mount: Some(Empty {}), access_mode }),
            readonly: true,
            secrets: pod.secrets.clone().into_iter().collect(),
            volume_context: volume_context(pod, tokens).into_iter().collect(),
        }
    }
}

/// What the kubelet tells the driver: the pod author's attributes, and over them the facts about the pod.
pub fn volume_context(pod: &PodRef, tokens: &BTreeMap<String, Token>) -> BTreeMap<String, String> {
    let mut context = pod.attributes.clone();
    context.insert("secretProviderClass".to_owned(), pod.class.clone());
    let facts = [
        ("pod.name", &pod.name),
        ("pod.namespace", &pod.namespace),
        ("pod.uid", &pod.uid),
        ("serviceAccount.name", &pod.service_account),
        ("ephemeral", &"true".to_owned()),
    ];
    context.extend(facts.map(|(key, value)| (format!("csi.storage.k8s.io/{key}"), value.clone())));
    if !tokens.is_empty() {
        let text = serde_json::to_string(tokens).expect("tokens");
        context.insert("csi.storage.k8s.io/serviceAccount.tokens".to_owned(), text);
    }
    context
}

const SINGLE_NODE_WRITER: i32 = 1;

/// The parts of csi.v1 that a volume without staging needs, by the tags of the CSI specification 1.6.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NodePublishVolumeRequest {
    #[prost(string, tag = "1")]
    pub(super) volume_id: String,
    #[prost(string, tag = "4")]
    pub(super) target_path: String,
    #[prost(message, optional, tag = "5")]
    volume_capability: Option<VolumeCapability>,
    #[prost(bool, tag = "6")]
    readonly: bool,
    #[prost(map = "string, string", tag = "7")]
    secrets: HashMap<String, String>,
    #[prost(map = "string, string", tag = "8")]
    volume_context: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VolumeCapability {
    #[prost(message, optional, tag = "2")]
    mount: Option<Empty>,
    #[prost(message, optional, tag = "3")]
    pub(super) access_mode: Option<AccessMode>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AccessMode {
    #[prost(int32, tag = "1")]
    mode: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NodeUnpublishVolumeRequest {
    #[prost(string, tag = "1")]
    pub(super) volume_id: String,
    #[prost(string, tag = "2")]
    pub(super) target_path: String,
}

/// Both answers, and the mount options.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Empty {}
