//! The class's part: as whom, in which regions, and what to read.

mod identity;
mod objects;
mod profile;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod validate;
mod yaml;

use std::time::Duration;

use super::config::Operator;
use super::region;
use crate::backend::Parameters;
use crate::backend::objects::{SPAN_HINT, Span};
use crate::error::{Error, Errors, Kind, Stage};

pub(super) use identity::is_off;
pub(super) use identity::{Family, Identity, Link, Role};
pub use objects::Objects;
pub(super) use objects::{Content, Format, Part, Want};
pub use profile::faults as profile_faults;
pub use read::Read;
pub(super) use read::{Asked, Place};
pub(super) use settings::names;
pub use settings::setting;
pub(super) use yaml::{Node, nodes};

/// Everything that tells two logins apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    pub(super) identity: Identity,
    /// The role that is taken with the first one's credentials.
    pub(super) link: Option<Link>,
    /// How long credentials are asked for; `None` leaves it to AWS.
    pub(super) duration: Option<Duration>,
    pub(super) regions: Regions,
}

/// Where the class reads, and where else if it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Regions {
    pub(super) primary: String,
    pub(super) failover: Option<String>,
}

/// One class under one operator, with the mistakes found so far.
pub(super) struct Reader<'a> {
    operator: &'a Operator,
    parameters: &'a Parameters,
    faults: Vec<Error>,
}

/// Reads a class; reports every mistake.
pub(super) fn parse(operator: &Operator, parameters: &Parameters) -> Result<(Scope, Objects), Errors> {
    let mut reader = Reader { operator, parameters, faults: Vec::new() };
    let regions = reader.regions();
    let identity = reader.identity();
    let link = reader.link();
    let duration = reader.duration();
    let objects = reader.objects(regions.as_ref());
    match (regions, identity, objects, Errors::from_list(reader.faults)) {
        (Some(regions), Some(identity), Some(objects), None) => {
            Ok((Scope { identity, link, duration, regions }, objects))
        }
        (_, _, _, Some(faults)) => Err(faults),
        _ => {
            Err(Error::new(Kind::Internal, Stage::Request, "a mistake in the class was not reported").into())
        }
    }
}

// === impl Regions ===

impl Regions {
    /// Each region, the first one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.primary.as_str()).chain(self.failover.as_deref())
    }
}

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn fault(&mut self, parameter: &'static str, text: impl Into<String>, hint: &str) {
        let error = Error::new(Kind::Invalid, Stage::Request, text).with("parameter", parameter);
        self.faults.push(if hint.is_empty() { error } else { error.hint(hint) });
    }

    fn regions(&mut self) -> Option<Regions> {
        let named = self.parameters.get("region").or(self.operator.config.region.as_deref());
        let Some(primary) = named.map(str::to_owned) else {
            let hint = "set region in the class, or start keymount with --aws-region (or AWS_REGION); \
                        the node's label is not looked up";
            self.fault("region", "neither the class nor the operator names a region", hint);
            return None;
        };
        let failover = self.parameters.get("failoverRegion").map(str::to_owned);
        let before = self.faults.len();
        for (parameter, name) in [("region", Some(&primary)), ("failoverRegion", failover.as_ref())] {
            if let Some(fault) = name.and_then(|name| region::fault(name)) {
                self.fault(parameter, fault, "");
            }
        }
        if failover.as_ref() == Some(&primary) {
            let text = format!("{primary}: failover region cannot be the same as the primary region");
            self.fault("failoverRegion", text, "");
        }
        (self.faults.len() == before).then_some(Regions { primary, failover })
    }

    /// A span of time of the class.
    pub(super) fn span(&mut self, parameter: &'static str) -> Option<Duration> {
        match Span::new(self.parameters.get(parameter)?).read() {
            Ok(span) => Some(span),
            Err(fault) => {
                self.fault(parameter, fault, SPAN_HINT);
                None
            }
        }
    }
}
