//! The connections of one socket.
//!
//! By hyper itself, not by tonic's server: that one puts a timer of its own around
//! every layer, and answers `CANCELLED` when it fires (docs/driver-contract.md, 4.4).

use std::pin::pin;

use futures_util::StreamExt;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::authority::Mended;
use super::final_codes::{FinalCodes, Guarded};
use super::proto::csi_driver_provider_server::CsiDriverProviderServer;
use super::service::server;
use super::{Bound, Service};

/// Streams of one connection: the driver has one for all mounts of a node, and
/// the default of 200 would make it wait into its own deadline (decision 8).
const STREAMS: u32 = 4096;

/// Calls that were cancelled before they were looked at. Past the default of 20 the whole
/// connection would end, and every other mount of the node with it; the driver is no attacker.
const RESETS: usize = 4096;

type Answers = TowerToHyperService<Guarded<CsiDriverProviderServer<Service>>>;

/// Serves until `stop`, then until every call in flight is answered. The socket's
/// file goes with the start of the stop.
pub async fn serve(bound: Bound, service: Service, stop: CancellationToken) {
    let service = TowerToHyperService::new(FinalCodes.layer(server(service)));
    let mut open = JoinSet::new();
    {
        let mut connections = pin!(bound.connections());
        while let Some(Some(Ok(stream))) = stop.run_until_cancelled(connections.next()).await {
            open.spawn(one(stream, service.clone(), stop.clone()));
            while open.try_join_next().is_some() {}
        }
    }
    while open.join_next().await.is_some() {}
}

async fn one(stream: UnixStream, service: Answers, stop: CancellationToken) {
    let mut http = http2::Builder::new(TokioExecutor::new());
    let stream = TokioIo::new(Mended::new(stream));
    http.max_concurrent_streams(STREAMS).max_pending_accept_reset_streams(RESETS);
    let mut connection = pin!(http.serve_connection(stream, service));
    let ended = match stop.run_until_cancelled(connection.as_mut()).await {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
