#![expect(clippy::indexing_slicing, reason = "tests may fail loudly")]
//! Replies as servers send them; the shapes were seen on OpenBao 2.7, `mount_type` is Vault's.

use serde_json::json;

use super::super::path::Path;
use super::*;

const NOW: u64 = 1_800_000_000;

fn read(request: &str) -> Read {
    let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
    let Ok(path) = Path::parse(path) else { unreachable!("{request}") };
    Read { method: method.to_owned(), path, args: None }
}

fn reply(mut fields: Value) -> Envelope {
    let empty = json!({"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
        "wrap_info": null, "warnings": null, "auth": null});
    for (key, value) in empty.as_object().into_iter().flatten() {
        if fields.get(key).is_none() {
            fields[key] = value.clone();
        }
    }
    let Some(reply) = Envelope::parse(&fields.to_string().into_bytes().into()) else { unreachable!("JSON") };
    reply
}

fn life(request: &str, fields: Value) -> Life {
    of(&read(request), &reply(fields), NOW)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn minted(seconds: u64) -> Life {
    Life::Until { ttl: secs(seconds), minted: true }
}

const STATIC: Life = Life::Static { hint: None };

/// A KV v2 reply's data.
fn v2() -> Value {
    json!({"data": {"ttl": "1h", "token": "t"}, "metadata": {"version": 3, "created_time": "t", "deletion_time": ""}})
}

#[test]
fn a_lease_is_a_lease_whatever_was_asked() {
    let leased = |renewable| Life::Leased { id: LeaseId::new("l/1"), ttl: secs(20), renewable };
    let fields = |renewable: bool| json!({"lease_id": "l/1", "lease_duration": 20, "renewable": renewable, "data": {"k": "v"}});
    assert_eq!(life("database/creds/ro", fields(true)), leased(true));
    assert_eq!(life("POST pki/issue/leased", fields(false)), leased(false));
    assert_eq!(life("any/path", fields(true)), leased(true));
    assert_eq!(life("any/path", json!({"lease_id": "l/1"})), Life::Once);
}

#[test]
fn kv_is_read_again() {
    let mount = 2_764_800;
    for (path, fields) in [
        ("secret/data/x", json!({"data": v2()})),
        ("secret/data/app/creds", json!({"data": v2()})),
        ("secret/data/x", json!({"data": v2(), "mount_type": "kv"})),
        ("kv1/x", json!({"data": {"k": "v"}, "lease_duration": mount})),
        ("kv1/issue/x", json!({"data": {"k": "v"}, "lease_duration": mount})),
        ("kv1/x", json!({"data": {"ttl": "bogus"}, "lease_duration": mount})),
        ("secret/metadata/x", json!({"data": {"current_version": 1}})),
        ("LIST secret/metadata", json!({"data": {"keys": ["x"]}})),
    ] {
        assert_eq!(life(path, fields), STATIC, "{path}");
    }
}

#[test]
fn a_secret_of_kv_v1_may_say_how_often_it_is_read() {
    let hint = |seconds| Life::Static { hint: Some(secs(seconds)) };
    for (data, duration, expected) in [
        (json!({"ttl": "45s"}), 45, hint(45)),
        (json!({"ttl": 5}), 5, hint(30)),
        (json!({"lease": "1h"}), 3600, hint(3600)),
        (json!({"ttl": "48h"}), 172_800, STATIC),
        (json!({"k": "v"}), 45, STATIC),
    ] {
        assert_eq!(life("kv1/x", json!({"data": data, "lease_duration": duration})), expected, "{data}");
    }
}

#[test]
fn a_static_role_is_read_again_when_it_rotates() {
    let role = |ttl: Value| json!({"data": {"username": "u", "password": "p", "last_vault_rotation": "t", "ttl": ttl}});
    let rotates = |seconds| Life::Until { ttl: secs(seconds), minted: false };
    assert_eq!(life("database/static-creds/st", role(json!(6))), rotates(6));
    assert_eq!(life("database/static-creds/st", role(json!(0))), rotates(2));
    assert_eq!(life("ldap/static-cred/st", role(json!("1m0s"))), rotates(60));
    assert_eq!(life("database/static-creds/st", role(Value::Null)), STATIC);
}

#[test]
fn a_certificate_ends_when_it_says() {
    let cert =
        |begin: u64, end: u64| json!({"data": {"certificate": "c", "not_before": begin, "expiration": end}});
    let issue = "POST pki/issue/web";
    assert_eq!(life(issue, cert(NOW - 30, NOW + 300)), minted(300));
    assert_eq!(life(issue, json!({"data": {"expiration": NOW + 300}})), minted(300));
    assert_eq!(life(issue, cert(NOW + 100, NOW + 400)), minted(300), "our clock is slow");
    assert_eq!(life(issue, cert(NOW - 500, NOW - 200)), minted(300), "our clock is fast");
    assert_eq!(life(issue, json!({"data": {"expiration": NOW - 1}})), Life::Once);
    assert_eq!(life("PUT pki/issue/web", cert(NOW - 30, NOW + 300)), minted(300));
    assert_eq!(life("pki/cert/ca", json!({"data": {"certificate": "c", "revocation_time": 0}})), STATIC);
}

#[test]
fn what_says_nothing_of_its_end_is_made_once() {
    for (request, data) in [
        ("POST ssh/sign/u", json!({"signed_key": "k", "serial_number": "1"})),
        ("POST transit/decrypt/k", json!({"plaintext": "aGk="})),
        ("POST secret/data/x", json!({"version": 1, "created_time": "t"})),
        ("ad/creds/app", json!({"current_password": "p", "username": "u"})),
        ("POST any/path", json!({"ttl": 30})),
    ] {
        assert_eq!(life(request, json!({ "data": data })), Life::Once, "{request}");
    }
    assert_eq!(life("POST any/path", json!({})), Life::Once);
}

#[test]
fn tokens_say_how_long_they_live() {
    let token = |key: &str, ttl: Value| json!({"data": {"token": "t", key: ttl}});
    assert_eq!(life("identity/oidc/token/r", token("ttl", json!(600))), minted(600));
    assert_eq!(life("gcp/roleset/r/token", token("token_ttl", json!(3599))), minted(3599));
    assert_eq!(life("aws/sts/r", json!({"data": {"ttl": 900, "access_key": "a"}})), minted(900));
    assert_eq!(life("auth/token/lookup-self", json!({"data": {"id": "t", "ttl": 600}})), STATIC);
    let login = |ttl: u64| json!({"auth": {"client_token": "t", "lease_duration": ttl}});
    assert_eq!(life("POST auth/token/create", login(60)), minted(60));
    assert_eq!(life("POST auth/token/create", login(0)), Life::Once);
    assert_eq!(life("secret/data/x", json!({"wrap_info": {"token": "t", "ttl": 30}})), minted(30));
}

#[test]
fn only_plain_kv_is_shared() {
    let v1 = || json!({"data": {"k": "v"}, "lease_duration": 2_764_800});
    let with = |mut fields: Value, key: &str, value: Value| {
        fields[key] = value;
        fields
    };
    let kv2 = || json!({"data": v2()});
    for (request, fields, expected) in [
        ("secret/data/x", kv2(), true),
        ("secret/data/x?version=3", kv2(), true),
        ("secret/data/x", with(kv2(), "mount_type", json!("kv")), true),
        ("kv1/x", v1(), true),
        ("secret/metadata/x", json!({"data": {"current_version": 1}, "mount_type": "kv"}), true),
        ("secret/metadata/x", json!({"data": {"current_version": 1}}), false),
        ("secret/data/x", with(kv2(), "mount_type", json!("other")), false),
        ("secret/data/x", with(kv2(), "wrap_info", json!({"token": "t", "ttl": 30})), false),
        ("secret/data/x", with(kv2(), "auth", json!({"client_token": "t"})), false),
        ("secret/data/x", with(with(kv2(), "lease_id", json!("l")), "lease_duration", json!(9)), false),
        ("kv1/x", with(v1(), "renewable", json!(true)), false),
        ("POST secret/data/x", kv2(), false),
        ("LIST secret/data/x", kv2(), false),
        ("cubbyhole/x", kv2(), false),
        ("team-a/cubbyhole/x", v1(), false),
        ("auth/token/lookup-self", kv2(), false),
        ("identity/entity/id/1", v1(), false),
        ("sys/mounts", kv2(), false),
        ("pki/cert/ca", json!({"data": {"certificate": "c"}}), false),
        ("database/static-creds/st", json!({"data": {"ttl": 5, "last_vault_rotation": "t"}}), false),
    ] {
        assert_eq!(is_shared(&read(request), &reply(fields)), expected, "{request}");
    }
    let args = Read { args: Some("{}".to_owned()), ..read("secret/data/x") };
    assert!(!is_shared(&args, &reply(kv2())));
}
