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
    match name {
        #[cfg(feature = "aws")]
        "aws" => aws(config, host).map(|aws| hosted(host, aws)),
        #[cfg(feature = "vault")]
        "vault" => vault(Flavour::Vault, config, host).map(|vault| hosted(host, vault)),
        #[cfg(feature = "vault")]
        "openbao" => vault(Flavour::OpenBao, config, host).map(|openbao| hosted(host, openbao)),
        #[cfg(feature = "local")]
        "local" => Ok(hosted(host, local(config, host))),
        _ => {
            Err(Error::new(Kind::Invalid, Stage::Start, format!("this build has no provider {name}")).into())
        }
    }
}

fn hosted<B: Backend>(host: &Host, backend: B) -> Arc<dyn Provider> {
    Arc::new(Hosted::new(backend, host.clone()))
}

/// `provider: aws`.
#[cfg(feature = "aws")]
pub(super) fn aws(config: &Config, host: &Host) -> Result<Aws, Errors> {
    let accounts = super::accounts::source(config.accounts.as_ref())?;
    Aws::new(config.aws.clone(), accounts, host.recorder.clone())
}

/// `provider: vault` and `provider: openbao`.
#[cfg(feature = "vault")]
pub(super) fn vault(flavour: Flavour, config: &Config, host: &Host) -> Result<Vault, Errors> {
    let own = match flavour {
        Flavour::Vault => &config.vault,
        Flavour::OpenBao => &config.openbao,
    };
    let allowed = config.guard.addresses.get(flavour.name()).into_iter().flat_map(Addresses::iter);
    let vault = Vault::new(flavour, own.clone(), host.recorder.clone())?;
    Ok(vault.serving(&host.profiles).following(allowed))
}

/// `provider: local`.
#[cfg(feature = "local")]
pub(super) fn local(config: &Config, host: &Host) -> Local {
    Local::new(config.local.clone(), host.recorder.clone())
}
