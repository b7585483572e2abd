//! Where a setting's value comes from: flag, environment, file, default, in that order.

use std::collections::BTreeMap;
use std::fmt;

use clap::ArgMatches;
use serde_json::Value;

use super::flags::{self, Flag};
use super::{file, guard};

/// Reads the environment; a map in tests.
pub trait Source {
    /// The value of a variable, if it is set and not empty.
    fn get(&self, name: &str) -> Option<String>;
}

/// The process's environment.
#[derive(Clone, Copy, Debug)]
pub struct Environment;

/// Where a value came from, to be named when it is wrong.
#[derive(Clone, Debug)]
enum Origin {
    Flag,
    Env(String),
    File,
    /// A key inside another one of the file.
    Key(String),
    Default,
}

/// Every setting's texts, and a list of what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Values {
    given: BTreeMap<&'static str, (Vec<String>, Origin)>,
    /// What the file holds that has a shape of its own.
    trees: BTreeMap<&'static str, Value>,
    faults: Vec<String>,
}

/// Keys of the file that have a shape of their own.
const TREES: [&str; 2] = ["profiles", "guard"];

/// The file's settings that are flags too.
type Written = BTreeMap<String, (Vec<String>, Origin)>;

// === impl Environment ===

impl Source for Environment {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

impl Source for BTreeMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).map(|value| (*value).to_owned())
    }
}

// === impl Values ===

impl Values {
    /// Collects the settings that a command `has`; the others stand at their defaults, whatever
    /// the environment and the file say. Faults of the file are kept for [`Values::finish`].
    pub(super) fn collect(matches: &ArgMatches, source: &dyn Source, has: &[&'static Flag]) -> Self {
        let mut values = Self::default();
        let file =
            has.iter().find(|flag| flag.name == "config").and_then(|flag| outer(flag, matches, source));
        let mut file = file.map(|(path, _)| values.read_file(&path.concat())).unwrap_or_default();
        for flag in has {
            let written = file.remove(flag.name);
            values.give(flag, outer(flag, matches, source).or(written));
        }
        for flag in flags::all() {
            file.remove(flag.name);
            if !values.given.contains_key(flag.name) {
                values.give(flag, None);
            }
        }
        for key in file.keys() {
            values.fault(format!("--config: {key} is no setting; `keymount serve --help` lists them"));
        }
        values
    }

    fn give(&mut self, flag: &Flag, given: Option<(Vec<String>, Origin)>) {
        let default = || flag.default.map(|text| (vec![text.to_owned()], Origin::Default));
        if let Some(given) = given.or_else(default) {
            self.given.insert(flag.name, given);
        }
    }

    fn read_file(&mut self, path: &str) -> Written {
        let mut all = match file::load(path) {
            Ok(all) => all,
            Err(fault) => {
                self.fault(fault);
                return Written::new();
            }
        };
        for name in TREES {
            self.trees.extend(all.remove(name).map(|tree| (name, tree)));
        }
        let mut written = Written::new();
        for (key, value) in all {
            match file::texts(&value) {
                Some(texts) => {
                    written.insert(key, (texts, Origin::File));
                }
                None => self.fault(format!("--config: {key}: not a text, number, switch or list of texts")),
            }
        }
        self.take_flags_of_guard(&mut written);
        written
    }

    /// What stands in `guard:` and is a flag too, as that flag.
    fn take_flags_of_guard(&mut self, written: &mut Written) {
        let Some(Value::Object(tree)) = self.trees.get_mut("guard") else { return };
        let taken = guard::FLAGS.map(|(key, flag)| (key, flag, tree.remove(key)));
        for (key, flag, value) in taken {
            let Some(value) = value else { continue };
            let origin = Origin::Key(format!("guard.{key}"));
            let Some(texts) = file::texts(&value) else {
                self.fault(format!("--config: guard.{key}: not a text, number, switch or list of texts"));
                continue;
            };
            if written.insert(flag.to_owned(), (texts, origin)).is_some() {
                self.fault(format!("--config: {flag} and guard.{key} are the same: keep one of them"));
            }
        }
    }

    /// Takes what stands in the file under this key.
    pub(super) fn tree(&mut self, name: &str) -> Option<Value> {
        self.trees.remove(name)
    }

    /// Where mistakes are noted.
    pub(super) fn faults(&mut self) -> &mut Vec<String> {
        &mut self.faults
    }

    /// Notes a mistake; all of them are reported together.
    pub(super) fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    /// A setting's text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.given.get(name).and_then(|(texts, _)| texts.last()).filter(|text| !text.is_empty()).cloned()
    }

    /// Whether nobody said anything of a setting.
    pub(super) fn is_default(&self, name: &str) -> bool {
        self.given.get(name).is_none_or(|(_, origin)| matches!(origin, Origin::Default))
    }

    /// A repeatable setting's texts as they are.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.given.get(name).map(|(texts, _)| texts.clone()).unwrap_or_default()
    }

    /// A repeatable setting's texts; commas separate, as in environment variables.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let texts = self.given.get(name).map(|(texts, _)| texts.as_slice()).unwrap_or_default();
        let parts = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A setting's value; a wrong one is noted, with where it came from, and so is an empty one:
    /// nothing would stand for it.
    pub(super) fn parsed<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let (texts, origin) = self.given.get(name)?;
        let (text, origin) = (texts.last()?.clone(), origin.clone());
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(format!("--{name} {origin}: {text:?}: {error}"));
                None
            }
        }
    }

    /// A switch.
    pub(super) fn switch(&mut self, name: &'static str) -> bool {
        self.parsed(name, boolean).unwrap_or(false)
    }

    /// Every mistake, if there is any.
    pub(super) fn finish(self) -> Result<(), Vec<String>> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("(flag)"),
            Self::Env(name) => write!(f, "(from {name})"),
            Self::File => f.write_str("(from the --config file)"),
            Self::Key(key) => write!(f, "({key} of the --config file)"),
            Self::Default => f.write_str("(default)"),
        }
    }
}

/// What the command line or the environment says.
fn outer(flag: &Flag, matches: &ArgMatches, source: &dyn Source) -> Option<(Vec<String>, Origin)> {
    if let Some(texts) = matches.get_many::<String>(flag.name) {
        return Some((texts.cloned().collect(), Origin::Flag));
    }
    let names = std::iter::once(flag.own_env()).chain(flag.env.iter().map(|name| (*name).to_owned()));
    names.into_iter().find_map(|name| source.get(&name).map(|value| (vec![value], Origin::Env(name))))
}

/// One setting where there is no file of them: flag, environment, default.
pub(super) fn one(flag: &Flag, matches: &ArgMatches, source: &dyn Source) -> Option<String> {
    let given = outer(flag, matches, source).and_then(|(mut texts, _)| texts.pop());
    given.or_else(|| flag.default.map(str::to_owned))
}

/// Go's spellings of true and false.
pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("neither true nor false"),
    }
}

/// So many a second.
pub(super) fn rate(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0).ok_or("not a number above 0")
}
