#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]
//! Renewing, checking and giving back: what is sent, and what comes of every answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::holder::{Holder, soon};
use crate::backend::conformance::Issuer;
use crate::backend::vault::fake::{Fake, Rules, Seen};
use crate::backend::vault::{Config, Credential};
use crate::backend::{Backend, Renewal};
use crate::error::Kind;
use crate::lease::{Credential as _, Grant, LeaseId};

async fn world(rules: Rules) -> (Fake, Holder, Credential) {
    let issuer = Arc::new(Issuer::new());
    let fake = Fake::start(issuer.clone()).await;
    fake.state().allowed.insert(("app".into(), "web".into()));
    fake.state().rules = rules;
    let config =
        Config { address: Some(fake.address.clone()), namespace: Some("team-a".into()), ..Config::default() };
    let holder = Holder::new(issuer, config);
    let credential = holder.login().await;
    (fake, holder, credential)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn grant(seconds: u64, renewable: bool) -> Grant {
    Grant { ttl: Some(secs(seconds)), renewable }
}

/// A request's method, path and body.
fn sent(seen: &Seen) -> (String, String, Value) {
    (seen.method.clone(), seen.path.clone(), serde_json::from_str(&seen.body).unwrap_or_default())
}

#[tokio::test]
async fn a_token_and_a_lease_are_renewed_for_as_long_as_they_had() {
    let (fake, holder, credential) = world(Rules::default()).await;
    let vault = &holder.vault;
    assert_eq!(credential.grant(), grant(600, true));
    let renewed = vault.renew(&credential, Renewal::Credential(secs(600)), soon()).await.unwrap();
    assert_eq!(renewed, grant(600, true));
    let capped = vault.renew(&credential, Renewal::Credential(secs(9000)), soon()).await.unwrap();
    assert!(capped.ttl.unwrap() <= secs(3600), "the maximum of the role: {capped:?}");
    let lease = holder.lease(&credential, "database/creds/ro").await;
    let renewed = vault.renew(&credential, Renewal::Lease(&lease, secs(20)), soon()).await.unwrap();
    assert_eq!(renewed, grant(20, true));
    let (token, leases) = (fake.seen("/v1/auth/token/"), fake.seen("/v1/sys/leases/"));
    let path = "/v1/auth/token/renew-self".to_owned();
    assert_eq!(sent(&token[0]), ("POST".to_owned(), path, json!({"increment": "600s"})));
    let body = json!({"lease_id": lease.as_str(), "increment": 20});
    assert_eq!(sent(&leases[0]), ("POST".to_owned(), "/v1/sys/leases/renew".to_owned(), body));
    for seen in [&token[0], &leases[0]] {
        assert_eq!(seen.headers["x-vault-token"], "s.faketoken0000000000000001");
        assert_eq!(seen.headers["x-vault-namespace"], "team-a");
        assert_eq!(seen.headers["x-vault-request"], "true");
    }
    assert_eq!(holder.heard.all(), ["login 200", "renew 200", "renew 200", "read 200", "renew 200"]);
}

#[tokio::test]
async fn a_lease_and_a_token_are_asked_after() {
    let (fake, holder, credential) = world(Rules::default()).await;
    let vault = &holder.vault;
    let lease = holder.lease(&credential, "database/creds/ro").await;
    assert_eq!(vault.has_lease(&credential, &lease, soon()).await.ok(), Some(true));
    assert_eq!(vault.has_lease(&credential, &LeaseId::new("gone"), soon()).await.ok(), Some(false));
    // One whose revocation is under way is still answered for, with nothing left.
    let revoking = json!({"data": {"id": "l", "expire_time": "t", "ttl": 0, "renewable": false}}).to_string();
    fake.script("/v1/sys/leases/lookup", 1, 200, &revoking);
    assert_eq!(vault.has_lease(&credential, &lease, soon()).await.ok(), Some(false));
    let endless = json!({"data": {"id": "l", "expire_time": null, "ttl": 0}}).to_string();
    fake.script("/v1/sys/leases/lookup", 1, 200, &endless);
    assert_eq!(vault.has_lease(&credential, &lease, soon()).await.ok(), Some(true));
    let lookup = sent(&fake.seen("/v1/sys/leases/lookup")[0]);
    assert_eq!(lookup.2, json!({"lease_id": lease.as_str()}));

    assert_eq!(vault.is_alive(&credential, soon()).await.ok(), Some(true));
    let looked = &fake.seen("/v1/auth/token/lookup-self")[0];
    assert_eq!((looked.method.as_str(), looked.body.as_str()), ("GET", ""));
    fake.state().tokens.clear();
    assert_eq!(vault.is_alive(&credential, soon()).await.ok(), Some(false));
    let dead = vault.has_lease(&credential, &lease, soon()).await.unwrap_err();
    assert!(dead.is_refusal(), "{dead}");
    assert!(holder.heard.all().iter().filter(|heard| heard.starts_with("check ")).count() == 7);
}

/// What a caller makes of it is in its own tests; here are the kinds that it sees.
#[tokio::test(start_paused = true)]
async fn refusals_are_told_apart_and_hiccups_are_tried_twice() {
    let (fake, holder, credential) = world(Rules::default()).await;
    let lease = LeaseId::new("database/creds/ro/1");
    for (status, said, kind, tries) in [
        (500, "failed to renew entry: role web does not exist during renewal", Kind::Unavailable, 2),
        (400, "failed to renew entry: resp: (*logical.Response)(nil) err: x", Kind::Unavailable, 2),
        (503, "Vault is sealed", Kind::Unavailable, 2),
        (429, "rate limit quota exceeded", Kind::Throttled, 2),
        (400, "lease not found", Kind::NotFound, 1),
        (400, "invalid lease", Kind::NotFound, 1),
        (400, "lease is not renewable", Kind::Invalid, 1),
        (400, "batch tokens cannot be renewed", Kind::Invalid, 1),
        (403, "1 error occurred:\n\t* permission denied\n\n", Kind::Denied, 1),
        (403, "permission denied", Kind::Unauthenticated, 1),
    ] {
        for (path, what) in [
            ("/v1/auth/token/renew-self", Renewal::Credential(secs(600))),
            ("/v1/sys/leases/renew", Renewal::Lease(&lease, secs(20))),
        ] {
            fake.state().scripts.clear();
            fake.state().seen.clear();
            fake.script(path, 9, status, &json!({"errors": [said]}).to_string());
            let error = holder.vault.renew(&credential, what, soon()).await.unwrap_err();
            assert_eq!((error.kind(), fake.seen(path).len()), (kind, tries), "{path}: {error}");
        }
    }
    fake.state().scripts.clear();
    fake.script("/v1/sys/leases/renew", 9, 200, "<html>");
    let error = holder.vault.renew(&credential, Renewal::Lease(&lease, secs(20)), soon()).await.unwrap_err();
    assert!(error.kind() == Kind::Unavailable && error.to_string().contains("does not say what was asked"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_no_answer() {
    let (fake, holder, credential) = world(Rules::default()).await;
    let (vault, lease) = (&holder.vault, LeaseId::new("l"));
    fake.state().rules.denied = vec!["sys/", "auth/token/lookup-self"];
    assert_eq!(vault.has_lease(&credential, &lease, soon()).await.unwrap_err().kind(), Kind::Denied);
    let reads = holder.reads(&[("GET", "database/creds/ro")]);
    assert_eq!(vault.permits(&credential, &reads, soon()).await.unwrap_err().kind(), Kind::Denied);
    assert_eq!(vault.is_alive(&credential, soon()).await.ok(), Some(false), "it may not ask");
    fake.state().rules.denied.clear();
    fake.script("/v1/auth/token/lookup-self", 9, 503, "{\"errors\":[\"Vault is sealed\"]}");
    assert_eq!(vault.is_alive(&credential, soon()).await.unwrap_err().kind(), Kind::Unavailable);
}

#[tokio::test]
async fn what_a_token_may_do_is_asked_for_all_paths_at_once() {
    let (fake, holder, credential) = world(Rules::default()).await;
    let requests = [
        ("GET", "database/creds/ro"),
        ("GET", "database/creds/rw"),
        ("POST", "pki/issue/web"),
        ("GET", "other/x?a=b"),
    ];
    let reads = holder.reads(&requests);
    fake.state().rules.denied = vec!["database/creds/rw"];
    let permitted = holder.vault.permits(&credential, &reads, soon()).await.unwrap();
    assert_eq!(permitted, [true, false, true, false]);
    let seen = fake.seen("/v1/sys/");
    let paths = json!({"paths": ["database/creds/ro", "database/creds/rw", "other/x", "pki/issue/web"]});
    assert_eq!((seen.len(), sent(&seen[0])), (1, ("POST".into(), "/v1/sys/capabilities-self".into(), paths)));
    assert_eq!(holder.vault.permits(&credential, &[], soon()).await.unwrap(), Vec::<bool>::new());
    assert_eq!(fake.seen("/v1/sys/").len(), 1, "nothing is asked about nothing");
}

#[tokio::test]
async fn a_dead_token_is_given_back_already_and_a_forbidden_one_is_not() {
    let (fake, holder, credential) = world(Rules::default()).await;
    let vault = &holder.vault;
    fake.state().rules.denied = vec!["auth/token/revoke-self"];
    let error = vault.revoke(&credential, soon()).await.unwrap_err();
    assert!(
        error.kind() == Kind::Denied && error.to_string().contains("the default policy has it"),
        "{error}"
    );
    fake.state().rules.denied.clear();
    holder.lease(&credential, "database/creds/ro").await;
    assert_eq!(fake.state().leases.len(), 1);
    for _ in 0..2 {
        vault.revoke(&credential, soon()).await.unwrap();
    }
    assert_eq!(fake.living(), (0, 0));
    let seen = fake.seen("/v1/auth/token/revoke-self");
    assert!(seen.len() == 3 && seen.iter().all(|seen| seen.method == "POST" && seen.body.is_empty()));
}

#[tokio::test]
async fn a_batch_token_is_neither_renewed_nor_given_back() {
    let (fake, holder, credential) = world(Rules { batch: true, ..Rules::default() }).await;
    assert_eq!(credential.grant(), grant(600, false));
    let error = holder.vault.renew(&credential, Renewal::Credential(secs(600)), soon()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    holder.vault.revoke(&credential, soon()).await.unwrap();
    assert!(fake.seen("/v1/auth/token/revoke-self").is_empty());
    let lease = holder.lease(&credential, "database/creds/ro").await;
    assert!(holder.vault.renew(&credential, Renewal::Lease(&lease, secs(20)), soon()).await.is_ok());
}

/// A use spent on a question could be the last one, and end the lease that it was about.
#[tokio::test]
async fn a_token_that_counts_its_uses_is_not_asked_about_anything() {
    let (fake, holder, credential) = world(Rules { uses: 2, ..Rules::default() }).await;
    assert!(credential.is_counted() && !credential.grant().renewable);
    let lease = holder.lease(&credential, "database/creds/ro").await;
    assert_eq!(holder.vault.has_lease(&credential, &lease, soon()).await.ok(), Some(true));
    let reads = holder.reads(&[("GET", "database/creds/ro")]);
    assert_eq!(
        holder.vault.permits(&credential, &reads, soon()).await.unwrap_err().kind(),
        Kind::Precondition
    );
    assert!(fake.seen("/v1/sys/").is_empty() && fake.state().leases.len() == 1);
    holder.get(&credential, "secret/data/none").await.unwrap_err();
    assert!(fake.state().leases.is_empty(), "the last use ends the token");
    holder.vault.revoke(&credential, soon()).await.unwrap();
}

#[tokio::test]
async fn a_credential_that_was_packed_works_in_another_process() {
    let (_fake, holder, credential) = world(Rules::default()).await;
    let packed = holder.vault.pack(&credential).unwrap();
    drop(credential);
    let credential = holder.vault.unpack(&holder.scope, &packed).unwrap();
    assert_eq!(holder.vault.is_alive(&credential, soon()).await.ok(), Some(true));
    assert_eq!(credential.grant(), grant(600, true));
}
