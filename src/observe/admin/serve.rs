//! Connections of one door, so many at a time and for so long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{Stream, StreamExt};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, JoinSet};

use super::{Answers, Door};

/// Scrapers and probes at a time.
const CONNECTIONS: usize = 32;
/// How long a client may take to send its request's head.
const HEAD: Duration = Duration::from_secs(5);
/// How long one connection may last.
const CONNECTION: Duration = Duration::from_secs(15);

/// The connections that are open.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    /// The oldest first.
    handles: VecDeque<AbortHandle>,
}

/// Serves for as long as there may be connections.
pub(super) async fn serve<S>(
    connections: impl Stream<Item = io::Result<S>>,
    answers: Arc<Answers>,
    door: Door,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut connections, mut open) = (pin!(connections), Open::default());
    while let Some(accepted) = connections.next().await {
        match accepted {
            Ok(stream) => open.take(one(stream, answers.clone(), door)),
            Err(error) => {
                tracing::warn!(%error, ?door, "the admin server cannot accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn one<S>(stream: S, answers: Arc<Answers>, door: Door)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(&request, door).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    let connection = http
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A scraper that breaks off or stays too long is its own affair.
    let _ = tokio::time::timeout(CONNECTION, connection).await;
}

// === impl Open ===

impl Open {
    /// One more. When there are too many the oldest goes: whoever holds them
    /// open must not keep the kubelet's probe out.
    fn take(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.handles.retain(|open| !open.is_finished());
        if self.handles.len() >= CONNECTIONS
            && let Some(oldest) = self.handles.pop_front()
        {
            oldest.abort();
        }
        self.handles.push_back(self.tasks.spawn(connection));
    }
}
