//! The settings of the two Vault flavours, under their two prefixes.

use std::path::PathBuf;

use super::parse::{positive, rate};
use super::values::Values;
use crate::backend::vault::Config;

/// The names of one flavour's settings.
macro_rules! names {
    ($prefix:literal) => {
        Names {
            addr: concat!($prefix, "-addr"),
            mount: concat!($prefix, "-mount"),
            namespace: concat!($prefix, "-namespace"),
            audience: concat!($prefix, "-audience"),
            ca_cert: concat!($prefix, "-tls-ca-cert"),
            ca_directory: concat!($prefix, "-tls-ca-directory"),
            server_name: concat!($prefix, "-tls-server-name"),
            client_cert: concat!($prefix, "-tls-client-cert"),
            client_key: concat!($prefix, "-tls-client-key"),
            skip_verify: concat!($prefix, "-tls-skip-verify"),
            tls_dir: concat!($prefix, "-tls-dir"),
            proxy: concat!($prefix, "-proxy-addr"),
            allowed: concat!($prefix, "-allowed-address"),
            allow_http: concat!($prefix, "-allow-http"),
            allow_skip_verify: concat!($prefix, "-allow-skip-verify"),
            max_inflight: concat!($prefix, "-max-inflight"),
            rate: concat!($prefix, "-rate"),
        }
    };
}

struct Names {
    addr: &'static str,
    mount: &'static str,
    namespace: &'static str,
    audience: &'static str,
    ca_cert: &'static str,
    ca_directory: &'static str,
    server_name: &'static str,
    client_cert: &'static str,
    client_key: &'static str,
    skip_verify: &'static str,
    tls_dir: &'static str,
    proxy: &'static str,
    allowed: &'static str,
    allow_http: &'static str,
    allow_skip_verify: &'static str,
    max_inflight: &'static str,
    rate: &'static str,
}

const VAULT: Names = names!("vault");
const OPENBAO: Names = names!("openbao");

/// The settings of `provider: vault` and of `provider: openbao`.
pub(super) fn read(values: &mut Values, max_response: usize) -> (Config, Config) {
    (flavour(values, &VAULT, max_response), flavour(values, &OPENBAO, max_response))
}

fn flavour(values: &mut Values, names: &Names, max_response: usize) -> Config {
    let (skip_verify, allow_http, allow_skip_verify) = (
        values.switch(names.skip_verify),
        values.switch(names.allow_http),
        values.switch(names.allow_skip_verify),
    );
    let defaults = Config::default();
    let rate = values.parsed(names.rate, rate);
    let max_in_flight = values.parsed(names.max_inflight, positive).unwrap_or(defaults.max_in_flight);
    // A limit that somebody has set is one over HTTP/2 too.
    let max_streams =
        if values.is_default(names.max_inflight) { defaults.max_streams } else { max_in_flight };
    let path = |name| values.text(name).map(PathBuf::from);
    Config {
        address: values.text(names.addr),
        auth_mount: values.text(names.mount).unwrap_or(defaults.auth_mount),
        namespace: values.text(names.namespace),
        audience: values.text(names.audience),
        ca_file: path(names.ca_cert),
        ca_directory: path(names.ca_directory),
        server_name: values.text(names.server_name),
        client_certificate: path(names.client_cert),
        client_key: path(names.client_key),
        tls_dir: path(names.tls_dir),
        proxy: values.text(names.proxy),
        allowed_addresses: values.list(names.allowed),
        skip_verify,
        allow_http,
        allow_skip_verify,
        max_in_flight,
        max_streams,
        rate,
        max_response_bytes: max_response,
    }
}
