//! Who is registered: a reader finds every backend here, one line each.

use std::sync::Arc;

#[cfg(feature = "aws")]
use crate::backend::aws::Aws;
#[cfg(feature = "local")]
use crate::backend::local::Local;
#[cfg(feature = "vault")]
use crate::backend::vault::{self, Flavour, Vault};
use crate::backend::{Backend, Host, Hosted, Provider};
use crate::config::Config;
use crate::error::{Error, Errors, Kind, Stage};
#[cfg(feature = "vault")]
use crate::guard::Addresses;

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
        "vault" => vault(Flavour::Vault, config.vault.clone(), config, host),
        #[cfg(feature = "vault")]
        "openbao" => vault(Flavour::OpenBao, config.openbao.clone(), config, host),
        #[cfg(feature = "local")]
        "local" => Ok(hosted(host, Local::new(config.local.clone(), recorder))),
        _ => {
            Err(Error::new(Kind::Invalid, Stage::Start, format!("this build has no provider {name}")).into())
        }
    }
}

#[cfg(feature = "vault")]
fn vault(
    flavour: Flavour,
    own: vault::Config,
    config: &Config,
    host: &Host,
) -> Result<Arc<dyn Provider>, Errors> {
    let allowed = config.guard.addresses.get(flavour.name()).into_iter().flat_map(Addresses::iter);
    let vault = Vault::new(flavour, own, host.recorder.clone())?;
    Ok(hosted(host, vault.serving(&host.profiles).following(allowed)))
}

fn hosted<B: Backend>(host: &Host, backend: B) -> Arc<dyn Provider> {
    Arc::new(Hosted::new(backend, host.clone()))
}
