//! Annotations of service accounts from the Kubernetes API: a GET by our own
//! token, whose answer is remembered for a while (decision 10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::backend::Accounts;
use crate::config;
use crate::error::{Error, Kind, Stage};
use crate::net::{Address, Limits, Pool, Request, Roots, Target, Trust};
use crate::time::{Deadline, Stopwatch};

/// How long annotations are used without asking again: a node's pods of one account start together.
const FRESH: Duration = Duration::from_secs(60);
/// The most accounts that are remembered.
const MOST: usize = 1024;
/// The largest annotation that is kept; an ARN is no longer than 2 KiB.
const MAX_VALUE: usize = 4096;
/// How long one look-up may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The look-up that the settings allow, if any.
pub(super) fn source(config: Option<&config::Accounts>) -> Result<Option<Arc<dyn Accounts>>, Error> {
    let Some(config) = config else { return Ok(None) };
    let fault =
        |fault: String| Error::new(Kind::Invalid, Stage::Start, fault).with("flag", "--kubernetes-url");
    let address = Address::parse(&config.url).map_err(fault)?;
    let trust = Trust { roots: Roots::File(config.ca_file.clone()), ..Trust::default() };
    Ok(Some(Arc::new(FromApi {
        pool: Pool::new(Limits { in_flight: 4, streams: 16, rate: None, reply_bytes: 1024 * 1024 }),
        target: Target::one(address, trust),
        config: config.clone(),
        known: Mutex::default(),
    })))
}

/// The API server.
struct FromApi {
    pool: Pool,
    target: Target,
    config: config::Accounts,
    known: Mutex<HashMap<(Account, String), (Stopwatch, Found)>>,
}

/// A namespace and a service account in it.
type Account = (String, String);
/// An annotation, if the account has it.
type Found = Option<String>;

#[derive(Default, Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    annotations: HashMap<String, String>,
}

// === impl FromApi ===

impl FromApi {
    /// Only what was asked for is remembered: an account may have annotations by the thousand.
    async fn value(&self, account: &Account, key: &str, by: Deadline) -> Result<Found, Error> {
        let entry = (account.clone(), key.to_owned());
        if let Some(known) = self.fresh(&entry) {
            return Ok(known);
        }
        let found = self.get(account, by).await?.remove(key);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (since, _)| since.elapsed() < FRESH);
        if known.len() < MOST {
            known.insert(entry, (Stopwatch::start(), found.clone()));
        }
        Ok(found)
    }

    /// What was found for it a moment ago, which may be nothing.
    fn fresh(&self, entry: &(Account, String)) -> Option<Found> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(entry).filter(|(since, _)| since.elapsed() < FRESH).map(|(_, found)| found.clone())
    }

    async fn get(&self, account: &Account, by: Deadline) -> Result<HashMap<String, String>, Error> {
        let (namespace, name) = account;
        // Both are names that the API server has checked; anything else is not asked for.
        let plain = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        };
        if !plain(namespace) || !plain(name) {
            return Err(self.fault(account, "its name is not one").kind_as(Kind::Invalid));
        }
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}");
        let request = Request {
            headers: self.headers(account).await?,
            patience: Some(PATIENCE),
            ..Request::new(http::Method::GET, path)
        };
        let reply = self.pool.send(&self.target, request, by).await;
        let reply = reply.map_err(|failure| self.fault(account, failure).kind_as(Kind::Unavailable))?;
        match reply.status {
            200 => {}
            404 => return Ok(HashMap::new()),
            401 | 403 => {
                let text = format!("the Kubernetes API answered {}", reply.status);
                let hint = "give keymount's own service account get on serviceaccounts in every namespace, and a token";
                return Err(self.fault(account, text).hint(hint));
            }
            status => {
                let text = format!("the Kubernetes API answered {status}");
                return Err(self
                    .fault(account, text)
                    .kind_as(Kind::Unavailable)
                    .retry_after(reply.retry_after));
            }
        }
        #[expect(clippy::disallowed_methods, reason = "a service account is no secret")]
        let object: Object = serde_json::from_slice(reply.body.expose_secret())
            .map_err(|_| self.fault(account, "the answer is not from the Kubernetes API"))?;
        let mut annotations = object.metadata.annotations;
        annotations.retain(|_, value| value.len() <= MAX_VALUE);
        Ok(annotations)
    }

    async fn headers(&self, account: &Account) -> Result<HeaderMap, Error> {
        let path = &self.config.token_file;
        let token = tokio::fs::read_to_string(path).await;
        let token = token.map_err(|error| self.fault(account, format!("{}: {error}", path.display())))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| self.fault(account, format!("{} holds no token", path.display())))?;
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
    }

    fn fault(&self, (namespace, name): &Account, fault: impl std::fmt::Display) -> Error {
        let text = format!("cannot look up the service account {name} (namespace: {namespace}): {fault}");
        Error::new(Kind::Precondition, Stage::Login, text).with("address", self.target.address.authority())
    }
}

impl Accounts for FromApi {
    fn annotation<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
        key: &'a str,
        by: Deadline,
    ) -> BoxFuture<'a, Result<Option<String>, Error>> {
        async move {
            let account = (namespace.to_owned(), name.to_owned());
            let found = by.bound(self.value(&account, key, by)).await;
            let late = || Err(self.fault(&account, "no answer in time").kind_as(Kind::Deadline));
            found.unwrap_or_else(late)
        }
        .boxed()
    }
}
