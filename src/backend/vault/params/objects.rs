//! The class's `objects`, as wants and the requests that they need.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::path::Path;
use super::Reader;
use crate::backend::objects::{Encoding, Mode, duplicates, list};
use crate::error::{Error, Kind, Stage};
use crate::secret::ObjectId;

/// The longest method; HTTP has none longer than `UNSUBSCRIBE`.
const MAX_METHOD: usize = 20;

/// What a class wants of a server, in its order.
#[derive(Debug)]
pub struct Objects(pub(in super::super) Vec<Want>);

/// One object.
#[derive(Debug)]
pub(in super::super) struct Want {
    pub(in super::super) object: ObjectId,
    pub(in super::super) read: Read,
    /// The key of the secret's data; `None` means the whole response.
    pub(in super::super) key: Option<String>,
    pub(in super::super) encoding: Encoding,
    pub(in super::super) mode: Option<u32>,
    /// Whether a 404 only leaves the object out (decision 7).
    pub(in super::super) optional: bool,
}

/// One request to the server. Objects with equal reads share its answer, so that
/// the username and the password of one dynamic credential belong together.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Read {
    pub(in super::super) method: String,
    pub(in super::super) path: Path,
    /// The JSON body; may be private.
    pub(in super::super) args: Option<String>,
}

/// One entry of the list as it is written. Unknown fields are ignored, as the incumbents do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    object_name: Option<String>,
    #[serde(default)]
    secret_path: Option<String>,
    #[serde(default)]
    secret_key: Option<String>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    secret_args: Option<Map<String, Value>>,
    #[serde(default)]
    file_permission: Option<Mode>,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default)]
    optional: Option<bool>,
}

// === impl Read ===

impl Read {
    /// Whether asking twice is the same as asking once. Engines mint at a GET of `creds`.
    pub(in super::super) fn only_looks(&self) -> bool {
        let mints = |segment: &str| matches!(segment, "creds" | "sts" | "issue" | "sign");
        matches!(self.method.as_str(), "GET" | "HEAD" | "LIST" | "SCAN")
            && !self.path.shown.split(['/', '?']).any(mints)
    }
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path.shown)
    }
}

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn objects(&mut self) -> Option<Objects> {
        let entries: Vec<Entry> = match list(self.parameters.get("objects").unwrap_or_default()) {
            Ok(entries) => entries,
            Err(errors) => {
                self.faults.extend(errors.iter().cloned());
                return None;
            }
        };
        let names = entries.iter().filter_map(|entry| entry.object_name.as_deref());
        let twice = duplicates(names).join(", ");
        if !twice.is_empty() {
            let text = "each `objectName` within a SecretProviderClass must be unique, \
                        but the following keys were duplicated: ";
            self.fault("objects", format!("{text}{twice}"), None);
        }
        let wants = entries.into_iter().enumerate().filter_map(|(at, entry)| self.want(at, entry));
        Some(Objects(wants.collect()))
    }

    /// One object, or its mistakes.
    fn want(&mut self, at: usize, entry: Entry) -> Option<Want> {
        let name = entry.object_name.filter(|name| !name.is_empty());
        let object = ObjectId::new(name.clone().unwrap_or_else(|| format!("number {}", at + 1)));
        let before = self.faults.len();
        if name.is_none() {
            self.wrong(&object, "objectName", "missing: it names the file and the object");
        }
        let path = Path::parse(entry.secret_path.as_deref().unwrap_or_default());
        let path = path.map_err(|fault| self.wrong(&object, "secretPath", fault)).ok();
        let method = entry
            .method
            .filter(|method| !method.is_empty())
            .map_or("GET".to_owned(), |text| text.to_uppercase());
        if method.len() > MAX_METHOD || !method.bytes().all(|letter| letter.is_ascii_uppercase()) {
            self.wrong(&object, "method", "not a method such as GET, LIST or PUT");
        }
        let encoding = Encoding::parse(entry.encoding.as_deref().unwrap_or_default());
        if encoding.is_none() {
            self.wrong(&object, "encoding", "invalid encoding type. Should be utf-8, base64, or hex");
        }
        let args =
            entry.secret_args.filter(|args| !args.is_empty()).map(|args| Value::Object(args).to_string());
        let read = Read { method, path: path?, args };
        (self.faults.len() == before).then_some(Want {
            object,
            read,
            key: entry.secret_key.filter(|key| !key.is_empty()),
            encoding: encoding.unwrap_or_default(),
            mode: entry.file_permission.map(|mode| mode.0),
            optional: entry.optional.unwrap_or_default(),
        })
    }

    fn wrong(&mut self, object: &ObjectId, field: &'static str, text: &str) {
        self.faults.push(Error::new(Kind::Invalid, Stage::Request, text).object(object).with("field", field));
    }
}
