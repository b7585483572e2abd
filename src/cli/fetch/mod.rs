//! `keymount fetch`: acts as the driver does, with the same class, for one pod,
//! job or machine that has its token in a file (decision 18). Once it is the init
//! container, with `--watch` the sidecar.

mod failure;
mod inputs;
mod job;
mod pod;
mod reread;
mod set;
mod watch;

pub use failure::Failure;

pub(super) use self::inputs::token;
pub(super) use self::pod::pod;

use std::sync::Arc;

use tokio::sync::Semaphore;

use self::job::Job;
use super::signal::interrupted;
use super::{Class, Terminal};
use crate::app::Single;
use crate::config::{Fault, Fetch};
use crate::identity::Verifier;
use crate::time::Deadline;

/// Fetches. The error has the exit code.
pub async fn run(fetch: Fetch) -> Result<(), Failure> {
    let mut job = tokio::select! {
        job = begun(fetch) => job?,
        () = interrupted() => return stopped(false),
    };
    let watch = job.fetch.watch;
    let done = tokio::select! {
        done = work(&mut job) => done,
        () = interrupted() => stopped(watch),
    };
    job.single.end().await;
    done
}

/// Reads the class and makes its provider, within the fetch's own time.
async fn begun(fetch: Fetch) -> Result<Job, Failure> {
    let slow = || Err(Failure::new(Failure::INPUT, "the class file was not read within --timeout"));
    let by = Deadline::after(fetch.timeout);
    let class = by.bound(inputs::class(&fetch)).await.unwrap_or_else(slow)?;
    check(&fetch, &class)?;
    let single = Single::start(fetch.rooms.clone(), &class.provider, Verifier::own_token).await?;
    let writing = Arc::new(Semaphore::new(1));
    Ok(Job { fetch, class, single, writing })
}

async fn work(job: &mut Job) -> Result<(), Failure> {
    if job.fetch.watch {
        return job.watch().await;
    }
    let set = job.first().await?;
    let mut terminal = Terminal::stdout();
    for line in set.lines().filter(|_| !job.fetch.quiet) {
        terminal.plain(&line);
    }
    Ok(())
}

/// What only the class can say: its provider, and what that needs.
fn check(fetch: &Fetch, class: &Class) -> Result<(), Failure> {
    match fetch.fault_of(&class.provider) {
        Some(Fault::Provider(text)) => Err(Failure::new(Failure::INPUT, text)),
        Some(Fault::Setting(text)) => Err(Failure::new(Failure::USAGE, text)),
        None => Ok(()),
    }
}

/// A sidecar is meant to be ended; what ends before its files are there has failed.
fn stopped(watch: bool) -> Result<(), Failure> {
    match watch {
        true => Ok(()),
        false => Err(Failure::new(Failure::OTHER, "interrupted before the files were there")),
    }
}
