//! The composition root: settings become rooms, rooms become servers, servers
//! are drained. The only room that sees everybody.

mod harden;
mod keys;
mod providers;
mod versions;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;

pub use harden::harden;

use crate::config::Config;
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::Verifier;
use crate::mount::Mounts;
use crate::observe::{Admin, Health, Metrics};
use crate::time::{Clock, Stopwatch, Wall};
use crate::wire::{Bound, FinalCodes, Guard, Service, Socket, server};

/// Streams of one connection: the driver has one for all mounts of a node, and
/// the default of 200 would make it wait into its own deadline (decision 8).
const STREAMS: u32 = 4096;
/// The other folder that the driver looks into, and first.
const SHADOW: &str = "/etc/kubernetes/secrets-store-csi-providers";

/// keymount, bound and ready to run.
#[derive(Debug)]
pub struct App {
    sockets: Vec<(Bound, Service)>,
    admin: Admin,
    health: Arc<Sockets>,
    tasks: TaskTracker,
    grace: Duration,
}

/// What readiness is: every socket is ours and answers, and we are not stopping.
#[derive(Debug, Default)]
struct Sockets {
    sockets: Vec<(String, Socket)>,
    stopping: AtomicBool,
}

// === impl App ===

impl App {
    /// Builds every room and binds every socket, or says everything that is in the way.
    pub async fn start(config: Config) -> Result<Self, Errors> {
        let clock: Arc<dyn Clock> = Arc::new(Wall);
        let metrics = Arc::new(Metrics::new(config.admin.max_classes, clock.clone())?);
        let tasks = TaskTracker::new();
        let keys = keys::source(&config.keys)?;
        let verifier = Arc::new(Verifier::new(clock, keys, config.keys.issuer.clone()));
        let host = providers::Host { verifier, recorder: metrics.clone(), tasks: tasks.clone() };
        let versions = versions::key(config.server.version_key.as_deref()).await?;
        std::fs::create_dir_all(&config.server.dir).map_err(|error| folder(&config.server.dir, &error))?;
        let (mut sockets, mut health, mut faults) = (Vec::new(), Sockets::default(), Vec::new());
        for name in &config.server.providers {
            match providers::provider(name, &config, &host) {
                Ok(provider) => {
                    let socket = Socket::new(&config.server.dir, name);
                    warn_of_shadow(&socket);
                    let limit = config.server.max_response;
                    let mounts = Arc::new(Mounts::new(provider, versions.clone(), metrics.clone(), limit));
                    let guard = Guard::new(config.server.max_mounts, tasks.clone());
                    health.sockets.push((name.clone(), socket.clone()));
                    sockets.push((socket.bind().await, Service::new(mounts, guard, limit)));
                }
                Err(error) => faults.push(error),
            }
        }
        if let Some(errors) = Errors::from_list(faults) {
            return Err(errors);
        }
        if !sockets.iter().any(|(bound, _)| bound.is_held()) {
            return Err(unbound(&config.server.dir).into());
        }
        let health = Arc::new(health);
        let admin = Admin::bind(config.admin.address, metrics, health.clone()).await;
        let admin = admin.map_err(|error| admin_fault(config.admin.address, &error))?;
        Ok(Self { sockets, admin, health, tasks, grace: config.server.grace })
    }

    /// The admin address that was bound.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.address().ok()
    }

    /// Serves until `shutdown`, then lets mounts in flight finish within the grace.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, end) = (CancellationToken::new(), CancellationToken::new());
        let admin = tokio::spawn(self.admin.serve(end.clone().cancelled_owned()));
        let mut servers = JoinSet::new();
        for (bound, service) in self.sockets {
            servers.spawn(serve(bound, service, stop.clone()));
        }
        shutdown.await;
        tracing::info!(grace = ?self.grace, "stopping: no longer ready, mounts in flight may finish");
        self.health.stopping.store(true, Ordering::Relaxed);
        stop.cancel();
        let watch = Stopwatch::start();
        if tokio::time::timeout(self.grace, async { while servers.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            tracing::warn!("mounts were still in flight at the end of the grace; they are cut off");
        }
        servers.shutdown().await;
        self.tasks.close();
        let left = self.grace.saturating_sub(watch.elapsed()).max(Duration::from_secs(1));
        let _ = tokio::time::timeout(left, self.tasks.wait()).await;
        end.cancel();
        let _ = admin.await;
    }
}

impl Health for Sockets {
    fn providers(&self) -> BoxFuture<'_, Vec<(String, bool)>> {
        async move {
            let stopping = self.stopping.load(Ordering::Relaxed);
            let mut all = Vec::with_capacity(self.sockets.len());
            for (name, socket) in &self.sockets {
                all.push((name.clone(), !stopping && socket.is_ready().await));
            }
            all
        }
        .boxed()
    }
}

async fn serve(bound: Bound, service: Service, stop: CancellationToken) {
    let served = Server::builder()
        .max_concurrent_streams(STREAMS)
        .layer(FinalCodes)
        .serve_with_incoming_shutdown(server(service), bound.connections(), stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "a socket's server ended");
    }
}

/// The driver takes the first folder that has the name (docs/driver-contract.md, 1.1).
fn warn_of_shadow(socket: &Socket) {
    let Some(name) = socket.path().file_name() else { return };
    let shadow = Path::new(SHADOW).join(name);
    if shadow != socket.path() && shadow.exists() {
        tracing::warn!(socket = %socket.path().display(), shadow = %shadow.display(),
            "the driver looks there first: remove that file, or the driver will not find this socket");
    }
}

fn folder(dir: &Path, error: &std::io::Error) -> Errors {
    Error::new(Kind::Precondition, Stage::Start, format!("cannot make the sockets' folder: {error}"))
        .with("dir", dir.display())
        .hint("mount the driver's providers folder there (--providers-dir)")
        .into()
}

fn unbound(dir: &Path) -> Error {
    Error::new(Kind::Precondition, Stage::Start, "no provider socket could be bound")
        .with("dir", dir.display())
        .hint("another provider may be serving there; its DaemonSet must go first")
}

fn admin_fault(address: SocketAddr, error: &std::io::Error) -> Errors {
    Error::new(Kind::Precondition, Stage::Start, format!("cannot bind the admin address: {error}"))
        .with("address", address)
        .hint("choose another --admin-address")
        .into()
}
