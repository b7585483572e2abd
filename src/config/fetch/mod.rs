//! The settings of `fetch`: what a driver and a class would say, and those of
//! `serve` that mean something without a socket.

mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

pub(super) use self::table::{command, of_rooms};
use super::Config;
use super::parse::{self, duration};
use super::values::{Source, Values};

/// The longest path; a token that stands where its file's name belongs is longer, or looks like one.
const MAX_PATH: usize = 4096;

/// A fetch: one volume's files into a folder.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The file of the SecretProviderClass.
    pub class: PathBuf,
    /// Which one, if the file holds several.
    pub class_name: Option<String>,
    /// The file of the token.
    pub token: PathBuf,
    /// The folder to fill.
    pub out: PathBuf,
    /// Whether to go on, or to end after the first set.
    pub watch: bool,
    /// Whether to print nothing that went well.
    pub quiet: bool,
    /// How long a set may take, the first one with all its tries.
    pub timeout: Duration,
    /// The mode of files whose object names none.
    pub mode: u32,
    /// Instead of the class's audience.
    pub audience: Option<String>,
    /// Instead of the class's parameters, or beside them.
    pub parameters: Vec<(String, String)>,
    /// Who asks, where the token does not say it.
    pub pod: Names,
    /// The settings of the rooms.
    pub rooms: Config,
}

/// A pod's names, as far as somebody said them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The namespace.
    pub namespace: Option<String>,
    /// The pod's name.
    pub pod: Option<String>,
    /// The pod's UID.
    pub uid: Option<String>,
    /// The service account.
    pub service_account: Option<String>,
}

/// Why a class cannot be fetched with these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This build does not have its provider.
    Provider(String),
    /// A setting is missing.
    Setting(String),
}

// === impl Fetch ===

impl Fetch {
    /// Parses every setting, or says everything that is wrong.
    pub(super) fn read(matches: &ArgMatches, source: &dyn Source) -> Result<Self, Vec<String>> {
        let mut values = Values::collect(matches, source, &table::all().collect::<Vec<_>>());
        let class = required(&mut values, "class", "name the file of the SecretProviderClass");
        let token = token_of(&mut values);
        let out = required(&mut values, "out", "name the folder to fill");
        let (watch, quiet) = (values.switch("watch"), values.switch("quiet"));
        let (timeout, mode) = (values.parsed("timeout", duration), values.parsed("mode", mode));
        let loud = watch || !values.is_default("log-level");
        let text = |name| values.text(name);
        let (class_name, audience) = (text("class-name"), text("audience"));
        let parameters = pairs(&mut values);
        let text = |name| values.text(name);
        let pod = Names {
            namespace: text("namespace"),
            pod: text("pod"),
            uid: text("pod-uid"),
            service_account: text("service-account"),
        };
        let mut rooms = Config::read(values, parse::Purpose::Fetch)?;
        // Whoever asks once has no use for what is kept, nor for a line that says that we start.
        rooms.sessions.policy.keep = watch;
        if !loud {
            rooms.log.level = tracing::Level::WARN;
        }
        let (timeout, mode) = (timeout.unwrap_or_default(), mode.unwrap_or_default());
        Ok(Self {
            class,
            class_name,
            token,
            out,
            watch,
            quiet,
            timeout,
            mode,
            audience,
            parameters,
            pod,
            rooms,
        })
    }
}

impl Fetch {
    /// What is wrong with the settings for a class of this provider.
    pub fn fault_of(&self, provider: &str) -> Option<Fault> {
        if !parse::PROVIDERS.contains(&provider) {
            let have = parse::PROVIDERS.join(", ");
            return Some(Fault::Provider(format!(
                "the class's provider is {provider}; this build has {have}"
            )));
        }
        #[cfg(feature = "local")]
        if provider == "local" && self.rooms.local.store.as_os_str().is_empty() {
            let text = "--local-store: the class's `provider: local` needs the file of its secrets";
            return Some(Fault::Setting(text.into()));
        }
        None
    }
}

fn required(values: &mut Values, name: &str, what: &str) -> PathBuf {
    let path = values.text(name).map(PathBuf::from);
    if path.is_none() {
        values.fault(format!("--{name}: {what}"));
    }
    path.unwrap_or_default()
}

/// A token that stands where its file's name belongs must not be printed with the mistake.
pub(super) fn token_of(values: &mut Values) -> PathBuf {
    let path = required(values, "token", "name the file of the token");
    let text = path.to_string_lossy();
    if text.len() > MAX_PATH || text.starts_with("eyJ") && text.matches('.').count() == 2 {
        values.fault("--token: takes a file, not the token itself".into());
    }
    path
}

/// `KEY=VALUE` of each `--set`; a value may hold anything, so that it is not repeated in a mistake.
fn pairs(values: &mut Values) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for text in values.texts("set") {
        match text.split_once('=').filter(|(key, _)| !key.trim().is_empty()) {
            Some((key, value)) => pairs.push((key.trim().to_owned(), value.to_owned())),
            None => values.fault("--set: takes KEY=VALUE".into()),
        }
    }
    pairs
}

fn mode(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text.trim_start_matches("0o"), 8).ok();
    mode.filter(|mode| (1..=0o777).contains(mode)).ok_or("not an octal mode such as 0640")
}
