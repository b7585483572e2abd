//! Every setting, once: its flag, its environment names, its key in the file, its help.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::values::{self, Source};
use super::{accounts, aws, check, fetch, prepare, print};

/// A setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    /// The flag without its dashes; also the key in the file.
    pub(super) name: &'static str,
    /// A flag of an incumbent that means the same.
    pub(super) alias: Option<&'static str>,
    /// What the value is, for help; `None` for a switch.
    pub(super) value: Option<&'static str>,
    /// The value when nothing is said.
    pub(super) default: Option<&'static str>,
    /// Whether it may be given more than once.
    pub(super) many: bool,
    /// Environment names of an incumbent, after our own.
    pub(super) env: &'static [&'static str],
    /// One sentence.
    pub(super) help: &'static str,
    /// The heading in help.
    pub(super) section: &'static str,
}

/// A setting without a default.
pub(super) const fn flag(
    section: &'static str,
    name: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, alias: None, value: Some(value), default: None, many: false, env: &[], help, section }
}

// === impl Flag ===

impl Flag {
    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn many(mut self) -> Self {
        self.many = true;
        self
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    pub(super) const fn env(mut self, names: &'static [&'static str]) -> Self {
        self.env = names;
        self
    }

    pub(super) const fn switch(mut self) -> Self {
        self.value = None;
        self
    }

    /// Its own environment name.
    pub(super) fn own_env(&self) -> String {
        format!("KEYMOUNT_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Its argument on the command line.
    pub(super) fn arg(&self) -> Arg {
        let names = std::iter::once(self.own_env()).chain(self.env.iter().map(|name| (*name).to_owned()));
        let env = names.collect::<Vec<_>>().join(", ");
        let file = if self.name == "config" { String::new() } else { format!(" [file: {}]", self.name) };
        let default = self.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
        let help = format!("{} [env: {env}]{file}{default}", self.help);
        let action = if self.many { ArgAction::Append } else { ArgAction::Set };
        let mut arg =
            Arg::new(self.name).long(self.name).help(help).help_heading(self.section).action(action);
        if let Some(alias) = self.alias {
            arg = arg.visible_alias(alias);
        }
        match self.value {
            Some(value) => arg.value_name(value),
            // Go's flags take `--switch` and `--switch=false`; an incumbent's arguments carry over.
            None => arg.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true"),
        }
    }
}

const SERVER: &str = "Server";
const TOKENS: &str = "Token verification";
const SESSIONS: &str = "Sessions";
const OBSERVE: &str = "Logs, metrics, health";
const GUARD: &str = "Guard";
const COMPAT: &str = "Accepted for existing DaemonSets";

/// The one setting that two commands have.
const ADMIN_SOCKET: &str = "admin-socket";

const COMMON: [Flag; 48] = [
    flag(
        SERVER,
        "provider",
        "NAME",
        "Provider to serve: aws, vault, openbao or local; repeatable, or separated by commas",
    )
    .many(),
    flag(SERVER, "providers-dir", "DIR", "Folder of the provider sockets, one NAME.sock each")
        .or("/var/run/secrets-store-csi-providers")
        .alias("provider-volume"),
    flag(SERVER, "config", "FILE", "YAML file of settings, each key named as its flag without dashes"),
    flag(SERVER, "grace", "DURATION", "How long mounts in flight may take after SIGTERM").or("20s"),
    flag(SERVER, "max-mounts", "COUNT", "Mounts at work at a time, per provider; others wait in order")
        .or("256"),
    flag(
        SERVER,
        "max-response-bytes",
        "BYTES",
        "Largest answer; the driver refuses more than its --max-call-recv-msg-size",
    )
    .or("4190208"),
    flag(
        SERVER,
        "version-key-file",
        "FILE",
        "Key of object versions, 16 bytes or more; without it versions may change at a restart",
    ),
    flag(
        TOKENS,
        "jwks-url",
        "URL",
        "The cluster's public keys, such as https://kubernetes.default.svc/openid/v1/jwks",
    ),
    flag(TOKENS, "jwks-file", "FILE", "The cluster's public keys in a file; re-read when it changes"),
    flag(TOKENS, "jwks-issuer", "ISSUER", "The only issuer (iss) of tokens that is accepted"),
    flag(TOKENS, "jwks-ca-file", "FILE", "CA of the --jwks-url server; default the system's roots"),
    flag(TOKENS, "jwks-token-file", "FILE", "Bearer token for the --jwks-url server, re-read at each use"),
    flag(
        TOKENS,
        "allow-unproven",
        "NAME",
        "Provider whose classes may log in by what does not prove the pod: credentials of nodePublishSecretRef, the node's certificate; repeatable",
    )
    .many(),
    flag(SESSIONS, "sessions", "ON|OFF", "Keep what was read for a pod between its Mounts").or("on"),
    flag(
        SESSIONS,
        "shared-reads",
        "ON|OFF",
        "Let pods of one service account and equal authority share a read; off: each pod reads for itself",
    )
    .or("on"),
    flag(SESSIONS, "max-sessions", "COUNT", "Pods and classes that are kept at a time").or("2048"),
    flag(SESSIONS, "max-session-bytes", "BYTES", "What all sessions may keep together").or("67108864"),
    flag(SESSIONS, "refresh-interval", "DURATION", "How long a value is good before it is read again")
        .or("60s"),
    flag(SESSIONS, "min-refresh-interval", "DURATION", "Least refreshInterval that a class may ask for")
        .or("30s"),
    flag(SESSIONS, "reauth-interval", "DURATION", "How long a token that was proved needs no new proof")
        .or("1h"),
    flag(
        SESSIONS,
        "session-idle",
        "DURATION",
        "How long leases are renewed for a pod that nobody asks for, unless --pod-liveness knows it is there",
    )
    .or("2h"),
    flag(
        SESSIONS,
        "handoff",
        "DIR",
        "Folder on a tmpfs of the node where what was made for pods outlives a restart; made if absent",
    ),
    flag(
        SESSIONS,
        "pod-liveness",
        "SOURCE",
        "none, or kubelet-dir: revoke what was made for a pod whose folder has gone",
    )
    .or("none"),
    flag(SESSIONS, "kubelet-pods-dir", "DIR", "The kubelet's folder of pods, for --pod-liveness kubelet-dir")
        .or("/var/lib/kubelet/pods"),
    flag(GUARD, "guard-mode", "MODE", "What follows where a rule is broken: enforce, or warn").or("enforce"),
    flag(
        GUARD,
        "guard-refuse-default-service-account",
        "",
        "Refuse pods that run by the service account `default`",
    )
    .switch(),
    flag(GUARD, "guard-max-token-life", "DURATION", "Refuse tokens that live longer, from issue to expiry"),
    flag(GUARD, "guard-require-pod-binding", "", "Refuse logins without a token that is bound to the pod")
        .switch(),
    flag(GUARD, "guard-require-profile", "NAME", "Provider whose classes must have a profile; repeatable")
        .many(),
    flag(
        GUARD,
        "guard-allow-namespace",
        "NAME",
        "Namespace whose pods may mount, or its beginning and a star; repeatable; none given: any",
    )
    .many(),
    flag(
        GUARD,
        "guard-deny-namespace",
        "NAME",
        "Namespace whose pods may not mount, or its beginning and a star; repeatable",
    )
    .many(),
    flag(OBSERVE, "admin-address", "ADDRESS", "Where the status page, /metrics, /livez and /readyz are served")
        .or("127.0.0.1:8089")
        .alias("health-addr"),
    flag(OBSERVE, ADMIN_SOCKET, "PATH", "Socket of `keymount status`; empty: none")
        .or("/run/keymount/admin.sock"),
    flag(
        OBSERVE,
        "metrics-max-classes",
        "COUNT",
        "SecretProviderClasses with series of their own; the rest are `other`",
    )
    .or("500"),
    flag(
        OBSERVE,
        "status-show-pods",
        "",
        "Name pods on the status page, to whoever reaches the admin address",
    )
    .switch(),
    flag(OBSERVE, "log-level", "LEVEL", "error, warn, info, debug or trace").or("info"),
    flag(OBSERVE, "log-format", "FORMAT", "text or json").or("text"),
    flag("Local provider", "local-store", "FILE", "Secrets of `provider: local` and who may read them"),
    flag("Local provider", "local-audience", "AUDIENCE", "Audience of tokens for `provider: local`")
        .or("local"),
    flag(
        COMPAT,
        "endpoint",
        "PATH",
        "Serve one provider on DIR/NAME.sock; instead of --provider and --providers-dir",
    ),
    flag(COMPAT, "debug", "", "Same as --log-level debug").switch(),
    flag(
        COMPAT,
        "hmac-secret-name",
        "NAME",
        "Not used: versions need no Kubernetes Secret, see --version-key-file",
    ),
    flag(COMPAT, "cache-size", "COUNT", "Not used: no client is shared between pods"),
    flag(COMPAT, "driver-writes-secrets", "", "Not used: the driver always writes the files").switch(),
    flag(COMPAT, "qps", "NUMBER", "Not used: the Kubernetes API is not asked at a mount"),
    flag(COMPAT, "burst", "NUMBER", "Not used: the Kubernetes API is not asked at a mount"),
    flag(COMPAT, "eks-addon-version", "VERSION", "Not used: it went into a User-Agent"),
    flag(
        COMPAT,
        "pod-identity-http-timeout",
        "DURATION",
        "Not used: an answer of the Pod Identity agent may take 15 s",
    ),
];

/// The same settings for both flavours; precedence environment < flag < class (docs/vault.md).
macro_rules! vault_flags {
    ($section:literal, $name:literal, $env:literal, $audience:literal) => {
        [
            flag($section, concat!($name, "-addr"), "URL", "Server address for classes that name none; commas separate those of one cluster; or unix:///PATH")
                .env(&[concat!($env, "_ADDR")]),
            flag($section, concat!($name, "-mount"), "PATH", "Auth mount for classes that name none")
                .or("kubernetes"),
            flag($section, concat!($name, "-namespace"), "NAMESPACE", "Namespace for classes that name none")
                .env(&[concat!($env, "_NAMESPACE")]),
            flag(
                $section,
                concat!($name, "-audience"),
                "AUDIENCE",
                "Audience of tokens for classes that name none",
            )
            .or($audience),
            flag($section, concat!($name, "-tls-ca-cert"), "FILE", "CA of the server")
                .env(&[concat!($env, "_CACERT")]),
            flag($section, concat!($name, "-tls-ca-directory"), "DIR", "Folder of CAs of the server")
                .env(&[concat!($env, "_CAPATH")]),
            flag($section, concat!($name, "-tls-server-name"), "NAME", "Name in the server's certificate")
                .env(&[concat!($env, "_TLS_SERVER_NAME")]),
            flag($section, concat!($name, "-tls-client-cert"), "FILE", "Client certificate")
                .env(&[concat!($env, "_CLIENT_CERT")]),
            flag($section, concat!($name, "-tls-client-key"), "FILE", "Client key")
                .env(&[concat!($env, "_CLIENT_KEY")]),
            flag($section, concat!($name, "-tls-skip-verify"), "", "Do not verify the server's certificate")
                .switch()
                .env(&[concat!($env, "_SKIP_VERIFY")]),
            flag(
                $section,
                concat!($name, "-tls-dir"),
                "DIR",
                "Folder that class-named CA files must lie in; without it classes name none",
            ),
            flag($section, concat!($name, "-proxy-addr"), "URL", "HTTP proxy to the server")
                .env(&[concat!($env, "_PROXY_ADDR")]),
            flag(
                $section,
                concat!($name, "-allowed-address"),
                "URL",
                "Server address that a class may name; repeatable; none given: any",
            )
            .many(),
            flag(
                $section,
                concat!($name, "-allow-http"),
                "",
                "Let classes name http:// addresses off loopback",
            )
            .switch(),
            flag($section, concat!($name, "-allow-skip-verify"), "", "Let classes set vaultSkipTLSVerify")
                .switch(),
            flag(
                $section,
                concat!($name, "-max-inflight"),
                "COUNT",
                "Requests at a time to one server, over HTTP/1 each on its own connection; unless set, 128 over HTTP/2",
            )
            .or("14"),
            flag(
                $section,
                concat!($name, "-rate"),
                "NUMBER",
                "Requests a second to one server, such as 50 or 0.5; others wait in order; none given: any",
            ),
        ]
    };
}

const VAULT: [Flag; 17] = vault_flags!("Vault", "vault", "VAULT", "vault");
const OPENBAO: [Flag; 17] = vault_flags!("OpenBao", "openbao", "BAO", "openbao");

/// Every setting of `serve`.
pub(super) fn all() -> impl Iterator<Item = &'static Flag> {
    COMMON.iter().chain(&accounts::FLAGS).chain(&aws::FLAGS).chain(&VAULT).chain(&OPENBAO)
}

/// The command line.
pub(super) fn command() -> Command {
    let serve = Command::new("serve")
        .about("Serve the provider sockets (the default command)")
        .after_help("Every setting can be a flag, an environment variable or a key of --config FILE; they win in that order.")
        .args(all().map(Flag::arg));
    let demo = Command::new("demo")
        .about("Show a mount, a rotation and two refusals; needs nothing installed")
        .arg(
            Arg::new("keep")
                .long("keep")
                .action(ArgAction::SetTrue)
                .help("Leave the demo's folder and print where it is"),
        )
        .arg(
            Arg::new("vault")
                .long("vault")
                .action(ArgAction::SetTrue)
                .help("Use a real OpenBao: $BAO_BIN, else `bao` on the PATH"),
        );
    Command::new(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .after_help("Without a command, `serve` is meant: `keymount --provider vault --vault-addr URL`.")
        .subcommand_required(true)
        .arg_required_else_help(false)
        .subcommands([
            serve,
            fetch::command(),
            check::command(),
            demo,
            status(),
            prepare::command(),
            print::completions(),
            print::man(),
        ])
}

fn status() -> Command {
    let switch = |name, help| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("status")
        .about("Show what a running keymount keeps: sessions and leases, never a value")
        .args(admin_socket_flag().map(asked))
        .arg(switch("json", "Print the server's JSON"))
        .arg(switch("watch", "Show it anew every two seconds").conflicts_with("json"))
}

/// The server's flag as the one who asks has it: not from a file.
fn asked(flag: &Flag) -> Arg {
    let (env, default) = (flag.own_env(), flag.default.unwrap_or_default());
    let help = format!("Socket of the keymount to ask [env: {env}] [default: {default}]");
    flag.arg().help(help).help_heading(None::<&'static str>)
}

/// The socket that `status` is to ask: the same flag, variable and default as the server's.
pub(super) fn admin_socket(matches: &ArgMatches, source: &dyn Source) -> Option<String> {
    admin_socket_flag().and_then(|flag| values::one(flag, matches, source))
}

fn admin_socket_flag() -> Option<&'static Flag> {
    COMMON.iter().find(|flag| flag.name == ADMIN_SOCKET)
}
