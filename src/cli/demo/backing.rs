//! Where the demo's secrets are: the local store, or a real OpenBao.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bao::Bao;
use super::values::Values;
use crate::cli::Issuer;

/// A place that holds them.
#[derive(Debug)]
pub(super) enum Backing {
    Local(PathBuf),
    Bao(Box<Bao>),
}

// === impl Backing ===

impl Backing {
    /// A local store's file in `dir`, or a started `bao`; both hold the first values.
    pub(super) async fn set(dir: &Path, bao: Option<&Path>, issuer: &Issuer) -> Result<Self, String> {
        let backing = match bao {
            Some(program) => Self::Bao(Box::new(Bao::start(program, dir, issuer).await?)),
            None => Self::Local(dir.join("store.yaml")),
        };
        backing.put(&Values::FIRST).await.map(|()| backing)
    }

    /// The provider that reads it, which is also the audience of its tokens.
    pub(super) const fn provider(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Bao(_) => "openbao",
        }
    }

    /// Its part of the server's command line.
    pub(super) fn flags(&self) -> Vec<String> {
        match self {
            Self::Local(store) => vec!["--local-store".into(), store.display().to_string()],
            Self::Bao(bao) => {
                let own = ["--openbao-addr", bao.address(), "--openbao-mount", "jwt"];
                // A minute would be long for a demo.
                let often = ["--refresh-interval", "1s", "--min-refresh-interval", "1s"];
                own.into_iter().chain(often).map(Into::into).collect()
            }
        }
    }

    /// How long after a change the next refresh sees it for certain.
    pub(super) const fn interval(&self) -> Duration {
        match self {
            Self::Local(_) => Duration::ZERO,
            Self::Bao(_) => Duration::from_millis(1200),
        }
    }

    /// The secret's path, as the class gives it.
    pub(super) const fn path(&self) -> &'static str {
        match self {
            Self::Local(_) => "shop/web",
            Self::Bao(_) => "secret/data/shop/web",
        }
    }

    /// What the class says besides its objects.
    pub(super) const fn parameters(&self) -> &'static str {
        match self {
            Self::Local(_) => "",
            Self::Bao(_) => "    roleName: app\n",
        }
    }

    /// Who may read, as it is written there, under a heading.
    pub(super) fn rules(&self) -> (&'static str, String) {
        match self {
            Self::Local(_) => ("The store, a file of secrets and who may read them:", store(&Values::FIRST)),
            Self::Bao(bao) => {
                ("OpenBao's policy: each service account reads what is named after it:", bao.policy())
            }
        }
    }

    /// Stores `values`.
    pub(super) async fn put(&self, values: &Values) -> Result<(), String> {
        match self {
            Self::Local(path) => replace(path, &store(values)),
            Self::Bao(bao) => bao.put(values).await,
        }
    }

    /// Ends what was started.
    pub(super) async fn end(self) {
        match self {
            Self::Local(_) => {}
            Self::Bao(bao) => bao.end().await,
        }
    }
}

fn store(values: &Values) -> String {
    let Values { username, password, url } = values;
    format!(
        "secrets:\n  shop/web:\n    data:\n      username: {username}\n      password: {password}\n      url: {url}\n    \
         allow:\n      - {{ namespace: shop, serviceAccount: web }}\n"
    )
}

/// Writes beside and renames, so that no reader sees half a file.
fn replace(path: &Path, text: &str) -> Result<(), String> {
    let beside = path.with_extension("next");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
