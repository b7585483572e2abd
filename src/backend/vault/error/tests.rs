//! Every row, word for word: what a pod's event will say.

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue};

use super::*;
use crate::net::Redirect;

const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3ZWIifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";

fn reply(status: u16, body: &str) -> Reply {
    let leader = HeaderValue::from_static("https://leader:8200/v1/auth/kubernetes/login");
    let headers: HeaderMap = (status == 307).then_some((LOCATION, leader)).into_iter().collect();
    let (waited, body) = (std::time::Duration::ZERO, body.as_bytes().to_vec().into());
    Reply {
        status,
        retry_after: None,
        redirect: Redirect::read(&headers),
        headers,
        waited,
        server: None,
        body,
    }
}

/// What is said of `body` at a login or a read, and whether it may be an outage.
fn refusal(stage: Stage, path: &str, status: u16, body: &str) -> Refusal {
    let Ok(address) = Address::parse("https://vault:8200") else { unreachable!("an address") };
    let login = stage == Stage::Login;
    let jwt = JWT.to_owned().into();
    let at = At {
        flavour: Flavour::Vault,
        stage,
        rows: if login { LOGIN } else { READ },
        address: &address,
        namespace: None,
        method: if login { "POST" } else { "GET" },
        path,
        role: "web",
        mount: if login { "kubernetes" } else { "" },
        pod: if login { ["app", "sa", "vault"] } else { [""; 3] },
        sent: vec![&jwt],
    };
    at.refused(&reply(status, body))
}

fn errors(text: &str) -> String {
    serde_json::json!({"errors": [text]}).to_string()
}

fn login(status: u16, text: &str) -> (Kind, bool, String) {
    let refusal = refusal(Stage::Login, "auth/kubernetes/login", status, &errors(text));
    (refusal.error.kind(), refusal.ambiguous, refusal.error.to_string())
}

fn read(status: u16, body: &str) -> (Kind, String) {
    read_at("secret/data/db", status, body)
}

fn read_at(path: &str, status: u16, body: &str) -> (Kind, String) {
    let error = refusal(Stage::Read, path, status, body).error;
    (error.kind(), error.to_string())
}

/// A login's text around what changes.
fn at_login(status: u16, said: &str, hint: &str) -> String {
    let hint = if hint.is_empty() { String::new() } else { format!("; hint: {hint}") };
    format!("stage=login backend=vault http={status} path=auth/kubernetes/login role=web: {said}{hint}")
}

fn at_read(path: &str, status: u16, said: &str, hint: &str) -> String {
    let hint = if hint.is_empty() { String::new() } else { format!("; hint: {hint}") };
    format!("stage=read backend=vault http={status} path={path}: {said}{hint}")
}

#[test]
fn logins_that_the_role_refuses() {
    let role = "auth/kubernetes/role/web";
    for (status, said, kind, hint) in [
        (
            403,
            "namespace not authorized",
            Kind::Denied,
            format!("add app to bound_service_account_namespaces of {role}"),
        ),
        (
            403,
            "service account name not authorized",
            Kind::Denied,
            format!("add sa to bound_service_account_names of {role}"),
        ),
        (400, "invalid role name \"web\"", Kind::NotFound, format!("create {role}, or change roleName")),
        (
            400,
            "role \"web\" could not be found",
            Kind::NotFound,
            format!("create {role}, or change roleName"),
        ),
        (
            400,
            "audience claim found in JWT but no audiences bound to the role",
            Kind::Denied,
            format!("set bound_audiences of {role} to vault"),
        ),
        (
            400,
            "error validating claims: claim \"/kubernetes.io/namespace\" does not match any associated bound claim values",
            Kind::Denied,
            format!("change bound_claims of {role}"),
        ),
        (
            400,
            "error validating token: invalid subject (sub) claim",
            Kind::Denied,
            format!("bind system:serviceaccount:app:sa in {role}"),
        ),
    ] {
        assert_eq!(login(status, said), (kind, false, at_login(status, said, &hint)));
    }
}

#[test]
fn logins_whose_token_is_refused() {
    let audience =
        "set the audience of auth/kubernetes/role/web to vault, or audience in the class to the role's";
    let old = "the pod's token is too old: compare the clocks of the node and the server";
    let early = "the server's clock is behind the cluster's";
    let issuer = "set the issuer in auth/kubernetes/config to the cluster's";
    let keys = "auth/kubernetes trusts another cluster's keys: see auth/kubernetes/config";
    for (said, hint) in [
        ("invalid audience (aud) claim: audience claim does not match any expected audience", audience),
        ("invalid expiration time (exp) claim: token is expired", old),
        ("invalid not before (nbf) claim: token not yet valid", early),
        ("invalid issuer (iss) claim", issuer),
    ] {
        let jwt = format!("error validating token: {said}");
        assert_eq!(login(403, said), (Kind::Unauthenticated, false, at_login(403, said, hint)));
        assert_eq!(login(400, &jwt), (Kind::Unauthenticated, false, at_login(400, &jwt, hint)));
    }
    for said in [
        "error validating token: error verifying token signature: no known key successfully validated the token signature",
        "error validating token: failed to verify id token signature",
    ] {
        assert_eq!(login(400, said), (Kind::Unauthenticated, false, at_login(400, said, keys)));
    }
}

#[test]
fn logins_that_may_mend() {
    let said = "error validating token: error verifying token signature: fetching keys oidc: get keys failed";
    let hint = "the server cannot reach the cluster's JWKS: see auth/kubernetes/config";
    assert_eq!(login(400, said), (Kind::Unavailable, false, at_login(400, said, hint)));
    let hint = "either there is no auth method at kubernetes, or the token was refused, or the server could not ask the \
                Kubernetes API about it (TokenReview): the server's log says which";
    assert_eq!(
        login(403, "permission denied"),
        (Kind::Denied, true, at_login(403, "permission denied", hint))
    );
    assert_eq!(login(400, "who knows"), (Kind::Denied, true, at_login(400, "who knows", "")));
}

#[test]
fn mounts_namespaces_and_servers_that_are_not_ready() {
    let standby = "if https://leader:8200 is a node of the same cluster, name it in vaultAddresses, --vault-addr or \
         --vault-allowed-address; or let the cluster's nodes forward requests, which is their default";
    let route = "no handler for route \"auth/kubernetes/login\". route entry not found.";
    for (status, said, kind, hint) in [
        (404, route, Kind::NotFound, "enable an auth method at kubernetes, or change vaultAuthMountPath"),
        (404, "namespace not found", Kind::NotFound, "check vaultNamespace and --vault-namespace"),
        (
            405,
            "unsupported operation",
            Kind::Invalid,
            "kubernetes is no kubernetes or jwt auth mount: change vaultAuthMountPath",
        ),
        (
            500,
            "could not load backend configuration",
            Kind::Precondition,
            "write auth/kubernetes/config on the server",
        ),
        (
            400,
            "could not load configuration",
            Kind::Precondition,
            "write auth/kubernetes/config on the server",
        ),
        (503, "Vault is sealed", Kind::Unavailable, "unseal the server, or initialise it if it is new"),
        (
            503,
            "API access to this namespace has been locked by an administrator - contact them",
            Kind::Precondition,
            "an administrator must unlock the namespace",
        ),
        (
            429,
            "request path \"auth/kubernetes\": rate limit quota exceeded",
            Kind::Throttled,
            "raise the server's rate-limit quota, or let classes refresh less often",
        ),
        (412, "missing \"X-Vault-Request\" header", Kind::Throttled, ""),
        (
            500,
            "local node not active but active cluster node not found",
            Kind::Unavailable,
            "the cluster has no leader",
        ),
        (473, "", Kind::Unavailable, "use the address of the active server"),
    ] {
        let text = if said.is_empty() { "the server gives no reason" } else { said };
        let expected = (kind, false, at_login(status, text, hint));
        assert_eq!(login(status, said), expected);
    }
    let text = at_login(
        307,
        "the server redirects to https://leader:8200, which is not configured: no token is sent there",
        standby,
    );
    assert_eq!(login(307, ""), (Kind::Unavailable, false, text));
}

#[test]
fn answers_that_are_not_vaults() {
    let refused = |status, body| {
        let refusal = refusal(Stage::Login, "auth/kubernetes/login", status, body);
        (refusal.error.kind(), refusal.error.to_string())
    };
    let text = at_login(400, "the server expects TLS on this port", "use https:// in the address");
    assert_eq!(refused(400, "Client sent an HTTP request to an HTTPS server.\n"), (Kind::Invalid, text));
    let text = at_login(502, "the answer is not from Vault's API: not JSON", "");
    assert_eq!(refused(502, "<html>secret words</html>"), (Kind::Unavailable, text));
    let (kind, text) = read(503, "");
    assert_eq!(
        (kind, text),
        (
            Kind::Unavailable,
            at_read("secret/data/db", 503, "the answer is not from Vault's API: not JSON", "")
        )
    );
}

#[test]
fn reads_that_policies_refuse() {
    let hint = "a policy of role web needs: path \"secret/data/db\" { capabilities = [\"read\"] }";
    let text = at_read("secret/data/db", 403, "1 error occurred: * permission denied", hint);
    assert_eq!(read(403, &errors("1 error occurred:\n\t* permission denied\n\n")), (Kind::Denied, text));
    let hint = "a policy template of role web was filled with `/`, `*` or `+`: OpenBao then refuses every request of the token";
    assert_eq!(
        read(400, &errors("Forbidden")),
        (Kind::Denied, at_read("secret/data/db", 400, "Forbidden", hint))
    );
}

#[test]
fn reads_of_what_is_not_there() {
    let nothing = r#"{"errors":[]}"#;
    let v1 = "check the name; if the engine is KV v1, use secretPath secret/db";
    let said = "there is nothing at this path";
    assert_eq!(read(404, nothing), (Kind::NotFound, at_read("secret/data/db", 404, said, v1)));
    assert_eq!(read_at("kv/db", 404, nothing), (Kind::NotFound, at_read("kv/db", 404, said, "")));

    let warned =
        r#"{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs."]}"#;
    let v2 = "the engine is KV v2: use secretPath secret/data/db";
    let said = "Invalid path for a versioned K/V secrets engine. See the API docs.";
    assert_eq!(read_at("secret/db", 404, warned), (Kind::NotFound, at_read("secret/db", 404, said, v2)));

    let route = "no handler for route \"nope/x\". route entry not found.";
    let text = at_read("nope/x", 404, route, "no secrets engine is mounted there: check secretPath");
    assert_eq!(read_at("nope/x", 404, &errors(route)), (Kind::NotFound, text));

    let role = at_read("database/creds/zz", 400, "unknown role: zz", "check the role's name in secretPath");
    assert_eq!(read_at("database/creds/zz", 400, &errors("unknown role: zz")), (Kind::Invalid, role));
}

#[test]
fn reads_of_versions_that_are_gone() {
    let hint = "write a new version or undelete this one, or ask for another with ?version=N";
    let body = |time: &str, destroyed: bool| {
        serde_json::json!({"data": {"data": null, "metadata": {"deletion_time": time, "destroyed": destroyed, "version": 3}}})
            .to_string()
    };
    for (body, said) in [
        (body("2026-11-24T11:00:00Z", false), "version 3 of this secret was deleted at 2026-11-24T11:00:00Z"),
        (body("", true), "version 3 of this secret is destroyed"),
    ] {
        let path = "secret/data/db?version=3";
        assert_eq!(read_at(path, 404, &body), (Kind::NotFound, at_read(path, 404, said, hint)));
    }
}

#[test]
fn reads_that_the_engine_refuses() {
    let engine = "the engine behind the path failed: see the server's log";
    let down = "1 error occurred: * unable to start transaction: failed to connect";
    for (status, said, kind, hint) in [
        (400, "Field validation failed: error converting input for field \"version\"", Kind::Invalid, ""),
        (400, "common name evil.com not allowed by this role", Kind::Invalid, ""),
        (
            405,
            "unsupported operation",
            Kind::Invalid,
            "the path does not know this method: change the object's method",
        ),
        (500, down, Kind::Unavailable, engine),
    ] {
        assert_eq!(read(status, &errors(said)), (kind, at_read("secret/data/db", status, said, hint)));
    }
}

#[test]
fn an_engine_that_is_not_ready_yet_may_be_asked_again() {
    let said = "Waiting for the primary to upgrade from non-versioned to versioned data. This backend will be unavailable";
    let (kind, text) = read(400, &errors(said));
    assert_eq!(kind, Kind::Unavailable);
    assert!(text.ends_with("; hint: the engine has just been mounted: it is ready in a moment"), "{text}");
}

#[test]
fn a_server_that_echoes_the_token_is_not_quoted() {
    for status in [400, 403, 500] {
        let (_, _, text) = login(status, &format!("bad jwt {JWT} and hvs.CAESIJ2Vwqkz and {}", &JWT[30..]));
        assert!(
            !text.contains("eyJ") && !text.contains("c2lnbmF0dXJl") && !text.contains("CAESIJ"),
            "{text}"
        );
        assert!(text.contains("bad jwt [redacted]"), "{text}");
    }
}

#[test]
fn what_servers_say_to_renewals_and_look_ups() {
    let Ok(address) = Address::parse("https://vault:8200") else { unreachable!("an address") };
    let sent = JWT.to_owned().into();
    let at = At {
        flavour: Flavour::OpenBao,
        stage: Stage::Read,
        rows: KEEP,
        address: &address,
        namespace: None,
        method: "POST",
        path: "sys/leases/renew",
        role: "web",
        mount: "",
        pod: [""; 3],
        sent: vec![&sent],
    };
    let not_found =
        "failed to renew entry: resp: (*logical.Response)(nil) err: error during renew: lease not found";
    for (status, said, kind) in [
        (
            400,
            "failed to renew entry: resp: (*logical.Response)(nil) err: failed to connect",
            Kind::Unavailable,
        ),
        (400, not_found, Kind::Unavailable),
        (
            500,
            "1 error occurred:\n\t* failed to renew entry: role web does not exist during renewal",
            Kind::Unavailable,
        ),
        (503, "Vault is sealed", Kind::Unavailable),
        (429, "rate limit quota exceeded", Kind::Throttled),
        (412, "", Kind::Throttled),
        (400, "lease not found", Kind::NotFound),
        (400, "invalid lease", Kind::NotFound),
        (400, "lease expired", Kind::NotFound),
        (404, "namespace not found", Kind::NotFound),
        (404, "no handler for route", Kind::Unavailable),
        (400, "lease is not renewable", Kind::Invalid),
        (400, "lease is not renewable and has failed previous revocation attempts", Kind::Invalid),
        (400, "batch tokens cannot be renewed", Kind::Invalid),
        (400, "batch tokens cannot be revoked", Kind::NotFound),
        (400, "Forbidden", Kind::Denied),
        (403, "1 error occurred:\n\t* permission denied\n\n", Kind::Denied),
        (403, "permission denied", Kind::Unauthenticated),
        (403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n", Kind::Unauthenticated),
    ] {
        assert_eq!(at.refused(&reply(status, &errors(said))).error.kind(), kind, "{status} {said}");
    }
    let text =
        at.refused(&reply(403, &errors("1 error occurred:\n\t* permission denied\n\n"))).error.to_string();
    let hint = "a policy of role web needs: path \"sys/leases/renew\" { capabilities = [\"create\", \"update\"] }; \
                the default policy has it";
    assert!(text.ends_with(&format!("hint: {hint}")), "{text}");
}
