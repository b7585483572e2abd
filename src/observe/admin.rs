//! The admin address: `/metrics`, `/livez`, `/readyz`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::Metrics;

/// Scrapers and probes at a time.
const CONNECTIONS: usize = 32;
/// How long a client may take to send its request's head.
const HEAD: Duration = Duration::from_secs(5);
/// How long one connection may last.
const CONNECTION: Duration = Duration::from_secs(15);

/// Says whether the process should get traffic. Implemented by `app`.
pub trait Health: Send + Sync {
    /// Each provider's name, and whether its socket answers.
    fn providers(&self) -> BoxFuture<'_, Vec<(&'static str, bool)>>;
}

/// The admin server, bound.
pub struct Admin {
    listener: TcpListener,
    shared: Arc<Shared>,
}

struct Shared {
    metrics: Arc<Metrics>,
    health: Arc<dyn Health>,
}

// === impl Admin ===

impl Admin {
    /// Binds `address`.
    pub async fn bind(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        health: Arc<dyn Health>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, shared: Arc::new(Shared { metrics, health }) })
    }

    /// The address that was bound.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `end`. When there are too many connections the oldest goes:
    /// whoever holds them open must not keep the kubelet's probe out.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let mut connections = tokio::task::JoinSet::new();
        let mut oldest = VecDeque::with_capacity(CONNECTIONS);
        tokio::pin!(end);
        loop {
            let accepted = tokio::select! {
                () = &mut end => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    oldest.retain(|open: &AbortHandle| !open.is_finished());
                    if oldest.len() >= CONNECTIONS
                        && let Some(open) = oldest.pop_front()
                    {
                        open.abort();
                    }
                    oldest.push_back(connections.spawn(serve_one(stream, self.shared.clone())));
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin address cannot accept");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("listener", &self.listener).finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        match request.uri().path() {
            "/metrics" => self.metrics().await,
            "/livez" => text(StatusCode::OK, "ok\n"),
            // `/health/ready` is what the Vault and OpenBao providers call it, so that their probes go on working.
            "/readyz" | "/health/ready" => self.ready().await,
            _ => text(StatusCode::NOT_FOUND, "/metrics /livez /readyz\n"),
        }
    }

    async fn metrics(&self) -> Response<Full<Bytes>> {
        for (provider, ready) in self.health.providers().await {
            self.metrics.set_ready(provider, ready);
        }
        let mut response = text(StatusCode::OK, self.metrics.text());
        let kind = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
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
}

async fn serve_one(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.answer(&request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    let connection = http
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A scraper that breaks off or stays too long is its own affair.
    let _ = tokio::time::timeout(CONNECTION, connection).await;
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
