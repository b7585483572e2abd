//! Takes the objects out of what was read. Pure.

use secrecy::{ExposeSecret, SecretSlice};
use serde_json::Value;
use zeroize::Zeroizing;

use super::jmes::{self, Document, Effort, Fault};
use super::parameters::Leaves;
use super::params::{Content, Format, Objects, Part, Read, Want};
use super::{NAME, keyfile};
use crate::backend::Readings;
use crate::backend::objects::Room;
use crate::error::{Error, Errors, Kind, Stage};
use crate::secret::{ObjectId, Secret};

/// The most files of one class: keys and parameters are counted by nobody else.
const MAX_FILES: usize = 4000;

/// The files of a class under way.
#[derive(Default)]
struct Files {
    secrets: Vec<Secret>,
    room: Room,
    effort: Effort,
}

/// The class's secrets, or the fault of every object that has one.
pub(super) fn pick(objects: &Objects, readings: &Readings<Read>) -> Result<Vec<Secret>, Errors> {
    let (mut files, mut faults) = (Files::default(), Vec::new());
    for want in &objects.0 {
        if let Err(found) = one(want, readings, &mut files) {
            faults.extend(found.into_iter().map(|error| error.object(&want.name)));
        }
        if files.room.is_full() {
            break;
        }
    }
    Errors::from_list(faults).map_or(Ok(files.secrets), Err)
}

/// One object's files, or everything that is wrong with it.
fn one(want: &Want, readings: &Readings<Read>, files: &mut Files) -> Result<(), Vec<Error>> {
    let reading = match readings.get(&want.read) {
        Some(Err(error)) if want.optional && error.kind() == Kind::NotFound => return Ok(()),
        Some(Err(error)) => return Err(vec![error.clone()]),
        Some(Ok(reading)) => reading,
        None => return Err(vec![Error::new(Kind::Internal, Stage::Pick, "was not read")]),
    };
    #[expect(clippy::disallowed_methods, reason = "the volume is where it goes")]
    let body = reading.body.expose_secret();
    match &want.content {
        Content::Whole => {
            let decoded = want.encoding.decode(body).map(Zeroizing::new);
            let decoded = decoded.map_err(|name| {
                let text = format!("the value is not {name}, which the class says it is");
                vec![wrong(want, text)]
            })?;
            files.add(&want.file, want.mode, &decoded).map_err(|error| vec![error])?;
            parts(want, body, files)
        }
        Content::Keys => keys(want, body, files).map_err(|error| vec![error]),
        Content::Tree => tree(want, body, files).map_err(|error| vec![error]),
        Content::Credentials(format) => credentials(want, format, body, files).map_err(|error| vec![error]),
    }
}

/// What the object's expressions find; each that finds nothing is a fault.
fn parts(want: &Want, body: &[u8], files: &mut Files) -> Result<(), Vec<Error>> {
    if want.parts.is_empty() {
        return Ok(());
    }
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        let text = format!("Invalid JSON used with jmesPath in secret: {}.", want.read.primary.id);
        return Err(vec![wrong(want, text)]);
    };
    let document = Document::read(&json, &mut files.effort);
    let mut faults = Vec::new();
    for part in &want.parts {
        let document = document.as_ref().map_err(|fault| *fault);
        let found = document.and_then(|document| jmes::find(document, &part.path, &mut files.effort));
        let found = found.map(Zeroizing::new);
        let added = found
            .map_err(|fault| unfound(want, part, fault))
            .and_then(|text| files.add(&part.file, part.mode, text.as_bytes()));
        faults.extend(added.err());
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Each key of the JSON object is a file.
fn keys(want: &Want, body: &[u8], files: &mut Files) -> Result<(), Error> {
    let Ok(Value::Object(map)) = serde_json::from_slice(body) else {
        return Err(wrong(want, "allKeys needs a JSON object, and the value is none".into()));
    };
    for (key, text) in jmes::texts(&map) {
        let text = Zeroizing::new(text);
        let decoded = want.encoding.decode(text.as_bytes()).map(Zeroizing::new);
        // What keys are called may be a secret of its own.
        let decoded = decoded.map_err(|name| wrong(want, format!("a key's value is not {name}")))?;
        files.add(&want.below(key), want.mode, &decoded)?;
    }
    Ok(())
}

/// Each parameter is a file.
fn tree(want: &Want, body: &[u8], files: &mut Files) -> Result<(), Error> {
    let leaves: Leaves = serde_json::from_slice(body).map_err(|_| unread())?;
    for (name, value) in leaves {
        let value = Zeroizing::new(value);
        let decoded = want.encoding.decode(value.as_bytes()).map(Zeroizing::new);
        let decoded = decoded.map_err(|encoding| {
            wrong(want, format!("the value is not {encoding}, which the class says it is"))
                .with("parameter", &name)
        })?;
        files.add(&want.below(&name), want.mode, &decoded)?;
    }
    Ok(())
}

fn credentials(want: &Want, format: &Format, body: &[u8], files: &mut Files) -> Result<(), Error> {
    match format {
        Format::Process => files.add(&want.file, want.mode, body),
        Format::Profile(name) => {
            let text = keyfile::profile(body, name).ok_or_else(unread)?;
            #[expect(clippy::disallowed_methods, reason = "the volume is where it goes")]
            files.add(&want.file, want.mode, text.expose_secret())
        }
    }
}

// === impl Files ===

impl Files {
    /// Adds a file, as long as there is room.
    fn add(&mut self, path: &str, mode: Option<u32>, bytes: &[u8]) -> Result<(), Error> {
        self.room.take(bytes.len())?;
        if self.secrets.len() >= MAX_FILES {
            let text = format!("the class's objects are more than {MAX_FILES} files");
            return Err(Error::new(Kind::Precondition, Stage::Pick, text).hint("split the class"));
        }
        // An exact copy, because shrinking in place may leave the old allocation unwiped.
        let bytes = SecretSlice::from(Box::<[u8]>::from(bytes));
        // The incumbent's objects are called as their files are.
        self.secrets.push(Secret { object: ObjectId::new(path), path: path.to_owned(), mode, bytes });
        Ok(())
    }
}

// === impl Want ===

impl Want {
    /// A file among many of one object.
    fn below(&self, name: &str) -> String {
        let name = self.translation.file(name);
        match self.file.as_str() {
            "" => name,
            folder => format!("{folder}/{name}"),
        }
    }
}

fn unfound(want: &Want, part: &Part, fault: Fault) -> Error {
    let Part { path, alias, .. } = part;
    let (text, kind, hint) = match fault {
        Fault::Expression => (
            format!("Invalid JMES Path: {path}."),
            Kind::Invalid,
            "a name with a hyphen is written in double quotes inside: path: '\"a-b\"'",
        ),
        Fault::TooMuch => (
            format!("JMES Path for object alias - {alias} is too long, or makes too much of the secret."),
            Kind::Invalid,
            "at most 512 letters; fewer multi-selects, no join by a part of the secret, and fewer expressions for a large one",
        ),
        Fault::Nothing => (
            format!("JMES Path - {path} for object alias - {alias} does not point to a valid object."),
            Kind::NotFound,
            "check the path, upper and lower case included",
        ),
        Fault::NotText => (
            format!("Invalid JMES search result type for path:{path}. Only string is allowed."),
            Kind::Invalid,
            "write to_string(...) around the path",
        ),
    };
    wrong(want, text).kind_as(kind).with("part", alias).hint(hint)
}

fn wrong(want: &Want, text: String) -> Error {
    let place = &want.read.primary;
    let error = Error::new(Kind::Invalid, Stage::Pick, text).with("backend", NAME);
    error.with("region", &place.region).with("id", &place.id)
}

fn unread() -> Error {
    Error::new(Kind::Internal, Stage::Pick, "what was kept cannot be read")
}
