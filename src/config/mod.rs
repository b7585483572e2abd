//! Settings: the one reader of flags, environment and file.
//!
//! Everything is read into texts first, then parsed into one struct per room;
//! all mistakes are reported at once, each with where it came from.

mod accounts;
mod aws;
mod check;
mod fetch;
mod file;
mod flags;
mod guard;
mod parse;
mod prepare;
mod print;
mod profiles;
mod sessions;
mod values;
#[cfg(feature = "vault")]
mod vault;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use accounts::Accounts;
pub use check::{Check, Live, Output, UNKNOWN_SERVER};
use clap::ArgMatches;
pub use fetch::{Fault, Fetch, Names};
pub use prepare::Prepare;
pub use sessions::Sessions;
use values::Values;
pub use values::{Environment, Source};

use crate::observe::Format;

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Serve the sockets.
    Serve(Box<Config>),
    /// Write a class's files into a folder.
    Fetch(Box<Fetch>),
    /// Say what is wrong with classes, and what they do.
    Check(Box<Check>),
    /// Run the demo.
    Demo {
        /// Leave the folder.
        keep: bool,
        /// The OpenBao program to use instead of the local store.
        bao: Option<PathBuf>,
    },
    /// Make folders of the node ready for a keymount that is not root.
    Prepare(Prepare),
    /// Show what a running keymount keeps.
    Status {
        /// Its admin socket.
        socket: PathBuf,
        /// As JSON.
        json: bool,
        /// Again and again.
        watch: bool,
    },
}

/// Why there is nothing to do: a text for the terminal, and whether it is a mistake.
#[derive(Debug)]
pub struct Usage {
    /// Help, the version, completions, a manual page, or every mistake.
    pub text: String,
    /// False for what was asked for.
    pub mistake: bool,
}

/// All settings of `serve`, one struct per room.
#[derive(Clone, Debug)]
pub struct Config {
    /// The sockets and the mounts behind them.
    pub server: Server,
    /// Metrics and health.
    pub admin: Admin,
    /// Logs.
    pub log: Log,
    /// The cluster's keys.
    pub keys: Keys,
    /// What is kept between a pod's Mounts.
    pub sessions: Sessions,
    /// The operator's named settings.
    pub profiles: crate::backend::Profiles,
    /// The operator's policy.
    pub guard: crate::guard::Policy,
    /// The look-up of service accounts, if it is allowed.
    pub accounts: Option<Accounts>,
    /// `provider: aws`.
    #[cfg(feature = "aws")]
    pub aws: crate::backend::aws::Config,
    /// `provider: local`.
    #[cfg(feature = "local")]
    pub local: crate::backend::local::Config,
    /// `provider: vault`.
    #[cfg(feature = "vault")]
    pub vault: crate::backend::vault::Config,
    /// `provider: openbao`.
    #[cfg(feature = "vault")]
    pub openbao: crate::backend::vault::Config,
    /// Settings that were given and mean nothing here, to be logged.
    pub unused: Vec<&'static str>,
}

/// The sockets and the mounts behind them.
#[derive(Clone, Debug)]
pub struct Server {
    /// The providers to serve.
    pub providers: Vec<String>,
    /// The folder of their sockets.
    pub dir: PathBuf,
    /// How long mounts in flight may take after SIGTERM.
    pub grace: Duration,
    /// Mounts at work at a time, per provider.
    pub max_mounts: usize,
    /// The largest encoded answer, in bytes.
    pub max_response: usize,
    /// The key of object versions.
    pub version_key: Option<PathBuf>,
}

/// Metrics, health and what is kept.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where they are served.
    pub address: SocketAddr,
    /// The socket that `keymount status` asks.
    pub socket: Option<PathBuf>,
    /// Classes with series of their own.
    pub max_classes: usize,
    /// Whether the page at the address names pods.
    pub show_pods: bool,
}

/// Logs.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// The least level that is logged.
    pub level: tracing::Level,
    /// The form of lines.
    pub format: Format,
}

/// The cluster's keys.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// A JWKS file.
    pub file: Option<PathBuf>,
    /// A JWKS address.
    pub url: Option<String>,
    /// The only accepted issuer.
    pub issuer: Option<String>,
    /// The CA of the address.
    pub ca_file: Option<PathBuf>,
    /// A bearer token for the address.
    pub token_file: Option<PathBuf>,
    /// The providers that may be asked without proof of the pod.
    pub unproven: Vec<String>,
}

/// The whole command line; `docs/reference/flags.md` is made of it.
pub fn command() -> clap::Command {
    flags::command()
}

// === impl Invocation ===

impl Invocation {
    /// Reads the command line, the environment and the settings file.
    pub fn read(args: impl IntoIterator<Item = OsString>, source: &dyn Source) -> Result<Self, Usage> {
        let matches = flags::command()
            .try_get_matches_from(with_command(args))
            .map_err(|error| Usage { mistake: error.use_stderr(), text: error.render().to_string() })?;
        match matches.subcommand() {
            Some(("demo", demo)) => Self::demo(demo.get_flag("keep"), demo.get_flag("vault"), source),
            Some(("status", status)) => Self::status(status, source),
            Some(("fetch", fetch)) => {
                let fetch = Fetch::read(fetch, source).map(Box::new).map(Self::Fetch);
                fetch.map_err(|faults| mistakes_of("fetch", faults))
            }
            Some(("check", check)) => {
                let check = Check::read(check, source).map(Box::new).map(Self::Check);
                check.map_err(|faults| mistakes_of("check", faults))
            }
            Some(("prepare", prepare)) => Ok(Self::Prepare(Prepare::read(prepare))),
            Some(("completions", asked)) => Err(wanted(print::completions_text(asked))),
            Some(("man", asked)) => {
                Err(print::man_text(asked).map_or_else(|fault| mistakes(vec![fault]), wanted))
            }
            Some((_, serve)) => {
                let values = Values::collect(serve, source, &flags::all().collect::<Vec<_>>());
                let config = Config::read(values, parse::Purpose::Serve);
                config.map(Box::new).map(Self::Serve).map_err(mistakes)
            }
            None => Err(mistakes(vec!["no command".into()])),
        }
    }

    fn demo(keep: bool, vault: bool, source: &dyn Source) -> Result<Self, Usage> {
        let bao = vault.then(|| parse::bao(source)).transpose().map_err(|fault| mistakes(vec![fault]))?;
        Ok(Self::Demo { keep, bao })
    }

    fn status(status: &ArgMatches, source: &dyn Source) -> Result<Self, Usage> {
        let socket = flags::admin_socket(status, source).filter(|socket| !socket.is_empty());
        let socket = socket.ok_or_else(|| mistakes(vec!["--admin-socket: name the socket to ask".into()]))?;
        Ok(Self::Status {
            socket: socket.into(),
            json: status.get_flag("json"),
            watch: status.get_flag("watch"),
        })
    }
}

/// `serve` is meant where no command is named.
fn with_command(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<_> = args.into_iter().collect();
    let first = args.get(1).and_then(|arg| arg.to_str());
    let asks = matches!(first, Some("-h" | "--help" | "-V" | "--version"));
    if !asks && first.is_none_or(|arg| arg.starts_with('-')) {
        args.insert(1.min(args.len()), "serve".into());
    }
    args
}

fn mistakes(faults: Vec<String>) -> Usage {
    mistakes_of("serve", faults)
}

fn mistakes_of(command: &str, faults: Vec<String>) -> Usage {
    let lines = faults.into_iter().map(|fault| format!("keymount: {fault}\n"));
    let help = format!("For all settings: keymount {command} --help\n");
    Usage { text: lines.collect::<String>() + &help, mistake: true }
}

fn wanted(text: String) -> Usage {
    Usage { text, mistake: false }
}

#[cfg(test)]
mod tests;
