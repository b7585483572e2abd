//! The settings of `check` as they stand on the command line, and its help.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};

use crate::config::fetch;
use crate::config::flags::{self, Flag, flag};

/// The files and folders.
pub(super) const PATHS: &str = "paths";

const CHECK: &str = "Check";
const POD: &str = "Who asks (default: what the manifests say, or the token)";

const OWN: [Flag; 11] = [
    flag(CHECK, "rules", "", "List the kinds of findings and look at nothing").switch(),
    flag(CHECK, "class-name", "NAME", "Only the class of this name"),
    flag(CHECK, "output", "FORM", "text, json, or github: an annotation of GitHub Actions for each finding")
        .or("text"),
    flag(CHECK, "strict", "", "Warnings fail too").switch(),
    flag(CHECK, "quiet", "", "Say what is wrong and nothing else").switch(),
    flag(
        CHECK,
        "live",
        "",
        "Ask the backend: reach, proof, login, permissions, values; what was made is given back",
    )
    .switch(),
    flag(CHECK, "token", "FILE", "With --live: file of a service-account token, or of another JWT"),
    flag(CHECK, "mint", "", "With --live: have dynamic credentials made too, and revoked at once").switch(),
    flag(CHECK, "timeout", "DURATION", "With --live: how long one class may take").or("30s"),
    flag(POD, "namespace", "NAME", "Namespace of classes and pods whose manifests name none"),
    flag(POD, "service-account", "NAME", "Service account of the pods that mount the classes"),
];

/// Settings of `serve` that decide what a class may say, beside those of the providers.
const SHARED: [&str; 12] = [
    "config",
    "max-response-bytes",
    "refresh-interval",
    "min-refresh-interval",
    "reauth-interval",
    "allow-unproven",
    "lookup-service-accounts",
    "kubernetes-url",
    "kubernetes-ca-file",
    "kubernetes-token-file",
    "log-level",
    "log-format",
];

const EXAMPLES: &str = "\
Exit codes:
  0   nothing is wrong (there may be warnings)
  1   a mistake was found
  2   only warnings were found, with --strict
  3   with --live: the backend refused the login or a request
  4   with --live: the backend cannot be reached, or was too slow; worth trying again
  64  the command line or a setting is wrong
  66  a file cannot be read, or there is no SecretProviderClass and no pod in them

Examples:
  keymount check deploy/
  kustomize build . | keymount check --strict --output github -
  keymount check class.yaml pod.yaml --live --token token --vault-addr https://vault.example:8200

Each setting can be a flag, an environment variable or a key of --config FILE; they win in that order.";

/// Every setting of `check`.
pub(super) fn all() -> impl Iterator<Item = &'static Flag> {
    OWN.iter().chain(flags::all().filter(|flag| SHARED.contains(&flag.name) || fetch::of_rooms(flag.name)))
}

/// The command.
pub(in crate::config) fn command() -> Command {
    let paths = Arg::new(PATHS)
        .value_name("PATH")
        .action(ArgAction::Append)
        .value_parser(ValueParser::path_buf())
        .help("Files, folders (every .yaml, .yml and .json below them), or - for standard input");
    Command::new("check")
        .about("Say what is wrong with SecretProviderClasses, what they do, and what they need")
        .after_help(EXAMPLES)
        .arg(paths)
        .args(all().map(Flag::arg))
}
