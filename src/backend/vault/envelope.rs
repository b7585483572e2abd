//! What Vault wraps its answers in, read with patience: any field may be null
//! or absent, new ones may come, and some answers have none of it.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::{Map, Value, json};
use zeroize::Zeroize;

use super::go_json::Text;

/// The fields that make an answer an envelope.
const FIELDS: [&str; 9] = [
    "request_id",
    "lease_id",
    "lease_duration",
    "renewable",
    "data",
    "warnings",
    "auth",
    "wrap_info",
    "mount_type",
];

/// The most values in one answer. A value costs some fifty bytes of memory beside its
/// own: four megabytes of `[1,1,1,…]` would be hundreds.
const MAX_VALUES: usize = 100_000;

/// An answer taken apart. Its values are wiped when it is dropped.
pub(super) struct Envelope(Map<String, Value>);

// === impl Envelope ===

impl Envelope {
    /// Reads an answer; `None` if it is not a JSON object.
    pub(super) fn parse(body: &SecretSlice<u8>) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "the values are moved into what wipes them")]
        let body = body.expose_secret();
        if values(body) > MAX_VALUES {
            return None;
        }
        let fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
        // Some answers (sys/health) are no envelope: Vault's own client takes them as data.
        let bare = !fields.keys().any(|key| FIELDS.contains(&key.as_str()) || key == "errors");
        Some(if bare && !fields.is_empty() {
            Self(Map::from_iter([("data".to_owned(), fields.into())]))
        } else {
            Self(fields)
        })
    }

    /// The secret's keys: of KV v2 the inner map, else `data` itself.
    pub(super) fn data(&self) -> Option<&Map<String, Value>> {
        let data = self.0.get("data")?.as_object()?;
        Some(data.get("data").and_then(Value::as_object).unwrap_or(data))
    }

    /// `data` itself.
    pub(super) fn outer(&self) -> Option<&Map<String, Value>> {
        self.object("data")
    }

    /// KV v2's `data.metadata`.
    pub(super) fn metadata(&self) -> Option<&Map<String, Value>> {
        self.0.get("data")?.get("metadata")?.as_object()
    }

    /// A login's `auth`.
    pub(super) fn auth(&self) -> Option<&Map<String, Value>> {
        self.object("auth")
    }

    /// The lease's name, if there is a lease.
    pub(super) fn lease_id(&self) -> Option<&str> {
        Some(self.text("lease_id")).filter(|id| !id.is_empty())
    }

    /// The engine's type; OpenBao does not send it.
    pub(super) fn mount_type(&self) -> &str {
        self.text("mount_type")
    }

    /// A field that is a number of seconds.
    pub(super) fn seconds(&self, field: &str) -> Option<Duration> {
        self.0.get(field)?.as_u64().map(Duration::from_secs)
    }

    /// A field that is true or not.
    pub(super) fn flag(&self, field: &str) -> bool {
        self.0.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A field that is an object.
    pub(super) fn object(&self, field: &str) -> Option<&Map<String, Value>> {
        self.0.get(field)?.as_object()
    }

    /// `errors` or `warnings` as texts.
    pub(super) fn texts(&self, field: &str) -> Vec<&str> {
        let list = self.0.get(field).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The whole answer in the incumbents' shape and Go's encoding. `request_id`
    /// would differ at every read and rewrite the volume each time, so it is made
    /// of the rest: the same secret gives the same bytes.
    pub(super) fn whole(&self, path: &str) -> Text {
        let mut rest = Text::default();
        self.rest(&mut rest);
        let mut whole = Text::default();
        whole.raw("{\"request_id\":");
        whole.string(&stable_id(path, rest.bytes()));
        whole.raw(",");
        // It was made of text a few lines above.
        whole.raw(str::from_utf8(rest.bytes()).unwrap_or_default());
        whole
    }

    /// Everything behind `request_id`.
    fn rest(&self, text: &mut Text) {
        let fields = [("lease_id", json!("")), ("lease_duration", json!(0)), ("renewable", json!(false))];
        for (key, zero) in &fields {
            field(text, key, self.present(key).unwrap_or(zero));
        }
        field(text, "data", self.0.get("data").unwrap_or(&Value::Null));
        text.raw("\"warnings\":");
        text.value(self.0.get("warnings").unwrap_or(&Value::Null));
        for (key, order) in [("auth", auth_order()), ("wrap_info", wrap_order())] {
            if let Some(map) = self.0.get(key).and_then(Value::as_object) {
                text.raw(&format!(",\"{key}\":"));
                text.fields(map, &order);
            }
        }
        if !self.mount_type().is_empty() {
            text.raw(",\"mount_type\":");
            text.string(self.mount_type());
        }
        text.raw("}");
    }

    fn present(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Wipes the strings of a value. Numbers keep theirs: `serde_json` does not give them out.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn field(text: &mut Text, key: &str, value: &Value) {
    text.string(key);
    text.raw(":");
    text.value(value);
    text.raw(",");
}

/// A digest that looks like the UUID that stood there.
fn stable_id(path: &str, rest: &[u8]) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(path.as_bytes());
    digest.update(&[0]);
    digest.update(rest);
    let hex = hex::encode(digest.finish());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The fields of Go's `SecretAuth`, with their zero values.
fn auth_order() -> Vec<(&'static str, Value)> {
    vec![
        ("client_token", json!("")),
        ("accessor", json!("")),
        ("policies", Value::Null),
        ("token_policies", Value::Null),
        ("identity_policies", Value::Null),
        ("metadata", Value::Null),
        ("orphan", json!(false)),
        ("entity_id", json!("")),
        ("lease_duration", json!(0)),
        ("renewable", json!(false)),
        ("mfa_requirement", Value::Null),
    ]
}

/// The fields of Go's `SecretWrapInfo`, with their zero values.
fn wrap_order() -> Vec<(&'static str, Value)> {
    vec![
        ("token", json!("")),
        ("accessor", json!("")),
        ("ttl", json!(0)),
        ("creation_time", json!("0001-01-01T00:00:00Z")),
        ("creation_path", json!("")),
        ("wrapped_accessor", json!("")),
    ]
}

/// About how many values a JSON text has: the commas and colons outside of its strings.
fn values(body: &[u8]) -> usize {
    let (mut count, mut text, mut escaped) = (0, false, false);
    for byte in body {
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b',' | b':' if !text => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(json: &str) -> Envelope {
        let Some(envelope) = Envelope::parse(&json.as_bytes().to_vec().into()) else {
            unreachable!("{json}")
        };
        envelope
    }

    fn whole(json: &str) -> String {
        String::from_utf8_lossy(envelope(json).whole("secret/x").bytes()).into_owned()
    }

    #[test]
    fn the_whole_answer_has_the_incumbents_shape() {
        let text = whole(
            r#"{"auth":null,"data":{"b":"<","a":1.50},"lease_duration":2764800,"lease_id":"","mount_type":"kv",
                "renewable":false,"request_id":"1","warnings":null,"wrap_info":null,"new_field":7}"#,
        );
        let (id, rest) = text.split_at(53);
        assert!(id.starts_with("{\"request_id\":\"") && id.ends_with("\","), "{id}");
        assert_eq!(
            rest,
            r#""lease_id":"","lease_duration":2764800,"renewable":false,"data":{"a":1.50,"b":"\u003c"},"warnings":null,"mount_type":"kv"}"#
        );
    }

    #[test]
    fn the_request_id_changes_only_with_the_content() {
        let one = whole(r#"{"request_id":"1","data":{"a":"b"}}"#);
        assert_eq!(one, whole(r#"{"request_id":"2","data":{"a":"b"}}"#));
        assert_ne!(one.get(..53), whole(r#"{"request_id":"1","data":{"a":"c"}}"#).get(..53));
        assert_ne!(one.get(..53), whole(r#"{"request_id":"1","lease_id":"l","data":{"a":"b"}}"#).get(..53));
    }

    #[test]
    fn logins_and_wrapped_answers_keep_their_order() {
        let text = whole(
            r#"{"auth":{"renewable":true,"client_token":"t","policies":["p"]},"wrap_info":{"token":"w","ttl":30}}"#,
        );
        let auth = r#""auth":{"client_token":"t","accessor":"","policies":["p"],"token_policies":null,"identity_policies":null,"metadata":null,"orphan":false,"entity_id":"","lease_duration":0,"renewable":true,"mfa_requirement":null}"#;
        assert!(text.contains(auth), "{text}");
        assert!(text.ends_with(r#""creation_path":"","wrapped_accessor":""}}"#), "{text}");
    }

    #[test]
    fn answers_that_are_no_envelope_are_data() {
        let health = envelope(r#"{"initialized":true,"sealed":false}"#);
        assert_eq!(health.data().map(Map::len), Some(2));
        for none in ["", "[]", "null", "7", "{", "<html>"] {
            assert!(Envelope::parse(&none.as_bytes().to_vec().into()).is_none(), "{none}");
        }
        assert!(envelope(r#"{"errors":[]}"#).data().is_none() && envelope("{}").data().is_none());
    }

    #[test]
    fn kv_versions_leases_and_nulls_are_told_apart() {
        let v2 = envelope(r#"{"data":{"data":{"a":1},"metadata":{"version":2}}}"#);
        assert!(v2.data().is_some_and(|data| data.contains_key("a")) && v2.metadata().is_some());
        let v1 = envelope(r#"{"data":{"data":"text","a":1},"lease_id":null,"lease_duration":9}"#);
        assert!(v1.data().is_some_and(|data| data.contains_key("data")));
    }

    proptest::proptest! {
        /// Whatever a server answers: no fault of ours, and the same answer gives the same bytes.
        #[test]
        fn any_answer_is_read_or_refused(body in "[\\[\\]{}\":,a-z0-9.eE\\\\ -]{0,60}") {
            let bodies = [body.clone(), format!("{{\"data\":{body}}}"), format!("{{\"data\":{{\"data\":{body}}},\"auth\":{body}}}")];
            for body in bodies {
                super::super::fuzzed::envelope(body.as_bytes());
            }
        }
    }
}
