//! One fetch: token, Mount, folder.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::set::Set;
use super::{Failure, inputs, pod};
use crate::app::Single;
use crate::backend::Parameters;
use crate::cli::Class;
use crate::config::Fetch;
use crate::files::atomic;
use crate::identity::{Said, Secrets, Tokens};
use crate::mount::{Answer, Mount};
use crate::time::{Backoff, Deadline};

/// How much earlier than ours the backend's deadline is: its own text says more.
const MARGIN: Duration = Duration::from_millis(250);
/// How long the disk may take, or another writer of the same folder.
const WRITING: Duration = Duration::from_secs(30);
/// The waits before the first set is there.
const FIRST: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));

/// What is fetched, from where and into which folder.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) fetch: Fetch,
    pub(super) class: Class,
    pub(super) single: Single,
    /// Who writes into the folder.
    pub(super) writing: Arc<Semaphore>,
}

// === impl Job ===

impl Job {
    /// The first set, tried until `--timeout`: what is transient always, and what may still be
    /// set up by somebody else for as long as we mean to stay.
    pub(super) async fn first(&self) -> Result<Set, Failure> {
        let (by, mut waits, mut before) = (Deadline::after(self.fetch.timeout), FIRST, None);
        loop {
            let failure = match self.once(by).await {
                Ok(set) => return Ok(set),
                // What was wrong before says more than that there was no time left for another try.
                Err(failure) => before.filter(|_| by.left() <= MARGIN).unwrap_or(failure),
            };
            let wait = waits.next().unwrap_or_default();
            let hope = if self.fetch.watch { failure.may_mend() } else { failure.is_transient() };
            if wait >= by.left() || !hope {
                return Err(failure);
            }
            tracing::warn!(class = self.class.name, failure = failure.text, "no files yet; trying again");
            before = Some(failure);
            tokio::time::sleep(wait).await;
        }
    }

    /// One turn: reads the token, asks, and writes.
    pub(super) async fn once(&self, by: Deadline) -> Result<Set, Failure> {
        let answer = self.answer(&self.class, by).await?;
        self.write(answer).await
    }

    /// Reads the token and asks for a class.
    pub(super) async fn answer(&self, class: &Class, by: Deadline) -> Result<Answer, Failure> {
        let ask = async {
            let mount = self.mount(class.clone()).await?;
            self.single.mount(&mount, by.less(MARGIN)).await.map_err(Failure::from)
        };
        by.bound(ask).await.unwrap_or_else(|| Err(late()))
    }

    async fn mount(&self, class: Class) -> Result<Mount, Failure> {
        let token = inputs::token(&self.fetch.token).await?;
        let pod = pod::pod(&self.fetch.pod, Said::of(&token).as_ref(), class.namespace.as_deref());
        // As a pod's own attributes would: they win over the class.
        let audience = self.fetch.audience.clone().map(|audience| ("audience".to_owned(), audience));
        let own = self.fetch.parameters.clone().into_iter().chain(audience);
        let parameters: Parameters = class.parameters.into_iter().chain(own).collect();
        let (tokens, permission) = (Tokens::own(token), self.fetch.mode);
        Ok(Mount {
            pod,
            class: Some(class.name),
            parameters,
            tokens,
            secrets: Secrets::default(),
            permission,
        })
    }

    /// What was minted for files that are not there is given back with the receipt. The thread
    /// that writes has it: it ends what it began, even if we are ended meanwhile.
    async fn write(&self, answer: Answer) -> Result<Set, Failure> {
        let (set, out) = (Set::of(&answer), self.fetch.out.clone());
        let Answer { files, receipt, .. } = answer;
        let by = Deadline::after(WRITING);
        let slow = || io::Error::other("it took too long");
        // One at a time: what hangs on a dead disk must neither pile up nor come last with older files.
        let Some(Ok(turn)) = by.bound(self.writing.clone().acquire_owned()).await else {
            return Err(self.unwritten(&slow()));
        };
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            if by.left().is_zero() {
                return Err(slow());
            }
            let outcome = atomic::write(&out, &files)?;
            receipt.keep();
            Ok(outcome)
        });
        let written = by.bound(written).await.unwrap_or_else(|| Ok(Err(slow())));
        let written = written.unwrap_or_else(|_| Err(io::Error::other("writing broke off")));
        written.map(|outcome| set.written(&outcome)).map_err(|error| self.unwritten(&error))
    }

    fn unwritten(&self, error: &io::Error) -> Failure {
        Failure::new(
            Failure::OTHER,
            format!("cannot write the files to {}: {error}", self.fetch.out.display()),
        )
    }
}

pub(super) fn late() -> Failure {
    Failure::new(Failure::AWAY, "the files were not there within --timeout")
}
