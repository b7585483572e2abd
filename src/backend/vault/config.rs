//! What the operator says: flags, environment and file, already merged.

use std::path::PathBuf;

use super::Flavour;
use crate::backend::Profile;
use crate::error::{Error, Errors, Kind, Stage};
use crate::net::{Address, Identity, Limits, Roots, Target, Trust};

/// The operator's settings of one provider, as text; [`Config::default`] is what nothing says.
#[derive(Clone, Debug)]
pub struct Config {
    /// `--vault-addr`: the server of classes that name none; commas separate several that are one.
    pub address: Option<String>,
    /// `--vault-namespace`.
    pub namespace: Option<String>,
    /// `--vault-mount`: the auth mount of classes that name none.
    pub auth_mount: String,
    /// The audience of classes that name none; unset means the provider's name.
    pub audience: Option<String>,
    /// `--vault-tls-ca-cert`.
    pub ca_file: Option<PathBuf>,
    /// `--vault-tls-ca-directory`.
    pub ca_directory: Option<PathBuf>,
    /// `--vault-tls-server-name`.
    pub server_name: Option<String>,
    /// `--vault-tls-client-cert`.
    pub client_certificate: Option<PathBuf>,
    /// `--vault-tls-client-key`.
    pub client_key: Option<PathBuf>,
    /// `--vault-tls-skip-verify`, for the operator's own address.
    pub skip_verify: bool,
    /// A forward proxy.
    pub proxy: Option<String>,
    /// `--vault-tls-dir`: where the files that classes name must lie.
    pub tls_dir: Option<PathBuf>,
    /// `--vault-allow-http`: classes may name plain `http://` off loopback.
    pub allow_http: bool,
    /// `--vault-allow-skip-verify`: classes may turn verification off.
    pub allow_skip_verify: bool,
    /// `--vault-max-inflight`: the most requests at once to one server, until it speaks HTTP/2.
    pub max_in_flight: usize,
    /// The most requests at once over HTTP/2: the same, if the operator has set it.
    pub max_streams: usize,
    /// `--vault-rate`: the most requests a second to one server.
    pub rate: Option<f64>,
    /// The largest answer.
    pub max_response_bytes: usize,
}

/// The operator's settings, checked.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) flavour: Flavour,
    /// The server of classes that name none.
    pub(super) target: Option<Target>,
    /// What classes that name another server get of the operator's trust.
    pub(super) trust: Trust,
    pub(super) config: Config,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            address: None,
            namespace: None,
            auth_mount: "kubernetes".into(),
            audience: None,
            ca_file: None,
            ca_directory: None,
            server_name: None,
            client_certificate: None,
            client_key: None,
            skip_verify: false,
            proxy: None,
            tls_dir: None,
            allow_http: false,
            allow_skip_verify: false,
            max_in_flight: limits.in_flight,
            max_streams: limits.streams,
            rate: limits.rate,
            max_response_bytes: limits.reply_bytes,
        }
    }
}

impl Config {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            in_flight: self.max_in_flight,
            streams: self.max_streams,
            rate: self.rate,
            reply_bytes: self.max_response_bytes,
        }
    }

    /// What the requests to a profile's server are held to.
    pub(super) fn limits_of(&self, profile: &Profile) -> Limits {
        let limits = self.limits();
        Limits {
            in_flight: profile.max_in_flight.unwrap_or(limits.in_flight),
            // A limit that somebody has set is one over HTTP/2 too.
            streams: profile.max_in_flight.unwrap_or(limits.streams),
            rate: profile.rate.or(limits.rate),
            ..limits
        }
    }

    /// A CA file wins over a folder, as in Vault's own client.
    fn roots(&self) -> Roots {
        match (&self.ca_file, &self.ca_directory) {
            (Some(file), _) => Roots::File(file.clone()),
            (None, Some(folder)) => Roots::Folder(folder.clone()),
            (None, None) => Roots::System,
        }
    }
}

// === impl Operator ===

impl Operator {
    /// Checks the settings; reports every mistake.
    pub(super) fn new(flavour: Flavour, config: Config) -> Result<Self, Errors> {
        let mut faults = Vec::new();
        let mut address = |text: &str| {
            // Decision 14: only the operator names sockets, and only as their own server.
            let parsed = Address::parse_trusted(text);
            parsed.map_err(|fault| faults.push(mistake(flavour, "addr", fault))).ok()
        };
        let own = config.address.iter().flat_map(|list| list.split(','));
        let own: Vec<_> = own.filter_map(&mut address).collect();
        let identity = match (&config.client_certificate, &config.client_key) {
            (Some(certificate), Some(key)) => {
                Some(Identity { certificate: certificate.clone(), key: key.clone() })
            }
            (None, None) => None,
            _ => {
                let fault = "a client certificate needs its key, and a key its certificate";
                faults.push(mistake(flavour, "tls-client-cert", fault.into()));
                None
            }
        };
        if config.proxy.is_some() && config.server_name.is_some() {
            let fault = "cannot be used together with a proxy, which would connect to that name";
            faults.push(mistake(flavour, "tls-server-name", fault.into()));
        }
        // Decision 14: what another server would be trusted with is the CA and the way there, nothing more.
        let trust = Trust { roots: config.roots(), proxy: config.proxy.clone(), ..Trust::default() };
        let (server_name, skip_verify) = (config.server_name.clone(), config.skip_verify);
        let own = own.split_first().map(|(first, others)| {
            let trust = Trust { server_name, identity, skip_verify, ..trust.clone() };
            Target { others: others.to_vec(), ..Target::one(first.clone(), trust) }
        });
        Errors::from_list(faults).map_or(Ok(Self { flavour, target: own, trust, config }), Err)
    }

    /// One of our flags by its name without the provider's prefix.
    pub(super) fn flag(&self, name: &str) -> String {
        format!("--{}-{name}", self.flavour.name())
    }
}

fn mistake(flavour: Flavour, flag: &str, fault: String) -> Error {
    let flag = format!("--{}-{flag}", flavour.name());
    Error::new(Kind::Invalid, Stage::Start, fault).with("flag", flag)
}
