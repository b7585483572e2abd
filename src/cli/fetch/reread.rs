//! A sidecar's class that changes in its file. The new one takes over when it can be
//! answered as a whole; until then the old one keeps the files fresh.

use super::job::{Job, late};
use super::{Failure, inputs};
use crate::cli::Class;
use crate::time::Deadline;

/// What is added to a class's name while it is tried: the old one's answers are kept beside.
const TRIED: &str = " (changed)";

/// What was said of a changed class.
#[derive(Debug, Default)]
pub(super) struct Pending(Option<String>);

// === impl Pending ===

impl Pending {
    /// Whether a changed class waits to be used.
    pub(super) const fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// Says what is wrong with it, once for as long as it is the same.
    fn say(&mut self, class: &str, failure: &Failure) {
        if self.0.as_ref() != Some(&failure.text) {
            let failure = &failure.text;
            tracing::warn!(class, failure, "the changed class cannot be used; the old one stays in force");
        }
        self.0 = Some(failure.text.clone());
    }
}

// === impl Job ===

impl Job {
    /// Takes the class as its file has it now, if it can be answered.
    pub(super) async fn reread(&mut self, pending: &mut Pending) {
        match self.changed().await {
            Ok(None) => *pending = Pending::default(),
            Ok(Some(class)) => {
                tracing::info!(
                    class = class.name,
                    "the class was changed in its file and is used from now on"
                );
                self.class = class;
                *pending = Pending::default();
            }
            Err(failure) => pending.say(&self.class.name, &failure),
        }
    }

    /// The file's class, if it is another one and could be answered.
    async fn changed(&self) -> Result<Option<Class>, Failure> {
        let by = Deadline::after(self.fetch.timeout);
        let class = by.bound(inputs::class(&self.fetch)).await.unwrap_or_else(|| Err(late()))?;
        if class == self.class {
            return Ok(None);
        }
        if class.provider != self.class.provider {
            let text = format!(
                "the class's provider was {} and is now {}: start keymount anew for it",
                self.class.provider, class.provider
            );
            return Err(Failure::new(Failure::INPUT, text));
        }
        let name = format!("{}{TRIED}", class.name);
        drop(self.answer(&Class { name, ..class.clone() }, by).await?);
        Ok(Some(class))
    }
}
