//! The SDK's HTTP client: ours. One TLS policy, one proxy, one in-flight limit and
//! one recorder for all of the process; the SDK signs, writes and reads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

use super::NAME;
use super::error::is_limit;
use crate::backend::Recorder;
use crate::net::{Address, Failure, Limits, Pool, Reply, Request, Target, Trust};
use crate::time::{Deadline, Stopwatch};

const SESSION_TOKEN: &str = "x-amz-security-token";

/// Sends requests and tells the recorder.
pub(super) struct Wire {
    trust: Trust,
    /// For the operator's region, whose clients no class can push out.
    own: Pool,
    /// For regions that only classes name.
    strangers: Pool,
    recorder: Arc<dyn Recorder>,
}

/// The wire, for one call: what it is, and by when.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) wire: Arc<Wire>,
    pub(super) operation: &'static str,
    pub(super) own: bool,
    pub(super) by: Deadline,
    /// How long one answer may take.
    pub(super) patience: Duration,
}

/// Why there is no reply, as the SDK hands it back.
#[derive(Debug)]
pub(super) struct NoReply(pub(super) Failure);

// === impl Wire ===

impl Wire {
    pub(super) fn new(trust: Trust, limits: Limits, recorder: Arc<dyn Recorder>) -> Self {
        Self { trust, own: Pool::new(limits), strangers: Pool::new(limits), recorder }
    }

    /// Sends one request to one server, and counts it.
    pub(super) async fn send(
        &self,
        target: &Target,
        request: Request,
        operation: &'static str,
        own: bool,
        by: Deadline,
    ) -> Result<Reply, Failure> {
        let (watch, pool) = (Stopwatch::start(), if own { &self.own } else { &self.strangers });
        let result = pool.send(target, request, by).await;
        let status = result.as_ref().map_or_else(|failure| failure.cause().as_str().to_owned(), status);
        let waited = result.as_ref().map_or_else(Failure::waited, |reply| reply.waited);
        self.recorder.queued(NAME, waited);
        self.recorder.request(NAME, operation, &status, watch.elapsed().saturating_sub(waited));
        result
    }
}

// === impl Line ===

impl Line {
    /// One request of the SDK's as ours, sent.
    async fn exchange(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (address, request) = translated(request, self.patience).map_err(unsendable)?;
        let target = Target::one(address, self.wire.trust.clone());
        let reply = self.wire.send(&target, request, self.operation, self.own, self.by).await;
        response(reply.map_err(|failure| ConnectorError::other(NoReply(failure).into(), None))?)
    }
}

impl HttpClient for Line {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().exchange(request))
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// The metric's label. A throttled request has the status of any other mistake, 400, and an
/// operator's alert looks for it by name.
fn status(reply: &Reply) -> String {
    #[expect(clippy::disallowed_methods, reason = "a refusal is looked through for known codes")]
    let body = reply.body.expose_secret();
    match reply.status {
        400 if is_limit(body) => "throttled".to_owned(),
        status => status.to_string(),
    }
}

fn translated(request: HttpRequest, patience: Duration) -> Result<(Address, Request), String> {
    let request = request.try_into_http1x().map_err(|_| "the SDK's request is not HTTP")?;
    let (head, body) = request.into_parts();
    let (scheme, authority) = (head.uri.scheme_str(), head.uri.authority());
    let (Some(scheme), Some(authority)) = (scheme, authority) else {
        return Err("the SDK's request names no server".into());
    };
    let address = Address::parse(&format!("{scheme}://{authority}"))?;
    let body = body.bytes().ok_or("the SDK's request has no whole body")?;
    let body = Arc::new(Zeroizing::new(body.to_vec()));
    let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let headers = sensitive(head.headers);
    let request = Request::new(head.method, path);
    Ok((address, Request { headers, body: Some(body), patience: Some(patience), ..request }))
}

/// The headers with those marked that nobody may see.
fn sensitive(mut headers: HeaderMap) -> HeaderMap {
    for (name, value) in &mut headers {
        if name == AUTHORIZATION || name.as_str() == SESSION_TOKEN {
            value.set_sensitive(true);
        }
    }
    headers
}

fn response(reply: Reply) -> Result<HttpResponse, ConnectorError> {
    let mut response = http::Response::new(SdkBody::from(Bytes::from_owner(Wiped(reply.body))));
    *response.status_mut() =
        http::StatusCode::from_u16(reply.status).map_err(|_| unsendable("a status that is none".into()))?;
    *response.headers_mut() = reply.headers;
    HttpResponse::try_from(response).map_err(|_| unsendable("headers that are not text".into()))
}

fn unsendable(text: String) -> ConnectorError {
    ConnectorError::user(text.into())
}

/// A reply's body, wiped when the SDK has read it.
struct Wiped(SecretSlice<u8>);

impl AsRef<[u8]> for Wiped {
    #[expect(clippy::disallowed_methods, reason = "the SDK reads the answer")]
    fn as_ref(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for NoReply {}
