//! `keymount fetch`: acts as the driver does, with the same class, for one pod,
//! job or machine that has its token in a file (decision 18). Once it is the init
//! container, with `--watch` the sidecar.

mod failure;
mod inputs;
mod job;
mod pod;
mod set;
mod watch;

pub use failure::Failure;

use self::job::Job;
use super::signal::interrupted;
use super::{Class, Terminal};
use crate::app::Single;
use crate::config::{Fault, Fetch};
use crate::identity::Verifier;

/// Fetches. The error has the exit code.
pub async fn run(fetch: Fetch) -> Result<(), Failure> {
    let class = inputs::class(&fetch).await?;
    check(&fetch, &class)?;
    let single = Single::start(fetch.rooms.clone(), &class.provider, Verifier::own_token).await?;
    let job = Job { fetch, class, single };
    let done = tokio::select! {
        done = work(&job) => done,
        () = interrupted() => stopped(job.fetch.watch),
    };
    job.single.end().await;
    done
}

async fn work(job: &Job) -> Result<(), Failure> {
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
