//! A class's parameters, by the names that `provider: vault` has, so that a
//! class moves by changing `provider`; what only Vault needs is ignored.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::document::Read;
use crate::backend::objects::{self, Encoding, Mode, Room};
use crate::backend::{Parameters, Part, Setting};
use crate::error::{Error, Errors, Kind, Stage};
use crate::lease::Reading;
use crate::secret::{ObjectId, Secret};

/// What tells two readers of the store apart, beside the pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The audience of the pod's token.
    pub audience: String,
}

/// One file that the class wants.
#[derive(Clone, Debug)]
pub struct Object {
    pub(super) name: ObjectId,
    pub(super) read: Read,
    encoding: Encoding,
    pub(super) mode: Option<u32>,
    pub(super) optional: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    object_name: Option<String>,
    secret_path: Option<String>,
    secret_key: Option<String>,
    encoding: Option<String>,
    file_permission: Option<Mode>,
    optional: Option<bool>,
}

/// What a parameter sets, for profiles.
pub fn setting(key: &str) -> Option<Setting> {
    (key == "audience").then_some(Setting { decides: "audience", part: Part::Login })
}

/// The class's scope and objects, or every mistake in them.
pub(super) fn parse(parameters: &Parameters, audience: &str) -> Result<(Scope, Vec<Object>), Errors> {
    let scope = Scope { audience: parameters.get("audience").unwrap_or(audience).to_owned() };
    let written: Vec<Written> = objects::list(parameters.get("objects").unwrap_or("[]"))?;
    let mut faults = twice(&written);
    let mut wanted = Vec::with_capacity(written.len());
    for (at, one) in written.into_iter().enumerate() {
        match one.check(at) {
            Ok(object) => wanted.push(object),
            Err(found) => faults.extend(found),
        }
    }
    Errors::from_list(faults).map_or(Ok((scope, wanted)), Err)
}

// === impl Written ===

impl Written {
    fn check(self, at: usize) -> Result<Object, Vec<Error>> {
        let label = filled(self.object_name.as_ref()).map_or_else(|| format!("#{}", at + 1), Clone::clone);
        let encoding = Encoding::parse(self.encoding.as_deref().unwrap_or_default());
        let faults: Vec<_> = [
            filled(self.object_name.as_ref()).is_none().then_some("objectName is missing"),
            filled(self.secret_path.as_ref()).is_none().then_some("secretPath is missing"),
            encoding.is_none().then_some("invalid encoding type. Should be utf-8, base64, or hex"),
        ]
        .into_iter()
        .flatten()
        .map(|text| mistake(text).object(&label))
        .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Object {
            name: ObjectId::new(label),
            read: Read {
                path: self.secret_path.unwrap_or_default(),
                key: self.secret_key.filter(|key| !key.is_empty()),
            },
            encoding: encoding.unwrap_or_default(),
            mode: self.file_permission.map(|mode| mode.0),
            optional: self.optional.unwrap_or_default(),
        })
    }
}

// === impl Object ===

impl Object {
    /// The object out of its reading; `None` if it is absent and may be.
    pub(super) fn pick(
        &self,
        reading: Option<&Result<Arc<Reading>, Error>>,
        room: &mut Room,
    ) -> Result<Option<Secret>, Error> {
        match reading {
            Some(Ok(reading)) => self.secret(reading, room).map(Some),
            // An absent secret only: a key that is not there is a mistake, as for Vault.
            Some(Err(error))
                if self.optional && (error.kind(), error.stage()) == (Kind::NotFound, Stage::Read) =>
            {
                Ok(None)
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(Error::new(Kind::Internal, Stage::Pick, "the object was not read")),
        }
    }

    fn secret(&self, reading: &Reading, room: &mut Room) -> Result<Secret, Error> {
        // As for Vault: an encoding is of one key's value, never of the whole.
        let encoding = if self.read.key.is_some() { self.encoding } else { Encoding::Utf8 };
        #[expect(clippy::disallowed_methods, reason = "the value is decoded into the file's bytes")]
        let body = reading.body.expose_secret();
        room.take(body.len())?;
        let bytes = encoding.decode(body).map_err(|name| self.undecodable(name))?;
        Ok(Secret {
            object: self.name.clone(),
            path: self.name.as_str().to_owned(),
            mode: self.mode,
            bytes: bytes.into(),
        })
    }

    fn undecodable(&self, encoding: &str) -> Error {
        Error::new(Kind::Invalid, Stage::Pick, format!("the value is not {encoding}"))
            .with("backend", super::NAME)
            .with("path", &self.read)
            .hint("correct the value in the store, or the object's encoding")
    }
}

fn filled(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

fn twice(written: &[Written]) -> Vec<Error> {
    let names = written.iter().filter_map(|one| one.object_name.as_deref());
    let text = "each objectName must be unique in its class";
    objects::duplicates(names).into_iter().map(|name| mistake(text).object(name)).collect()
}

fn mistake(text: &str) -> Error {
    Error::new(Kind::Invalid, Stage::Request, text).with("parameter", "objects")
}
