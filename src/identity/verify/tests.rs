//! Which tokens are taken, and which are refused with which words.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::time::HandHeld;

const START: u64 = 1_000_000;
const END: u64 = START + 600;

/// Whether `verifier` takes a token of these claims from the pod `n/p`.
fn taken(verifier: &Verifier, tokens: &Tokens) -> Result<Claimed, String> {
    let pod = Pod { namespace: "n".into(), name: "p".into(), uid: "u".into(), service_account: "s".into() };
    let evidence = Evidence::Token { audience: "vault", verified_by_login: false };
    let brought = Brought { provider: "vault", pod: &pod, tokens, secrets: &Secrets::default() };
    verifier.claimed(&brought, evidence).map_err(|error| error.to_string())
}

fn jwt(claims: &serde_json::Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// Whether a token from `START` to `END` is accepted at `now`, where the login verifies it.
fn accepted(now: u64) -> Result<(), String> {
    let claims = json!({ "aud": ["vault"], "nbf": START, "exp": END, "kubernetes.io": { "namespace": "n",
        "pod": { "name": "p", "uid": "u" }, "serviceaccount": { "name": "s", "uid": "x" } } });
    let tokens = Tokens::parse(&json!({ "vault": { "token": jwt(&claims) } }).to_string())?;
    let verifier = Verifier::new(Arc::new(HandHeld::at(now)), None, None);
    taken(&verifier, &tokens).map(|_| ())
}

#[tokio::test]
async fn the_callers_own_token_is_held_to_what_it_says_and_to_no_pod() {
    let clock = || Arc::new(HandHeld::at(START));
    let own = Verifier::own_token(clock(), None, None);
    let tokens = |claims| Tokens::own(jwt(&claims).into());
    let by = Deadline::after(Duration::from_secs(1));
    for claims in [
        json!({}),
        json!({ "aud": "vault", "exp": END, "kubernetes.io":
        { "namespace": "other", "serviceaccount": { "name": "other" } } }),
    ] {
        let claimed = taken(&own, &tokens(claims.clone()));
        let claimed = claimed.unwrap_or_else(|fault| unreachable!("{fault}"));
        assert!(matches!(own.prove(&claimed, by).await, Ok(Proof::ByLogin(_))));
        let pods = Verifier::new(clock(), None, None);
        assert!(taken(&pods, &tokens(claims)).is_err(), "a pod's token is held to its pod");
    }
    let pinned = Verifier::own_token(clock(), None, Some("ci".into()));
    for (verifier, claims, says) in [
        (&own, json!({ "aud": "other" }), "another audience"),
        (&own, json!({ "exp": START - 10 }), "expired"),
        (&own, json!({ "nbf": START + 11 }), "not valid yet"),
        (&own, json!([]), "no claims"),
        (&pinned, json!({}), "another issuer"),
    ] {
        let fault = taken(verifier, &tokens(claims)).err().unwrap_or_default();
        assert!(fault.contains(says), "{says}: {fault}");
    }
    let fault = taken(&own, &Tokens::own("opaque".to_owned().into())).err().unwrap_or_default();
    assert!(fault.contains("not a JWT"), "{fault}");
}

#[tokio::test]
async fn clocks_may_differ_by_ten_seconds_and_no_more() {
    for now in [START - 10, START, END, END + 9] {
        assert_eq!(accepted(now), Ok(()), "{now}");
    }
    for (now, fault) in [(START - 11, "not valid yet"), (END + 10, "expired")] {
        let text = accepted(now).err().unwrap_or_default();
        assert!(text.contains(fault), "{now}: {text}");
    }
}
