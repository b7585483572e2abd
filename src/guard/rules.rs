//! Each rule: what it looks at, and what it says to whom.

use super::names::Verdict;
use super::{Mode, Names, Policy, Rule};
use crate::error::{Error, Kind, Stage};
use crate::identity::{Pod, Shown};

/// What a Mount asks for, as far as the rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The provider.
    pub provider: &'static str,
    /// The pod, as the driver names it and its token says.
    pub pod: &'a Pod,
    /// The class, if the request names it.
    pub class: Option<&'a str>,
    /// The profile that stands under the class.
    pub profile: Option<&'a str>,
    /// The servers that only the class's author has named.
    pub servers: &'a [String],
    /// What the request shows; `None` where nothing is being shown now.
    pub shown: Option<Shown>,
}

/// A rule that is broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// What follows from it.
    pub mode: Mode,
    /// What is said of it.
    pub error: Error,
}

// === impl Policy ===

impl Policy {
    /// Every rule that is broken, with its mode. Pure.
    pub fn broken(&self, asking: &Asking<'_>) -> Vec<Broken> {
        let found = [
            self.service_account(asking),
            self.token_life(asking),
            self.pod_binding(asking),
            self.profile(asking),
            self.namespace(asking),
            self.profile_namespace(asking),
            self.addresses(asking),
        ];
        found.into_iter().flatten().collect()
    }

    fn service_account(&self, asking: &Asking<'_>) -> Option<Broken> {
        let is_default = asking.pod.service_account == "default";
        (self.refuse_default_service_account && is_default).then(|| {
            let text = "the pod runs by the service account that every pod of its namespace has unless it names another";
            self.refuse(Rule::DefaultServiceAccount, asking, text, |error| {
                error.with("service_account", &asking.pod.service_account).hint(
                    "author: make a service account for this workload, name it in the pod (spec.serviceAccountName), \
                     and bind the backend's role to it; operator: guard.refuseDefaultServiceAccount",
                )
            })
        })
    }

    fn token_life(&self, asking: &Asking<'_>) -> Option<Broken> {
        let (most, Shown::Token { life, .. }) = (self.max_token_life?, asking.shown?) else { return None };
        if life.is_some_and(|life| life <= most) {
            return None;
        }
        let most = humantime::format_duration(most);
        let seen = life.map_or("unknown".to_owned(), |life| humantime::format_duration(life).to_string());
        let text = format!("the pod's token lives longer than the {most} that the operator allows");
        Some(self.refuse(Rule::TokenLife, asking, text, |error| {
            error.with("life", seen.replace(' ', "")).hint(
                "operator: set expirationSeconds of the audience in the CSIDriver's tokenRequests to what is allowed, \
                 or raise guard.maxTokenLife",
            )
        }))
    }

    fn pod_binding(&self, asking: &Asking<'_>) -> Option<Broken> {
        let shown = asking.shown.filter(|_| self.require_pod_binding)?;
        let text = match shown {
            Shown::Token { bound: true, .. } => return None,
            Shown::Token { bound: false, .. } => "the token is bound to no pod",
            Shown::Other => "the login shows no token of the pod",
        };
        Some(self.refuse(Rule::PodBinding, asking, text, |error| {
            error.hint("author: log in by the pod's own token; operator: guard.requirePodBinding")
        }))
    }

    fn profile(&self, asking: &Asking<'_>) -> Option<Broken> {
        let is_due = asking.profile.is_none() && self.require_profile.contains(asking.provider);
        is_due.then(|| {
            let text = "the class has no profile, and the operator lets none go without";
            self.refuse(Rule::Profile, asking, text, |error| {
                error.hint(
                    "author: name one of the operator's profiles in the class (profile: NAME), and leave out what it sets; \
                     operator: guard.requireProfile",
                )
            })
        })
    }

    fn namespace(&self, asking: &Asking<'_>) -> Option<Broken> {
        let text = said(&self.namespaces, asking, "mount")?;
        Some(self.refuse(Rule::Namespaces, asking, text, |error| {
            error.with("namespace", &asking.pod.namespace).hint("operator: guard.namespaces")
        }))
    }

    fn profile_namespace(&self, asking: &Asking<'_>) -> Option<Broken> {
        let profile = asking.profile?;
        let text = said(self.profiles.get(profile)?, asking, "use this profile")?;
        Some(self.refuse(Rule::ProfileNamespaces, asking, text, |error| {
            error.with("profile", profile).with("namespace", &asking.pod.namespace).hint(format!(
                "author: name a profile that is for this namespace; operator: profiles.{profile}.namespaces"
            ))
        }))
    }

    fn addresses(&self, asking: &Asking<'_>) -> Option<Broken> {
        let lists = self.addresses.get(asking.provider).filter(|lists| !lists.is_open())?;
        let strange: Vec<_> = asking.servers.iter().filter(|server| !lists.has(server)).cloned().collect();
        let first = strange.first()?.clone();
        let provider = asking.provider;
        let text = match strange.len() {
            1 => format!("{first} is not among the addresses that the operator allows"),
            _ => format!("{} are not among the addresses that the operator allows", strange.join(", ")),
        };
        let broken = self.refuse(Rule::Addresses, asking, text, |error| {
            error.hint(format!(
                "author: use an allowed address, or a profile; operator: add it to guard.addresses.{provider}.allow, \
                 or start keymount with --{provider}-allowed-address {first}"
            ))
        });
        Some(match lists.pinned.is_empty() {
            true => broken,
            false => Broken { mode: Mode::Enforce, ..broken },
        })
    }

    fn refuse(
        &self,
        rule: Rule,
        asking: &Asking<'_>,
        text: impl Into<String>,
        more: impl FnOnce(Error) -> Error,
    ) -> Broken {
        let error = Error::new(Kind::Denied, Stage::Guard, text)
            .with("rule", rule.as_str())
            .with("backend", asking.provider)
            .with("pod", asking.pod);
        Broken { rule, mode: self.mode_of(rule), error: more(error) }
    }
}

fn said(names: &Names, asking: &Asking<'_>, what: &str) -> Option<String> {
    Some(match names.verdict(&asking.pod.namespace)? {
        Verdict::Unlisted => format!("the namespace is not among those whose pods may {what}"),
        Verdict::Denied => format!("the namespace is among those whose pods may not {what}"),
    })
}
