//! Who is registered: a reader finds every backend here, one line each.

use std::sync::Arc;

#[cfg(feature = "aws")]
use crate::backend::aws::Aws;
#[cfg(feature = "local")]
use crate::backend::local::Local;
#[cfg(feature = "vault")]
use crate::backend::vault::{Flavour, Vault};
use crate::backend::{Backend, Host, Hosted, Provider};
use crate::config::Config;
use crate::error::{Error, Errors, Kind, Stage};

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
        #[cfg(feature = "aws")]
        "aws" => {
            let accounts = super::accounts::source(config.accounts.as_ref())?;
            Ok(hosted(host, Aws::new(config.aws.clone(), accounts, recorder)?))
        }
        #[cfg(feature = "vault")]
        "vault" => Ok(hosted(host, Vault::new(Flavour::Vault, config.vault.clone(), recorder)?)),
        #[cfg(feature = "vault")]
        "openbao" => Ok(hosted(host, Vault::new(Flavour::OpenBao, config.openbao.clone(), recorder)?)),
        #[cfg(feature = "local")]
        "local" => Ok(hosted(host, Local::new(config.local.clone(), recorder))),
        _ => {
            Err(Error::new(Kind::Invalid, Stage::Start, format!("this build has no provider {name}")).into())
        }
    }
}

fn hosted<B: Backend>(host: &Host, backend: B) -> Arc<dyn Provider> {
    Arc::new(Hosted::new(backend, host.clone()))
}
