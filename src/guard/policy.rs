//! What the operator has said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Names;

/// What happens to a Mount that breaks a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It goes on, and is counted and logged.
    Warn,
}

/// The rules. Their names are the keys of the settings file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// No pod by the service account `default`.
    DefaultServiceAccount,
    /// No token that lives longer.
    TokenLife,
    /// No login without a token that is bound to the pod.
    PodBinding,
    /// No class without a profile.
    Profile,
    /// Namespaces.
    Namespaces,
    /// Namespaces of one profile.
    ProfileNamespaces,
    /// Servers that classes may name.
    Addresses,
}

/// Everything that the operator has said; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The mode of rules without one of their own.
    pub mode: Mode,
    /// Rules with a mode of their own.
    pub modes: BTreeMap<Rule, Mode>,
    /// Whether the service account `default` is refused.
    pub refuse_default_service_account: bool,
    /// The longest life of a token, from `iat` to `exp`.
    pub max_token_life: Option<Duration>,
    /// Whether a login must show a token that is bound to the pod.
    pub require_pod_binding: bool,
    /// The providers whose classes must have a profile.
    pub require_profile: BTreeSet<String>,
    /// The namespaces whose pods may mount at all.
    pub namespaces: Names,
    /// The namespaces whose pods may use a profile, by its name.
    pub profiles: BTreeMap<String, Names>,
    /// The servers that classes may name, by provider.
    pub addresses: BTreeMap<String, Addresses>,
}

/// The servers that the classes of one provider may name, in their one written form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// By flag. Flags are older than modes: what they pin is always enforced.
    pub pinned: BTreeSet<String>,
    /// By the file; an empty list allows none but the operator's own.
    pub allowed: Option<BTreeSet<String>>,
}

// === impl Mode ===

impl Mode {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "enforce" => Ok(Self::Enforce),
            "warn" => Ok(Self::Warn),
            _ => Err("not enforce or warn"),
        }
    }

    /// As a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
        }
    }
}

// === impl Rule ===

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 7] = [
        Self::DefaultServiceAccount,
        Self::TokenLife,
        Self::PodBinding,
        Self::Profile,
        Self::Namespaces,
        Self::ProfileNamespaces,
        Self::Addresses,
    ];

    /// As a label, and as it is called in the settings file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DefaultServiceAccount => "refuseDefaultServiceAccount",
            Self::TokenLife => "maxTokenLife",
            Self::PodBinding => "requirePodBinding",
            Self::Profile => "requireProfile",
            Self::Namespaces => "namespaces",
            Self::ProfileNamespaces => "profileNamespaces",
            Self::Addresses => "addresses",
        }
    }

    /// The rule of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

// === impl Policy ===

impl Policy {
    /// What happens where `rule` is broken.
    pub fn mode_of(&self, rule: Rule) -> Mode {
        self.modes.get(&rule).copied().unwrap_or(self.mode)
    }

    /// The rules that are in force, for whoever starts the process.
    pub fn in_force(&self) -> Vec<Rule> {
        let is_set = |rule: &Rule| match rule {
            Rule::DefaultServiceAccount => self.refuse_default_service_account,
            Rule::TokenLife => self.max_token_life.is_some(),
            Rule::PodBinding => self.require_pod_binding,
            Rule::Profile => !self.require_profile.is_empty(),
            Rule::Namespaces => self.namespaces != Names::default(),
            Rule::ProfileNamespaces => self.profiles.values().any(|names| *names != Names::default()),
            Rule::Addresses => !self.addresses.is_empty(),
        };
        Rule::ALL.into_iter().filter(is_set).collect()
    }
}

// === impl Addresses ===

impl Addresses {
    /// Whether no list says anything.
    pub fn is_open(&self) -> bool {
        self.pinned.is_empty() && self.allowed.is_none()
    }

    /// Every server of the lists.
    pub fn iter(&self) -> impl Iterator<Item = &String> {
        self.pinned.iter().chain(self.allowed.iter().flatten())
    }

    pub(super) fn has(&self, address: &str) -> bool {
        self.pinned.contains(address) || self.allowed.as_ref().is_some_and(|list| list.contains(address))
    }
}
