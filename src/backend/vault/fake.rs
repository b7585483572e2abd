#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests may fail loudly"
)]
//! A server that behaves as OpenBao 2.7 was seen to, and misbehaves on demand.
//! It is for faults that a real one cannot be made to show; the conformance
//! suite keeps the two alike.

mod engines;
mod leases;
mod rig;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use leases::Lease;
pub use rig::{FakeRig, Heard, class};
pub use tokens::Token;

use crate::backend::conformance::Issuer;
use crate::time::{Clock, Wall};

/// A running fake.
#[derive(Clone)]
pub struct Fake {
    /// Its address.
    pub address: String,
    state: Arc<Mutex<State>>,
}

/// What the fake knows and has seen.
pub struct State {
    issuer: Arc<Issuer>,
    clock: Arc<dyn Clock>,
    /// Service accounts that the role is bound to.
    pub allowed: BTreeSet<(String, String)>,
    /// Secret IDs by role ID, passwords by user name.
    pub known: BTreeMap<String, String>,
    /// KV v2 values by path below `secret/data/`.
    pub secrets: BTreeMap<String, Value>,
    /// KV v1 values by path below `kv1/`.
    pub flat: BTreeMap<String, Value>,
    /// Living tokens.
    pub tokens: BTreeMap<String, Token>,
    /// Living leases by their names.
    pub leases: BTreeMap<String, Lease>,
    /// What its roles, policies and engines say.
    pub rules: Rules,
    /// Answers that come before all else.
    pub scripts: Vec<Script>,
    /// Every request.
    pub seen: Vec<Seen>,
    kill_once: bool,
    slow: Duration,
    made: u32,
}

/// What the fake's roles, policies and engines say. Seconds throughout.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a server can be set to")]
pub struct Rules {
    /// How long a token lives at first, and at most.
    pub token_ttl: (u64, u64),
    /// Whether tokens can be renewed.
    pub renewable: bool,
    /// Whether logins give batch tokens.
    pub batch: bool,
    /// How many requests a token is good for; 0 is no limit.
    pub uses: u64,
    /// What logins say that a token may do.
    pub policies: Vec<&'static str>,
    /// Whether the pod's UID is mapped into the token's metadata.
    pub maps_pods: bool,
    /// Whether the role is deleted.
    pub role_gone: bool,
    /// The beginnings of paths that the policies do not allow.
    pub denied: Vec<&'static str>,
    /// How long a lease lives at first, and at most.
    pub lease_ttl: (u64, u64),
    /// Whether leases can be renewed.
    pub lease_renewable: bool,
    /// Whether the database behind the engine is down.
    pub database_down: bool,
    /// How long until a static role's password changes.
    pub static_ttl: u64,
    /// Whether replies name their engine, as Vault's do.
    pub mount_types: bool,
    /// How far the storage has come, as a node of a cluster says.
    pub index: Option<u64>,
    /// How far the active node is ahead, which it asks for logins.
    pub behind: u64,
    /// Whether it asks the active node for what it has not got, where a request says so.
    pub forwards: bool,
}

/// A canned answer.
#[derive(Clone)]
pub struct Script {
    /// The path's beginning.
    pub path: &'static str,
    /// How often.
    pub times: u32,
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// The headers that begin with `x-vault`.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

type Answer = (u16, Vec<(&'static str, &'static str)>, String);

/// What the server says where a policy does not allow a request of a good token.
const BY_POLICY: &str = "1 error occurred:\n\t* permission denied\n\n";

// === impl Fake ===

impl Fake {
    /// A fake that trusts `issuer`.
    pub async fn start(issuer: Arc<Issuer>) -> Self {
        Self::telling(issuer, Arc::new(Wall)).await
    }

    /// A fake whose tokens and leases end by `clock`.
    pub async fn telling(issuer: Arc<Issuer>, clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { address, state: Arc::new(Mutex::new(State::new(issuer, clock))) };
        tokio::spawn(fake.clone().accept(listener));
        fake
    }

    /// What it knows and has seen.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers the next request whose path begins with `path` with `status` and `body`.
    pub fn script(&self, path: &'static str, times: u32, status: u16, body: &str) {
        self.state().scripts.push(Script { path, times, status, headers: Vec::new(), body: body.into() });
    }

    /// The requests whose path begins with `path`.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.state().seen.iter().filter(|seen| seen.path.starts_with(path)).cloned().collect()
    }

    /// How many tokens and leases live.
    pub fn living(&self) -> (usize, usize) {
        let state = self.state();
        (state.tokens.len(), state.leases.len())
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let fake = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| fake.answer(request));
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    async fn answer(
        &self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let vault = head.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-vault"));
        let headers =
            vault.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let body = body.collect().await.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
        let path = head.uri.path_and_query().unwrap().to_string();
        let seen = Seen { method: head.method.to_string(), path, headers, body: body.unwrap_or_default() };
        let slow = self.state().slow;
        tokio::time::sleep(slow).await;
        let (status, headers, body) = self.state().take(&seen);
        let index = self.state().index(&seen).filter(|_| status == 200);
        let mut response = http::Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        if let Some(value) = index {
            let text = STANDARD.encode(json!({"cluster": "fake", "value": value.to_string()}).to_string());
            response.headers_mut().insert("x-vault-index", text.parse().unwrap());
        }
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Ok(response)
    }
}

// === impl State ===

impl State {
    fn new(issuer: Arc<Issuer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer,
            clock,
            allowed: BTreeSet::new(),
            secrets: BTreeMap::new(),
            flat: BTreeMap::new(),
            known: BTreeMap::new(),
            tokens: BTreeMap::new(),
            leases: BTreeMap::new(),
            rules: Rules::default(),
            scripts: Vec::new(),
            seen: Vec::new(),
            kill_once: false,
            slow: Duration::ZERO,
            made: 0,
        }
    }

    fn take(&mut self, seen: &Seen) -> Answer {
        self.seen.push(seen.clone());
        self.sweep();
        if self.lags(seen) {
            return (429, vec![("retry-after", "1")], "{\"errors\":[]}".to_owned());
        }
        if let Some(script) =
            self.scripts.iter_mut().find(|script| script.times > 0 && seen.path.starts_with(script.path))
        {
            script.times -= 1;
            return (script.status, script.headers.clone(), script.body.clone());
        }
        let path = seen.path.split('?').next().unwrap_or_default().trim_start_matches("/v1/");
        if matches!(path, "auth/kubernetes/login" | "auth/jwt/login") {
            return self.login(&seen.body);
        }
        if path == "auth/approle/login" || path.starts_with("auth/userpass/login/") {
            return self.login_by_secrets(path, &seen.body);
        }
        let token = seen.headers.get("x-vault-token").cloned().unwrap_or_default();
        if !self.tokens.contains_key(&token) {
            return error(403, "permission denied");
        }
        let answer =
            if self.is_denied(path) { error(403, BY_POLICY) } else { self.route(seen, path, &token) };
        self.used(&token);
        answer
    }

    fn route(&mut self, seen: &Seen, path: &str, token: &str) -> Answer {
        let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
        match (seen.method.as_str(), path) {
            ("GET", "auth/token/lookup-self") => self.lookup_self(token),
            ("POST", "auth/token/renew-self") => self.renew_self(token, &body),
            ("POST", "auth/token/revoke-self") => self.revoke_self(token),
            ("POST", "sys/leases/lookup") => self.lookup_lease(&body),
            ("POST", "sys/leases/renew") => self.renew_lease(&body),
            ("POST", "sys/capabilities-self") => self.capabilities(&body),
            (method, path) => self.engine(method, path, token),
        }
    }

    /// What the reply to a request says of the storage.
    fn index(&self, seen: &Seen) -> Option<u64> {
        let of_active = if seen.path.starts_with("/v1/auth/") { self.rules.behind } else { 0 };
        self.rules.index.map(|index| index + of_active)
    }

    /// Whether a request wants a later state than there is.
    fn lags(&self, seen: &Seen) -> bool {
        let wanted = seen.headers.get("x-vault-index").and_then(|text| STANDARD.decode(text).ok());
        let wanted = wanted.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let wanted = wanted.and_then(|index| index["value"].as_str()?.parse::<u64>().ok());
        let forward =
            seen.headers.get("x-vault-inconsistent").is_some_and(|text| text == "forward-active-node");
        wanted > self.rules.index && self.rules.index.is_some() && !(forward && self.rules.forwards)
    }

    fn is_denied(&self, path: &str) -> bool {
        self.rules.denied.iter().any(|denied| path.starts_with(denied))
    }

    /// The next number, for names that must differ.
    fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            token_ttl: (600, 3600),
            renewable: true,
            batch: false,
            uses: 0,
            policies: vec!["default", "app"],
            maps_pods: false,
            role_gone: false,
            denied: Vec::new(),
            lease_ttl: (20, 60),
            lease_renewable: true,
            database_down: false,
            static_ttl: 10,
            mount_types: false,
            index: None,
            behind: 0,
            forwards: true,
        }
    }
}

/// An error as the server writes it.
pub fn error(status: u16, text: &str) -> Answer {
    (status, Vec::new(), json!({"errors": [text]}).to_string())
}

/// A reply with these fields.
fn envelope(fields: &Value) -> Answer {
    let mut body = json!({"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
        "wrap_info": null, "warnings": null, "auth": null});
    for (key, value) in fields.as_object().unwrap() {
        body[key] = value.clone();
    }
    (200, vec![("content-type", "application/json")], body.to_string())
}

fn nothing() -> Answer {
    (204, Vec::new(), String::new())
}

/// What is asked for, as the server reads it: `60s`, `"60"` or a number.
fn asked(body: &Value) -> Option<u64> {
    let increment = &body["increment"];
    increment.as_u64().or_else(|| increment.as_str()?.trim_end_matches('s').parse().ok())
}
