//! The backends that can explain a class, for the command line: nothing is served and nothing kept.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::ground::{Ground, MakeVerifier};
#[cfg(feature = "aws")]
use crate::backend::aws::Aws;
use crate::backend::explain::Explainer;
#[cfg(feature = "local")]
use crate::backend::local::Local;
#[cfg(feature = "vault")]
use crate::backend::vault::{Flavour, Vault};
use crate::config::Config;
use crate::error::Errors;
use crate::identity::Verifier;

/// What explaining takes: the backends under the operator's settings, and who checks a token.
pub struct Explainers {
    config: Config,
    ground: Ground,
}

// === impl Explainers ===

impl Explainers {
    /// Lays the ground. Asks nobody.
    pub fn new(config: Config, verifier: MakeVerifier) -> Result<Self, Errors> {
        let ground = Ground::lay(&config, verifier, &TaskTracker::new())?;
        Ok(Self { config, ground })
    }

    /// The backend of a provider; `None` where this build has none of that name.
    pub fn of(&self, provider: &str) -> Result<Option<Arc<dyn Explainer>>, Errors> {
        let recorder = self.ground.host.recorder.clone();
        Ok(match provider {
            #[cfg(feature = "aws")]
            "aws" => {
                let accounts = super::accounts::source(self.config.accounts.as_ref())?;
                Some(Arc::new(Aws::new(self.config.aws.clone(), accounts, recorder)?))
            }
            #[cfg(feature = "vault")]
            "vault" => Some(Arc::new(Vault::new(Flavour::Vault, self.config.vault.clone(), recorder)?)),
            #[cfg(feature = "vault")]
            "openbao" => Some(Arc::new(Vault::new(Flavour::OpenBao, self.config.openbao.clone(), recorder)?)),
            #[cfg(feature = "local")]
            "local" => Some(Arc::new(Local::new(self.config.local.clone(), recorder))),
            _ => None,
        })
    }

    /// Who checks a token.
    pub fn verifier(&self) -> &Verifier {
        &self.ground.host.verifier
    }
}

impl std::fmt::Debug for Explainers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Explainers")
    }
}
