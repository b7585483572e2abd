//! Who is registered: a reader finds every backend here, one line each.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

#[cfg(feature = "local")]
use crate::backend::local::Local;
#[cfg(feature = "vault")]
use crate::backend::vault::{Flavour, Vault};
use crate::backend::{Hosted, Provider, Recorder};
use crate::config::Config;
use crate::error::{Error, Kind, Stage};
use crate::identity::Verifier;

/// What hosting a backend takes.
pub(super) struct Host {
    pub(super) verifier: Arc<Verifier>,
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) tasks: TaskTracker,
}

/// The provider of this name.
pub(super) fn provider(name: &str, config: &Config, host: &Host) -> Result<Arc<dyn Provider>, Error> {
    Ok(match name {
        #[cfg(feature = "vault")]
        "vault" => host.host(Vault::new(Flavour::Vault, config.vault.clone(), host.recorder.clone())?),
        #[cfg(feature = "vault")]
        "openbao" => host.host(Vault::new(Flavour::OpenBao, config.openbao.clone(), host.recorder.clone())?),
        #[cfg(feature = "local")]
        "local" => host.host(Local::new(config.local.clone(), host.recorder.clone())),
        _ => {
            return Err(Error::new(
                Kind::Invalid,
                Stage::Start,
                format!("this build has no provider {name}"),
            ));
        }
    })
}

// === impl Host ===

impl Host {
    fn host<B: crate::backend::Backend>(&self, backend: B) -> Arc<dyn Provider> {
        Arc::new(Hosted::new(backend, self.verifier.clone(), self.tasks.clone()))
    }
}
