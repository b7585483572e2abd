//! The operator's named settings: a class says `profile: NAME`, and what the
//! profile holds stands under its own parameters before any backend reads them.
//!
//! What comes from a profile is the operator's word ([`Parameters::is_operators`]),
//! so that decision 14 needs no second look at texts.

mod merge;
mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Parameters;
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::Pod;

pub use template::fault as template_fault;

/// The parameter that names a profile.
pub const PROFILE: &str = "profile";

/// What a class's parameter sets, as its backend says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it decides. Parameters that decide the same stand for each other: who sets one of
    /// them has set them all.
    pub decides: &'static str,
    /// Which part of a login it belongs to.
    pub part: Part,
}

/// What a parameter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Where the pod's token goes.
    Server,
    /// Whom to trust there.
    Trust,
    /// The operator's own trust: a client key, a check that is left out. Never for a server
    /// that somebody else names (decision 14).
    Lent,
    /// As whom the pod logs in.
    Login,
    /// What it reads: in which of the operator's places, how often, under which names.
    Reading,
}

/// What a provider's parameter of this name sets; `None` for what is no parameter of classes.
pub type Settings = fn(&str) -> Option<Setting>;

/// Named settings of one provider.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What classes call it.
    pub name: String,
    /// The provider whose classes may name it.
    pub provider: &'static str,
    /// The provider's parameters.
    pub settings: Settings,
    /// What it sets; may hold templates.
    pub parameters: BTreeMap<String, String>,
    /// What a class may still decide, by [`Setting::decides`].
    pub overrides: BTreeSet<&'static str>,
    /// Whether classes of the provider that name none have it.
    pub is_default: bool,
    /// The most requests at a time to its server, instead of the provider's.
    pub max_in_flight: Option<usize>,
    /// The most requests a second to its server, instead of the provider's.
    pub rate: Option<f64>,
}

/// Every profile, by name.
#[derive(Clone, Debug, Default)]
pub struct Profiles(BTreeMap<String, Profile>);

// === impl Profile ===

impl Profile {
    /// What it sets for nobody in particular: the parts that are the same for every pod, as the operator's word.
    pub fn common(&self) -> Parameters {
        let fixed = |key: &str| {
            (self.settings)(key)
                .is_some_and(|setting| matches!(setting.part, Part::Server | Part::Trust | Part::Lent))
        };
        let texts = self.parameters.iter().filter(|(key, _)| fixed(key));
        Parameters::default()
            .under(&self.name, texts.map(|(key, text)| (key.clone(), text.clone())).collect())
    }

    /// All that it sets for `pod`, as the operator's word; empty where it cannot be filled in.
    pub fn alone(&self, pod: &Pod) -> Parameters {
        self.under(pod, &Parameters::default()).unwrap_or_default()
    }

    /// Its parameters that may be the same for two pods of different names.
    pub fn ambiguous(&self) -> impl Iterator<Item = &str> {
        let ambiguous = self.parameters.iter().filter(|(_, text)| template::is_ambiguous(text));
        ambiguous.map(|(key, _)| key.as_str())
    }

    /// Whether it says where the pod's token goes.
    pub fn names_server(&self) -> bool {
        let is_server =
            |key: &String| (self.settings)(key).is_some_and(|setting| setting.part == Part::Server);
        self.parameters.keys().any(is_server)
    }
}

// === impl Profiles ===

impl Profiles {
    /// These profiles; of two with one name the later one.
    pub fn new(profiles: impl IntoIterator<Item = Profile>) -> Self {
        Self(profiles.into_iter().map(|profile| (profile.name.clone(), profile)).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.values()
    }

    /// The class's parameters over those of the profile that it names, or of its provider's default.
    /// Needs no server. Reports every parameter that the profile keeps to itself.
    pub fn merge<'a>(
        &self,
        provider: &str,
        pod: &Pod,
        written: &'a Parameters,
    ) -> Result<Cow<'a, Parameters>, Errors> {
        let Some(name) = written.get(PROFILE) else {
            let default = self.0.values().find(|profile| profile.is_default && profile.provider == provider);
            return match default {
                Some(profile) => profile.beneath(pod, written).map(Cow::Owned),
                None => Ok(Cow::Borrowed(written)),
            };
        };
        let profile = self.0.get(name).ok_or_else(|| unknown(name))?;
        if profile.provider != provider {
            return Err(foreign(profile, provider).into());
        }
        profile.under(pod, written).map(Cow::Owned)
    }
}

/// Other teams' profiles are not listed: whoever may read a pod's events would learn of them.
fn unknown(name: &str) -> Error {
    Error::new(Kind::Invalid, Stage::Request, "the operator has no profile of this name")
        .with("parameter", PROFILE)
        .with("profile", name)
        .hint("author: correct the name, or leave it out; operator: add it to profiles of the --config file")
}

fn foreign(profile: &Profile, provider: &str) -> Error {
    let text = format!("the profile is for provider {}, and this class is for {provider}", profile.provider);
    Error::new(Kind::Invalid, Stage::Request, text)
        .with("parameter", PROFILE)
        .with("profile", &profile.name)
        .hint(format!("author: name a profile of provider {provider}, or correct the class's provider"))
}
