//! The class's `objects`, as wants and the requests that they need.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::path::Path;
use super::{Read, Reader};
use crate::backend::Need;
use crate::backend::objects::{Encoding, Mode, SPAN_HINT, Span, duplicates, list};
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
    /// How often it is read, and how long before its end it is replaced.
    pub(in super::super) refresh: Option<Duration>,
    pub(in super::super) renew_before: Option<Duration>,
    /// Whether a 404 only leaves the object out (decision 7).
    pub(in super::super) optional: bool,
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
    #[serde(default)]
    refresh_interval: Option<Span>,
    #[serde(default)]
    renew_before: Option<Span>,
}

/// The class's own spans of time.
#[derive(Clone, Copy)]
struct Spans {
    refresh: Option<Duration>,
    renew_before: Option<Duration>,
}

// === impl Objects ===

impl Objects {
    /// Each request once, in the objects' order. Objects that share one get the shortest
    /// `refreshInterval` and the longest `renewBefore` that is written at any of them.
    pub(in super::super) fn needs(&self) -> Vec<Need<Read>> {
        let (mut needs, mut places) = (Vec::<Need<Read>>::new(), HashMap::new());
        for want in &self.0 {
            let at = *places.entry(&want.read).or_insert(needs.len());
            match needs.get_mut(at) {
                Some(need) => {
                    need.refresh = [need.refresh, want.refresh].into_iter().flatten().min();
                    need.renew_before = need.renew_before.max(want.renew_before);
                }
                None => needs.push(Need {
                    read: want.read.clone(),
                    refresh: want.refresh,
                    renew_before: want.renew_before,
                }),
            }
        }
        needs
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
        let spans = Spans { refresh: self.span("refreshInterval"), renew_before: self.span("renewBefore") };
        let wants = entries.into_iter().enumerate().filter_map(|(at, entry)| self.want(at, entry, spans));
        Some(Objects(wants.collect()))
    }

    /// The class's own span of time, for objects that say nothing.
    pub(super) fn span(&mut self, parameter: &'static str) -> Option<Duration> {
        match Span::new(self.parameters.get(parameter)?).read() {
            Ok(span) => Some(span),
            Err(fault) => {
                self.fault(parameter, fault, Some(SPAN_HINT.to_owned()));
                None
            }
        }
    }

    /// One object, or its mistakes.
    fn want(&mut self, at: usize, entry: Entry, class: Spans) -> Option<Want> {
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
        let refresh = self.own_span(&object, "refreshInterval", entry.refresh_interval);
        let renew_before = self.own_span(&object, "renewBefore", entry.renew_before);
        let args =
            entry.secret_args.filter(|args| !args.is_empty()).map(|args| Value::Object(args).to_string());
        let read = Read { method, path: path?, args };
        (self.faults.len() == before).then_some(Want {
            object,
            read,
            key: entry.secret_key.filter(|key| !key.is_empty()),
            encoding: encoding.unwrap_or_default(),
            mode: entry.file_permission.map(|mode| mode.0),
            refresh: self.parameters.interval(refresh, class.refresh),
            renew_before: renew_before.or(class.renew_before),
            optional: entry.optional.unwrap_or_default(),
        })
    }

    /// An object's span of time.
    fn own_span(&mut self, object: &ObjectId, field: &'static str, span: Option<Span>) -> Option<Duration> {
        let fault = match span?.read() {
            Ok(span) => return Some(span),
            Err(fault) => fault,
        };
        let error = Error::new(Kind::Invalid, Stage::Request, fault).object(object).with("field", field);
        self.faults.push(error.hint(SPAN_HINT));
        None
    }

    fn wrong(&mut self, object: &ObjectId, field: &'static str, text: &str) {
        self.faults.push(Error::new(Kind::Invalid, Stage::Request, text).object(object).with("field", field));
    }
}
