//! What is told of a class, beside what is wrong with it.

use std::sync::Arc;
use std::time::Duration;

use super::manifest::{Class, Volume};
use crate::backend::explain::{Asker, Explainer, Explanation, Request, Step};
use crate::config::UNKNOWN_SERVER;
use crate::lease::Policy;

/// A class and everything that is known of it.
pub(super) struct Told<'a> {
    pub(super) class: &'a Class,
    pub(super) volumes: Vec<&'a Volume>,
    pub(super) askers: Vec<Asker>,
    /// Its backend, if this build has it.
    pub(super) explainer: Option<Arc<dyn Explainer>>,
    /// What it does, if it is no mistake.
    pub(super) explanation: Option<Explanation>,
    /// The commands that let it.
    pub(super) setup: Vec<String>,
    /// What the backend itself said.
    pub(super) steps: Vec<Step>,
}

// === impl Told ===

impl Told<'_> {
    /// What it logs in as, if it does; a class without a role has one of its own.
    pub(super) fn account(&self) -> Option<String> {
        let account = &self.explanation.as_ref()?.account;
        Some(if account.is_empty() { self.class.subject.name.clone() } else { account.clone() })
    }

    /// The name of its policy.
    pub(super) fn policy(&self) -> String {
        let namespace = self.class.namespace.as_deref().or_else(|| self.askers.first()?.namespace.as_deref());
        match namespace {
            Some(namespace) => format!("{namespace}-{}", self.class.name),
            None => self.class.name.clone(),
        }
    }

    /// The facts of the login, the operator's own server without a name.
    pub(super) fn login(&self) -> Vec<(&'static str, String)> {
        let facts = self.explanation.iter().flat_map(|told| &told.login);
        let known = |text: &String| match text.contains(UNKNOWN_SERVER) {
            true => "set by the operator".to_owned(),
            false => text.clone(),
        };
        facts.map(|(key, value)| (*key, known(value))).collect()
    }
}

/// How often one of a class's requests is made, and what becomes of its answer.
pub(super) fn kept(told: &Explanation, request: &Request, policy: &Policy) -> String {
    if !told.keeps {
        return "read at every mount".to_owned();
    }
    let every = |span: Duration| format!("{}", humantime::format_duration(span));
    match (request.mints, request.refresh) {
        (false, refresh) => format!("read again every {}", every(policy.interval(refresh))),
        (true, None) => "made once for each pod, renewed, replaced before its end".to_owned(),
        (true, Some(span)) => {
            let span = every(policy.interval(Some(span)));
            format!("made for each pod, renewed, replaced before its end; without one after {span}")
        }
    }
}
