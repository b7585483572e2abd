//! What the operator says: flags, environment and file, already merged.

use std::path::PathBuf;

use super::region;
use crate::error::{Error, Errors, Kind, Stage};
use crate::net::{Address, Limits, Roots, Target, Trust};

/// Where the Pod Identity agent listens on every node of EKS.
const AGENT_V4: &str = "http://169.254.170.23";
const AGENT_V6: &str = "http://[fd00:ec2::23]";

/// The operator's settings, as text; [`Config::default`] is what nothing says.
#[derive(Clone, Debug)]
pub struct Config {
    /// `--aws-region`: of classes that name none.
    pub region: Option<String>,
    /// `--aws-audience`: of the token for `AssumeRoleWithWebIdentity`.
    pub audience: String,
    /// `--aws-use-fips`.
    pub fips: bool,
    /// `--aws-use-dualstack`.
    pub dual_stack: bool,
    /// `--aws-endpoint-url`, for all services.
    pub endpoint: Option<String>,
    /// `--aws-endpoint-url-secretsmanager`.
    pub secrets_manager: Option<String>,
    /// `--aws-endpoint-url-ssm`.
    pub ssm: Option<String>,
    /// `--aws-endpoint-url-sts`.
    pub sts: Option<String>,
    /// `--aws-pod-identity-endpoint`: instead of the agent's own addresses.
    pub agent: Option<String>,
    /// `--aws-ca-cert`: instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// `--aws-proxy-addr`.
    pub proxy: Option<String>,
    /// `--aws-batch`: whether `BatchGetSecretValue` is tried.
    pub batch: bool,
    /// `--aws-max-inflight`.
    pub max_in_flight: usize,
    /// The most requests at once over HTTP/2.
    pub max_streams: usize,
    /// `--aws-rate`: the most requests a second to one endpoint.
    pub rate: Option<f64>,
    /// The largest answer.
    pub max_response_bytes: usize,
}

/// The operator's settings, checked.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) secrets_manager: Option<Address>,
    pub(super) ssm: Option<Address>,
    pub(super) sts: Option<Address>,
    /// The agent by IPv4 and by IPv6, or where the operator says.
    pub(super) agent: Vec<Target>,
    pub(super) trust: Trust,
    pub(super) config: Config,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            region: None,
            audience: "sts.amazonaws.com".into(),
            fips: false,
            dual_stack: false,
            endpoint: None,
            secrets_manager: None,
            ssm: None,
            sts: None,
            agent: None,
            ca_file: None,
            proxy: None,
            batch: true,
            max_in_flight: limits.in_flight,
            max_streams: limits.streams,
            rate: limits.rate,
            max_response_bytes: limits.reply_bytes,
        }
    }
}

impl Config {
    pub(super) const fn limits(&self) -> Limits {
        Limits {
            in_flight: self.max_in_flight,
            streams: self.max_streams,
            rate: self.rate,
            reply_bytes: self.max_response_bytes,
        }
    }
}

// === impl Operator ===

impl Operator {
    /// Checks the settings; reports every mistake.
    pub(super) fn new(config: Config) -> Result<Self, Errors> {
        let mut faults = Vec::new();
        let mut endpoint = |flag: &'static str, own: &Option<String>| {
            let text = own.as_ref().or(config.endpoint.as_ref())?;
            Address::parse(text).map_err(|fault| faults.push(mistake(flag, fault))).ok()
        };
        let secrets_manager = endpoint("--aws-endpoint-url-secretsmanager", &config.secrets_manager);
        let ssm = endpoint("--aws-endpoint-url-ssm", &config.ssm);
        let sts = endpoint("--aws-endpoint-url-sts", &config.sts);
        let agents = config.agent.as_ref().map_or(vec![AGENT_V4, AGENT_V6], |agent| vec![agent.as_str()]);
        let agent = agents.into_iter().filter_map(|text| {
            let address = Address::parse_agent(text);
            address.map_err(|fault| faults.push(mistake("--aws-pod-identity-endpoint", fault))).ok()
        });
        // The agent is on the node: neither a proxy nor a CA is between us.
        let agent: Vec<_> = agent.map(|address| Target::one(address, Trust::default())).collect();
        if let Some(fault) = config.region.as_deref().and_then(region::fault) {
            faults.push(mistake("--aws-region", fault.to_owned()));
        }
        let roots = config.ca_file.clone().map_or(Roots::System, Roots::File);
        let trust = Trust { roots, proxy: config.proxy.clone(), ..Trust::default() };
        let operator = Self { secrets_manager, ssm, sts, agent, trust, config };
        Errors::from_list(faults).map_or(Ok(operator), Err)
    }
}

fn mistake(flag: &'static str, fault: String) -> Error {
    Error::new(Kind::Invalid, Stage::Start, fault).with("flag", flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named_with_its_flag() {
        let config = Config {
            region: Some("eu central".into()),
            ssm: Some("ftp://x".into()),
            agent: Some("agent".into()),
            ..Config::default()
        };
        let text = Operator::new(config).err().map(|errors| errors.to_string()).unwrap_or_default();
        for flag in ["--aws-region", "--aws-endpoint-url-ssm", "--aws-pod-identity-endpoint"] {
            assert!(text.contains(&format!("flag={flag}: ")), "{text}");
        }
    }

    #[test]
    fn one_endpoint_is_for_all_but_those_that_have_their_own() {
        let config = Config {
            endpoint: Some("http://127.0.0.1:1".into()),
            sts: Some("http://127.0.0.1:2".into()),
            ..Config::default()
        };
        let Ok(operator) = Operator::new(config) else { unreachable!("a good one") };
        let shown = [&operator.secrets_manager, &operator.ssm, &operator.sts]
            .map(|address| address.as_ref().map(ToString::to_string).unwrap_or_default());
        assert_eq!(shown, ["http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:2"]);
        assert_eq!(operator.agent.len(), 2, "IPv4, and IPv6 where that is not there");
    }
}
