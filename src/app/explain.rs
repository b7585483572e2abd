//! The backends that can explain a class, for the command line: nothing is served and nothing kept.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::ground::{Ground, MakeVerifier};
use super::providers;
use crate::backend::explain::Explainer;
#[cfg(feature = "vault")]
use crate::backend::vault::Flavour;
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
        let host = &self.ground.host;
        Ok(match provider {
            #[cfg(feature = "aws")]
            "aws" => Some(Arc::new(providers::aws(&self.config, host)?)),
            #[cfg(feature = "vault")]
            "vault" => Some(Arc::new(providers::vault(Flavour::Vault, &self.config, host)?)),
            #[cfg(feature = "vault")]
            "openbao" => Some(Arc::new(providers::vault(Flavour::OpenBao, &self.config, host)?)),
            #[cfg(feature = "local")]
            "local" => Some(Arc::new(providers::local(&self.config, host))),
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
