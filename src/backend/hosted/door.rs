//! What a Mount passes before anything is asked of anybody: its class under its
//! profile, its claim, the operator's policy.

use std::borrow::Cow;

use super::Core;
use crate::backend::{Ask, Backend, Parameters};
use crate::error::{Error, Errors, Kind, Stage};
use crate::guard::Asking;
use crate::identity::{Claimed, Pod, Shown};

/// A class as it stands for one pod.
pub(super) struct Wanted<'a, B: Backend> {
    pub(super) scope: B::Scope,
    pub(super) objects: B::Objects,
    parameters: Cow<'a, Parameters>,
}

// === impl Core ===

impl<B: Backend> Core<B> {
    /// What the class asks for and what is claimed for it, where the operator lets it pass.
    pub(super) fn admit_ask<'a>(&self, ask: &Ask<'a>) -> Result<(Wanted<'a, B>, Claimed), Errors> {
        let wanted = self.wanted(ask.pod, ask.parameters)?;
        let (brought, evidence) = (ask.brought(self.backend.name()), self.backend.evidence(&wanted.scope));
        let claimed = self.host.verifier.claimed(&brought, evidence)?;
        let servers = self.backend.named_by_author(&wanted.parameters, &wanted.scope);
        self.host.guard.check(&self.asking(&wanted, ask.pod, ask.class, &servers, Some(claimed.shown())))?;
        Ok((wanted, claimed))
    }

    /// The class with its profile under it, read. Needs no network.
    pub(super) fn wanted<'a>(&self, pod: &Pod, written: &'a Parameters) -> Result<Wanted<'a, B>, Errors> {
        let parameters = self.host.profiles.merge(self.backend.name(), pod, written)?;
        match self.backend.parse(&parameters) {
            Ok((scope, objects)) => Ok(Wanted { scope, objects, parameters }),
            Err(errors) => Err(explained(errors, &parameters)),
        }
    }

    /// The same, where nobody asks now: a class that is stored.
    pub(super) fn still_wanted<'a>(
        &self,
        pod: &Pod,
        class: &str,
        written: &'a Parameters,
    ) -> Result<Wanted<'a, B>, Errors> {
        let wanted = self.wanted(pod, written)?;
        let servers = self.backend.named_by_author(&wanted.parameters, &wanted.scope);
        self.host.guard.tolerates(&self.asking(&wanted, pod, Some(class), &servers, None))?;
        Ok(wanted)
    }

    fn asking<'a>(
        &self,
        wanted: &'a Wanted<'_, B>,
        pod: &'a Pod,
        class: Option<&'a str>,
        servers: &'a [String],
        shown: Option<Shown>,
    ) -> Asking<'a> {
        let profile = wanted.parameters.profile();
        Asking { provider: self.backend.name(), pod, class, profile, servers, shown }
    }
}

/// What is wrong with a class may be that the default profile is not under it.
fn explained(errors: Errors, parameters: &Parameters) -> Errors {
    let Some((profile, key)) = parameters.left_default() else { return errors };
    let note = Error::new(
        Kind::Invalid,
        Stage::Request,
        "the default profile is not used for this class, which sets this itself",
    )
    .with("parameter", key)
    .with("profile", profile)
    .hint(format!("author: leave {key} out to have the profile, or set everything that the class needs"));
    let all = errors.iter().cloned().chain([note]).collect();
    Errors::from_list(all).unwrap_or(errors)
}
