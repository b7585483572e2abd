//! The way without sessions: every Mount is proved, logs in and reads, and what
//! was minted for an answer that nobody received is given back.

use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::door::Wanted;
use super::fetch::refused;
use crate::backend::{Ask, Backend, Need, Readings, Receipt};
use crate::error::{Error, Errors};
use crate::identity::Presented;
use crate::secret::Secret;
use crate::time::{Deadline, Priority};

/// How long giving back may take.
const GIVE_BACK: Duration = Duration::from_secs(10);

// === impl Core ===

impl<B: Backend> Core<B> {
    pub(super) async fn serve_bare(self: &Arc<Self>, ask: Ask<'_>) -> Result<(Vec<Secret>, Receipt), Errors> {
        let (Wanted { scope, objects, .. }, claimed) = self.admit_ask(&ask)?;
        let proof = Arc::new(self.host.verifier.prove(&claimed, ask.by).await?.into_presented());
        let reads = self.backend.reads(&objects).into_iter().map(|Need { read, .. }| read).collect();
        let credential = Arc::new(self.login(&proof, &scope, ask.by).await?);
        let mut receipt = self.receipt(credential.clone());
        let mut readings = self.fetch_bare(&credential, reads, ask.by).await;
        let refused = refused(&readings);
        if !refused.is_empty()
            && let Some((credential, second)) = self.again(proof, &scope, refused, ask.by).await
        {
            receipt = receipt.and(self.receipt(credential));
            readings.extend(second);
        }
        let secrets = self.backend.pick(&objects, &readings)?;
        Ok((secrets, receipt))
    }

    async fn fetch_bare(
        &self,
        credential: &B::Credential,
        due: Vec<B::Read>,
        by: Deadline,
    ) -> Readings<B::Read> {
        let answers = self.backend.fetch(credential, &due, by).await;
        due.into_iter().zip(answers.into_iter().map(|answer| answer.map(Arc::new))).collect()
    }

    /// A refusal may be of a credential that died in between: one more login, then it is reported.
    async fn again(
        &self,
        proof: Arc<Presented>,
        scope: &B::Scope,
        refused: Vec<B::Read>,
        by: Deadline,
    ) -> Option<(Arc<B::Credential>, Readings<B::Read>)> {
        // If this login fails, the refusals of the first are what is reported: they name the objects.
        let credential = Arc::new(self.login(&proof, scope, by).await.ok()?);
        let readings = self.fetch_bare(&credential, refused, by).await;
        Some((credential, readings))
    }

    /// A receipt for a credential and all that is minted with it, whether or not the
    /// answer that says so arrives.
    fn receipt(self: &Arc<Self>, credential: Arc<B::Credential>) -> Receipt {
        let core = self.clone();
        Receipt::with(move || {
            let tasks = core.host.tasks.clone();
            tasks.spawn(async move { core.give_back(&credential, "undelivered").await });
        })
    }

    /// Ends a credential and what was minted with it.
    pub(super) async fn give_back(&self, credential: &B::Credential, reason: &'static str) {
        let provider = self.backend.name();
        let result = self.backend.revoke(credential, Deadline::after(GIVE_BACK).of(Priority::Renewal)).await;
        self.host.recorder.revoked(provider, reason, result.as_ref().err().map_or("ok", Error::label));
        match result {
            Ok(()) => tracing::debug!(provider, reason, "gave back a credential"),
            // Each pod's token is replaced every 48 minutes: where a policy forbids it, that is no news.
            Err(error) if reason == "replaced" => {
                tracing::debug!(provider, reason, %error, "could not give back a credential; it ends with its TTL");
            }
            Err(error) => {
                tracing::warn!(provider, reason, %error, "could not give back a credential; it ends with its TTL");
            }
        }
    }
}
