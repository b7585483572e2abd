//! The settings of `check`: what to look at, how far to go, and those of `serve`
//! that decide what a class may say.

mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

pub(super) use self::table::command;
use super::fetch::token_of;
use super::parse::{self, duration};
use super::values::{Source, Values};
use super::{Config, Names};

/// The server of classes that name none, where nobody said which it is: nothing is ever sent to it.
pub const UNKNOWN_SERVER: &str = "https://operator.invalid";

/// A check: classes and what mounts them.
#[derive(Clone, Debug)]
pub struct Check {
    /// Files, folders, or `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// Whether only the rules are asked for.
    pub rules: bool,
    /// Only the class of this name.
    pub class_name: Option<String>,
    /// Whether to ask the backend too, and with what.
    pub live: Option<Live>,
    /// In which form.
    pub output: Output,
    /// Whether warnings count.
    pub strict: bool,
    /// Whether to leave out what is only told, and say what is wrong.
    pub quiet: bool,
    /// Who asks, where no manifest says it; with [`Check::live`] where the token does not.
    pub pod: Names,
    /// The settings of the rooms.
    pub rooms: Config,
}

/// Asking the backend.
#[derive(Clone, Debug)]
pub struct Live {
    /// The file of the token.
    pub token: PathBuf,
    /// Whether to have made what is made for a pod.
    pub mint: bool,
    /// How long one class may take.
    pub timeout: Duration,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For GitHub Actions: an annotation for each finding.
    GitHub,
}

// === impl Check ===

impl Check {
    /// Parses every setting, or says everything that is wrong.
    pub(super) fn read(matches: &ArgMatches, source: &dyn Source) -> Result<Self, Vec<String>> {
        let mut values = Values::collect(matches, source, &table::all().collect::<Vec<_>>());
        let paths: Vec<PathBuf> =
            matches.get_many::<PathBuf>(table::PATHS).unwrap_or_default().cloned().collect();
        let rules = values.switch("rules");
        if paths.is_empty() && !rules {
            values.fault("name files or folders of manifests, or - for standard input".into());
        }
        let output = values.parsed("output", output).unwrap_or_default();
        let (strict, quiet) = (values.switch("strict"), values.switch("quiet"));
        let live = live(&mut values);
        let text = |name| values.text(name);
        let class_name = text("class-name");
        let pod = Names {
            namespace: text("namespace"),
            pod: None,
            uid: None,
            service_account: text("service-account"),
        };
        let loud = !values.is_default("log-level");
        let mut rooms = Config::read(values, parse::Purpose::Check)?;
        rooms.sessions.policy.keep = false;
        if !loud {
            rooms.log.level = tracing::Level::ERROR;
        }
        if live.is_none() {
            assume_server(&mut rooms);
        }
        Ok(Self { paths, rules, class_name, live, output, strict, quiet, pod, rooms })
    }
}

fn live(values: &mut Values) -> Option<Live> {
    let (asked, mint) = (values.switch("live"), values.switch("mint"));
    let timeout = values.parsed("timeout", duration).unwrap_or_default();
    if !asked {
        for name in ["token", "mint"] {
            if values.text(name).is_some() {
                values.fault(format!("--{name}: means nothing without --live"));
            }
        }
        return None;
    }
    let token = token_of(values);
    Some(Live { token, mint, timeout })
}

/// That the operator has named no server is no mistake of a class's.
fn assume_server(rooms: &mut Config) {
    #[cfg(feature = "vault")]
    for config in [&mut rooms.vault, &mut rooms.openbao] {
        config.address.get_or_insert_with(|| UNKNOWN_SERVER.to_owned());
    }
    #[cfg(not(feature = "vault"))]
    let _ = rooms;
}

fn output(text: &str) -> Result<Output, &'static str> {
    match text {
        "text" => Ok(Output::Text),
        "json" => Ok(Output::Json),
        "github" => Ok(Output::GitHub),
        _ => Err("not text, json or github"),
    }
}
