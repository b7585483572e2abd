//! Where the cluster's public keys come from: a file or an address.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::MakeVerifier;
use crate::config;
use crate::error::{Error, Kind, Stage};
use crate::identity::{KeySource, Keys, Verifier};
use crate::net::{Address, Limits, Pool, Request, Roots, Target, Trust};
use crate::time::{Clock, Deadline, Stopwatch};

/// The largest JWKS document.
const MAX_BYTES: u64 = 1024 * 1024;
/// How long a file's keys are used without looking at it again.
const LOOK: Duration = Duration::from_secs(5);
/// How long one fetch may take.
const FETCH: Duration = Duration::from_secs(10);
/// How long it may take while the key that is asked for is known.
const CONFIRM: Duration = Duration::from_secs(1);
/// Fetched keys are taken as new for this long, then asked for again.
const FRESH: Duration = Duration::from_secs(600);
/// Whatever key ids callers send, keys are asked for no more often than this.
const APART: Duration = Duration::from_secs(10);

/// The verifier that the settings ask for.
pub(super) fn verifier(
    config: &config::Keys,
    make: MakeVerifier,
    clock: Arc<dyn Clock>,
) -> Result<Verifier, Error> {
    for provider in &config.unproven {
        tracing::info!(provider, "its classes may log in by what does not prove the pod (--allow-unproven)");
    }
    let verifier = make(clock, source(config)?, config.issuer.clone());
    Ok(verifier.allowing(config.unproven.iter().cloned()))
}

/// The source that the settings name, if any.
fn source(config: &config::Keys) -> Result<Option<Arc<dyn KeySource>>, Error> {
    if let Some(path) = &config.file {
        return Ok(Some(Arc::new(FromFile { path: path.clone(), kept: Mutex::default() })));
    }
    let Some(url) = &config.url else { return Ok(None) };
    Ok(Some(Arc::new(FromUrl::new(url, config)?)))
}

/// Keys of a file, read again when it changes.
struct FromFile {
    path: PathBuf,
    kept: Mutex<Option<FileKeys>>,
}

/// What a file held when it was last looked at.
struct FileKeys {
    stamp: Stamp,
    looked: Stopwatch,
    keys: Arc<Keys>,
}

/// What tells two states of a file apart.
type Stamp = (Option<SystemTime>, u64);

/// Keys of the API server, or of another server that publishes them.
struct FromUrl {
    pool: Pool,
    target: Target,
    token_file: Option<PathBuf>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: Option<Arc<Keys>>,
    /// Since the last fetch, whatever came of it.
    tried: Option<Stopwatch>,
    failed: Option<Error>,
}

// === impl FromFile ===

impl FromFile {
    /// Looks at the file once a while, and whenever a key is asked for that it did not have.
    async fn read(&self, kid: Option<&str>) -> Result<Arc<Keys>, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| known.is_fresh(kid)) {
            return Ok(known.keys.clone());
        }
        let found = tokio::fs::metadata(&self.path).await.map_err(|error| self.fault(error))?;
        let stamp = (found.modified().ok(), found.len());
        let keys = match kept.take().filter(|known| known.stamp == stamp) {
            Some(known) => known.keys,
            None => self.parse(found.len()).await?,
        };
        *kept = Some(FileKeys { stamp, looked: Stopwatch::start(), keys: keys.clone() });
        Ok(keys)
    }

    async fn parse(&self, size: u64) -> Result<Arc<Keys>, Error> {
        if size > MAX_BYTES {
            return Err(self.fault("the file is too large"));
        }
        let bytes = tokio::fs::read(&self.path).await.map_err(|error| self.fault(error))?;
        Keys::parse(&bytes).map(Arc::new).map_err(|fault| self.fault(fault))
    }

    fn fault(&self, fault: impl std::fmt::Display) -> Error {
        Error::new(Kind::Precondition, Stage::Proof, format!("cannot read the cluster's keys: {fault}"))
            .with("file", self.path.display())
            .hint("--jwks-file must hold the cluster's JWKS (kubectl get --raw /openid/v1/jwks)")
    }
}

impl KeySource for FromFile {
    fn keys<'a>(&'a self, kid: Option<&'a str>, by: Deadline) -> BoxFuture<'a, Result<Arc<Keys>, Error>> {
        async move {
            let late = || Err(self.fault("the disk did not answer in time").kind_as(Kind::Deadline));
            by.bound(self.read(kid)).await.unwrap_or_else(late)
        }
        .boxed()
    }
}

// === impl FileKeys ===

impl FileKeys {
    fn is_fresh(&self, kid: Option<&str>) -> bool {
        self.looked.elapsed() < LOOK && kid.is_none_or(|kid| self.keys.has(kid))
    }
}

// === impl FromUrl ===

impl FromUrl {
    fn new(url: &str, config: &config::Keys) -> Result<Self, Error> {
        let fault = |fault: String| Error::new(Kind::Invalid, Stage::Start, format!("--jwks-url: {fault}"));
        let address = Address::parse(url).map_err(fault)?;
        let trust =
            Trust { roots: config.ca_file.clone().map_or(Roots::System, Roots::File), ..Trust::default() };
        Ok(Self {
            pool: Pool::new(Limits { in_flight: 1, streams: 1, rate: None, reply_bytes: 1024 * 1024 }),
            target: Target::one(address, trust),
            token_file: config.token_file.clone(),
            kept: Mutex::default(),
        })
    }

    /// Single-flight by the lock: whoever waited finds what the first one fetched.
    async fn get(&self, kid: Option<&str>, by: Deadline) -> Result<Arc<Keys>, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(keys) = kept.usable(kid) {
            return Ok(keys);
        }
        if let Some(failed) =
            kept.failed.clone().filter(|_| kept.keys.is_none() && kept.age() < Duration::from_secs(1))
        {
            return Err(failed);
        }
        // Known keys are only being confirmed: an outage of their server must not hold up mounts.
        let known = kid.is_none_or(|kid| kept.keys.as_ref().is_some_and(|keys| keys.has(kid)));
        let limit = if known && kept.keys.is_some() { CONFIRM } else { FETCH };
        let fetched = self.fetch(by.at_most(limit)).await;
        kept.tried = Some(Stopwatch::start());
        match fetched {
            Ok(keys) => *kept = Kept { keys: Some(keys.clone()), tried: kept.tried, failed: None },
            Err(error) => {
                tracing::warn!(%error, "cannot refresh the cluster's keys");
                kept.failed = Some(error);
            }
        }
        let failed = kept.failed.clone();
        kept.keys.clone().ok_or_else(|| failed.unwrap_or_else(|| self.fault("no keys")))
    }

    async fn fetch(&self, by: Deadline) -> Result<Arc<Keys>, Error> {
        let request =
            Request { headers: self.headers().await?, ..Request::new(http::Method::GET, String::new()) };
        let reply = self.pool.send(&self.target, request, by).await.map_err(|failure| self.fault(failure))?;
        if reply.status != 200 {
            let error = self.fault(format!("the server answered {}", reply.status));
            return Err(match reply.status {
                401 | 403 => error
                    .hint("give --jwks-token-file a token that may read /openid/v1/jwks, or use --jwks-file"),
                _ => error,
            });
        }
        #[expect(clippy::disallowed_methods, reason = "public keys are no secret")]
        let keys = Keys::parse(reply.body.expose_secret()).map_err(|fault| self.fault(fault))?;
        Ok(Arc::new(keys))
    }

    async fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        if let Some(path) = &self.token_file {
            let token = tokio::fs::read_to_string(path)
                .await
                .map_err(|error| self.fault(format!("{}: {error}", path.display())))?;
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
                .map_err(|_| self.fault(format!("{} holds no token", path.display())))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    fn fault(&self, fault: impl std::fmt::Display) -> Error {
        Error::new(Kind::Unavailable, Stage::Proof, format!("cannot read the cluster's keys: {fault}"))
            .with("address", self.target.address.authority())
    }
}

impl KeySource for FromUrl {
    fn keys<'a>(&'a self, kid: Option<&'a str>, by: Deadline) -> BoxFuture<'a, Result<Arc<Keys>, Error>> {
        async move {
            let got = by.bound(self.get(kid, by)).await;
            got.unwrap_or_else(|| {
                Err(self.fault("the server did not answer in time").kind_as(Kind::Deadline))
            })
        }
        .boxed()
    }
}

// === impl Kept ===

impl Kept {
    /// The keys, if they are fresh and have the id, or if it is too early to ask again.
    fn usable(&self, kid: Option<&str>) -> Option<Arc<Keys>> {
        let keys = self.keys.as_ref()?;
        let fresh = self.age() < FRESH && kid.is_none_or(|kid| keys.has(kid));
        (fresh || self.age() < APART).then(|| keys.clone())
    }

    fn age(&self) -> Duration {
        self.tried.map_or(Duration::MAX, Stopwatch::elapsed)
    }
}
