//! Name look-up that refuses what the address check would refuse as a literal.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_link_local;

/// Looks names up in the system's way.
pub(super) struct Lookup {
    /// Where to look instead of the URL's host: set when the URL carries the
    /// certificate's name, because that is what TLS then asks for and checks.
    instead: Option<Arc<str>>,
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
    pub(super) fn new(instead: Option<&str>) -> Self {
        Self { instead: instead.map(|host| host.trim_start_matches('[').trim_end_matches(']').into()) }
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self.instead.as_deref().unwrap_or(name.as_str()).to_owned();
        Box::pin(async move {
            // The port 0 is replaced by the URL's.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
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
