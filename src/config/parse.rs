//! From texts to one struct per room.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::values::{Source, Values};
use super::{Admin, Config, Keys, Log, Server};
#[cfg(feature = "vault")]
use crate::backend::vault::Flavour;
use crate::observe::Format;

/// The providers that this build has.
pub(super) const PROVIDERS: &[&str] = &[
    #[cfg(feature = "aws")]
    "aws",
    #[cfg(feature = "vault")]
    "vault",
    #[cfg(feature = "vault")]
    "openbao",
    #[cfg(feature = "local")]
    "local",
];

/// What the settings are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The providers' sockets.
    Serve,
    /// One class, which names the provider.
    Fetch,
    /// Classes of any provider, on paper.
    Check,
}

/// Settings of incumbents that are accepted and mean nothing here.
const UNUSED: [&str; 7] = [
    "hmac-secret-name",
    "cache-size",
    "driver-writes-secrets",
    "qps",
    "burst",
    "eks-addon-version",
    "pod-identity-http-timeout",
];

// === impl Config ===

impl Config {
    /// Parses every setting, or says everything that is wrong.
    pub(super) fn read(mut values: Values, purpose: Purpose) -> Result<Self, Vec<String>> {
        let server = server(&mut values, purpose);
        let keys = keys(&mut values);
        let sessions = super::sessions::read(&mut values);
        let accounts = super::accounts::read(&mut values);
        #[cfg(feature = "aws")]
        let aws = super::aws::read(&mut values, server.max_response);
        #[cfg(feature = "local")]
        let local = local(&mut values, &server, &keys);
        #[cfg(feature = "vault")]
        let (vault, openbao) = super::vault::read(&mut values, server.max_response);
        let (profiles, namespaces) = super::profiles::read(&mut values);
        #[cfg(feature = "vault")]
        super::profiles::check(
            &mut values,
            &profiles,
            [(Flavour::Vault, &vault), (Flavour::OpenBao, &openbao)],
        );
        #[cfg(feature = "aws")]
        super::profiles::check_aws(&mut values, &profiles, &aws);
        let guard = super::guard::read(&mut values, purpose, namespaces);
        let (admin, log) = (admin(&mut values), log(&mut values));
        let unused = UNUSED.into_iter().filter(|name| values.text(name).is_some()).collect();
        values.finish()?;
        // Absent values have left a fault behind, so that this is only reached with all of them.
        let absent = || vec!["a setting without a value".to_owned()];
        Ok(Self {
            server,
            admin: admin.ok_or_else(absent)?,
            log: log.ok_or_else(absent)?,
            keys,
            sessions,
            profiles,
            guard,
            accounts,
            #[cfg(feature = "aws")]
            aws,
            #[cfg(feature = "local")]
            local,
            #[cfg(feature = "vault")]
            vault,
            #[cfg(feature = "vault")]
            openbao,
            unused,
        })
    }
}

fn server(values: &mut Values, purpose: Purpose) -> Server {
    let (dir, providers) = sockets(values);
    for name in providers.iter().filter(|name| !PROVIDERS.contains(&name.as_str())) {
        values.fault(format!("--provider {name}: unknown; this build has {}", PROVIDERS.join(", ")));
    }
    if providers.is_empty() && purpose == Purpose::Serve {
        values.fault(format!("--provider: name at least one of {}", PROVIDERS.join(", ")));
    }
    Server {
        providers,
        dir,
        grace: values.parsed("grace", duration).unwrap_or_default(),
        max_mounts: values.parsed("max-mounts", positive).unwrap_or_default(),
        max_response: values.parsed("max-response-bytes", positive).unwrap_or_default(),
        version_key: values.text("version-key-file").map(PathBuf::from),
    }
}

/// The folder and the providers, each once; or both from an incumbent's `--endpoint`.
fn sockets(values: &mut Values) -> (PathBuf, Vec<String>) {
    let mut providers = values.list("provider");
    providers.sort();
    providers.dedup();
    let dir = values.text("providers-dir").map(PathBuf::from).unwrap_or_default();
    let Some(endpoint) = values.text("endpoint").map(PathBuf::from) else { return (dir, providers) };
    if !providers.is_empty() {
        values.fault("--endpoint: names a socket by itself; leave out --provider, or --endpoint".into());
    }
    let name =
        endpoint.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".sock"));
    match (endpoint.parent(), name) {
        (Some(dir), Some(name)) => (dir.to_owned(), vec![name.to_owned()]),
        _ => {
            values.fault(format!("--endpoint: {}: not DIR/PROVIDER.sock", endpoint.display()));
            (dir, Vec::new())
        }
    }
}

fn keys(values: &mut Values) -> Keys {
    let path = |name| values.text(name).map(PathBuf::from);
    let keys = Keys {
        file: path("jwks-file"),
        ca_file: path("jwks-ca-file"),
        token_file: path("jwks-token-file"),
        url: values.text("jwks-url"),
        issuer: values.text("jwks-issuer"),
        unproven: values.list("allow-unproven"),
    };
    for name in keys.unproven.iter().filter(|name| !PROVIDERS.contains(&name.as_str())) {
        values.fault(format!("--allow-unproven {name}: unknown; this build has {}", PROVIDERS.join(", ")));
    }
    if keys.file.is_some() && keys.url.is_some() {
        values.fault("--jwks-file and --jwks-url: give one of them".into());
    }
    keys
}

#[cfg(feature = "local")]
fn local(values: &mut Values, server: &Server, keys: &Keys) -> crate::backend::local::Config {
    let store = values.text("local-store").map(PathBuf::from);
    if server.providers.iter().any(|name| name == "local") {
        if store.is_none() {
            values.fault("--local-store: `--provider local` needs the file of its secrets".into());
        }
        if keys.file.is_none() && keys.url.is_none() {
            // Decision 2: no login verifies these tokens, so the cluster's keys must.
            values.fault(
                "--jwks-url or --jwks-file: `--provider local` checks tokens against the cluster's keys"
                    .into(),
            );
        }
    }
    let audience = values.text("local-audience").unwrap_or_default();
    crate::backend::local::Config { store: store.unwrap_or_default(), audience }
}

fn admin(values: &mut Values) -> Option<Admin> {
    // The incumbents serve their health page there, and their manifests' probes go on asking.
    let incumbent = values.text("endpoint").is_some() && values.is_default("admin-address");
    let address = if incumbent { address(":8080").ok() } else { values.parsed("admin-address", address) };
    let max_classes = values.parsed("metrics-max-classes", positive);
    let socket = values.text("admin-socket").map(PathBuf::from);
    let show_pods = values.switch("status-show-pods");
    Some(Admin { address: address?, socket, max_classes: max_classes?, show_pods })
}

fn log(values: &mut Values) -> Option<Log> {
    let level = values.parsed("log-level", |text| {
        text.parse::<tracing::Level>().map_err(|_| "not error, warn, info, debug or trace")
    });
    let format = values.parsed("log-format", |text| match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err("not text or json"),
    });
    let level = if values.switch("debug") { Some(tracing::Level::DEBUG) } else { level };
    Some(Log { level: level?, format: format? })
}

/// `HOST:PORT`, or Go's `:PORT` for every address.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let text = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    text.parse().map_err(|_| "not ADDRESS:PORT")
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("not a duration such as 20s: {error}"))
}

pub(super) fn positive(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|count| *count > 0).ok_or("not a whole number above 0")
}

/// The OpenBao program: `$BAO_BIN`, else `bao` on the PATH.
pub(super) fn bao(source: &dyn Source) -> Result<PathBuf, String> {
    if let Some(named) = source.get("BAO_BIN").map(PathBuf::from) {
        return if is_program(&named) {
            Ok(named)
        } else {
            Err(format!("BAO_BIN: {} is no program", named.display()))
        };
    }
    let path = source.get("PATH").unwrap_or_default();
    let found = path.split(':').map(|dir| Path::new(dir).join("bao")).find(|path| is_program(path));
    found.ok_or_else(|| "--vault: there is no `bao` on the PATH; install OpenBao or set BAO_BIN".to_owned())
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
