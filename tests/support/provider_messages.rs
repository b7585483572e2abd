//! The provider's messages, by the tags of the driver's v1alpha1 protocol: written for the tests, not the
//! ones the provider is built from, so that both sides cannot be wrong together.

use std::collections::BTreeMap;

impl MountResponse {
    pub fn tree(&self) -> BTreeMap<String, (i32, Vec<u8>)> {
        self.files.iter().map(|file| (file.path.clone(), (file.mode, file.contents.clone()))).collect()
    }

    /// A file's content as text.
    pub fn text(&self, path: &str) -> Option<String> {
        let file = self.files.iter().find(|file| file.path == path)?;
        Some(String::from_utf8_lossy(&file.contents).into_owned())
    }

    pub fn versions(&self) -> BTreeMap<String, String> {
        self.object_version.iter().map(|object| (object.id.clone(), object.version.clone())).collect()
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct VersionRequest {
    #[prost(string, tag = "1")]
    pub version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct VersionResponse {
    #[prost(string, tag = "1")]
    pub version: String,
    #[prost(string, tag = "2")]
    pub runtime_name: String,
    #[prost(string, tag = "3")]
    pub runtime_version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MountRequest {
    #[prost(string, tag = "1")]
    pub attributes: String,
    #[prost(string, tag = "2")]
    pub secrets: String,
    #[prost(string, tag = "3")]
    pub target_path: String,
    #[prost(string, tag = "4")]
    pub permission: String,
    #[prost(message, repeated, tag = "5")]
    pub current_object_version: Vec<ObjectVersion>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MountResponse {
    #[prost(message, repeated, tag = "1")]
    pub object_version: Vec<ObjectVersion>,
    #[prost(message, optional, tag = "2")]
    pub error: Option<ProviderError>,
    #[prost(message, repeated, tag = "3")]
    pub files: Vec<File>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ObjectVersion {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct File {
    #[prost(string, tag = "1")]
    pub path: String,
    #[prost(int32, tag = "2")]
    pub mode: i32,
    #[prost(bytes = "vec", tag = "3")]
    pub contents: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ProviderError {
    #[prost(string, tag = "1")]
    pub code: String,
}
