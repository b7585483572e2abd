//! The reader behind the shim: h2 as hyper has it.

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, join, sink};

/// A request as h2 hands it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) uri: String,
    /// By name; those of one name in their order.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: usize,
}

#[cfg(test)]
impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value)?;
        std::str::from_utf8(value).ok()
    }
}

/// The requests of a connection that stays silent after its last byte, and how it failed.
pub(super) fn requests(io: impl AsyncRead + Unpin) -> (Vec<Seen>, Option<h2::Error>) {
    let (mut seen, mut kept) = (Vec::new(), Vec::new());
    let Some(opened) = h2::server::handshake(join(io, sink())).now_or_never() else { return (seen, None) };
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(error) => return (seen, Some(error)),
    };
    loop {
        match connection.accept().now_or_never() {
            Some(Some(Ok((request, respond)))) => {
                seen.push(one(request));
                kept.push(respond);
            }
            Some(Some(Err(error))) => return (seen, Some(error)),
            Some(None) | None => return (seen, None),
        }
    }
}

fn one(request: http::Request<h2::RecvStream>) -> Seen {
    let (parts, mut body) = request.into_parts();
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    let mut headers: Vec<_> = parts.headers.iter().map(pair).collect();
    headers.sort_by(|one, other| one.0.cmp(&other.0));
    let mut size = 0;
    while let Some(Some(Ok(data))) = body.data().now_or_never() {
        size += data.len();
    }
    Seen { method: parts.method.to_string(), uri: parts.uri.to_string(), headers, body: size }
}
