#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests may fail loudly"
)]
//! STS, Secrets Manager, Parameter Store and a Pod Identity agent behind one
//! address, with AWS's own statuses and codes. It is for what ministack cannot be
//! made to show; the conformance suite and the real tests keep the two alike.

mod rig;
mod stores;
mod sts;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use rig::{FakeRig, Heard, ROLE};
pub use stores::{Parameter, Version};

use crate::backend::conformance::Issuer;

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
    /// Who may take each role: `(namespace, service account)` by ARN.
    pub trust: BTreeMap<String, BTreeSet<(String, String)>>,
    /// The external ID that a role asks for, where another role takes it.
    pub external_ids: BTreeMap<String, String>,
    /// Who has a Pod Identity association.
    pub associated: BTreeSet<(String, String)>,
    /// Secrets by region and name.
    pub secrets: BTreeMap<(String, String), Vec<Version>>,
    /// Parameters by region and name.
    pub parameters: BTreeMap<(String, String), Vec<Parameter>>,
    /// Names that no role may read, and actions that none may do.
    pub denied: BTreeSet<String>,
    /// Living sessions by access key: their role.
    pub sessions: BTreeMap<String, String>,
    /// Answers that come before all else.
    pub scripts: Vec<Script>,
    /// Every request.
    pub seen: Vec<Seen>,
    /// How long a session lives, unless the caller asks.
    pub ttl: u64,
    /// The next session is dead when it is first used.
    pub kill_once: bool,
    /// Every answer takes this long.
    pub slow: Duration,
    made: u32,
}

/// A canned answer.
#[derive(Clone)]
pub struct Script {
    /// The action; and only in this region, if it names one.
    pub action: &'static str,
    /// The region.
    pub region: Option<&'static str>,
    /// How often.
    pub times: u32,
    /// The status.
    pub status: u16,
    /// The error's code, and what it says; without a code the text is the body.
    pub error: (&'static str, String),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GetSecretValue`, `AssumeRole`, or `agent`.
    pub action: String,
    /// The region that it was signed for; empty if it was not.
    pub region: String,
    /// The access key that it was signed with; the agent's token.
    pub key: String,
    /// The body's fields.
    pub fields: Value,
}

pub(super) type Answer = (u16, Vec<(&'static str, &'static str)>, String);

// === impl Fake ===

impl Fake {
    /// A fake that trusts `issuer`.
    pub async fn start(issuer: Arc<Issuer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { address, state: Arc::new(Mutex::new(State::new(issuer))) };
        tokio::spawn(fake.clone().accept(listener));
        fake
    }

    /// What it knows and has seen.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers the next `times` requests for `action` with an error.
    pub fn script(&self, action: &'static str, times: u32, status: u16, code: &'static str, text: &str) {
        let script = Script { action, region: None, times, status, error: (code, text.into()) };
        self.state().scripts.push(script);
    }

    /// The same, in one region.
    pub fn script_in(
        &self,
        region: &'static str,
        action: &'static str,
        times: u32,
        status: u16,
        code: &'static str,
    ) {
        let script = Script { action, region: Some(region), times, status, error: (code, "scripted".into()) };
        self.state().scripts.push(script);
    }

    /// `ACTION REGION` of every request so far.
    pub fn calls(&self) -> Vec<String> {
        self.state().seen.iter().map(|seen| format!("{} {}", seen.action, seen.region)).collect()
    }

    /// How many requests for `action` there were.
    pub fn count(&self, action: &str) -> usize {
        self.state().seen.iter().filter(|seen| seen.action == action).count()
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
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let seen = seen(&head, &String::from_utf8_lossy(&body));
        let slow = self.state().slow;
        tokio::time::sleep(slow).await;
        let (status, headers, body) = self.state().take(&seen);
        let mut response = http::Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response.headers_mut().insert("x-amzn-requestid", "request-1".parse().unwrap());
        Ok(response)
    }
}

/// What a request is, in either of the two protocols, or at the agent.
fn seen(head: &http::request::Parts, body: &str) -> Seen {
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let authorization = header("authorization").unwrap_or_default();
    if head.uri.path() == "/v1/credentials" {
        return Seen {
            action: "agent".into(),
            region: String::new(),
            key: authorization,
            fields: Value::Null,
        };
    }
    // `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
    let scope: Vec<_> =
        authorization.split("Credential=").nth(1).unwrap_or_default().split([',', '/']).collect();
    let part = |at: usize| scope.get(at).copied().unwrap_or_default().to_owned();
    let (key, region) = (part(0), part(2));
    if let Some(target) = header("x-amz-target") {
        let action = target.split('.').nth(1).unwrap_or_default().to_owned();
        return Seen { action, region, key, fields: serde_json::from_str(body).unwrap_or_default() };
    }
    let pairs = reqwest::Url::parse(&format!("http://x/?{body}")).unwrap();
    let fields: serde_json::Map<String, Value> =
        pairs.query_pairs().map(|(key, value)| (key.into_owned(), Value::from(value.into_owned()))).collect();
    let action = fields["Action"].as_str().unwrap_or_default().to_owned();
    Seen { action, region, key, fields: fields.into() }
}

// === impl State ===

impl State {
    fn new(issuer: Arc<Issuer>) -> Self {
        Self {
            issuer,
            trust: BTreeMap::new(),
            external_ids: BTreeMap::new(),
            associated: BTreeSet::new(),
            secrets: BTreeMap::new(),
            parameters: BTreeMap::new(),
            denied: BTreeSet::new(),
            sessions: BTreeMap::new(),
            scripts: Vec::new(),
            seen: Vec::new(),
            ttl: 3600,
            kill_once: false,
            slow: Duration::ZERO,
            made: 0,
        }
    }

    fn take(&mut self, seen: &Seen) -> Answer {
        self.seen.push(seen.clone());
        let is_its = |script: &&mut Script| {
            let here = script.region.is_none_or(|region| seen.region.is_empty() || region == seen.region);
            script.times > 0 && script.action == seen.action && here
        };
        if let Some(script) = self.scripts.iter_mut().find(is_its) {
            script.times -= 1;
            let (status, (code, text)) = (script.status, script.error.clone());
            return match (seen.action.as_str(), code) {
                (_, "") => (status, Vec::new(), text),
                ("AssumeRole" | "AssumeRoleWithWebIdentity", _) => sts::error(status, code, &text),
                _ => error(status, code, &text),
            };
        }
        match seen.action.as_str() {
            "agent" => self.agent(&seen.key),
            "AssumeRoleWithWebIdentity" => self.web_identity(&seen.fields),
            "AssumeRole" => self.assume(&seen.key, &seen.fields),
            _ if !self.sessions.contains_key(&seen.key) => error(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            action if self.denied.contains(action) => denied(action, "*"),
            "GetSecretValue" => self.secret(&seen.region, &seen.fields),
            "BatchGetSecretValue" => self.batch(&seen.region, &seen.fields),
            "GetParameters" => self.named(&seen.region, &seen.fields),
            "GetParametersByPath" => self.below(&seen.region, &seen.fields),
            other => error(400, "UnknownOperationException", other),
        }
    }
}

/// An error as the JSON protocols write it.
pub(super) fn error(status: u16, code: &str, text: &str) -> Answer {
    (status, json_type(), json!({"__type": code, "message": text}).to_string())
}

pub(super) fn denied(action: &str, resource: &str) -> Answer {
    let text = format!(
        "User: arn:aws:sts::123456789012:assumed-role/web/x is not authorized to perform: {action} on resource: {resource}"
    );
    error(400, "AccessDeniedException", &text)
}

pub(super) fn json_type() -> Vec<(&'static str, &'static str)> {
    vec![("content-type", "application/x-amz-json-1.1")]
}
