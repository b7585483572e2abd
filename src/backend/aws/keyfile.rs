//! A role's credentials as files that AWS's SDKs read.

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

/// What `credential_process` prints: the SDKs' own contract, version 1.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Process {
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: SecretString,
    expiration: String,
}

/// The JSON of `credential_process`. None of its parts needs an escape, and one that did would not be a key.
pub(super) fn process(keys: &Credentials) -> SecretSlice<u8> {
    let expires = keys.expiry().map(DateTime::from).and_then(|end| end.fmt(Format::DateTime).ok());
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = Zeroizing::new(format!(
        "{{\"Version\":1,\"AccessKeyId\":{},\"SecretAccessKey\":{},\"SessionToken\":{},\"Expiration\":{}}}\n",
        quoted(keys.access_key_id()),
        *Zeroizing::new(quoted(keys.secret_access_key())),
        *Zeroizing::new(quoted(keys.session_token().unwrap_or_default())),
        quoted(&expires.unwrap_or_default()),
    ));
    exact(text.as_bytes())
}

/// A profile of a shared credentials file, of what [`process`] made; `None` if that is none.
pub(super) fn profile(process: &[u8], name: &str) -> Option<SecretSlice<u8>> {
    let keys: Process = serde_json::from_slice(process).ok()?;
    #[expect(clippy::disallowed_methods, reason = "the file is where they go")]
    let text = Zeroizing::new(format!(
        "[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n# until {}\n",
        keys.access_key_id,
        keys.secret_access_key.expose_secret(),
        keys.session_token.expose_secret(),
        keys.expiration,
    ));
    Some(exact(text.as_bytes()))
}

/// An exact copy, because shrinking in place may leave the old allocation unwiped.
fn exact(bytes: &[u8]) -> SecretSlice<u8> {
    SecretSlice::from(Box::<[u8]>::from(bytes))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let end = UNIX_EPOCH + Duration::from_secs(1_795_547_688);
        let keys = Credentials::new("AKIDEXAMPLE", "wJalr/+=", Some("token+/=".into()), Some(end), "test");
        let process = process(&keys);
        let text = str::from_utf8(process.expose_secret()).unwrap();
        assert_eq!(
            text,
            "{\"Version\":1,\"AccessKeyId\":\"AKIDEXAMPLE\",\"SecretAccessKey\":\"wJalr/+=\",\
             \"SessionToken\":\"token+/=\",\"Expiration\":\"2026-11-24T19:14:48Z\"}\n"
        );
        let profile = profile(process.expose_secret(), "web").unwrap();
        assert_eq!(
            str::from_utf8(profile.expose_secret()).unwrap(),
            "[web]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalr/+=\n\
             aws_session_token = token+/=\n# until 2026-11-24T19:14:48Z\n"
        );
        assert!(super::profile(b"{}", "web").is_none());
    }
}
