//! The one place that sends: headers, counting, and the line between a reply
//! and a refusal.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::Flavour;
use super::error::{At, Refusal, is_elsewhere};
use super::index::{INDEX, Index};
use crate::backend::Recorder;
use crate::error::{Error, Kind, Stage};
use crate::net::{Address, Cause, Failure, Pool, Reply, Request, Target};
use crate::time::{Deadline, Stopwatch};

const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// What a node does that has not come so far as the index says: it asks the active one, where the
/// operator of a Vault cluster allows it; a node that does not know this refuses, and is asked again.
const INCONSISTENT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-vault-inconsistent"), HeaderValue::from_static("forward-active-node"));
const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");

/// Sends requests and tells the recorder.
pub(super) struct Wire {
    pub(super) flavour: Flavour,
    /// Where a redirect may lead beside the servers that are asked: the operator's allowed addresses.
    pub(super) follow: Arc<[Address]>,
    /// The clients of the operator's servers: no class can push them out or hold them up.
    pub(super) pools: HashMap<Target, Pool>,
    /// The clients of servers that only classes name, or trust in a way of their own.
    pub(super) strangers: Pool,
    pub(super) recorder: Arc<dyn Recorder>,
}

/// One call, ready to be sent as often as it takes.
pub(super) struct Call {
    pub(super) target: Target,
    pub(super) operation: &'static str,
    pub(super) request: Request,
}

// === impl Wire ===

impl Wire {
    /// Sends `call` once. A reply that is no success is a refusal.
    pub(super) async fn send(&self, call: &Call, at: &At<'_>, by: Deadline) -> Result<Reply, Refusal> {
        let watch = Stopwatch::start();
        let own = self.pools.get(&call.target);
        let pool = own.unwrap_or(&self.strangers);
        let request = Request { follow: self.follow.clone(), ..call.request.clone() };
        let result = pool.send(&call.target, request, by).await;
        let status = result
            .as_ref()
            .map_or_else(|failure| failure.cause().as_str().to_owned(), |reply| reply.status.to_string());
        let waited = result.as_ref().map_or_else(Failure::waited, |reply| reply.waited);
        let took = watch.elapsed().saturating_sub(waited);
        self.recorder.queued(self.flavour.name(), waited);
        self.recorder.request(self.flavour.name(), call.operation, &status, took);
        // Names of servers that only classes know are no labels.
        if let (Some(_), Some(server)) = (own, result.as_ref().ok().and_then(|reply| reply.server.as_ref())) {
            self.recorder.served(self.flavour.name(), &server.to_string());
        }
        let reply = result.map_err(|failure| {
            let acted = failure.cause() == Cause::Broken;
            Refusal { error: at.failed(failure), ambiguous: false, acted, lags: false }
        })?;
        if (200..300).contains(&reply.status) { Ok(reply) } else { Err(at.refused(&reply)) }
    }
}

// === impl Call ===

impl Call {
    /// A call of `method` on `path`, which begins with `/v1/`.
    pub(super) fn new(
        target: &Target,
        operation: &'static str,
        method: &str,
        path: &str,
        namespace: Option<&str>,
    ) -> Result<Self, Error> {
        let unsendable =
            |_| Error::new(Kind::Invalid, Stage::Request, "the method or the namespace cannot be sent");
        let mut headers = HeaderMap::from_iter([(REQUEST, HeaderValue::from_static("true"))]);
        if let Some(namespace) = namespace {
            let namespace = HeaderValue::from_str(namespace).map_err(|error| unsendable(error.into()))?;
            headers.insert(NAMESPACE, namespace);
        }
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|error| unsendable(http::Error::from(error)))?;
        let request = Request { headers, elsewhere: is_elsewhere, ..Request::new(method, path.to_owned()) };
        Ok(Self { target: target.clone(), operation, request })
    }

    /// With `token` as the caller's.
    pub(super) fn token(mut self, token: &SecretString) -> Result<Self, Error> {
        #[expect(clippy::disallowed_methods, reason = "the token goes into its header, marked sensitive")]
        let value = HeaderValue::from_str(token.expose_secret());
        let mut value = value.map_err(|_| {
            Error::new(Kind::Unavailable, Stage::Login, "the server gave a token that cannot be sent")
        })?;
        value.set_sensitive(true);
        self.request.headers.insert(TOKEN, value);
        Ok(self)
    }

    /// Of a server whose storage has come as far as this index.
    pub(super) fn after(mut self, index: &Index) -> Self {
        if let Some(index) = index.get() {
            self.request.headers.insert(INDEX, index);
            self.request.headers.extend([INCONSISTENT]);
        }
        self
    }

    /// With this patience for each answer.
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.request.patience = Some(patience);
        self
    }

    /// Asked of one server only, once it may have acted.
    pub(super) fn once(mut self, once: bool) -> Self {
        self.request.once = once;
        self
    }

    /// With a JSON body.
    pub(super) fn body(mut self, json: Vec<u8>) -> Self {
        self.request.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.request.body = Some(Arc::new(Zeroizing::new(json)));
        self
    }
}
