//! The composition root: settings become rooms, rooms become servers, servers
//! are drained. The only room that sees everybody.

#[cfg(feature = "aws")]
mod accounts;
mod admin;
mod census;
mod explain;
mod ground;
mod harden;
mod keys;
mod providers;
mod sessions;
mod single;
mod versions;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use explain::Explainers;
pub use ground::MakeVerifier;
pub use harden::harden;
pub use single::Single;

use self::ground::Ground;
use crate::config::Config;
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::Verifier;
use crate::mount::Mounts;
use crate::observe::{Admin, Answers, Health};
use crate::wire::{Bound, Guard, Service, Socket, answers, serve};

/// How long the answers of cut-off mounts may take to be sent.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How long work that nobody waits for, such as giving back a lease, may still take.
const LAST_TASKS: Duration = Duration::from_secs(5);
/// The other folder that the driver looks into, and first.
const SHADOW: &str = "/etc/kubernetes/secrets-store-csi-providers";

/// keymount, bound and ready to run.
#[derive(Debug)]
pub struct App {
    sockets: Vec<(Bound, Service)>,
    admin: Admin,
    health: Arc<Sockets>,
    work: sessions::Work,
    tasks: TaskTracker,
    cut: CancellationToken,
    grace: Duration,
}

/// What readiness is: every socket is ours and answers, and we are not stopping.
#[derive(Debug, Default)]
struct Sockets {
    sockets: Vec<(&'static str, Socket)>,
    stopping: AtomicBool,
}

// === impl App ===

impl App {
    /// Builds every room and binds every socket, or says everything that is in the way.
    pub async fn start(config: Config) -> Result<Self, Errors> {
        for setting in &config.unused {
            tracing::warn!(
                setting,
                "this setting is accepted for an incumbent's DaemonSet and means nothing here"
            );
        }
        let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
        let ground = Ground::lay(&config, Verifier::new, &tasks)?;
        let providers = ground.providers(&config)?;
        let census = Arc::new(census::Providers(providers.clone()));
        let versions = ground.version_key(&config).await?;
        let metrics = ground.metrics.clone();
        let (server, limit) = (&config.server, config.server.max_response);
        std::fs::create_dir_all(&server.dir).map_err(|error| folder(&server.dir, &error))?;
        let (mut sockets, mut health) = (Vec::new(), Sockets::default());
        sessions::take_over_now(ground.handoff.as_deref(), &providers).await;
        for provider in providers.iter().cloned() {
            let socket = Socket::new(&server.dir, provider.name());
            warn_of_shadow(&socket);
            health.sockets.push((provider.name(), socket.clone()));
            let mounts = Mounts::new(provider, versions.clone(), metrics.clone(), limit);
            let guard = Guard::new(server.max_mounts, tasks.clone(), cut.clone());
            sockets.push((socket.bind().await, Service::new(mounts.into(), guard, limit)));
        }
        if !sockets.iter().any(|(bound, _)| bound.is_held()) {
            return Err(unbound(&server.dir).into());
        }
        let health = Arc::new(health);
        let admin = admin::open(
            &config.admin,
            Answers { metrics, health: health.clone(), census, show_pods: config.admin.show_pods },
        )
        .await?;
        let work = ground.work(providers);
        Ok(Self { sockets, admin, health, work, tasks, cut, grace: config.server.grace })
    }

    /// The admin address that was bound.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.address().ok()
    }

    /// Serves until `shutdown`, then lets mounts in flight finish within the grace.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, end) = (CancellationToken::new(), CancellationToken::new());
        let admin = tokio::spawn(self.admin.serve(end.clone().cancelled_owned()));
        let keeping = CancellationToken::new();
        self.work.begin(&keeping);
        let mut servers = JoinSet::new();
        for (bound, service) in self.sockets {
            servers.spawn(serve(bound, service, stop.clone()));
        }
        shutdown.await;
        tracing::info!(grace = ?self.grace, "stopping: no longer ready, mounts in flight may finish");
        self.health.stopping.store(true, Ordering::Relaxed);
        stop.cancel();
        if !ended(&mut servers, self.grace).await {
            tracing::warn!(
                "mounts were still in flight at the end of the grace; they are answered with an error"
            );
            self.cut.cancel();
            ended(&mut servers, LAST_ANSWERS).await;
            servers.shutdown().await;
        }
        // Nothing is revoked: the next process takes over (decision 5).
        keeping.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(LAST_TASKS, self.tasks.wait()).await;
        end.cancel();
        let _ = admin.await;
    }
}

/// Whether every server ended within `limit`.
async fn ended(servers: &mut JoinSet<()>, limit: Duration) -> bool {
    tokio::time::timeout(limit, async { while servers.join_next().await.is_some() {} }).await.is_ok()
}

impl Health for Sockets {
    fn providers(&self) -> BoxFuture<'_, Vec<(&'static str, bool)>> {
        async move {
            let stopping = self.stopping.load(Ordering::Relaxed);
            // Together: one that is silent must not use up the time of the kubelet's probe.
            let asked = self.sockets.iter().map(|(name, socket)| async move {
                (*name, !stopping && socket.is_bound() && answers(socket.path()).await)
            });
            join_all(asked).await
        }
        .boxed()
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
