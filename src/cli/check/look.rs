//! Looking at the manifests: each part says what is wrong with one thing.

mod class;
mod drivers;
mod guard;
mod leaks;
mod objects;
mod parse;
mod synced;
mod volumes;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::Findings;
use super::manifest::{Class, Manifests, Volume};
use super::merge;
use super::told::Told;
use crate::app::Explainers;
use crate::backend::explain::{Asker, Circle, Explainer, Explanation};
use crate::config::Check;
use crate::error::Errors;

pub(super) use self::objects::Objects;

/// What looking takes.
pub(super) struct Look<'a> {
    pub(super) check: &'a Check,
    pub(super) explainers: &'a Explainers,
    pub(super) manifests: &'a Manifests,
}

// === impl Look ===

impl<'a> Look<'a> {
    /// Looks at everything; what is told of each class.
    pub(super) fn all(&self, findings: &mut Findings) -> Result<Vec<Told<'a>>, Errors> {
        // First of all, so that no other finding prints one.
        leaks::look(&self.manifests.classes, findings);
        let mut told = Vec::new();
        for class in self.manifests.classes.iter().filter(|class| self.wants(class)) {
            let explainer = self.explainers.of(&class.provider)?;
            let explanation = class::look(self, class, explainer.as_deref(), findings);
            synced::look(class, explanation.as_ref(), explainer.is_some(), findings);
            told.push(self.told(class, explainer, explanation));
        }
        class::look_together(&self.manifests.classes, findings);
        volumes::look(self, &told, findings);
        drivers::look(&self.manifests.drivers, &told, findings);
        self.set_up(&mut told);
        Ok(told)
    }

    fn wants(&self, class: &Class) -> bool {
        self.check.class_name.as_ref().is_none_or(|name| *name == class.name)
    }

    /// The volumes that mount a class, as far as the manifests say.
    pub(super) fn volumes_of(&self, class: &'a Class) -> impl Iterator<Item = &'a Volume> {
        self.manifests.volumes.iter().filter(|volume| volume.is_of(class))
    }

    fn told(
        &self,
        class: &'a Class,
        explainer: Option<Arc<dyn Explainer>>,
        explanation: Option<Explanation>,
    ) -> Told<'a> {
        let volumes: Vec<_> = self.volumes_of(class).collect();
        Told {
            class,
            askers: self.askers(class, &volumes),
            volumes,
            explainer,
            explanation,
            setup: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Who mounts the class; what the command line says where no manifest does.
    fn askers(&self, class: &Class, volumes: &[&Volume]) -> Vec<Asker> {
        let said = &self.check.pod;
        let asker = |volume: &&Volume| Asker {
            namespace: volume.namespace.clone().or_else(|| class.namespace.clone()),
            service_account: Some(volume.account.name.clone().unwrap_or_else(|| "default".to_owned())),
        };
        let mut askers: Vec<_> = volumes.iter().map(asker).collect();
        if askers.is_empty() {
            let namespace = class.namespace.clone().or_else(|| said.namespace.clone());
            askers.push(Asker { namespace, service_account: said.service_account.clone() });
        }
        askers.sort();
        askers.dedup();
        askers
    }

    /// The commands: one role is one for all classes that log in by it.
    fn set_up(&self, told: &mut [Told<'a>]) {
        let mut circles = BTreeMap::<String, (Vec<String>, Vec<Asker>)>::new();
        for one in told.iter() {
            let Some(account) = one.account() else { continue };
            let (policies, askers) = circles.entry(account).or_default();
            policies.push(one.policy());
            askers.extend(one.askers.iter().cloned());
        }
        for (policies, askers) in circles.values_mut() {
            policies.sort();
            policies.dedup();
            askers.sort();
            askers.dedup();
        }
        for one in told {
            let Some((policies, askers)) = one.account().and_then(|account| circles.get(&account)) else {
                continue;
            };
            let policy = one.policy();
            let circle = Circle { policy: &policy, policies, askers };
            let pod = merge::pod(self, one.class, None);
            let parameters = merge::parameters(self, one.class, None, &pod);
            if let (Some(explainer), Ok(parameters)) = (&one.explainer, parameters) {
                one.setup = explainer.setup(&parameters, &circle).unwrap_or_default();
            }
        }
    }
}
