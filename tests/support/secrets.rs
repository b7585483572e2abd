//! Every secret value and token of this test process, and the search for them in logs, metrics and messages.
//!
//! A leak rarely shows the bare value: it is escaped in JSON, or encoded in base64 inside something bigger.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter values would be found by chance.
const SHORTEST: usize = 6;

static REMEMBERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A secret found where none may be. It names the form and the beginning, never the whole secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub place: String,
    pub form: &'static str,
    pub hint: String,
}

/// Adds a value to look for. Values under six bytes are passed over.
pub fn remember(value: &str) {
    if value.len() >= SHORTEST {
        REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner).insert(value.to_owned());
    }
}

/// Every string inside a JSON value.
pub fn remember_json(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => remember(text),
        serde_json::Value::Array(items) => items.iter().for_each(remember_json),
        serde_json::Value::Object(fields) => fields.values().for_each(remember_json),
        _ => {}
    }
}

/// Looks for every remembered value, in every form, in texts that each have a name.
pub fn scan<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Finding> {
    let values = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let needles: Vec<_> = values.iter().flat_map(|value| forms(value)).collect();
    let mut findings = Vec::new();
    for (place, text) in texts {
        for (form, needle, hint) in &needles {
            if text.contains(needle.as_str()) {
                findings.push(Finding { place: place.to_owned(), form, hint: hint.clone() });
            }
        }
    }
    findings
}

/// Panics with every finding in one text.
pub fn assert_none(place: &str, text: &str) {
    let findings = scan([(place, text)]);
    assert!(findings.is_empty(), "{findings:#?}\n{text}");
    // Tokens that keymount itself was given are known to nobody else, but for their looks.
    let tokens: Vec<_> =
        text.split(|letter: char| !is_token_letter(letter)).filter(|word| is_token(word)).collect();
    assert!(tokens.is_empty(), "{place} holds what looks like a backend token: {tokens:?}");
}

fn is_token_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

/// `s.`, `b.`, `hvs.`, `hvb.` and twenty more characters.
fn is_token(word: &str) -> bool {
    let rest = ["s.", "b.", "hvs.", "hvb."].iter().find_map(|prefix| word.strip_prefix(prefix));
    rest.is_some_and(|rest| {
        rest.len() >= 20 && rest.bytes().any(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase())
    })
}

/// The spellings of one value: form, text to look for, and what a finding may show.
fn forms(value: &str) -> Vec<(&'static str, String, String)> {
    let hint: String = value.chars().take(3).chain("...".chars()).collect();
    let bytes = value.as_bytes();
    let mut all = vec![
        ("raw", value.to_owned()),
        ("json", json_escaped(value)),
        (
            "json-html",
            json_escaped(value).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        ),
        ("debug", format!("{value:?}").trim_matches('"').to_owned()),
        ("bytes", format!("{bytes:?}").trim_matches(['[', ']']).to_owned()),
        ("url", url_escaped(value, "%20")),
        ("form", url_escaped(value, "+")),
        ("hex", hex(bytes, false)),
        ("HEX", hex(bytes, true)),
    ];
    for shift in 0..3 {
        all.push(("base64", embedded(&STANDARD_NO_PAD, bytes, shift)));
        all.push(("base64url", embedded(&URL_SAFE_NO_PAD, bytes, shift)));
    }
    all.extend(jwt_segments(value));
    all.retain(|(_, needle)| needle.len() >= SHORTEST);
    let mut seen = BTreeSet::new();
    all.retain(|(_, needle)| seen.insert(needle.clone()));
    all.into_iter().map(|(form, needle)| (form, needle, hint.clone())).collect()
}

fn json_escaped(value: &str) -> String {
    let quoted = serde_json::to_string(value).expect("a string");
    quoted[1..quoted.len() - 1].to_owned()
}

fn url_escaped(value: &str, space: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            b' ' => out.push_str(space),
            _ => write!(out, "%{byte:02X}").expect("a string"),
        }
        out
    })
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let digits: String = bytes.iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}"));
    if upper { digits.to_uppercase() } else { digits }
}

/// The base64 characters that depend on nothing but the value, when `shift` bytes of something else come
/// first: with the padding left off too, this finds it alone and inside a longer encoding.
fn embedded(engine: &impl base64::Engine, bytes: &[u8], shift: usize) -> String {
    let shifted: Vec<u8> = std::iter::repeat_n(0, shift).chain(bytes.iter().copied()).collect();
    let text = engine.encode(&shifted);
    let end = shifted.len() * 8 / 6;
    text[(shift * 8).div_ceil(6)..end].to_owned()
}

/// A token's payload names the pod and its signature is what makes it a credential; the header is the same
/// for all and no secret.
fn jwt_segments(value: &str) -> Vec<(&'static str, String)> {
    let segments: Vec<&str> = value.split('.').collect();
    match segments[..] {
        [header, payload, signature] if header.starts_with("eyJ") => {
            vec![("jwt payload", payload.to_owned()), ("jwt signature", signature.to_owned())]
        }
        _ => Vec::new(),
    }
}
