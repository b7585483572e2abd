//! What can go wrong, as one closed set of kinds and one error type.
//!
//! The text of an [`Error`] ends up in pod events and in logs, read by whoever
//! may `describe` the pod: one line, the operation, the object, the backend's
//! status, and what to change. It is made where the cause is known and keeps no
//! source: a kept `reqwest` or parser error could print a URL or a body later.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

/// The longest text that leaves the process: events keep 1 KiB, gRPC headers a few more.
const MAX_TEXT: usize = 6 * 1024;
/// The longest value of one context field, or of one backend's message.
const MAX_FIELD: usize = 400;
/// The longest hint: two of them may name paths.
const MAX_HINT: usize = 1200;

/// The kind of a failure. Closed, so that codes and labels are exhaustive matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The request, class or configuration is wrong; the same call cannot succeed.
    Invalid,
    /// The backend has no such object, version or key.
    NotFound,
    /// Somebody known asked for something they may not have.
    Denied,
    /// No, expired, foreign or forged proof of who asks.
    Unauthenticated,
    /// Something outside the request must change first: a sealed server, a limit, a flag.
    Precondition,
    /// The backend cannot be reached or answers 5xx. Transient.
    Unavailable,
    /// The backend asked for less: 429 or 412. Transient.
    Throttled,
    /// Our own deadline ended the work.
    Deadline,
    /// A fault of keymount itself.
    Internal,
}

impl Kind {
    /// Every kind, for closed label sets and table tests.
    pub const ALL: [Self; 9] = [
        Self::Invalid,
        Self::NotFound,
        Self::Denied,
        Self::Unauthenticated,
        Self::Precondition,
        Self::Unavailable,
        Self::Throttled,
        Self::Deadline,
        Self::Internal,
    ];

    /// The kind as a metric label and log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Precondition => "precondition",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
            Self::Deadline => "deadline",
            Self::Internal => "internal",
        }
    }

    /// Whether the same request may succeed a moment later (decision 9).
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable | Self::Throttled)
    }
}

/// Where on the way from request to files it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the backend at all; only `keymount check` asks by itself.
    Reach,
    /// Reading the driver's request and the class's parameters.
    Request,
    /// Checking that this pod asked now.
    Proof,
    /// Holding the Mount to the operator's policy.
    Guard,
    /// Exchanging the proof for a backend credential.
    Login,
    /// Reading from the backend.
    Read,
    /// Taking the objects out of what was read.
    Pick,
    /// Naming files and checking their rules.
    Files,
    /// Handing the answer back.
    Answer,
    /// Starting up.
    Start,
}

impl Stage {
    /// The stage as it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Request => "request",
            Self::Proof => "proof",
            Self::Guard => "guard",
            Self::Login => "login",
            Self::Read => "read",
            Self::Pick => "pick",
            Self::Files => "files",
            Self::Answer => "answer",
            Self::Start => "start",
        }
    }
}

/// One failure: kind, stage, object, context in the order it was added, text, hint.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    stage: Stage,
    object: Option<String>,
    context: Vec<(&'static str, String)>,
    text: String,
    hint: Option<Box<str>>,
    retry_after: Option<Duration>,
    verdict: bool,
    /// Line and column, from 1, in the text that the author wrote; for whoever has that text.
    position: Option<(u32, u32)>,
}

// === impl Error ===

impl Error {
    /// A failure of `kind` at `stage`; `text` says what happened, without a value or a token.
    pub fn new(kind: Kind, stage: Stage, text: impl Into<String>) -> Self {
        Self {
            kind,
            stage,
            object: None,
            context: Vec::new(),
            text: text.into(),
            hint: None,
            retry_after: None,
            verdict: false,
            position: None,
        }
    }

    /// Names the object, as the class names it.
    #[must_use]
    pub fn object(mut self, object: impl Display) -> Self {
        self.object = Some(object.to_string());
        self
    }

    /// Adds a `key=value` of context: backend, http, path, role.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }

    /// Says what to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into_boxed_str());
        self
    }

    /// Says what else to know.
    #[must_use]
    pub fn and_hint(mut self, more: impl Display) -> Self {
        let hint = self.hint.map_or_else(|| more.to_string(), |hint| format!("{hint}; {more}"));
        self.hint = Some(hint.into());
        self
    }

    /// Carries the backend's `Retry-After`, or how long to hold back what it counts.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The backend itself decided it: no proxy's page, no file of ours, no outage.
    #[must_use]
    pub fn verdict(mut self, verdict: bool) -> Self {
        self.verdict = verdict;
        self
    }

    /// Whether the backend itself decided it.
    pub const fn is_verdict(&self) -> bool {
        self.verdict
    }

    /// Where it is in the text that was read, line and column from 1. Not printed.
    #[must_use]
    pub fn position(mut self, position: Option<(u32, u32)>) -> Self {
        self.position = position;
        self
    }

    /// Moves the failure to another kind, for a caller that knows more.
    #[must_use]
    pub fn kind_as(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same failure, found at a later stage.
    #[must_use]
    pub fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    /// Where it happened.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// What kind of failure this is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its kind as a metric label.
    pub const fn label(&self) -> &'static str {
        self.kind.as_str()
    }

    /// Whether somebody known was refused: the credential's fault or its authority's.
    pub const fn is_refusal(&self) -> bool {
        matches!(self.kind, Kind::Denied | Kind::Unauthenticated)
    }

    /// How long the backend asked us to wait.
    pub const fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The object that it is about.
    pub fn about(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// A `key=value` of its context.
    pub fn context(&self, key: &str) -> Option<&str> {
        self.context.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    /// Where it is in the text that was read, line and column from 1.
    pub const fn found_at(&self) -> Option<(u32, u32)> {
        self.position
    }

    /// The error without its hint, and the hint.
    pub fn parts(&self) -> (String, Option<String>) {
        let mut fact = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut fact);
        (fact, self.hint.as_deref().map(|hint| shortened(hint, MAX_HINT)))
    }
}

impl Error {
    /// Everything but the hint.
    fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        write!(f, "stage={}", self.stage.as_str())?;
        if let Some(object) = &self.object {
            write!(f, " object={}", one_line(object))?;
        }
        for (key, value) in &self.context {
            write!(f, " {key}={}", one_line(value))?;
        }
        write!(f, ": {}", one_line(&self.text))
    }

    fn write_hint(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "; hint: {}", shortened(hint, MAX_HINT)),
            None => Ok(()),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)?;
        self.write_hint(f)
    }
}

impl std::error::Error for Error {}

/// Every failure of one Mount, at least one: all failing objects, not the first (decision 7).
#[derive(Clone, Debug)]
pub struct Errors(Vec<Error>);

// === impl Errors ===

impl Errors {
    /// The failures as a set, if there is any.
    pub fn from_list(list: Vec<Error>) -> Option<Self> {
        (!list.is_empty()).then_some(Self(list))
    }

    /// The failures, in the order of the class's objects.
    pub fn iter(&self) -> impl Iterator<Item = &Error> {
        self.0.iter()
    }

    /// The kind that stands for all: the first that will not mend itself, else the first.
    pub fn kind(&self) -> Kind {
        let lasting = self.0.iter().map(Error::kind).find(|kind| !kind.is_transient());
        lasting.or_else(|| self.0.first().map(Error::kind)).unwrap_or(Kind::Internal)
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl Display for Errors {
    /// A hint that several in a row share is said once, behind the last of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (at, error) in self.0.iter().enumerate() {
            let mut next = String::from(if at == 0 { "" } else { " | " });
            error.write(&mut next)?;
            if self.0.get(at + 1).is_none_or(|after| after.hint != error.hint) {
                error.write_hint(&mut next)?;
            }
            if at > 0 && text.len() + next.len() > MAX_TEXT {
                write!(text, " | and {} more", self.0.len() - at)?;
                break;
            }
            text.push_str(&next);
        }
        f.write_str(&text)
    }
}

impl std::error::Error for Errors {}

/// A foreign text on one line, no longer than a field may be.
fn one_line(text: &str) -> String {
    shortened(text, MAX_FIELD)
}

/// A text on one line: control characters become spaces, what is longer than `most` bytes is cut.
fn shortened(text: &str, most: usize) -> String {
    let mut line = String::with_capacity(text.len().min(most));
    let mut gap = false;
    for letter in text.trim().chars() {
        if letter.is_control() || letter.is_whitespace() {
            gap = true;
            continue;
        }
        if line.len() + letter.len_utf8() >= most {
            line.push('…');
            break;
        }
        if std::mem::take(&mut gap) {
            line.push(' ');
        }
        line.push(letter);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_stage_object_context_and_hint() {
        let error = Error::new(Kind::Denied, Stage::Read, "1 error occurred:\n\t* permission denied\n\n")
            .object("db")
            .with("backend", "vault")
            .with("http", 403)
            .with("path", "secret/data/x")
            .hint("allow read on secret/data/x");
        assert_eq!(
            error.to_string(),
            "stage=read object=db backend=vault http=403 path=secret/data/x: \
             1 error occurred: * permission denied; hint: allow read on secret/data/x"
        );
    }

    #[test]
    fn a_set_names_every_failure_and_stands_for_the_lasting_one() {
        let errors = Errors::from_list(vec![
            Error::new(Kind::Throttled, Stage::Read, "slow down").object("a"),
            Error::new(Kind::NotFound, Stage::Read, "absent").object("b"),
        ]);
        let errors = errors.unwrap_or_else(|| Error::new(Kind::Internal, Stage::Read, "").into());
        assert_eq!(errors.kind(), Kind::NotFound);
        assert_eq!(errors.to_string(), "stage=read object=a: slow down | stage=read object=b: absent");
    }

    #[test]
    fn a_shared_hint_is_said_once() {
        let error = |object| Error::new(Kind::Denied, Stage::Read, "no").object(object).hint("ask");
        let errors = Errors::from_list(vec![error("a"), error("b"), error("c").hint("other")]);
        let text = errors.map(|errors| errors.to_string()).unwrap_or_default();
        assert_eq!(
            text,
            "stage=read object=a: no | stage=read object=b: no; hint: ask | stage=read object=c: no; hint: other"
        );
    }

    #[test]
    fn a_long_set_is_cut_and_counts_the_rest() {
        let list = (0..100).map(|_| Error::new(Kind::Invalid, Stage::Files, "x".repeat(300))).collect();
        let text = Errors::from_list(list).map(|errors| errors.to_string()).unwrap_or_default();
        assert!(text.len() < MAX_TEXT + 40, "{}", text.len());
        assert!(text.ends_with("more"), "{text}");
    }

    #[test]
    fn foreign_text_cannot_forge_a_second_line() {
        assert_eq!(one_line("a\r\nstage=read\u{1b}[31m"), "a stage=read [31m");
        assert!(one_line(&"é".repeat(1000)).len() < MAX_FIELD + 4);
    }

    #[test]
    fn labels_are_distinct() {
        let labels: std::collections::HashSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(labels.len(), Kind::ALL.len());
    }
}
