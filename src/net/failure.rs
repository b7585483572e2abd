//! Why there is no reply, in words that fit a pod event. Keeps no source: a
//! `reqwest::Error` prints URLs.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::{CertificateError, InvalidMessage};

use super::resolve::Unresolved;
use crate::error::{Error, Kind, Stage};

/// The kind of trouble, as a closed set of metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The name does not resolve, or nobody listens.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The server answered a TLS handshake in plain text.
    Plain,
    /// The connection broke after it was made.
    Broken,
    /// No connection within the connect limit.
    Timeout,
    /// The request's own deadline came before it was sent.
    Deadline,
    /// It came while the server owed an answer.
    Silent,
    /// Too many requests wait for this server already.
    Full,
    /// The reply is larger than the limit.
    TooLarge,
    /// The request could not be made: a certificate file, an address.
    Setup,
}

/// No reply.
#[derive(Clone, Debug)]
pub struct Failure {
    cause: Cause,
    text: String,
    waited: Duration,
}

// === impl Cause ===

impl Cause {
    /// The cause as a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls | Self::Plain => "tls",
            Self::Broken => "broken",
            Self::Timeout => "timeout",
            Self::Deadline | Self::Silent => "deadline",
            Self::Full => "queue_full",
            Self::TooLarge => "too_large",
            Self::Setup => "setup",
        }
    }

    /// Decision 9: TLS trouble is transient too, certificates are replaced under running servers.
    const fn kind(self) -> Kind {
        match self {
            Self::Connect | Self::Tls | Self::Plain | Self::Broken | Self::Timeout => Kind::Unavailable,
            Self::Deadline | Self::Silent => Kind::Deadline,
            Self::Full => Kind::Throttled,
            Self::TooLarge => Kind::Precondition,
            Self::Setup => Kind::Invalid,
        }
    }
}

// === impl Failure ===

impl Failure {
    pub(super) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into(), waited: Duration::ZERO }
    }

    /// The same, after this wait for its turn.
    #[must_use]
    pub(super) fn after(self, waited: Duration) -> Self {
        Self { waited, ..self }
    }

    /// The same, in other words.
    #[must_use]
    pub(super) fn naming(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// What `error` says, without the URL that it may carry.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut link: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(part) = link {
            if let Some(failure) = known(part) {
                return failure.while_connecting(error.is_connect());
            }
            link = part.source();
        }
        match error.is_connect() {
            _ if error.is_builder() => Self::new(Cause::Setup, "the request could not be built"),
            true if error.is_timeout() => Self::new(Cause::Timeout, "no connection within the time limit"),
            true => Self::new(Cause::Connect, "no connection"),
            false => Self::new(Cause::Broken, "the exchange broke off"),
        }
    }

    /// The same trouble means that nothing was sent while a connection was made, and
    /// that something may have been done after that.
    fn while_connecting(self, connecting: bool) -> Self {
        match (self.cause, connecting) {
            (Cause::Connect | Cause::Timeout, false) => {
                Self::new(Cause::Broken, "the exchange broke off: the server cannot be reached any more")
            }
            (Cause::Broken, true) => Self { cause: Cause::Connect, ..self },
            _ => self,
        }
    }

    /// The kind of trouble.
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// How long the request waited for its turn.
    pub const fn waited(&self) -> Duration {
        self.waited
    }

    /// The failure as an [`Error`] of `stage`.
    pub fn at(self, stage: Stage) -> Error {
        Error::new(self.cause.kind(), stage, self.text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Failure {}

/// The failure that one link of an error's chain stands for, if it is one that we know.
fn known(part: &(dyn StdError + 'static)) -> Option<Failure> {
    if let Some(error) = part.downcast_ref::<io::Error>() {
        // The chain of an io::Error leaves out the very error that it wraps.
        return error.get_ref().and_then(|inner| known(inner)).or_else(|| of_io(error.kind()));
    }
    if let Some(error) = part.downcast_ref::<Unresolved>() {
        let cause = match error {
            Unresolved::Unknown(_) => Cause::Connect,
            Unresolved::LinkLocal(_) => Cause::Setup,
        };
        return Some(Failure::new(cause, error.to_string()));
    }
    if let Some(error) = part.downcast_ref::<hyper::Error>() {
        return of_http(error);
    }
    part.downcast_ref::<rustls::Error>().map(of_tls)
}

fn of_io(kind: io::ErrorKind) -> Option<Failure> {
    use io::ErrorKind as Io;
    let (cause, text) = match kind {
        Io::ConnectionRefused => (Cause::Connect, "connection refused: nobody listens there"),
        Io::HostUnreachable | Io::NetworkUnreachable => (Cause::Connect, "the host cannot be reached"),
        Io::TimedOut => (Cause::Timeout, "no connection within the time limit"),
        Io::ConnectionReset | Io::BrokenPipe | Io::ConnectionAborted => {
            (Cause::Broken, "the server closed the connection")
        }
        Io::UnexpectedEof => (Cause::Broken, "the server closed the connection in the middle"),
        _ => return None,
    };
    Some(Failure::new(cause, text))
}

fn of_http(error: &hyper::Error) -> Option<Failure> {
    let text = if error.is_incomplete_message() {
        "the server closed the connection before it answered"
    } else if error.is_parse() {
        "the answer is not HTTP"
    } else {
        return None;
    };
    Some(Failure::new(Cause::Broken, text))
}

fn of_tls(error: &rustls::Error) -> Failure {
    let text = match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            return Failure::new(Cause::Plain, "the server does not speak TLS on this port");
        }
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        rustls::Error::PeerIncompatible(_) => {
            "the server offers no TLS version or cipher that is accepted".to_owned()
        }
        other => format!("the TLS handshake failed: {other}"),
    };
    Failure::new(Cause::Tls, text)
}

fn of_certificate(error: &CertificateError) -> String {
    let fault = match error {
        CertificateError::UnknownIssuer => "it is signed by an unknown issuer".to_owned(),
        CertificateError::BadSignature => "a trusted issuer has this name but another key".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::NotValidForName => "it is for another name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("it is for {}, not for {}", names(presented), expected.to_str())
        }
        other => other.to_string(),
    };
    format!("the server's certificate is not trusted: {fault}")
}

/// The names of a certificate as they were asked for: rustls gives `DnsName("…")`.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let names: Vec<_> = presented.iter().map(plain).collect();
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}
