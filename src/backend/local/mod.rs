//! `provider: local`: secrets and who may read them in one YAML file, for
//! development clusters, edge nodes and the demo. No network.
//!
//! The file is looked at when a pod asks, and read again when it has changed.
//! Nothing here verifies a token, so the cluster's keys must (decision 2).

#[cfg(test)]
mod conformance;
mod content;
mod document;
mod explain;
mod glob;
mod params;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

pub use params::setting;

use self::document::{Document, Read};
use self::params::{Object, Scope};
use self::store::Store;
use crate::backend::objects::Room;
use crate::backend::{Backend, Need, Parameters, Readings, Recorder};
use crate::error::{Error, Errors};
use crate::identity::{Evidence, Pod, Presented};
use crate::lease::{Credential, Grant, Reading};
use crate::secret::Secret;
use crate::time::{Deadline, Stopwatch};

const NAME: &str = "local";

/// What the operator says about the local store.
#[derive(Clone, Debug)]
pub struct Config {
    /// The YAML file of secrets and who may read them.
    pub store: PathBuf,
    /// The audience that a pod's token must be bound to, unless its class names another.
    pub audience: String,
}

/// The local store as a backend.
pub struct Local {
    audience: String,
    store: Store,
    recorder: Arc<dyn Recorder>,
}

/// The file as it was when a pod asked, and which pod that was.
#[derive(Debug)]
pub struct Reader {
    pod: Pod,
    document: Arc<Document>,
}

// === impl Config ===

impl Config {
    /// The store at `store`, for tokens of the audience `local`.
    pub fn new(store: impl Into<PathBuf>) -> Self {
        Self { store: store.into(), audience: NAME.into() }
    }
}

// === impl Local ===

impl Local {
    /// A store that is opened when the first pod asks.
    pub fn new(config: Config, recorder: Arc<dyn Recorder>) -> Self {
        Self { audience: config.audience, store: Store::new(config.store), recorder }
    }

    fn record<T>(&self, operation: &'static str, watch: Stopwatch, result: &Result<T, Error>) {
        let status = result.as_ref().err().map_or("ok", |error| error.kind().as_str());
        self.recorder.request(NAME, operation, status, watch.elapsed());
    }

    fn read(&self, reader: &Reader, read: &Read) -> Result<Reading, Error> {
        let watch = Stopwatch::start();
        let result = reader.document.read(&reader.pod, read);
        self.record("read", watch, &result);
        result.map(Reading::of)
    }
}

impl Backend for Local {
    type Scope = Scope;
    type Objects = Vec<Object>;
    type Read = Read;
    type Credential = Reader;

    fn name(&self) -> &'static str {
        NAME
    }

    fn parse(&self, parameters: &Parameters) -> Result<(Scope, Vec<Object>), Errors> {
        params::parse(parameters, &self.audience)
    }

    fn evidence<'a>(&self, scope: &'a Scope) -> Evidence<'a> {
        Evidence::Token { audience: &scope.audience, verified_by_login: false }
    }

    async fn login(&self, proof: Arc<Presented>, _scope: &Scope, by: Deadline) -> Result<Reader, Error> {
        let watch = Stopwatch::start();
        let document = self.store.document(by).await;
        self.record("login", watch, &document);
        Ok(Reader { pod: proof.pod().clone(), document: document? })
    }

    fn reads(&self, objects: &Vec<Object>) -> Vec<Need<Read>> {
        let mut reads: Vec<_> = objects.iter().map(|object| object.read.clone()).collect();
        reads.sort_unstable();
        reads.dedup();
        reads.into_iter().map(Need::of).collect()
    }

    /// A read costs nothing, and the file may have changed.
    fn keeps(&self) -> bool {
        false
    }

    fn place(&self, _scope: &Scope) -> String {
        NAME.into()
    }

    async fn fetch(&self, reader: &Reader, due: &[Read], _by: Deadline) -> Vec<Result<Reading, Error>> {
        due.iter().map(|read| self.read(reader, read)).collect()
    }

    fn pick(&self, objects: &Vec<Object>, readings: &Readings<Read>) -> Result<Vec<Secret>, Errors> {
        let (mut secrets, mut faults) = (Vec::with_capacity(objects.len()), Vec::new());
        let mut room = Room::default();
        for object in objects {
            match object.pick(readings.get(&object.read), &mut room) {
                Ok(secret) => secrets.extend(secret),
                Err(error) => faults.push(error.object(&object.name)),
            }
            if room.is_full() {
                break;
            }
        }
        Errors::from_list(faults).map_or(Ok(secrets), Err)
    }
}

impl Credential for Reader {
    type Authority = ();

    fn authority(&self) -> &() {
        &()
    }

    fn grant(&self) -> Grant {
        Grant::ENDLESS
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local")
            .field("audience", &self.audience)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
