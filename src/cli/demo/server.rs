//! This very program's server, in this process, by its own command line.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use http::Method;
use secrecy::ExposeSecret as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::{Invocation, Source};
use crate::net::{Address, Client, Limits, Request, Trust};
use crate::time::Deadline;

/// How long a request for the metrics may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    command: Vec<String>,
    admin: Client,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// No environment: what is shown is all that there is.
struct Nothing;

impl Source for Nothing {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }
}

// === impl Server ===

impl Server {
    /// Starts `keymount serve` with these flags.
    pub(super) async fn start(flags: Vec<String>) -> Result<Self, String> {
        let command: Vec<_> = ["keymount".into(), "serve".into()].into_iter().chain(flags).collect();
        let invocation = Invocation::read(command.iter().map(OsString::from), &Nothing);
        let Invocation::Serve(config) = invocation.map_err(|usage| usage.text)? else {
            return Err("`keymount serve` did not mean serving".into());
        };
        let app = App::start(*config).await.map_err(|errors| errors.to_string())?;
        let admin = app.admin_address().ok_or("the admin address is not known")?;
        let address = Address::parse(&format!("http://{admin}"))?;
        let admin = Client::new(address, Trust::default(), Limits::default()).await;
        let admin = admin.map_err(|failure| failure.to_string())?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(app.run(stop.clone().cancelled_owned()));
        Ok(Self { command, admin, stop, task })
    }

    /// The command line, a flag on each line.
    pub(super) fn command(&self) -> String {
        self.command.join(" ").replace(" --", " \\\n  --")
    }

    /// The lines of `/metrics`.
    pub(super) async fn metrics(&self) -> Result<String, String> {
        let request = Request::new(Method::GET, "/metrics");
        let reply =
            self.admin.send(request, Deadline::after(PATIENCE)).await.map_err(|fault| fault.to_string())?;
        #[expect(clippy::disallowed_methods, reason = "metrics are no secret")]
        Ok(String::from_utf8_lossy(reply.body.expose_secret()).into_owned())
    }

    /// Stops as SIGTERM would.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

/// The flags that both demos have.
pub(super) fn flags(provider: &str, sockets: &Path, jwks: &Path, issuer: &str) -> Vec<String> {
    let socket = sockets.with_file_name("admin.sock").display().to_string();
    let (sockets, jwks) = (sockets.display().to_string(), jwks.display().to_string());
    [
        ["--provider", provider],
        ["--providers-dir", &sockets],
        ["--jwks-file", &jwks],
        ["--jwks-issuer", issuer],
        ["--admin-address", "127.0.0.1:0"],
        ["--admin-socket", &socket],
        ["--grace", "1s"],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect()
}
