//! From an [`Answer`] to the driver's message, within the size that the driver takes.

use prost::Message;
use secrecy::ExposeSecret;

use super::proto::{self, MountResponse};
use crate::error::{Error, Errors, Kind, Stage};
use crate::files::File;
use crate::mount::{Answer, Receipt};

/// The message, and the receipt to keep once it is handed over.
pub(super) fn build(answer: Answer, max_bytes: usize) -> Result<(MountResponse, Receipt), Errors> {
    let Answer { files, versions, receipt } = answer;
    let object_version = versions
        .into_iter()
        .map(|(id, version)| proto::ObjectVersion { id: id.to_string(), version: version.into_string() })
        .collect();
    let files = files.into_iter().map(file).collect::<Result<_, Error>>()?;
    let response = MountResponse { object_version, error: None, files };
    match response.encoded_len() {
        size if size > max_bytes => Err(too_large(size, max_bytes).into()),
        _ => Ok((response, receipt)),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where a secret leaves for the driver")]
fn file(file: File) -> Result<proto::File, Error> {
    let mode = i32::try_from(file.mode).map_err(|_| {
        Error::new(Kind::Internal, Stage::Answer, "a file mode does not fit").object(&file.object)
    })?;
    Ok(proto::File { path: file.path, mode, contents: file.bytes.expose_secret().to_vec() })
}

/// Over the driver's limit its own client would answer `RESOURCE_EXHAUSTED`, which is not final.
fn too_large(size: usize, max_bytes: usize) -> Error {
    Error::new(Kind::Precondition, Stage::Answer, format!("the answer's {size} bytes are more than {max_bytes}"))
        .hint("split the class, or raise the driver's --max-call-recv-msg-size and keymount's --max-response-bytes together")
}
