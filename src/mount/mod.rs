//! The use case in one screen: a pod's request becomes a volume's files.
//!
//! What happens when one object of many fails is decided here: the whole Mount
//! fails, and the error names every one (decision 7).

mod phase;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Ask, Parameters, Provider};
use crate::error::{Error, Errors, Kind, Stage};
use crate::files::{File, project};
use crate::identity::{Pod, Secrets, Tokens};
use crate::secret::{ObjectId, Version, VersionKey};
use crate::time::Deadline;

pub use crate::backend::Receipt;
pub use phase::Phase;

use self::phase::Filled;

/// The label of a namespace or class that the request does not name.
const UNKNOWN: &str = "unknown";

/// One Mount, as the driver asked it.
#[derive(Debug)]
pub struct Mount {
    /// The pod that the volume belongs to.
    pub pod: Pod,
    /// The SecretProviderClass's name; old drivers leave it out on rotation.
    pub class: Option<String>,
    /// The class's parameters, under the pod's attributes.
    pub parameters: Parameters,
    /// The pod's tokens.
    pub tokens: Tokens,
    /// The request's credentials (`nodePublishSecretRef`).
    pub secrets: Secrets,
    /// The mode of files whose object names none.
    pub permission: u32,
}

/// Whose Mount it is, as far as the request says.
#[derive(Clone, Debug, Default)]
pub struct Who {
    /// The pod.
    pub pod: Option<Pod>,
    /// The class.
    pub class: Option<String>,
}

/// What a Mount is answered with.
#[derive(Debug)]
pub struct Answer {
    /// The volume's files.
    pub files: Vec<File>,
    /// A version for every object; never empty.
    pub versions: Vec<(ObjectId, Version)>,
    /// To keep once the driver has the answer.
    pub receipt: Receipt,
}

/// Hears of every Mount. Implemented by `observe`.
pub trait Recorder: Send + Sync {
    /// A Mount ended; `failed` is `None` for success.
    fn mounted(
        &self,
        provider: &'static str,
        namespace: &str,
        class: &str,
        failed: Option<(Kind, Phase)>,
        took: Duration,
    );
}

/// Answers the Mounts of one provider.
pub struct Mounts {
    provider: Arc<dyn Provider>,
    versions: VersionKey,
    recorder: Arc<dyn Recorder>,
    filled: Filled,
    max_bytes: usize,
}

// === impl Mount ===

impl Mount {
    /// Whose it is.
    pub fn who(&self) -> Who {
        Who { pod: Some(self.pod.clone()), class: self.class.clone() }
    }
}

// === impl Mounts ===

impl Mounts {
    /// Mounts from `provider`, at most `max_bytes` of content each.
    pub fn new(
        provider: Arc<dyn Provider>,
        versions: VersionKey,
        recorder: Arc<dyn Recorder>,
        max_bytes: usize,
    ) -> Self {
        Self { provider, versions, recorder, filled: Filled::default(), max_bytes }
    }

    /// The provider's name.
    pub fn provider(&self) -> &'static str {
        self.provider.name()
    }

    /// The Mount, under the name of its class if the driver left it out and it is known.
    #[must_use]
    pub fn named(&self, mut mount: Mount) -> Mount {
        if mount.class.is_none() {
            let look = AssertUnwindSafe(|| self.provider.class_of(&mount.pod, &mount.parameters));
            // This is before the guard that catches faults, and only a name.
            mount.class = std::panic::catch_unwind(look).unwrap_or_default();
        }
        mount
    }

    /// Answers one Mount.
    pub async fn mount(&self, mount: &Mount, by: Deadline) -> Result<Answer, Errors> {
        let (pod, class) = (&mount.pod, mount.class.as_deref());
        let Mount { tokens, secrets, parameters, .. } = mount;
        let ask = Ask { pod, class, tokens, secrets, parameters, by };
        let (secrets, receipt) = self.provider.secrets(ask).await?;
        if secrets.is_empty() {
            return Err(nothing().into());
        }
        let files = project(secrets, mount.permission, self.max_bytes)?;
        let versions = files.iter().map(|file| (file.object.clone(), self.version(mount, file))).collect();
        Ok(Answer { files, versions, receipt })
    }

    fn version(&self, mount: &Mount, file: &File) -> Version {
        let class = mount.class.as_deref().unwrap_or_default();
        self.versions.version(&mount.pod.namespace, class, &file.object, &file.bytes)
    }

    /// Records what a Mount was answered with, and logs its line. `sent` holds the
    /// objects' names or the failure.
    pub fn report(&self, who: &Who, sent: Result<String, &Errors>, took: Duration) {
        let (provider, pod) = (self.provider(), who.pod.as_ref());
        let class = who.class.as_deref().unwrap_or(UNKNOWN);
        let namespace = pod.map_or(UNKNOWN, |pod| pod.namespace.as_str());
        let (uid, account) = (pod.map(|pod| pod.uid.as_str()), pod.map(|pod| pod.service_account.as_str()));
        let pod = pod.map_or_else(|| UNKNOWN.to_owned(), ToString::to_string);
        let failed = sent.as_ref().err().map(|errors| (errors.kind(), self.filled.phase(who)));
        if failed.is_none() {
            self.filled.add(who);
        }
        self.recorder.mounted(provider, namespace, class, failed, took);
        let millis = took.as_secs_f64() * 1000.0;
        match sent {
            Ok(objects) => {
                tracing::info!(
                    provider,
                    pod,
                    uid,
                    service_account = account,
                    class,
                    objects,
                    outcome = "ok",
                    millis,
                    "mount"
                );
            }
            Err(error) => {
                let outcome = error.kind().as_str();
                tracing::warn!(provider, pod, uid, service_account = account, class, outcome, millis, %error, "mount");
            }
        }
    }
}

/// The driver refuses an answer without objects, writes nothing for one without
/// files, and would leave old ones in place (docs/driver-contract.md, 3.1).
fn nothing() -> Error {
    Error::new(Kind::NotFound, Stage::Pick, "every object of the class is optional and none is there")
        .hint("create one of them, or make one that the pod needs not optional")
}

impl std::fmt::Debug for Mounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mounts").field("provider", &self.provider()).finish_non_exhaustive()
    }
}
