//! `keymount check`: what is wrong with classes, what they do and what they need,
//! said before a pod waits for them. What a provider would refuse at a Mount is
//! found by the same parse; the rest is in `rules`.

mod finding;
mod input;
mod live;
mod look;
mod manifest;
mod merge;
mod near;
mod print;
mod rules;
mod told;
mod yaml;

use self::finding::Findings;
use self::look::Look;
use self::manifest::Manifests;
use super::fetch::Failure;
use super::signal::interrupted;
use crate::app::Explainers;
use crate::backend::explain::Severity;
use crate::config::Check;
use crate::identity::Verifier;

/// Nothing is wrong.
const FINE: u8 = 0;
/// A mistake was found.
const MISTAKES: u8 = 1;
/// Only warnings, and they count.
const WARNINGS: u8 = 2;
/// There is nothing to look at (`EX_NOINPUT` of sysexits.h).
const NO_INPUT: u8 = 66;

/// Checks, prints, and gives the exit code. The error is one of the command line or of what
/// could not be read.
pub async fn run(check: Check) -> Result<u8, Failure> {
    if check.rules {
        print::rules();
        return Ok(FINE);
    }
    tokio::select! {
        code = checked(&check) => code,
        // Whoever asks a backend stops by himself, so that nothing is left there.
        () = interrupted(), if check.live.is_none() => Err(Failure::new(Failure::OTHER, "interrupted")),
    }
}

async fn checked(check: &Check) -> Result<u8, Failure> {
    let paths = check.paths.clone();
    let read = tokio::task::spawn_blocking(move || input::read(&paths)).await;
    let sources = read.unwrap_or_else(|_| Err("reading broke off".into()));
    let sources = sources.map_err(|fault| Failure::new(NO_INPUT, fault))?;
    let explainers = Explainers::new(check.rooms.clone(), Verifier::own_token)?;
    let mut findings = Findings::default();
    let manifests = Manifests::of(&sources, check.pod.namespace.as_deref(), &mut findings);
    if manifests.is_empty() && findings.count(Severity::Error) == 0 {
        let text = format!("there is no SecretProviderClass and no pod with one in {} files", sources.len());
        return Err(Failure::new(NO_INPUT, text));
    }
    if let Some(name) = &check.class_name
        && manifests.classes.iter().all(|class| class.name != *name)
    {
        return Err(Failure::new(
            NO_INPUT,
            format!("there is no SecretProviderClass called {name} in these files"),
        ));
    }
    let look = Look { check, explainers: &explainers, manifests: &manifests };
    let mut told = look.all(&mut findings)?;
    let mistakes = findings.count(Severity::Error) > 0;
    let refused = live::ask(&look, &mut told, &mut findings).await?;
    print::all(check, &told, &findings);
    Ok(code(check, mistakes, refused, &findings))
}

/// What is wrong with the files counts first, then what the backend said.
fn code(check: &Check, mistakes: bool, refused: Option<u8>, findings: &Findings) -> u8 {
    match (mistakes, refused) {
        (true, _) => MISTAKES,
        (false, Some(code)) => code,
        (false, None) if check.strict && findings.count(Severity::Warning) > 0 => WARNINGS,
        (false, None) => FINE,
    }
}
