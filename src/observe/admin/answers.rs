//! What is answered, by path and door.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::Serialize;

use super::{Census, Door, Health};
use crate::backend::Entry;
use crate::observe::{Metrics, page};

/// What the admin server answers from.
pub struct Answers {
    /// The series.
    pub metrics: Arc<Metrics>,
    /// Who is ready.
    pub health: Arc<dyn Health>,
    /// What is kept.
    pub census: Arc<dyn Census>,
    /// Whether the page names pods to whoever reaches the address.
    pub show_pods: bool,
}

/// What `/sessions` answers: names and times, never a value.
#[derive(Serialize)]
struct Listing {
    version: &'static str,
    providers: Vec<Provider>,
    sessions: Vec<Entry>,
    kept_bytes: usize,
}

#[derive(Serialize)]
struct Provider {
    name: &'static str,
    ready: bool,
}

// === impl Answers ===

impl Answers {
    pub(super) async fn answer(&self, request: &Request<Incoming>, door: Door) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        match (request.uri().path(), door) {
            ("/metrics", _) => self.metrics().await,
            ("/livez", _) => text(StatusCode::OK, "ok\n"),
            // `/health/ready` is what the Vault and OpenBao providers call it, so that their probes go on working.
            ("/readyz" | "/health/ready", _) => self.ready().await,
            ("/" | "/status", door) => self.page(door).await,
            // Which pods there are is not for everybody who reaches the address.
            ("/sessions", Door::Socket) => self.sessions().await,
            (_, Door::Socket) => text(StatusCode::NOT_FOUND, "/ /metrics /livez /readyz /sessions\n"),
            (_, Door::Address) => text(StatusCode::NOT_FOUND, "/ /metrics /livez /readyz\n"),
        }
    }

    async fn metrics(&self) -> Response<Full<Bytes>> {
        for (provider, ready) in self.health.providers().await {
            self.metrics.set_ready(provider, ready);
        }
        let body = self.metrics.text(&self.census.inventories());
        typed(text(StatusCode::OK, body), "text/plain; version=0.0.4; charset=utf-8")
    }

    async fn page(&self, door: Door) -> Response<Full<Bytes>> {
        let ready = self.health.providers().await;
        let pods = self.show_pods || door == Door::Socket;
        let view = self.metrics.view(&ready, &self.census.inventories(), pods);
        let mut response = typed(text(StatusCode::OK, page::html(&view)), "text/html; charset=utf-8");
        for (name, value) in page::headers() {
            response.headers_mut().insert(name, value);
        }
        response
    }

    async fn ready(&self) -> Response<Full<Bytes>> {
        let providers = self.health.providers().await;
        let all = !providers.is_empty() && providers.iter().all(|(_, ready)| *ready);
        let lines = providers
            .iter()
            .map(|(name, ready)| format!("{name} {}\n", if *ready { "ready" } else { "not ready" }));
        let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        text(status, lines.collect::<String>())
    }

    async fn sessions(&self) -> Response<Full<Bytes>> {
        let providers = self.health.providers().await;
        let providers = providers.into_iter().map(|(name, ready)| Provider { name, ready }).collect();
        let inventories = self.census.inventories();
        // Every inventory says what the whole process keeps.
        let kept_bytes = inventories.iter().map(|(_, kept)| kept.kept_bytes).max().unwrap_or_default();
        let sessions = inventories.into_iter().flat_map(|(_, kept)| kept.sessions).collect();
        let answer = Listing { version: env!("CARGO_PKG_VERSION"), providers, sessions, kept_bytes };
        match serde_json::to_vec(&answer) {
            Ok(json) => typed(text(StatusCode::OK, json), "application/json"),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answers")
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

fn typed(mut response: Response<Full<Bytes>>, kind: &'static str) -> Response<Full<Bytes>> {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
