//! One request, as a class asks for it. Objects with equal reads share its answer.

/// What is read, where, and where else if it cannot be had there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    pub(in super::super) asked: Asked,
    pub(in super::super) primary: Place,
    pub(in super::super) failover: Option<Place>,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) enum Asked {
    /// A secret of Secrets Manager.
    Secret,
    /// A parameter of Parameter Store.
    Parameter,
    /// The parameters below a path.
    Tree { recursive: bool },
    /// The session's own credentials.
    Credentials,
}

/// One region's secret or parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Place {
    pub(in super::super) region: String,
    /// Its name or ARN; the path of a tree; empty for credentials.
    pub(in super::super) id: String,
    pub(in super::super) version: Option<String>,
    pub(in super::super) label: Option<String>,
}

// === impl Place ===

impl Place {
    /// A parameter's name with its selector, as Parameter Store takes it.
    pub(in super::super) fn selected(&self) -> String {
        match self.version.as_ref().or(self.label.as_ref()) {
            Some(selector) => format!("{}:{selector}", self.id),
            None => self.id.clone(),
        }
    }

    /// Whether it is what a secret holds now: what `BatchGetSecretValue` gives.
    pub(in super::super) fn is_current(&self) -> bool {
        self.version.is_none() && self.label.as_deref().is_none_or(|label| label == "AWSCURRENT")
    }
}

// === impl Read ===

impl Read {
    /// Whether asking again makes another one.
    pub(in super::super) fn is_minted(&self) -> bool {
        self.asked == Asked::Credentials
    }
}
