//! Redirects: read, and followed to servers that somebody has configured, with
//! the very request that was sent. No token goes to a host that a reply names.

use http::HeaderMap;
use http::header::LOCATION;
use reqwest::Url;

use super::{Address, Trust};

/// Where a reply points.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// `None`: it names no server, only a path.
    url: Option<Url>,
    is_known: bool,
}

// === impl Redirect ===

impl Redirect {
    /// What a reply's headers say.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(LOCATION)?.to_str().ok()?;
        Some(Self { url: Url::parse(text).ok().filter(Url::has_host), is_known: false })
    }

    /// The server, as an address that a list could have; nothing of path, query or user.
    pub fn server(&self) -> Option<String> {
        self.url.as_ref().map(|url| url.origin().ascii_serialization())
    }

    /// Whether it points to a configured server, which was then asked.
    pub const fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether `address` is where it points for the request of `path`.
    pub(super) fn is_to(&self, address: &Address, path: &str) -> bool {
        address.socket().is_none() && self.url.is_some() && address.join(path) == self.url
    }

    /// The same, of a configured server.
    pub(super) fn known(self) -> Self {
        Self { is_known: true, ..self }
    }
}

// === impl Trust ===

impl Trust {
    /// What a server gets of it that is not on the list, but one that a list's server may point to:
    /// who we are, and that nobody need be verified, was said of the list alone.
    pub(super) fn lent(&self) -> Self {
        Self { identity: None, skip_verify: false, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(to: &str) -> Redirect {
        let Ok(value) = to.parse() else { unreachable!("{to} is a header's value") };
        let Some(redirect) = Redirect::read(&HeaderMap::from_iter([(LOCATION, value)])) else {
            unreachable!("a redirect")
        };
        redirect
    }

    fn is_to(to: &str, address: &str, path: &str) -> bool {
        let address = Address::parse_trusted(address).unwrap_or_else(|fault| unreachable!("{fault}"));
        redirect(to).is_to(&address, path)
    }

    #[test]
    fn only_the_same_request_to_the_very_server_is_meant() {
        assert!(is_to("http://leader:8200/v1/x?version=3", "http://leader:8200", "/v1/x?version=3"));
        assert!(is_to("https://leader/vault/v1/a%20b", "https://leader:443/vault/", "/v1/a%20b"));
        for (to, address) in [
            ("http://leader:8200/v1/y", "http://leader:8200"),
            ("http://leader:8200/v1/x?version=3", "http://leader:8200"),
            ("http://leader:8201/v1/x", "http://leader:8200"),
            ("http://leader:8200/v1/x", "https://leader:8200"),
            ("http://leader.evil.example:8200/v1/x", "http://leader:8200"),
            ("http://leader:8200@evil.example/v1/x", "http://leader:8200"),
            ("http://user@leader:8200/v1/x", "http://leader:8200"),
            ("http://localhost/v1/x", "unix:///run/bao.sock"),
            ("/v1/x", "http://leader:8200"),
        ] {
            assert!(!is_to(to, address, "/v1/x"), "{to} {address}");
        }
    }

    #[test]
    fn only_the_server_is_shown() {
        assert_eq!(
            redirect("https://me:hunter2@leader/v1/x?token=t#f").server().as_deref(),
            Some("https://leader")
        );
        assert_eq!(redirect("http://[::1]:8200/v1").server().as_deref(), Some("http://[::1]:8200"));
        assert_eq!(redirect("/v1/secret/clean").server(), None);
        assert_eq!(redirect("mailto:me").server(), None);
    }
}
