//! `--live`: asks the backend of each class what a Mount would meet.

use tokio_util::sync::CancellationToken;

use super::finding::Findings;
use super::look::Look;
use super::told::Told;
use super::{MISTAKES, NO_INPUT, merge, rules};
use crate::backend::explain::{Explainer, Step, Visit, Visited};
use crate::cli::fetch::{Failure, pod, token};
use crate::cli::signal::interrupted;
use crate::config::Live;
use crate::error::Errors;
use crate::files::project;
use crate::identity::{Pod, Said, Secrets, Tokens};
use crate::time::Deadline;

/// What the driver gives files whose object has no mode.
const MODE: u32 = 0o644;

/// Asks for every class that is no mistake; the exit code of the first failure.
pub(super) async fn ask(
    look: &Look<'_>,
    told: &mut [Told<'_>],
    findings: &mut Findings,
) -> Result<Option<u8>, Failure> {
    let Some(live) = &look.check.live else { return Ok(None) };
    let stop = CancellationToken::new();
    let asking = every(look, live, told, findings, &stop);
    tokio::pin!(asking);
    tokio::select! {
        done = &mut asking => return done,
        () = interrupted() => stop.cancel(),
    }
    // What was made is still given back.
    asking.await
}

async fn every(
    look: &Look<'_>,
    live: &Live,
    told: &mut [Told<'_>],
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<Option<u8>, Failure> {
    let mut first = None;
    for one in told.iter_mut().filter(|one| one.explanation.is_some()) {
        let Some(explainer) = one.explainer.clone() else { continue };
        if stop.is_cancelled() {
            break;
        }
        let visited = visit(look, live, one, &*explainer, stop).await?;
        let failure = failure(&visited.steps);
        one.steps = delivered(look, visited);
        report(one, findings);
        first = first.or(failure);
    }
    Ok(first)
}

async fn visit(
    look: &Look<'_>,
    live: &Live,
    told: &Told<'_>,
    explainer: &dyn Explainer,
    stop: &CancellationToken,
) -> Result<Visited, Failure> {
    let token = token(&live.token).await.map_err(|failure| Failure::new(NO_INPUT, failure.text))?;
    let said = Said::of(&token);
    let pod: Pod = pod(&look.check.pod, said.as_ref(), told.class.namespace.as_deref());
    let parameters = merge::parameters(look, told.class, None, &pod)?;
    let (tokens, secrets) = (Tokens::own(token), Secrets::default());
    let visit = Visit {
        verifier: look.explainers.verifier(),
        pod: &pod,
        tokens: &tokens,
        secrets: &secrets,
        parameters: &parameters,
        mint: live.mint,
        stop,
        by: Deadline::after(live.timeout),
    };
    Ok(explainer.visit(visit).await)
}

/// The steps, with what the driver would be given: sizes, never a value.
fn delivered(look: &Look<'_>, visited: Visited) -> Vec<Step> {
    let Visited { mut steps, secrets, unasked } = visited;
    let step = |outcome| Step { name: "files", outcome };
    let empty = secrets.is_empty();
    let projected = project(secrets, MODE, look.check.rooms.server.max_response);
    match projected {
        Ok(files) => steps.extend(files.iter().map(|file| {
            step(Ok(format!("{:04o}  {}  would be {} bytes", file.mode, file.path, file.size())))
        })),
        Err(errors) if !empty => steps.push(step(Err(errors))),
        Err(_) => {}
    }
    if unasked > 0 {
        let requests = if unasked == 1 { "one request makes" } else { "some requests make" };
        let text = format!(
            "{requests} something new: only the permission was asked after (--mint has it made, and revoked)"
        );
        steps.push(step(Ok(text)));
    }
    steps
}

/// A finding for each stage that failed.
fn report(told: &Told<'_>, findings: &mut Findings) {
    let class = told.class;
    for step in &told.steps {
        let Err(errors) = &step.outcome else { continue };
        for error in errors.iter() {
            let (text, hint) = error.parts();
            // Giving back, or a question that a token may not ask, is no refusal.
            let rule = if is_fatal(step) { rules::LIVE } else { rules::LIVE_WARNING };
            let finding = class.subject.at(class.at, rule, format!("{}: {text}", step.name));
            findings.push(match hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            });
        }
    }
}

/// Whether a Mount would fail by it.
fn is_fatal(step: &Step) -> bool {
    let could_not_ask =
        step.name == "permits" && step.outcome.as_ref().is_err_and(|errors| !is_denied(errors));
    step.name != "revoke" && !could_not_ask
}

fn is_denied(errors: &Errors) -> bool {
    errors.kind() == crate::error::Kind::Denied
}

/// The exit code of the first failure.
fn failure(steps: &[Step]) -> Option<u8> {
    let failed = steps.iter().find(|step| step.outcome.is_err() && is_fatal(step))?;
    let code = failed.outcome.clone().err().map(|errors| Failure::from(errors).code);
    // Fetch's code for a wrong token is the one for warnings here.
    code.map(|code| if code == Failure::INPUT { MISTAKES } else { code })
}
