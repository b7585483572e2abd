//! One server's connections: bounded in number, in time and in size.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Version};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretSlice};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::failure::{Cause, Failure};
use super::gate::Gate;
use super::resolve::Lookup;
use super::{Address, Redirect, Trust};
use crate::time::Deadline;

/// How long a connection may take to come about, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Name look-ups at a time, of one client or of one pool.
pub(super) const LOOKUPS: usize = 8;
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// What a client is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The most requests at once, and so the most connections, until a server speaks HTTP/2.
    pub in_flight: usize,
    /// The most requests at once on the one connection of HTTP/2.
    pub streams: usize,
    /// Requests a second, above 0, and as many at once after a rest; without it there is no limit.
    pub rate: Option<f64>,
    /// The largest reply body.
    pub reply_bytes: usize,
}

/// One request. Its body and its sensitive headers are not printed.
#[derive(Clone)]
pub struct Request {
    /// The method, `LIST` and other inventions included.
    pub method: Method,
    /// The path under the address, percent-encoded, beginning with `/`; may carry a query.
    pub path: String,
    /// Headers; those with secrets marked sensitive.
    pub headers: HeaderMap,
    /// The body, wiped after sending.
    pub body: Option<Arc<Zeroizing<Vec<u8>>>>,
    /// How long one server may take to answer, once it is the request's turn; `None`: until the deadline.
    pub patience: Option<Duration>,
    /// Another server must not be asked for it once one may have acted on it.
    pub once: bool,
    /// Servers beside those of the target that a redirect may lead to.
    pub follow: Arc<[Address]>,
    /// Whether a reply says that this server has done nothing and another may serve.
    pub elsewhere: fn(&Reply) -> bool,
}

/// What came back, whatever its status.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, if it was given in seconds.
    pub retry_after: Option<Duration>,
    /// Where a redirect points.
    pub redirect: Option<Redirect>,
    /// How long the request waited for its turn.
    pub waited: Duration,
    /// Which server it is of, where there were several.
    pub server: Option<Address>,
    /// The headers; they may hold anything.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: SecretSlice<u8>,
}

/// A client of one server.
pub struct Client {
    address: Address,
    http: reqwest::Client,
    /// The base that requests are sent to: the address, under the certificate's name if that is another.
    base: Address,
    gate: Arc<Gate>,
    limits: Limits,
}

// === impl Limits ===

impl Default for Limits {
    /// At most sixteen connections: while they are being made, reqwest may open one or
    /// two more than there are requests (a request takes over a connection that has
    /// just become free, and the one that was begun for it is finished all the same).
    fn default() -> Self {
        Self { in_flight: 14, streams: 128, rate: None, reply_bytes: 4 * 1024 * 1024 }
    }
}

// === impl Client ===

impl Client {
    /// A client of `address`. Opens no connection; reads the trust's files unless the address is plain HTTP.
    pub async fn new(address: Address, trust: Trust, limits: Limits) -> Result<Self, Failure> {
        Self::sharing(address, trust, limits, Arc::new(Semaphore::new(LOOKUPS)), Gate::new(limits)).await
    }

    /// The same, with places for name look-ups and a gate that are shared with other clients.
    pub(super) async fn sharing(
        address: Address,
        trust: Trust,
        limits: Limits,
        lookups: Arc<Semaphore>,
        gate: Arc<Gate>,
    ) -> Result<Self, Failure> {
        let base = certified(&address, &trust)?;
        let builder = builder(&address, &trust, limits, lookups)?;
        let http = if address.is_tls() {
            let built = tokio::task::spawn_blocking(move || trust.apply(builder).and_then(build));
            built.await.map_err(|_| Failure::new(Cause::Setup, "the TLS set-up was interrupted"))??
        } else {
            // Without this, reqwest would load the system's roots for a connection without TLS.
            build(builder.tls_certs_only([]))?
        };
        Ok(Self { address, http, base, gate, limits })
    }

    /// The server's address.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Sends `request` when it is its turn and returns the whole reply, by `by`.
    pub async fn send(&self, request: Request, by: Deadline) -> Result<Reply, Failure> {
        let place = self.gate.enter(by).await?;
        let by = request.patience.map_or(by, |patience| by.at_most(patience));
        let (waited, result) = (place.waited, by.bound(self.exchange(request)).await);
        drop(place);
        let result = result
            .unwrap_or_else(|| Err(Failure::new(Cause::Silent, "the server did not answer by the deadline")));
        result.map(|reply| Reply { waited, ..reply }).map_err(|failure| failure.after(waited))
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Failure> {
        let url = self.base.join(&request.path);
        let url = url.ok_or_else(|| Failure::new(Cause::Setup, "the path would be changed on the way"))?;
        let mut wire = reqwest::Request::new(request.method, url);
        *wire.headers_mut() = request.headers;
        if self.base != self.address {
            let host = HeaderValue::from_str(&self.address.authority());
            wire.headers_mut().extend(host.ok().map(|host| (HOST, host)));
        }
        *wire.body_mut() = request.body.map(|body| Bytes::from_owner(Shared(body)).into());
        let response = self.http.execute(wire).await.map_err(|error| Failure::of(&error))?;
        self.read(response).await
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Reply, Failure> {
        let announced = response.content_length();
        if response.version() == Version::HTTP_2 {
            self.gate.widen(self.limits.streams);
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let redirect = status.is_redirection().then(|| Redirect::read(&headers)).flatten();
        let (status, retry_after) = (status.as_u16(), retry_after(&headers));
        let mut body = Body::new(announced, self.limits.reply_bytes)?;
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of(&error))? {
            body.push(&chunk)?;
        }
        let (waited, server) = (Duration::ZERO, None);
        Ok(Reply { status, retry_after, redirect, headers, waited, server, body: body.finish() })
    }
}

/// The address under which requests are sent.
fn certified(address: &Address, trust: &Trust) -> Result<Address, Failure> {
    let Some(name) = trust.server_name.as_deref().filter(|_| address.is_tls()) else {
        return Ok(address.clone());
    };
    let named = address.named(name);
    named.ok_or_else(|| Failure::new(Cause::Setup, "the TLS server name is not a DNS name"))
}

fn builder(
    address: &Address,
    trust: &Trust,
    limits: Limits,
    lookups: Arc<Semaphore>,
) -> Result<reqwest::ClientBuilder, Failure> {
    let instead = trust.server_name.as_ref().filter(|_| address.is_tls()).map(|_| address.host());
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(limits.in_flight)
        .dns_resolver(Arc::new(Lookup::new(instead, lookups)));
    if let Some(socket) = address.socket() {
        return Ok(builder.unix_socket(socket));
    }
    // A proxy's loopback is not ours.
    if let Some(proxy) = trust.proxy.as_ref().filter(|_| !address.is_loopback()) {
        let proxy = reqwest::Proxy::all(proxy)
            .map_err(|_| Failure::new(Cause::Setup, "the proxy's address is not a URL"))?;
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    builder
        .build()
        .map_err(|_| Failure::new(Cause::Setup, "the TLS set-up is not usable: no valid root certificate"))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// A request's body as the HTTP client wants it: wiped when the last copy of the handle is gone.
struct Shared(Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A growing reply that leaves no copies of itself behind.
struct Body {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
}

// === impl Body ===

impl Body {
    fn new(announced: Option<u64>, limit: usize) -> Result<Self, Failure> {
        let announced = announced.map_or(Some(0), |length| usize::try_from(length).ok());
        let size = announced.filter(|size| *size <= limit).ok_or_else(|| too_large(limit))?;
        Ok(Self { bytes: Zeroizing::new(Vec::with_capacity(size)), limit })
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let needed = self.bytes.len().saturating_add(chunk.len());
        if needed > self.limit {
            return Err(too_large(self.limit));
        }
        if needed > self.bytes.capacity() {
            // Growing in place would leave the old allocation unwiped.
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2)));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> SecretSlice<u8> {
        // An exact copy: shrinking in place may leave the old allocation unwiped.
        SecretSlice::from(Box::<[u8]>::from(self.bytes.as_slice()))
    }
}

fn too_large(limit: usize) -> Failure {
    Failure::new(Cause::TooLarge, format!("the reply is larger than {limit} bytes"))
}

// === Debug without contents ===

// === impl Request ===

impl Request {
    /// A request without headers and body, which may be made again.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let (path, headers) = (path.into(), HeaderMap::new());
        let (follow, elsewhere) = (Arc::from([]), (|_| false) as fn(&Reply) -> bool);
        Self { method, path, headers, body: None, patience: None, once: false, follow, elsewhere }
    }
}

// === impl Reply ===

impl Reply {
    /// Whether the body looks like a JSON object, which a proxy's own page is not.
    pub(super) fn is_object(&self) -> bool {
        #[expect(clippy::disallowed_methods, reason = "only its first byte is looked at")]
        let body = self.body.expose_secret();
        body.trim_ascii_start().first() == Some(&b'{')
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
