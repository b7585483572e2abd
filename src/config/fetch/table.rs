//! The settings of `fetch` as they stand on the command line, and its help.

use clap::Command;

use crate::config::flags::{self, Flag, flag};

const FETCH: &str = "Fetch";
const POD: &str = "Who asks (default: what the token says)";

const OWN: [Flag; 14] = [
    flag(FETCH, "class", "FILE", "YAML file of the SecretProviderClass"),
    flag(FETCH, "class-name", "NAME", "Which class, where the file holds several"),
    flag(FETCH, "token", "FILE", "File of a projected service-account token, or of another JWT"),
    flag(FETCH, "out", "DIR", "Folder to fill, as the driver fills a volume; made if absent"),
    flag(FETCH, "watch", "", "Go on, and write what changes; ends at SIGTERM with 0").switch(),
    flag(
        FETCH,
        "timeout",
        "DURATION",
        "How long the first set may take with all its tries, and each later one",
    )
    .or("60s"),
    flag(FETCH, "mode", "MODE", "Octal mode of files whose object has no filePermission").or("0644"),
    flag(FETCH, "audience", "AUDIENCE", "Audience of the token, instead of the class's"),
    flag(FETCH, "set", "KEY=VALUE", "Parameter that wins over the class's, such as roleName=ci; repeatable")
        .many(),
    flag(FETCH, "quiet", "", "Do not print a line for each file").switch(),
    flag(POD, "namespace", "NAME", "Namespace").env(&["POD_NAMESPACE"]),
    flag(POD, "pod", "NAME", "Name of the pod").env(&["POD_NAME"]),
    flag(POD, "pod-uid", "UID", "UID of the pod").env(&["POD_UID"]),
    flag(POD, "service-account", "NAME", "Service account").env(&["POD_SERVICE_ACCOUNT"]),
];

/// Settings of `serve` that `fetch` has too, beside those of the providers and of token verification.
const SHARED: [&str; 8] = [
    "config",
    "max-response-bytes",
    "version-key-file",
    "refresh-interval",
    "min-refresh-interval",
    "reauth-interval",
    "log-level",
    "log-format",
];

const EXAMPLES: &str = "\
Exit codes:
  0   the files are there (with --watch: ended by SIGTERM)
  1   another failure: something is absent or not set up, or the folder cannot be written
  2   the class or the token cannot be read, or is wrong
  3   the backend refused the login or a read
  4   the backend cannot be reached, or was too slow; worth trying again
  64  the command line or a setting is wrong

Examples:
  keymount fetch --class class.yaml --token /var/run/secrets/tokens/vault --out /secrets
  keymount fetch --class class.yaml --token token.jwt --out secrets --vault-mount jwt --watch
  keymount fetch --class class.yaml --token ci.jwt --out secrets --set roleName=ci --set vaultAuthMountPath=ci

Each setting can be a flag, an environment variable or a key of --config FILE; they win in that order.";

/// Every setting of `fetch`.
pub(super) fn all() -> impl Iterator<Item = &'static Flag> {
    OWN.iter().chain(flags::all().filter(|flag| is_shared(flag.name)))
}

fn is_shared(name: &str) -> bool {
    SHARED.contains(&name) || of_rooms(name)
}

/// Whether a setting is one of a provider, or of the cluster's keys.
pub(in crate::config) fn of_rooms(name: &str) -> bool {
    ["aws-", "jwks-", "local-", "vault-", "openbao-"].iter().any(|prefix| name.starts_with(prefix))
}

/// The command.
pub(in crate::config) fn command() -> Command {
    Command::new("fetch")
        .about("Write a class's files into a folder, once or again and again, without a driver")
        .after_help(EXAMPLES)
        .args(all().map(Flag::arg))
}
