//! What the steps are played on: issuer, store, class, server, driver, volume.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::backing::Backing;
use super::server::{self, Server};
use crate::cli::{Answer, Class, Driver, Issuer, Refusal, issuer};
use crate::files::atomic::{self, Outcome};
use crate::identity::Pod;
use crate::time::Stopwatch;

/// Everything that the demo made.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) issuer: Issuer,
    pub(super) backing: Backing,
    pub(super) class: Class,
    pub(super) yaml: String,
    pub(super) server: Server,
    pub(super) driver: Driver,
    /// The pod that may read.
    pub(super) web: Pod,
    pub(super) volume: PathBuf,
}

/// A publish that succeeded.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) answer: Answer,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

// === impl Stage ===

impl Stage {
    /// Makes everything in `dir`.
    pub(super) async fn set(dir: &Path, bao: Option<&Path>) -> Result<Self, String> {
        let issuer = Issuer::new()?;
        let (jwks, sockets) = (dir.join("jwks.json"), dir.join("providers"));
        write(&jwks, &issuer.jwks())?;
        let backing = Backing::set(dir, bao, &issuer).await?;
        let yaml = class(&backing);
        write(&dir.join("class.yaml"), &yaml)?;
        let mut flags = server::flags(backing.provider(), &sockets, &jwks, Issuer::NAME);
        flags.extend(backing.flags());
        let server = Server::start(flags).await?;
        Ok(Self {
            class: Class::parse(&yaml)?,
            driver: Driver::new(sockets.join(format!("{}.sock", backing.provider()))),
            web: issuer::pod("shop", "web-0", "web")?,
            volume: dir.join("volume"),
            issuer,
            backing,
            yaml,
            server,
        })
    }

    /// Does for `web` what the driver does when the kubelet publishes its volume.
    pub(super) async fn publish(&self) -> Result<Published, String> {
        let watch = Stopwatch::start();
        let answer = self.ask(&self.web, &self.issuer, &self.web).await?;
        let answer = answer.map_err(|refusal| format!("the mount was refused: {refusal}"))?;
        let took = watch.elapsed();
        let outcome = atomic::write(&self.volume, &answer.files);
        let outcome = outcome.map_err(|error| format!("cannot write {}: {error}", self.volume.display()))?;
        Ok(Published { answer, outcome, took })
    }

    /// Asks for `pod`, with a token that `issuer` made for `owner`.
    pub(super) async fn ask(
        &self,
        pod: &Pod,
        issuer: &Issuer,
        owner: &Pod,
    ) -> Result<Result<Answer, Refusal>, String> {
        let token = issuer.token(owner, self.backing.provider())?;
        Ok(self.driver.mount(pod, &self.class, &token).await)
    }

    /// Stops what runs.
    pub(super) async fn clear(self) {
        drop(self.driver);
        self.server.stop().await;
        self.backing.end().await;
    }
}

fn class(backing: &Backing) -> String {
    let (provider, parameters, path) = (backing.provider(), backing.parameters(), backing.path());
    format!(
        "apiVersion: secrets-store.csi.x-k8s.io/v1\n\
         kind: SecretProviderClass\n\
         metadata: {{ name: web-secrets, namespace: shop }}\n\
         spec:\n  provider: {provider}\n  parameters:\n{parameters}    objects: |\n      \
         - {{ objectName: username, secretPath: {path}, secretKey: username }}\n      \
         - {{ objectName: password, secretPath: {path}, secretKey: password, filePermission: 0600 }}\n      \
         - {{ objectName: db/url, secretPath: {path}, secretKey: url, filePermission: 0440 }}\n"
    )
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
