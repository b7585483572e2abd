//! Asking the backend what a Mount would meet, a stage at a time, and leaving
//! nothing behind.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::explain::Explain;
use super::{Need, Parameters};
use crate::error::{Error, Errors};
use crate::identity::{Brought, Pod, Presented, Secrets, Tokens, Verifier};
use crate::secret::Secret;
use crate::time::{Deadline, Priority};

/// How long giving back may take, whatever time is left for the rest.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// Who asks for what, and how far to go.
pub struct Visit<'a> {
    /// Checks the token as a Mount would.
    pub verifier: &'a Verifier,
    /// Who asks.
    pub pod: &'a Pod,
    /// The token.
    pub tokens: &'a Tokens,
    /// The request's credentials.
    pub secrets: &'a Secrets,
    /// What is asked for.
    pub parameters: &'a Parameters,
    /// Whether what makes something new is asked for too.
    pub mint: bool,
    /// Ends it early; what was made is given back all the same.
    pub stop: &'a CancellationToken,
    /// When it must be done.
    pub by: Deadline,
}

/// One stage and how it went.
#[derive(Clone, Debug)]
pub struct Step {
    /// The stage.
    pub name: &'static str,
    /// What was seen, or what a Mount would say.
    pub outcome: Result<String, Errors>,
}

/// How far a visit came.
#[derive(Debug, Default)]
pub struct Visited {
    /// Each stage, in order; the first failure is the last but giving back.
    pub steps: Vec<Step>,
    /// What a Mount would have delivered of what was asked for.
    pub secrets: Vec<Secret>,
    /// The requests that were not made, because they make something new.
    pub unasked: usize,
}

// === impl Visited ===

impl Visited {
    fn note(&mut self, name: &'static str, outcome: Result<String, Errors>) -> Option<()> {
        let went_well = outcome.is_ok();
        self.steps.push(Step { name, outcome });
        went_well.then_some(())
    }

    /// Notes an outcome whose value is needed further on.
    fn keep<T>(&mut self, name: &'static str, result: Result<T, Errors>, said: &str) -> Option<T> {
        match result {
            Ok(value) => self.note(name, Ok(said.to_owned())).map(|()| value),
            Err(errors) => {
                self.note(name, Err(errors));
                None
            }
        }
    }
}

// === impl Visit ===

impl Visit<'_> {
    /// Asks `backend`.
    pub(super) async fn pay<B: Explain>(self, backend: &B) -> Visited {
        let mut visited = Visited::default();
        let _ = self.stages(backend, &mut visited).await;
        visited
    }

    /// `None` as soon as a stage failed.
    async fn stages<B: Explain>(&self, backend: &B, visited: &mut Visited) -> Option<()> {
        let (scope, mut objects) =
            visited.keep("parse", backend.parse(self.parameters), "the class is read")?;
        visited.note("reach", backend.reach(&scope, self.by).await.map_err(Errors::from))?;
        let proof = self.proof(backend, &scope).await;
        let proof =
            visited.keep("proof", proof.map_err(Errors::from), "the token is one that may be shown")?;
        let login = backend.login(Arc::new(proof), &scope, self.by).await;
        let credential = visited.keep("login", login.map_err(Errors::from), "logged in")?;
        let look = self.look(backend, &scope, &credential, &mut objects, visited);
        let _ = self.stop.run_until_cancelled(look).await;
        let by = Deadline::after(GIVE_BACK).of(Priority::First);
        let revoked = backend.revoke(&credential, by).await;
        let revoked = revoked.map(|()| "gave the login back, and what it made".to_owned());
        visited.note("revoke", revoked.map_err(Errors::from))
    }

    async fn proof<B: Explain>(&self, backend: &B, scope: &B::Scope) -> Result<Presented, Error> {
        let (pod, tokens, secrets) = (self.pod, self.tokens, self.secrets);
        let brought = Brought { provider: backend.name(), pod, tokens, secrets };
        let claimed = self.verifier.claimed(&brought, backend.evidence(scope))?;
        Ok(self.verifier.prove(&claimed, self.by).await?.into_presented())
    }

    /// What the login may do, and what it reads.
    async fn look<B: Explain>(
        &self,
        backend: &B,
        scope: &B::Scope,
        credential: &B::Credential,
        objects: &mut B::Objects,
        visited: &mut Visited,
    ) -> Option<()> {
        let reads: Vec<_> = backend.reads(objects).into_iter().map(|Need { read, .. }| read).collect();
        let permitted = self.permitted(backend, scope, credential, objects, &reads, visited).await;
        let pairs = || reads.iter().zip(&permitted);
        let asked = |read: &B::Read| self.mint || !backend.mints(read);
        visited.unasked = reads.iter().filter(|read| !asked(read)).count();
        let due: Vec<_> =
            pairs().filter(|(read, may)| **may && asked(read)).map(|(read, _)| read.clone()).collect();
        if due.is_empty() {
            return Some(());
        }
        backend.narrow(objects, &|read| due.contains(read));
        let answers = backend.fetch(credential, &due, self.by).await;
        let answers = answers.into_iter().map(|answer| answer.map(Arc::new));
        let picked = backend.pick(objects, &due.into_iter().zip(answers).collect());
        visited.secrets = visited.keep("read", picked, "every value is there")?;
        Some(())
    }

    /// Which of the requests the login may make; where it cannot be asked, all may be tried.
    async fn permitted<B: Explain>(
        &self,
        backend: &B,
        scope: &B::Scope,
        credential: &B::Credential,
        objects: &B::Objects,
        reads: &[B::Read],
        visited: &mut Visited,
    ) -> Vec<bool> {
        let permitted = match backend.permits(credential, reads, self.by).await {
            Ok(permitted) => permitted,
            Err(error) => {
                visited.note("permits", Err(error.into()));
                return vec![true; reads.len()];
            }
        };
        let forbidden = reads.iter().zip(&permitted).filter(|(_, may)| !**may);
        let refusals = forbidden.map(|(read, _)| backend.forbidden(scope, objects, read)).collect();
        let may = match reads.len() {
            1 => "the one request is allowed".to_owned(),
            count => format!("all {count} requests are allowed"),
        };
        visited.note("permits", Errors::from_list(refusals).map_or(Ok(may), Err));
        permitted
    }
}
