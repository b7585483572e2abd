//! What a class means to a backend, said without a secret and without asking
//! anybody: for `keymount check`. The same parse as a Mount's decides what is
//! wrong; this room only says what follows from what was parsed.

use std::future::Future;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub use super::visit::{Step, Visit, Visited};
use super::{Backend, Parameters};
use crate::error::{Error, Errors};
use crate::time::Deadline;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It works, and probably not as its author thinks.
    Warning,
    /// The mount, or a part of what was wanted, fails.
    Error,
}

/// A kind of finding. Its id never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// A slug.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence for the list of rules.
    pub about: &'static str,
}

/// What a backend knows of a class beyond what its parse refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Which kind it is.
    pub rule: Rule,
    /// The object, counted from 0; `None` for a parameter.
    pub object: Option<usize>,
    /// The parameter, under one of its names, or the object's field.
    pub key: &'static str,
    /// What was seen, without a value that may be a secret.
    pub text: String,
    /// What to change.
    pub hint: &'static str,
}

/// The words that a backend's classes are written in.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Every parameter, under every name.
    pub parameters: Vec<String>,
    /// What several prefixes may stand in front of: `vault` and `bao` of `vaultAddress`.
    pub prefixes: &'static [&'static str],
    /// Every field of an object.
    pub fields: &'static [&'static str],
    /// Whether the fields are found in any case.
    pub any_case: bool,
}

/// What a class does once it is mounted.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Where and as whom it logs in, in the order in which an operator would say it.
    pub login: Vec<(&'static str, String)>,
    /// What two classes have in common that log in by one role; empty if there is no role.
    pub account: String,
    /// The audience of the pod's token, where a token is the proof.
    pub audience: Option<String>,
    /// The keys that the Secret of `nodePublishSecretRef` must have.
    pub secret_keys: &'static [&'static str],
    /// Whether the operator must allow it by name, because nothing proves the pod.
    pub is_unproven: bool,
    /// Whether an answer is kept between two Mounts.
    pub keeps: bool,
    /// Each request once.
    pub requests: Vec<Request>,
    /// Each file.
    pub files: Vec<Wanted>,
    /// What an incumbent does otherwise with this class.
    pub differences: Vec<String>,
}

/// One request to the backend.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method and path, or whatever names it.
    pub shown: String,
    /// What the login's policies must allow, in the backend's words; empty where there are none.
    pub needs: String,
    /// Whether asking makes something new.
    pub mints: bool,
    /// The class's own interval, if it has one.
    pub refresh: Option<std::time::Duration>,
}

/// One file of the volume.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The object, which is also the path.
    pub object: String,
    /// The class's mode.
    pub mode: Option<u32>,
    /// Its request.
    pub request: usize,
    /// Which part of the answer it holds.
    pub part: String,
    /// Whether it may be absent.
    pub optional: bool,
    /// Whether it stands for files that only the answer names: the object then ends in `*`.
    pub is_many: bool,
}

/// Who will ask, as far as somebody said it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asker {
    /// The namespace.
    pub namespace: Option<String>,
    /// The service account.
    pub service_account: Option<String>,
}

/// Whom a role is for, and what it gives.
#[derive(Clone, Copy, Debug)]
pub struct Circle<'a> {
    /// The policy of this class.
    pub policy: &'a str,
    /// The policies of every class that logs in by the same role, this one's included.
    pub policies: &'a [String],
    /// Everybody who does.
    pub askers: &'a [Asker],
}

// === impl Vocabulary ===

impl Vocabulary {
    /// Whether objects have a field of this name.
    pub fn has_field(&self, key: &str) -> bool {
        let same = |field: &&str| *field == key || (self.any_case && field.eq_ignore_ascii_case(key));
        self.fields.iter().any(same)
    }
}

/// A word for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,@=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A backend that can explain its classes.
pub trait Explain: Backend {
    /// Its words.
    fn vocabulary(&self) -> Vocabulary;

    /// What is no mistake to the parse and yet seldom meant. Takes whatever was written.
    fn advise(&self, parameters: &Parameters) -> Vec<Advice>;

    /// What the class does. The parameters are those that the scope and the objects were parsed from.
    fn explain(&self, parameters: &Parameters, scope: &Self::Scope, objects: &Self::Objects) -> Explanation;

    /// The commands that let the class do it, as one would type them; empty where there are none.
    fn setup(&self, scope: &Self::Scope, objects: &Self::Objects, circle: &Circle<'_>) -> Vec<String>;

    /// Leaves those objects out whose request is not to be made.
    fn narrow(&self, objects: &mut Self::Objects, keep: &dyn Fn(&Self::Read) -> bool);

    /// Whether a request makes something new.
    fn mints(&self, read: &Self::Read) -> bool;

    /// The refusal that a request would meet, for an answer of [`Backend::permits`].
    fn forbidden(&self, scope: &Self::Scope, objects: &Self::Objects, read: &Self::Read) -> Error;

    /// Whether the backend is there and ready, before anybody logs in; what it says of itself.
    fn reach(&self, scope: &Self::Scope, by: Deadline) -> impl Future<Output = Result<String, Error>> + Send;
}

/// The object-safe face of a backend that can explain itself.
pub trait Explainer: Send + Sync {
    /// Its words.
    fn vocabulary(&self) -> Vocabulary;

    /// What is seldom meant.
    fn advise(&self, parameters: &Parameters) -> Vec<Advice>;

    /// What the class does, or what a Mount would answer.
    fn explain(&self, parameters: &Parameters) -> Result<Explanation, Errors>;

    /// The commands that let it.
    fn setup(&self, parameters: &Parameters, circle: &Circle<'_>) -> Result<Vec<String>, Errors>;

    /// Asks the backend itself, stage by stage.
    fn visit<'a>(&'a self, visit: Visit<'a>) -> BoxFuture<'a, Visited>;
}

impl<B: Explain> Explainer for B {
    fn vocabulary(&self) -> Vocabulary {
        Explain::vocabulary(self)
    }

    fn advise(&self, parameters: &Parameters) -> Vec<Advice> {
        Explain::advise(self, parameters)
    }

    fn explain(&self, parameters: &Parameters) -> Result<Explanation, Errors> {
        let (scope, objects) = self.parse(parameters)?;
        Ok(Explain::explain(self, parameters, &scope, &objects))
    }

    fn setup(&self, parameters: &Parameters, circle: &Circle<'_>) -> Result<Vec<String>, Errors> {
        let (scope, objects) = self.parse(parameters)?;
        Ok(Explain::setup(self, &scope, &objects, circle))
    }

    fn visit<'a>(&'a self, visit: Visit<'a>) -> BoxFuture<'a, Visited> {
        visit.pay(self).boxed()
    }
}
