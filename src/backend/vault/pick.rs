//! Takes the objects out of what was read. Pure.

use std::collections::HashMap;

use secrecy::SecretSlice;
use serde_json::Value;
use zeroize::Zeroizing;

use super::envelope::Envelope;
use super::go_json::Text;
use super::params::{Objects, Read, Want};
use crate::backend::Readings;
use crate::backend::objects::Room;
use crate::error::{Error, Errors, Kind, Stage};
use crate::secret::Secret;

/// The class's secrets, or the fault of every object that has one.
pub(super) fn pick(objects: &Objects, readings: &Readings<Read>) -> Result<Vec<Secret>, Errors> {
    let envelopes = envelopes(readings);
    let (mut secrets, mut faults) = (Vec::with_capacity(objects.0.len()), Vec::new());
    let mut room = Room::default();
    for want in &objects.0 {
        match one(want, readings, &envelopes, &mut room) {
            Ok(Some(bytes)) => secrets.push(secret(want, bytes)),
            Ok(None) => {}
            Err(error) => faults.push(error.object(&want.object)),
        }
        if room.is_full() {
            break;
        }
    }
    Errors::from_list(faults).map_or(Ok(secrets), Err)
}

/// Each answer taken apart once, however many objects are in it.
fn envelopes(readings: &Readings<Read>) -> HashMap<&Read, Envelope> {
    let good = readings.iter().filter_map(|(read, answer)| Some((read, answer.as_ref().ok()?)));
    good.filter_map(|(read, reading)| Some((read, Envelope::parse(&reading.body)?))).collect()
}

/// One object's bytes; `None` if it is optional and absent.
fn one(
    want: &Want,
    readings: &Readings<Read>,
    envelopes: &HashMap<&Read, Envelope>,
    room: &mut Room,
) -> Result<Option<SecretSlice<u8>>, Error> {
    match readings.get(&want.read) {
        Some(Err(error)) if want.optional && error.kind() == Kind::NotFound => return Ok(None),
        Some(Err(error)) => return Err(error.clone()),
        Some(Ok(_)) | None => {}
    }
    let envelope =
        envelopes.get(&want.read).ok_or_else(|| Error::new(Kind::Internal, Stage::Pick, "was not read"))?;
    let Some(key) = &want.key else {
        let whole = envelope.whole(&want.read.path.shown);
        room.take(whole.bytes().len())?;
        return Ok(Some(exact(whole.bytes())));
    };
    let data = envelope.data();
    let value = data
        .and_then(|data| data.get(key))
        .ok_or_else(|| no_key(want, key, data.map_or(0, serde_json::Map::len)))?;
    decode(want, value, room).map(Some)
}

fn decode(want: &Want, value: &Value, room: &mut Room) -> Result<SecretSlice<u8>, Error> {
    let mut text = Text::default();
    match value {
        Value::String(value) => text.raw(value),
        other => text.value(other),
    }
    room.take(text.bytes().len())?;
    let decoded = want.encoding.decode(text.bytes()).map(Zeroizing::new);
    let decoded = decoded
        .map_err(|name| wrong(want, format!("the value is not {name}, which the class says it is")))?;
    Ok(exact(&decoded))
}

/// An exact copy, because shrinking in place may leave the old allocation unwiped.
fn exact(bytes: &[u8]) -> SecretSlice<u8> {
    SecretSlice::from(Box::<[u8]>::from(bytes))
}

fn secret(want: &Want, bytes: SecretSlice<u8>) -> Secret {
    Secret { object: want.object.clone(), path: want.object.to_string(), mode: want.mode, bytes }
}

/// How many keys there are may be said; what they are called may be a secret of its own.
fn no_key(want: &Want, key: &str, have: usize) -> Error {
    let text = format!("key {key:?} does not exist at the secret path, which has {have}");
    wrong(want, text)
        .kind_as(Kind::NotFound)
        .hint("check secretKey, upper and lower case included, or leave it out for the whole answer")
}

fn wrong(want: &Want, text: String) -> Error {
    Error::new(Kind::Invalid, Stage::Pick, text).with("path", &want.read.path.shown)
}
