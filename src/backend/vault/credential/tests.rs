#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests look into secrets and may fail loudly"
)]
//! What logins give, what is equal, and what is carried over.

use std::collections::HashMap;

use secrecy::ExposeSecret as _;

use super::super::method::Method;
use super::*;
use crate::lease::{Authority as _, Credential as _};
use crate::net::{Address, Trust};

const TOKEN: &str = "s.\"odd\"-token<&>";

fn scope(address: &str, mount: &str) -> Scope {
    let Ok(address) = Address::parse(address) else { unreachable!("{address}") };
    let target = Target::one(address, Trust::default());
    let [mount, role, audience] = [mount, "web", "vault"].map(str::to_owned);
    Scope { target, namespace: Some("team".to_owned()), method: Method::default(), mount, role, audience }
}

/// A login's `auth` with `changes`.
fn given(changes: &Value) -> Credential {
    given_by(&scope("https://vault:8200", "kubernetes"), changes)
}

fn given_by(scope: &Scope, changes: &Value) -> Credential {
    let mut auth = json!({"client_token": TOKEN, "accessor": "a", "policies": ["default", "p1"], "token_policies": ["p1"],
        "identity_policies": null, "metadata": {"role": "web", "service_account_name": "web"}, "lease_duration": 600,
        "renewable": true, "entity_id": "e1", "token_type": "service", "orphan": true, "num_uses": 0});
    for (key, value) in changes.as_object().into_iter().flatten() {
        auth[key] = value.clone();
    }
    let Some(credential) = auth.as_object().and_then(|auth| Credential::of(scope, auth)) else {
        unreachable!("a token")
    };
    credential
}

fn grant(seconds: u64, renewable: bool) -> Grant {
    Grant { ttl: (seconds > 0).then(|| Duration::from_secs(seconds)), renewable }
}

#[test]
fn what_cannot_be_renewed_is_not() {
    for (changes, granted, counted) in [
        (json!({}), grant(600, true), false),
        (json!({"renewable": false}), grant(600, false), false),
        (json!({"token_type": "batch"}), grant(600, false), false),
        (json!({"num_uses": 3}), grant(600, false), true),
        (json!({"lease_duration": 0, "renewable": false}), grant(0, false), false),
        (json!({"lease_duration": null, "renewable": null, "metadata": null}), grant(0, false), false),
    ] {
        let credential = given(&changes);
        assert_eq!((credential.grant(), credential.is_counted()), (granted, counted), "{changes}");
        assert_eq!(credential.is_batch(), changes["token_type"] == "batch");
    }
}

#[test]
fn equal_authority_is_everything_that_a_server_decides_by() {
    let one = given(&json!({}));
    for same in [
        json!({"client_token": "another", "lease_duration": 5, "accessor": "b"}),
        json!({"policies": ["p1"], "token_policies": ["default", "p1"], "identity_policies": ["default"]}),
    ] {
        assert_eq!(given(&same).authority(), one.authority(), "{same}");
    }
    for other in [
        json!({"entity_id": "e2"}),
        json!({"policies": ["default"], "token_policies": ["default"]}),
        json!({"identity_policies": ["p2"]}),
        json!({"metadata": {"role": "web", "service_account_name": "web", "pod_uid": "1"}}),
        json!({"metadata": null}),
    ] {
        assert_ne!(given(&other).authority(), one.authority(), "{other}");
    }
    for scope in [scope("https://other:8200", "kubernetes"), scope("https://vault:8200", "jwt")] {
        assert_ne!(given_by(&scope, &json!({})).authority(), one.authority());
    }
    let elsewhere = Scope { namespace: None, ..scope("https://vault:8200", "kubernetes") };
    assert_ne!(given_by(&elsewhere, &json!({})).authority(), one.authority());
    let known = HashMap::from([(one.authority().clone(), 1)]);
    assert_eq!(known.get(given(&json!({})).authority()), Some(&1));
}

#[test]
fn only_an_entity_is_an_identity() {
    assert!(given(&json!({})).authority().may_share());
    for none in [json!({"entity_id": ""}), json!({"entity_id": null})] {
        assert!(!given(&none).authority().may_share());
    }
}

#[test]
fn what_was_packed_is_the_same_credential() {
    let scope = scope("https://vault:8200", "kubernetes");
    for changes in [
        json!({}),
        json!({"token_type": "batch", "lease_duration": 0}),
        json!({"num_uses": 2, "metadata": null, "entity_id": ""}),
        json!({"metadata": {"a\"b": "ü\n<", "n": 7}, "renewable": false}),
    ] {
        let credential = given(&changes);
        let Some(back) = credential.pack().and_then(|packed| Credential::unpack(&scope, &packed)) else {
            unreachable!("{changes}")
        };
        assert_eq!(back.token.expose_secret(), TOKEN);
        assert_eq!(back.authority(), credential.authority(), "{changes}");
        assert_eq!(
            (back.grant(), back.is_counted(), back.is_batch(), back.role.as_str()),
            (credential.grant(), credential.is_counted(), credential.is_batch(), "web")
        );
    }
}

#[test]
fn what_is_no_credential_is_not_unpacked() {
    let scope = scope("https://vault:8200", "kubernetes");
    for text in [
        "",
        "{}",
        "[]",
        "{\"auth\":null}",
        "{\"auth\":{}}",
        "{\"auth\":{\"client_token\":\"\"}}",
        "{\"auth\":{\"client_token\":7}}",
    ] {
        assert!(Credential::unpack(&scope, &text.to_owned().into()).is_none(), "{text}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let credential = given(&json!({"metadata": {"claim": "pr1vate"}}));
    let shown = format!("{credential:?} {:?} {:?}", credential.authority(), credential.pack());
    assert!(!shown.contains("odd") && !shown.contains("pr1vate") && shown.contains("vault:8200"), "{shown}");
}
