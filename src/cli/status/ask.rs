//! Asking the admin socket. A refusal says which socket, why, and what to do.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyperlocal::{UnixClientExt as _, UnixConnector};

use crate::time::Deadline;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer: a few thousand sessions are a few megabytes.
const MOST: usize = 64 * 1024 * 1024;

/// What the keymount behind `socket` says of its sessions, as JSON.
pub(super) async fn ask(socket: &Path) -> Result<String, String> {
    ask_for(socket, "/sessions").await
}

/// What it says of something.
pub(super) async fn ask_for(socket: &Path, what: &'static str) -> Result<String, String> {
    let answer = Deadline::after(PATIENCE).bound(get(socket, what)).await;
    answer.unwrap_or_else(|| Err(fault(socket, "it did not answer in five seconds", "look at its log")))
}

async fn get(socket: &Path, what: &str) -> Result<String, String> {
    let client: Client<UnixConnector, Empty<Bytes>> = Client::unix();
    let reply = client.get(hyperlocal::Uri::new(socket, what).into()).await;
    let reply = reply.map_err(|error| refusal(socket, &error))?;
    if reply.status() != StatusCode::OK {
        let answered = format!("it answered {}", reply.status());
        return Err(fault(socket, &answered, "name keymount's own socket with --admin-socket"));
    }
    let body = Limited::new(reply.into_body(), MOST).collect().await;
    let body = body.map_err(|error| fault(socket, &error.to_string(), "try again"))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

/// Why nobody could be asked, as far as the system said it.
fn refusal(socket: &Path, error: &(dyn Error + 'static)) -> String {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    let cause = causes.find_map(|cause| cause.downcast_ref::<io::Error>());
    let (why, hint) = match cause.map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => (
            "there is no such file",
            "keymount runs elsewhere, or with another --admin-socket, or could not make this one (its log \
             says so); in a cluster: kubectl exec -n kube-system POD -- /keymount status, with the POD of \
             keymount's DaemonSet on the node",
        ),
        Some(io::ErrorKind::PermissionDenied) => {
            ("permission denied", "only root and the user that keymount runs as may ask")
        }
        Some(io::ErrorKind::ConnectionRefused) => {
            ("nobody serves there", "keymount was killed; start it again")
        }
        _ => {
            return fault(socket, &cause.map_or_else(|| error.to_string(), ToString::to_string), "try again");
        }
    };
    fault(socket, why, hint)
}

fn fault(socket: &Path, why: &str, hint: &str) -> String {
    format!("cannot ask the keymount at {}: {why}; hint: {hint}", socket.display())
}
