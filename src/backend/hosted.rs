//! What is the same for every backend: proof first, login, reads together, one
//! more login after a refusal, and giving back what was not delivered.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

use super::{Ask, Backend, Provider, Readings, Receipt};
use crate::error::{Error, Errors, Kind};
use crate::identity::{Presented, Verifier};
use crate::secret::Secret;
use crate::time::Deadline;

/// How long giving back may take.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// A backend with its host's manners, as a [`Provider`].
pub struct Hosted<B> {
    backend: Arc<B>,
    verifier: Arc<Verifier>,
    /// Owns the tasks that give back; the app waits for them at the end.
    tasks: TaskTracker,
}

// === impl Hosted ===

impl<B: Backend> Hosted<B> {
    /// Hosts `backend`.
    pub fn new(backend: B, verifier: Arc<Verifier>, tasks: TaskTracker) -> Self {
        Self { backend: Arc::new(backend), verifier, tasks }
    }

    async fn answer(&self, ask: Ask<'_>) -> Result<(Vec<Secret>, Receipt), Errors> {
        let (scope, objects) = self.backend.parse(ask.parameters)?;
        let evidence = self.backend.evidence(&scope);
        let proof = Arc::new(self.verifier.present(ask.pod, ask.tokens, evidence, ask.by).await?);
        let reads = self.backend.reads(&objects);
        let credential = Arc::new(self.backend.login(proof.clone(), &scope, ask.by).await?);
        let mut receipt = self.receipt(credential.clone());
        let mut readings = self.fetch(&credential, reads, ask.by).await;
        let refused = refused(&readings);
        if !refused.is_empty() {
            let again = self.again(proof, &scope, refused, ask.by).await;
            if let Some((credential, second)) = again {
                receipt = receipt.and(self.receipt(credential));
                readings.extend(second);
            }
        }
        let secrets = self.backend.pick(&objects, &readings)?;
        Ok((secrets, receipt))
    }

    async fn fetch(&self, credential: &B::Credential, due: Vec<B::Read>, by: Deadline) -> Readings<B::Read> {
        let answers = self.backend.fetch(credential, &due, by).await;
        due.into_iter().zip(answers).collect()
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
        let credential = Arc::new(self.backend.login(proof, scope, by).await.ok()?);
        let readings = self.fetch(&credential, refused, by).await;
        Some((credential, readings))
    }

    /// A receipt for a credential and all that is minted with it, whether or not the
    /// answer that says so arrives.
    fn receipt(&self, credential: Arc<B::Credential>) -> Receipt {
        let (backend, tasks) = (self.backend.clone(), self.tasks.clone());
        Receipt::with(move || {
            tasks.spawn(async move { give_back(backend.as_ref(), &credential).await });
        })
    }
}

impl<B: Backend> Provider for Hosted<B> {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn secrets<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<(Vec<Secret>, Receipt), Errors>> {
        self.answer(ask).boxed()
    }
}

fn refused<R: Clone>(readings: &Readings<R>) -> Vec<R> {
    let of_credential = |error: &Error| matches!(error.kind(), Kind::Denied | Kind::Unauthenticated);
    let refused = readings.iter().filter(|(_, answer)| answer.as_ref().is_err_and(of_credential));
    refused.map(|(read, _)| read.clone()).collect()
}

async fn give_back<B: Backend>(backend: &B, credential: &B::Credential) {
    let provider = backend.name();
    match backend.revoke(credential, Deadline::after(GIVE_BACK)).await {
        Ok(()) => tracing::debug!(provider, "gave back the credential of a failed or cancelled mount"),
        Err(error) => {
            tracing::warn!(provider, %error, "could not give back the credential of a failed mount; it ends with its TTL");
        }
    }
}
