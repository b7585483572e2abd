//! A class's parameters over a profile's.

use std::collections::BTreeMap;

use super::{Part, Profile, template};
use crate::backend::Parameters;
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::Pod;

/// How a class's own parameter and the profile stand to each other.
enum Meeting {
    /// The profile does not decide it.
    Free,
    /// Both say the same.
    Equal,
    /// The class decides it.
    Overrides,
    /// The profile keeps it, under this key.
    Kept(String),
}

// === impl Profile ===

impl Profile {
    /// The class's parameters over this profile, which it has named.
    pub(super) fn under(&self, pod: &Pod, written: &Parameters) -> Result<Parameters, Errors> {
        let mut texts = self.filled(pod)?;
        let mut faults = Vec::new();
        let mut own = BTreeMap::new();
        for (key, text) in written.iter().filter(|(key, text)| !text.is_empty() && *key != super::PROFILE) {
            match self.meeting(&texts, key, text) {
                Meeting::Equal => {}
                Meeting::Kept(kept) => faults.push(self.keeps(key, &kept)),
                Meeting::Free | Meeting::Overrides => {
                    own.insert(key.to_owned(), text.to_owned());
                }
            }
        }
        for key in own.keys() {
            if let Some(setting) = (self.settings)(key) {
                texts.retain(|key, _| self.decides(key) != Some(setting.decides));
            }
        }
        let merged = own.into_iter().collect::<Parameters>().under(&self.name, texts);
        Errors::from_list(faults).map_or(Ok(merged), Err)
    }

    /// The class's parameters over this profile, which is its provider's default. It is not for a
    /// class that goes its own way: such a class must be what it was before there was a profile.
    pub(super) fn beneath(&self, pod: &Pod, written: &Parameters) -> Result<Parameters, Errors> {
        let texts = self.filled(pod)?;
        let own_way = written.iter().filter(|(_, text)| !text.is_empty()).find(|(key, text)| {
            let names_server = (self.settings)(key).is_some_and(|setting| setting.part == Part::Server);
            match self.meeting(&texts, key, text) {
                Meeting::Kept(_) => true,
                Meeting::Equal => false,
                Meeting::Free | Meeting::Overrides => names_server,
            }
        });
        match own_way {
            Some((key, _)) => Ok(written.clone().without_default(&self.name, key)),
            None => self.under(pod, written),
        }
    }

    fn meeting(&self, texts: &BTreeMap<String, String>, key: &str, text: &str) -> Meeting {
        let Some(setting) = (self.settings)(key) else { return Meeting::Free };
        let mut same = texts.iter().filter(|(own, _)| self.decides(own) == Some(setting.decides)).peekable();
        let Some(first) = same.peek().map(|(own, _)| (*own).clone()) else { return Meeting::Free };
        let plain = |text: &str| match setting.part {
            Part::Server => text.trim().trim_end_matches('/').to_owned(),
            _ => text.to_owned(),
        };
        if same.any(|(_, own)| plain(own) == plain(text)) {
            Meeting::Equal
        } else if self.overrides.contains(setting.decides) {
            Meeting::Overrides
        } else {
            Meeting::Kept(first)
        }
    }

    fn decides(&self, key: &str) -> Option<&'static str> {
        (self.settings)(key).map(|setting| setting.decides)
    }

    /// What it sets for this pod.
    fn filled(&self, pod: &Pod) -> Result<BTreeMap<String, String>, Errors> {
        let (mut texts, mut faults) = (BTreeMap::new(), Vec::new());
        for (key, text) in &self.parameters {
            match template::fill(text, pod) {
                Ok(text) => {
                    texts.insert(key.clone(), text);
                }
                Err(fault) => faults.push(
                    Error::new(Kind::Invalid, Stage::Request, fault)
                        .with("parameter", key)
                        .with("profile", &self.name)
                        .with("pod", pod),
                ),
            }
        }
        Errors::from_list(faults).map_or(Ok(texts), Err)
    }

    /// The value is not shown: it is the operator's.
    fn keeps(&self, key: &str, kept: &str) -> Error {
        let text = match key == kept {
            true => "the profile sets this, and lets no class say otherwise".to_owned(),
            false => {
                format!("the profile sets {kept}, which decides the same, and lets no class say otherwise")
            }
        };
        let profile = &self.name;
        Error::new(Kind::Invalid, Stage::Request, text).with("parameter", key).with("profile", profile).hint(
            format!(
                "author: leave {key} out of the class and of the pod's volumeAttributes; \
                 operator: add {kept} to profiles.{profile}.override"
            ),
        )
    }
}
