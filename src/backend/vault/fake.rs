#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests may fail loudly"
)]
//! A server that behaves as OpenBao 2.7 was seen to, and misbehaves on demand.
//! It is for faults that a real one cannot be made to show; the conformance
//! suite keeps the two alike.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Config, Flavour, Vault};
use crate::backend::conformance::{Fault, Issuer, Rig};
use crate::backend::{Host, Hosted, Parameters, Provider, Recorder};
use crate::time::{Clock, Wall};

/// A running fake.
#[derive(Clone)]
pub struct Fake {
    /// Its address.
    pub address: String,
    state: Arc<Mutex<State>>,
}

/// What the fake knows and has seen.
#[derive(Default)]
pub struct State {
    issuer: Option<Arc<Issuer>>,
    /// Service accounts that the role is bound to.
    pub allowed: BTreeSet<(String, String)>,
    /// KV v2 values by path below `secret/data/`.
    pub secrets: BTreeMap<String, Value>,
    /// Living tokens.
    pub tokens: BTreeSet<String>,
    /// Answers that come before all else.
    pub scripts: Vec<Script>,
    /// Every request.
    pub seen: Vec<Seen>,
    kill_once: bool,
    slow: Duration,
    minted: u32,
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

// === impl Fake ===

impl Fake {
    /// A fake that trusts `issuer`.
    pub async fn start(issuer: Arc<Issuer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = State { issuer: Some(issuer), ..State::default() };
        let fake = Self { address, state: Arc::new(Mutex::new(state)) };
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
        let mut response = http::Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Ok(response)
    }
}

// === impl State ===

impl State {
    fn take(&mut self, seen: &Seen) -> Answer {
        self.seen.push(seen.clone());
        if let Some(script) =
            self.scripts.iter_mut().find(|script| script.times > 0 && seen.path.starts_with(script.path))
        {
            script.times -= 1;
            return (script.status, script.headers.clone(), script.body.clone());
        }
        let path = seen.path.split('?').next().unwrap_or_default();
        match path {
            "/v1/auth/kubernetes/login" | "/v1/auth/jwt/login" => self.login(&seen.body),
            _ if !self.tokens.contains(seen.headers.get("x-vault-token").map_or("", String::as_str)) => {
                error(403, "permission denied")
            }
            "/v1/auth/token/revoke-self" => {
                self.tokens.remove(&seen.headers["x-vault-token"]);
                (204, Vec::new(), String::new())
            }
            path => self.read(path),
        }
    }

    fn login(&mut self, body: &str) -> Answer {
        let Ok(body) = serde_json::from_str::<Value>(body) else {
            return error(400, "failed to decode JSON input");
        };
        let (Some(jwt), Some(role)) = (body["jwt"].as_str(), body["role"].as_str()) else {
            return error(400, "missing jwt");
        };
        if role != "web" {
            return error(400, &format!("invalid role name {role:?}"));
        }
        let claims =
            jwt.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        let kube = &claims["kubernetes.io"];
        let account =
            |key: &str, value: &Value| (key.to_owned(), value.as_str().unwrap_or_default().to_owned());
        let (namespace, name) =
            (account("", &kube["namespace"]).1, account("", &kube["serviceaccount"]["name"]).1);
        if !self.allowed.iter().any(|(_, other)| *other == name) {
            return error(403, "service account name not authorized");
        }
        if !self.allowed.contains(&(namespace, name)) {
            return error(403, "namespace not authorized");
        }
        if claims["exp"].as_u64().unwrap_or_default() + 60 < Wall.unix() {
            return error(403, "invalid expiration time (exp) claim: token is expired");
        }
        if !self.issuer.as_ref().unwrap().signed(jwt) {
            return error(403, "permission denied");
        }
        self.minted += 1;
        let token = format!("s.faketoken{:016}", self.minted);
        if !std::mem::take(&mut self.kill_once) {
            self.tokens.insert(token.clone());
        }
        let auth = json!({"client_token": token, "accessor": "a", "policies": null, "token_policies": ["default"],
            "metadata": {"role": role}, "lease_duration": 600, "renewable": true, "entity_id": "e", "token_type": "service",
            "orphan": true, "mfa_requirement": null, "num_uses": 0});
        envelope(200, &json!({"auth": auth}))
    }

    fn read(&mut self, path: &str) -> Answer {
        if let Some(role) = path.strip_prefix("/v1/database/creds/") {
            self.minted += 1;
            let data =
                json!({"username": format!("u{}", self.minted), "password": format!("p{}", self.minted)});
            let lease = format!("database/creds/{role}/{}", self.minted);
            return envelope(
                200,
                &json!({"data": data, "lease_id": lease, "lease_duration": 20, "renewable": true}),
            );
        }
        let name = path.strip_prefix("/v1/secret/data/").unwrap_or_default();
        match self.secrets.get(name) {
            None => (404, Vec::new(), json!({"errors": []}).to_string()),
            Some(data) => {
                let metadata = json!({"created_time": "t", "custom_metadata": null, "deletion_time": "", "destroyed": false, "version": 1});
                envelope(200, &json!({"data": {"data": data, "metadata": metadata}}))
            }
        }
    }
}

/// An error as the server writes it.
pub fn error(status: u16, text: &str) -> Answer {
    (status, Vec::new(), json!({"errors": [text]}).to_string())
}

fn envelope(status: u16, fields: &Value) -> Answer {
    let mut body = json!({"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
        "wrap_info": null, "warnings": null, "auth": null});
    for (key, value) in fields.as_object().unwrap() {
        body[key] = value.clone();
    }
    (status, vec![("content-type", "application/json")], body.to_string())
}

/// A class of role `web` that wants the key `value` of each `(object, secret)`.
pub fn class(wants: &[(&str, &str)]) -> Parameters {
    let entry = |(object, secret): &(&str, &str)| json!({"objectName": object, "secretPath": format!("secret/data/{secret}"), "secretKey": "value"});
    let objects = wants.iter().map(entry).collect::<Value>().to_string();
    [("roleName", "web"), ("objects", &objects)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

/// Counts what it hears.
#[derive(Default)]
pub struct Heard(Mutex<Vec<String>>);

// === impl Heard ===

impl Heard {
    /// `operation status` of every request so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Recorder for Heard {
    fn request(&self, _: &'static str, operation: &'static str, status: &str, _: Duration) {
        self.0.lock().unwrap().push(format!("{operation} {status}"));
    }
}

/// The conformance suite's rig over the fake, for each flavour.
pub struct FakeRig<const OPENBAO: bool>(Fake);

// === impl FakeRig ===

impl<const OPENBAO: bool> Rig for FakeRig<OPENBAO> {
    const AUDIENCE: &str = if OPENBAO { "openbao" } else { "vault" };

    async fn new(issuer: Arc<Issuer>) -> Self {
        Self(Fake::start(issuer).await)
    }

    fn provider(&self, host: Host) -> Arc<dyn Provider> {
        let flavour = if OPENBAO { Flavour::OpenBao } else { Flavour::Vault };
        let config = Config { address: Some(self.0.address.clone()), ..Config::default() };
        let vault = Vault::new(flavour, config, Arc::new(Heard::default())).unwrap();
        Arc::new(Hosted::new(vault, host))
    }

    fn class(&self, wants: &[(&str, &str)]) -> Parameters {
        class(wants)
    }

    async fn put(&self, secret: &str, value: &str) {
        self.0.state().secrets.insert(secret.into(), json!({"value": value}));
    }

    async fn allow(&self, namespace: &str, service_account: &str) {
        self.0.state().allowed.insert((namespace.into(), service_account.into()));
    }

    async fn fault(&self, fault: Fault) -> bool {
        match fault {
            Fault::ThrottleOnce => {
                self.0.script("/v1/secret/", 1, 429, "{\"errors\":[\"rate limit quota exceeded\"]}");
            }
            Fault::KillOnce => self.0.state().kill_once = true,
            Fault::Slow(slow) => self.0.state().slow = slow,
        }
        true
    }
}
