//! The class's `objects`, as wants and the requests that they need.

use std::collections::HashMap;
use std::time::Duration;

use super::identity::go_bool;
use super::validate::{Kind as Service, Names, entry};
use super::yaml::{Node, nodes};
use super::{Asked, Place, Read, Reader, Regions};
use crate::backend::Need;
use crate::backend::objects::{Encoding, SPAN_HINT, Span};
use crate::error::{Error, Kind, Stage};

/// What a class wants, in its order.
#[derive(Debug)]
pub struct Objects(pub(in super::super) Vec<Want>);

/// One object.
#[derive(Debug)]
pub(in super::super) struct Want {
    /// Its alias or name, for errors.
    pub(in super::super) name: String,
    pub(in super::super) read: Read,
    /// Its file; the folder of its files, or empty, if it has many.
    pub(in super::super) file: String,
    pub(in super::super) mode: Option<u32>,
    pub(in super::super) content: Content,
    pub(in super::super) encoding: Encoding,
    pub(in super::super) parts: Vec<Part>,
    /// For names of files that only the answer tells.
    pub(in super::super) translation: Translation,
    pub(in super::super) refresh: Option<Duration>,
    /// Whether a 404 only leaves the object out (decision 7).
    pub(in super::super) optional: bool,
}

/// What of an answer becomes files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Content {
    /// All of it is one file.
    Whole,
    /// Each key of its JSON object is a file.
    Keys,
    /// Each parameter is a file.
    Tree,
    /// The session's credentials, in this form.
    Credentials(Format),
}

/// How credentials are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Format {
    /// The JSON of `credential_process`.
    Process,
    /// A profile of a shared credentials file.
    Profile(String),
}

/// A file with what a `JMESPath` expression finds.
#[derive(Clone, Debug)]
pub(in super::super) struct Part {
    pub(in super::super) path: String,
    pub(in super::super) alias: String,
    pub(in super::super) file: String,
    pub(in super::super) mode: Option<u32>,
}

/// What becomes of `/` in names of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Translation {
    To(char),
    Off,
}

// === impl Objects ===

impl Objects {
    /// Each request once, in the objects' order, with the shortest `refreshInterval` of those that share it.
    pub(in super::super) fn needs(&self) -> Vec<Need<Read>> {
        let (mut needs, mut places) = (Vec::<Need<Read>>::new(), HashMap::new());
        for want in &self.0 {
            let at = *places.entry(&want.read).or_insert(needs.len());
            match needs.get_mut(at) {
                Some(need) => need.refresh = [need.refresh, want.refresh].into_iter().flatten().min(),
                None => needs.push(Need { refresh: want.refresh, ..Need::of(want.read.clone()) }),
            }
        }
        needs
    }
}

// === impl Translation ===

impl Translation {
    pub(super) const FAULT: &'static str =
        "pathTranslation must be either 'False' or a single character string";

    /// `pathTranslation`, as the incumbent reads it: one byte, or `False` in any case.
    pub(super) fn read(word: Option<&str>) -> Option<Self> {
        match word {
            None => Some(Self::To('_')),
            Some(word) if word.eq_ignore_ascii_case("false") => Some(Self::Off),
            Some(word) => word.chars().next().filter(|_| word.len() == 1).map(Self::To),
        }
    }

    /// The file of a name.
    pub(in super::super) fn file(self, name: &str) -> String {
        match self {
            Self::To(letter) => name.replace('/', &letter.to_string()),
            Self::Off => name.trim_start_matches('/').to_owned(),
        }
    }
}

// === impl Reader ===

impl Reader<'_> {
    /// The objects; without regions, only what can be said of the list without them.
    pub(super) fn objects(&mut self, regions: Option<&Regions>) -> Option<Objects> {
        let Some(translation) = Translation::read(self.parameters.get("pathTranslation")) else {
            self.fault("pathTranslation", Translation::FAULT, "");
            return None;
        };
        let list = match nodes(self.parameters.get("objects").unwrap_or_default()) {
            Ok(list) => list,
            Err(errors) => {
                self.faults.extend(errors.iter().cloned());
                return None;
            }
        };
        let class = self.span("refreshInterval");
        let (regions, mut names, mut wants) = (regions?, Names::default(), Vec::with_capacity(list.len()));
        for (at, node) in list.iter().enumerate() {
            let found = entry(node, regions, translation).and_then(|entry| {
                names.add(&entry)?;
                let mut more = More::read(node)?;
                more.refresh = self.parameters.interval(more.refresh, class);
                Ok((entry, more))
            });
            match found {
                Ok((entry, more)) => wants.push(want(entry, &more, regions, translation)),
                Err(text) => self.faults.push(wrong(node, at, text)),
            }
        }
        Some(Objects(wants))
    }
}

/// What an object may say beyond the incumbent's fields.
struct More {
    encoding: Encoding,
    refresh: Option<Duration>,
    optional: bool,
}

// === impl More ===

impl More {
    fn read(node: &Node) -> Result<Self, String> {
        let text = |key| node.text(key).map_err(|fault| format!("{key}: {fault}"));
        let encoding = text("encoding")?.unwrap_or_default();
        let encoding = Encoding::parse(encoding)
            .ok_or_else(|| "invalid encoding type. Should be utf-8, base64, or hex".to_owned())?;
        let refresh = text("refreshInterval")?.map(|text| Span::new(text).read()).transpose();
        let refresh = refresh.map_err(|fault| format!("refreshInterval: {fault}; {SPAN_HINT}"))?;
        let optional = go_bool(text("optional")?.unwrap_or("false"));
        let optional = optional.ok_or_else(|| "optional: neither true nor false".to_owned())?;
        Ok(Self { encoding, refresh, optional })
    }
}

fn want(entry: super::validate::Entry, more: &More, regions: &Regions, translation: Translation) -> Want {
    let name = entry.shown().to_owned();
    let (asked, content) = match entry.service {
        Service::Credentials => (Asked::Credentials, Content::Credentials(entry.format.clone())),
        Service::Ssm if entry.path.is_some() => (Asked::Tree { recursive: entry.recursive }, Content::Tree),
        Service::Ssm => (Asked::Parameter, if entry.all_keys { Content::Keys } else { Content::Whole }),
        Service::SecretsManager => {
            (Asked::Secret, if entry.all_keys { Content::Keys } else { Content::Whole })
        }
    };
    let many = matches!(content, Content::Keys | Content::Tree);
    // Many files have names of their own: without an alias they lie at the top.
    let file = if many { entry.alias.as_deref().unwrap_or_default() } else { entry.shown() };
    let read = read(&entry, asked, regions);
    Want {
        file: translation.file(file),
        name,
        read,
        mode: entry.mode,
        content,
        encoding: more.encoding,
        parts: entry.parts,
        translation,
        refresh: more.refresh,
        optional: more.optional,
    }
}

/// Where an object is read. One that is named by the ARN of one region has no twin in another.
fn read(entry: &super::validate::Entry, asked: Asked, regions: &Regions) -> Read {
    if asked == Asked::Credentials {
        // The same credentials are good everywhere: objects of any form share them.
        let primary =
            Place { region: regions.primary.clone(), id: String::new(), version: None, label: None };
        return Read { asked, primary, failover: None };
    }
    let id = entry.path.clone().unwrap_or_else(|| entry.name.clone());
    let place = |region: &str, id: &str, version: &Option<String>, label: &Option<String>| Place {
        region: region.to_owned(),
        id: id.to_owned(),
        version: version.clone(),
        label: label.clone(),
    };
    let primary = place(&regions.primary, &id, &entry.version, &entry.label);
    let failover = regions.failover.as_deref().and_then(|region| {
        let other = &entry.failover;
        match &other.name {
            Some(name) => Some(place(region, name, &other.version, &other.label)),
            None if super::super::arn::Arn::is_meant(&id) => None,
            None => {
                let version = other.version.clone().or_else(|| entry.version.clone());
                let label = other.label.clone().or_else(|| entry.label.clone());
                Some(place(region, &id, &version, &label))
            }
        }
    });
    Read { asked, primary, failover }
}

/// A mistake in one object, under the best name that it has.
fn wrong(node: &Node, at: usize, text: String) -> Error {
    let name = ["objectAlias", "objectName"].iter().find_map(|key| node.text(key).ok().flatten());
    let name = name.map_or_else(|| format!("number {}", at + 1), str::to_owned);
    let hint = match text.as_str() {
        text if text.starts_with("Invalid File Permission") => {
            Some("quote it, such as \"0600\": without quotes YAML reads a number")
        }
        text if text.starts_with("Must use objectType") => {
            Some("add objectType: secretsmanager or ssmparameter")
        }
        text if text.starts_with("Invalid objectType") => {
            Some("objectType is secretsmanager, ssmparameter or credentials, in lower case")
        }
        text if text.contains("and no version label") || text.contains("no object alias") => {
            Some("give each of them an objectAlias of its own")
        }
        _ => None,
    };
    let error = Error::new(Kind::Invalid, Stage::Request, text).object(name);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
