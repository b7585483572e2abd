//! What is kept, for an operator.

use std::sync::Arc;

use super::Core;
use super::session::{Key, Session, State};
use crate::backend::{Backend, Entry, Inventory, Minted, Parameters};
use crate::identity::Pod;

// === impl Core ===

impl<B: Backend> Core<B> {
    /// Every session, in order of namespace and pod.
    pub(super) fn inventory(&self) -> Inventory {
        let mut sessions: Vec<_> = self.sessions.all().iter().map(|session| self.entry(session)).collect();
        sessions.sort_by(|a, b| (&a.namespace, &a.pod, &a.place).cmp(&(&b.namespace, &b.pod, &b.place)));
        Inventory { sessions, kept_bytes: self.host.budget.used() }
    }

    /// The class that this pod asked for with these parameters before.
    pub(super) fn class_of(&self, pod: &Pod, parameters: &Parameters) -> Option<String> {
        let key = Key::new(self.wanted(pod, parameters).ok()?.scope, pod);
        let bound = || self.sessions.all().into_iter().find(|session| session.key.is_like(&key));
        let session = self.sessions.get(&key).or_else(bound)?;
        let state = session.state();
        let mut classes = state.classes.iter().filter(|(name, _)| !name.is_empty());
        classes.find(|(_, class)| class.parameters == *parameters).map(|(name, _)| name.clone())
    }

    fn entry(&self, session: &Arc<Session<B>>) -> Entry {
        let (clock, state) = (&self.host.clock, session.state());
        let dated = |moment| clock.dated(moment);
        let minted = self.minted(&state);
        let classes = state.classes.iter().filter(|(_, class)| class.answered);
        Entry {
            provider: self.backend.name(),
            namespace: session.pod.namespace.clone(),
            pod: session.pod.name.clone(),
            uid: session.pod.uid.clone(),
            service_account: session.pod.service_account.clone(),
            classes: classes.map(|(name, _)| name.clone()).collect(),
            place: self.backend.place(&session.key.scope),
            credential_expires: state.held.as_ref().and_then(|held| held.ends()).map(dated),
            static_values: state.kept.len() - minted.len(),
            minted,
            mounts: state.asked.count(),
            last_asked: (state.asked.count() > 0).then(|| dated(state.asked.last())),
            last_refresh: state.delivered.map(dated),
            last_error: state.last_error.clone(),
            refresh_never_seen: state.is_unrefreshed(clock.moment()),
        }
    }

    fn minted(&self, state: &State<B>) -> Vec<Minted> {
        let minted = state.kept.iter().filter(|(_, kept)| kept.facts.life.is_minted());
        let mut minted: Vec<_> = minted
            .map(|(read, kept)| {
                let standing = kept.owner.standing();
                let lives = !standing.dead && !kept.facts.gone;
                let (ends, now) = (kept.facts.ends(standing.term.as_ref()), self.host.clock.moment());
                Minted {
                    read: format!("{read:?}"),
                    expires: ends.map(|ends| self.host.clock.dated(ends)),
                    renewable: lives && kept.facts.lease.is_some_and(|term| term.is_renewable()),
                    overdue: kept.facts.is_overdue(
                        now,
                        standing.term.as_ref(),
                        state.margins.get(read).copied(),
                    ),
                }
            })
            .collect();
        minted.sort_by(|a, b| a.read.cmp(&b.read));
        minted
    }
}
