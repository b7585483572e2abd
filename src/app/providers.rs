//! Who is registered: a reader finds every backend here, one line each.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

#[cfg(feature = "local")]
use crate::backend::local::Local;
#[cfg(feature = "vault")]
use crate::backend::vault::{Flavour, Vault};
use crate::backend::{Backend, Hosted, Provider, Recorder};
use crate::config::Config;
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::Verifier;

/// What hosting a backend takes.
pub(super) struct Host {
    pub(super) verifier: Arc<Verifier>,
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) tasks: TaskTracker,
}

/// The providers that the settings name, or every mistake in theirs.
pub(super) fn all(config: &Config, host: &Host) -> Result<Vec<Arc<dyn Provider>>, Errors> {
    let (mut providers, mut faults) = (Vec::new(), Vec::new());
    for name in &config.server.providers {
        match one(name, config, host) {
            Ok(provider) => providers.push(provider),
            Err(errors) => faults.extend(errors.iter().cloned()),
        }
    }
    Errors::from_list(faults).map_or(Ok(providers), Err)
}

fn one(name: &str, config: &Config, host: &Host) -> Result<Arc<dyn Provider>, Errors> {
    let recorder = host.recorder.clone();
    match name {
        #[cfg(feature = "vault")]
        "vault" => Ok(host.host(Vault::new(Flavour::Vault, config.vault.clone(), recorder)?)),
        #[cfg(feature = "vault")]
        "openbao" => Ok(host.host(Vault::new(Flavour::OpenBao, config.openbao.clone(), recorder)?)),
        #[cfg(feature = "local")]
        "local" => Ok(host.host(Local::new(config.local.clone(), recorder))),
        _ => {
            Err(Error::new(Kind::Invalid, Stage::Start, format!("this build has no provider {name}")).into())
        }
    }
}

// === impl Host ===

impl Host {
    fn host<B: Backend>(&self, backend: B) -> Arc<dyn Provider> {
        Arc::new(Hosted::new(backend, self.verifier.clone(), self.tasks.clone()))
    }
}
