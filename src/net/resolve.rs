//! Name look-up that refuses what the address check would refuse as a literal.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::is_link_local;

/// Looks names up in the system's way.
pub(super) struct Lookup {
    /// Where to look instead of the URL's host: set when the URL carries the
    /// certificate's name, because that is what TLS then asks for and checks.
    instead: Option<Arc<str>>,
    /// Look-ups at a time: each holds a thread for as long as the name server likes.
    places: Arc<Semaphore>,
}

/// Why a name gave no address.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// The look-up failed.
    Unknown(String),
    /// It gave a link-local address.
    LinkLocal(String),
}

// === impl Lookup ===

impl Lookup {
    /// A look-up of `instead`, or of each URL's own host.
    pub(super) fn new(instead: Option<&str>, places: Arc<Semaphore>) -> Self {
        let instead = instead.map(|host| host.trim_start_matches('[').trim_end_matches(']').into());
        Self { instead, places }
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self.instead.as_deref().unwrap_or(name.as_str()).to_owned();
        let places = self.places.clone();
        Box::pin(async move {
            let place = places.acquire_owned().await;
            let name = host.clone();
            let look = tokio::task::spawn_blocking(move || {
                // The port 0 is replaced by the URL's. The place is kept by the thread, not by who waits for it.
                let found = (name.as_str(), 0).to_socket_addrs();
                drop(place);
                found
            });
            let found = look.await.map_err(|_| Unresolved::Unknown(host.clone()))?;
            let found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
            if found.is_empty() {
                return Err(Unresolved::Unknown(host).into());
            }
            if found.iter().any(|address| is_link_local(address.ip())) {
                return Err(Unresolved::LinkLocal(host).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(host) => write!(f, "the name {host} does not resolve"),
            Self::LinkLocal(host) => write!(f, "the name {host} resolves to a link-local address"),
        }
    }
}

impl std::error::Error for Unresolved {}
