//! What the provider would answer at a Mount, at the line that it is about.

use super::super::finding::{Finding, Subject};
use super::super::manifest::Class;
use super::super::rules;
use super::super::yaml::Spot;
use super::Objects;
use crate::backend::explain::Vocabulary;
use crate::error::{Error, Errors, Stage};

/// Where a class's words stand.
pub(super) struct Places<'a> {
    pub(super) class: &'a Class,
    pub(super) objects: &'a Objects,
    pub(super) vocabulary: &'a Vocabulary,
}

// === impl Places ===

impl Places<'_> {
    /// A finding for each error.
    pub(super) fn refused(&self, subject: &Subject, errors: &Errors) -> Vec<Finding> {
        // A list where a text belongs is said already, and reads as nothing.
        let is_said =
            |error: &&Error| error.context("parameter") != Some("objects") || !self.objects.is_misplaced;
        errors.iter().filter(is_said).map(|error| self.one(subject, error)).collect()
    }

    fn one(&self, subject: &Subject, error: &Error) -> Finding {
        let is_of_objects = error.about().is_some() || error.context("parameter") == Some("objects");
        let rule = match (error.stage(), is_of_objects) {
            (Stage::Files, _) => rules::FILE_RULE,
            (_, true) => rules::OBJECTS_INVALID,
            _ => rules::PARAMETER_INVALID,
        };
        let (text, hint) = error.parts();
        let finding = subject.at(self.spot(error), rule, text);
        match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }

    fn spot(&self, error: &Error) -> Spot {
        if let Some((line, column)) = error.found_at() {
            let node = self.class.parameter("objects").map(|parameter| &parameter.node);
            return node.map_or(self.objects.at, |node| node.spot_inside(line.into(), column.into()));
        }
        if let Some(index) = error.about().and_then(|name| self.objects.named(name)) {
            let field = error.context("field").unwrap_or_else(|| {
                match error.to_string().to_lowercase().contains("file permission") {
                    true => "filePermission",
                    false => "objectName",
                }
            });
            return self.objects.spot(index, field);
        }
        match error.context("parameter") {
            Some("objects") => self.objects.twice().unwrap_or(self.objects.at),
            Some(key) => self.parameter(key),
            None => self.class.at,
        }
    }

    /// A parameter's place, under whichever of its names it is written.
    pub(super) fn parameter(&self, key: &str) -> Spot {
        let prefixes = self.vocabulary.prefixes;
        let stem = prefixes.iter().find_map(|prefix| key.strip_prefix(prefix)).unwrap_or(key);
        let is_it = |written: &str| {
            written == key || prefixes.iter().any(|prefix| written.strip_prefix(prefix) == Some(stem))
        };
        let written = self.class.parameters.iter().find(|parameter| is_it(&parameter.key));
        written.map_or(self.class.parameters_at, |parameter| parameter.at)
    }
}
