//! The admin server's two doors: an address, which must be had, and a socket, which may.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::config;
use crate::error::{Error, Errors, Kind, Stage};
use crate::observe::{Admin, Answers};
use crate::wire::{Bound, Socket};

/// Binds what the settings say.
pub(super) async fn open(config: &config::Admin, answers: Answers) -> Result<Admin, Errors> {
    let admin = Admin::bind(config.address, answers).await;
    let admin = admin.map_err(|error| fault(config.address, &error))?;
    Ok(match socket(config.socket.clone()).await {
        Some(bound) => admin.with_socket(bound.connections()),
        None => admin,
    })
}

/// A root that is read-only and has no folder mounted there is common, and mounts need no socket of this kind.
async fn socket(path: Option<PathBuf>) -> Option<Bound> {
    let path = path?;
    match claim(&path).await {
        Ok(bound) => {
            if !bound.is_held() {
                tracing::warn!(socket = %path.display(), "another process serves on the admin socket; trying again");
            }
            Some(bound)
        }
        Err(error) => {
            tracing::warn!(socket = %path.display(), %error, "no admin socket, so that `keymount status` has nobody \
                to ask: mount a writable folder there, or name another with --admin-socket");
            None
        }
    }
}

async fn claim(path: &Path) -> io::Result<Bound> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    Socket::at(path.to_owned()).claim().await
}

fn fault(address: SocketAddr, error: &io::Error) -> Errors {
    Error::new(Kind::Precondition, Stage::Start, format!("cannot bind the admin address: {error}"))
        .with("address", address)
        .hint("choose another --admin-address")
        .into()
}
