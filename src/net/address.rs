//! Where a server is: checked once, printable ever after.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use reqwest::Url;

/// The longest address that is looked at.
const MAX_TEXT: usize = 2048;
/// The longest path that the kernel takes for a socket.
const MAX_SOCKET: usize = 107;
/// What an address of a socket begins with.
const UNIX: &str = "unix://";
/// What requests over a socket are for: servers look at no host there.
const BEHIND_SOCKET: &str = "http://localhost";

/// What is wrong with an address that only an agent of the node may have.
const LINK_LOCAL: &str = "the address is link-local, where clouds keep the node's own credentials";

/// An `http` or `https` address without user, query or fragment, whose path is kept as a
/// prefix; or a socket of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    url: Url,
    socket: Option<PathBuf>,
}

// === impl Address ===

impl Address {
    /// Reads an address. The error says what is wrong and repeats no part that may be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > MAX_TEXT {
            return Err(format!("the address is longer than {MAX_TEXT} bytes"));
        }
        if text.starts_with("unix:") {
            return Err("unix:// is not an address that may be named here".into());
        }
        let url = Url::parse(text).map_err(|error| format!("the address is not a URL: {error}"))?;
        match fault(&url) {
            Some(fault) => Err(fault.into()),
            None => Ok(Self { url, socket: None }),
        }
    }

    /// Reads the address of an agent on this node, which may be link-local: for code and operators
    /// that name it, never for a class.
    pub fn parse_agent(text: &str) -> Result<Self, String> {
        match Url::parse(text.trim()) {
            Ok(url) if fault(&url) == Some(LINK_LOCAL) => Ok(Self { url, socket: None }),
            _ => Self::parse(text),
        }
    }

    /// Reads an address of the operator's, which may also be `unix:///PATH`: whoever names a
    /// socket has this process connect to it.
    pub fn parse_trusted(text: &str) -> Result<Self, String> {
        let Some(path) = text.trim().strip_prefix(UNIX) else { return Self::parse(text) };
        if !path.starts_with('/') || path.len() > MAX_SOCKET || path.chars().any(char::is_control) {
            return Err(format!("a socket is unix:// and an absolute path of at most {MAX_SOCKET} bytes"));
        }
        let url = Url::parse(BEHIND_SOCKET).map_err(|error| error.to_string())?;
        Ok(Self { url, socket: Some(path.into()) })
    }

    /// The socket, if it is one.
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether secrets would cross a network unencrypted.
    pub fn is_plain_off_loopback(&self) -> bool {
        !self.is_tls() && !self.is_loopback()
    }

    /// The host, as it is in the address; IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host and, where it is not the scheme's own, the port: a `Host` header.
    pub fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// The same address under another host name; `None` if that is not a DNS name.
    pub(super) fn named(&self, host: &str) -> Option<Self> {
        let mut url = self.url.clone();
        url.set_host(Some(host)).ok()?;
        (ip(&url).is_none() && url.host_str() == Some(host)).then_some(Self { url, socket: None })
    }

    /// The URL of `path` under this address: `path` begins with `/` and is
    /// percent-encoded, a query included. `None` if the result is not what was asked for.
    pub(super) fn join(&self, path: &str) -> Option<Url> {
        let prefix = self.url.path().trim_end_matches('/');
        let (wanted, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = self.url.clone();
        url.set_path(&format!("{prefix}{wanted}"));
        url.set_query(query);
        // A parser that cleans `..` away would read a path that nobody asked for.
        (url.path().strip_prefix(prefix) == Some(wanted)).then_some(url)
    }

    pub(super) fn is_loopback(&self) -> bool {
        match ip(&self.url) {
            Some(IpAddr::V4(ip)) => ip.is_loopback(),
            Some(IpAddr::V6(ip)) => {
                ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
            }
            None => self.host() == "localhost" || self.host().ends_with(".localhost"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(socket) => write!(f, "{UNIX}{}", socket.display()),
            None => f.write_str(self.url.as_str().trim_end_matches('/')),
        }
    }
}

/// Link-local addresses are where clouds keep the node's own credentials (decision 14).
pub(super) fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || embedded(ip).is_some_and(|ip| ip.is_link_local()),
    }
}

/// The IPv4 address inside an IPv6 one: mapped, or reached through NAT64.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => ip.to_ipv4(),
    }
}

fn fault(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        Some("the address must begin with https:// or http://")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("the address must not carry a user or password")
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("the address must not carry a query or fragment")
    } else if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        Some("the address names no host and port")
    } else if ip(url).is_some_and(is_link_local) {
        Some(LINK_LOCAL)
    } else {
        None
    }
}

fn ip(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(text: &str) -> String {
        Address::parse(text).err().unwrap_or_default()
    }

    fn address(text: &str) -> Address {
        let Ok(address) = Address::parse(text) else { unreachable!("{text} is an address") };
        address
    }

    #[test]
    fn link_local_is_refused_however_it_is_written() {
        for bad in [
            "http://169.254.169.254",
            "http://0xa9fea9fe/",
            "http://2852039166",
            "http://169.254.43518",
            "https://[fe80::1]:8200",
            "http://[::ffff:169.254.169.254]",
            "http://[64:ff9b::a9fe:a9fe]",
        ] {
            assert!(fault_of(bad).contains("link-local"), "{bad}: {}", fault_of(bad));
        }
    }

    #[test]
    fn only_an_agent_may_be_link_local() {
        let agent = Address::parse_agent("http://169.254.170.23").map(|address| address.to_string());
        assert_eq!(agent.as_deref(), Ok("http://169.254.170.23"));
        for bad in ["ftp://169.254.170.23", "http://me:pw@169.254.170.23", "http://169.254.170.23/?a", "x"] {
            assert!(Address::parse_agent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        for bad in ["", "vault:8200", "ftp://v", "https://", "https://v/?a=b", "https://v/#f", "https://v:0"]
        {
            assert_ne!(fault_of(bad), "", "{bad}");
        }
        assert!(!fault_of("https://me:hunter2@vault").contains("hunter2"));
    }

    #[test]
    fn a_socket_is_only_the_operators_to_name() {
        assert!(fault_of("unix:///run/vault.sock").contains("unix://"));
        let Ok(socket) = Address::parse_trusted(" unix:///run/vault.sock") else { unreachable!("a socket") };
        assert_eq!(socket.to_string(), "unix:///run/vault.sock");
        assert!(!socket.is_tls() && !socket.is_plain_off_loopback());
        assert_eq!(socket.authority(), "localhost");
        assert_ne!(socket, address("http://localhost"));
        for bad in ["unix://run/vault.sock", "unix://", "unix:/x", &format!("unix:///{}", "x".repeat(200))] {
            assert!(Address::parse_trusted(bad).is_err(), "{bad}");
        }
        assert!(Address::parse_trusted("https://vault:8200").is_ok());
    }

    #[test]
    fn loopback_is_known_by_every_name() {
        for near in [
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://localhost",
            "http://[::1]:1",
            "http://a.localhost",
        ] {
            assert!(!address(near).is_plain_off_loopback(), "{near}");
        }
        for far in
            ["http://vault:8200", "http://10.0.0.1", "http://localhost.example.com", "http://[2001:db8::1]"]
        {
            assert!(address(far).is_plain_off_loopback(), "{far}");
        }
        assert!(!address("https://vault").is_plain_off_loopback());
    }

    #[test]
    fn paths_join_behind_the_prefix_and_cannot_leave_it() {
        let joined = |base: &str, path: &str| address(base).join(path).map(|url| url.to_string());
        assert_eq!(joined("https://v:8200", "/v1/a?b=c").as_deref(), Some("https://v:8200/v1/a?b=c"));
        assert_eq!(joined("https://v/vault/", "/v1/a%2Fb").as_deref(), Some("https://v/vault/v1/a%2Fb"));
        assert_eq!(joined("https://v/vault", "/v1/../x"), None);
        assert_eq!(joined("https://v", "/v1/%2e%2E/x"), None);
        assert_eq!(address("https://v:8200/vault/").to_string(), "https://v:8200/vault");
    }
}
