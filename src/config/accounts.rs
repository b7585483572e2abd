//! The look-up of service accounts (decision 10): off unless the operator says so.

use std::path::PathBuf;

use super::flags::{Flag, flag};
use super::values::Values;

const TOKENS: &str = "Look-up of service accounts";

/// The settings.
pub(super) const FLAGS: [Flag; 4] = [
    flag(
        TOKENS,
        "lookup-service-accounts",
        "",
        "Ask the Kubernetes API for the annotations of service accounts where a class names no role; needs get on serviceaccounts",
    )
    .switch(),
    flag(TOKENS, "kubernetes-url", "URL", "The Kubernetes API for this look-up").or("https://kubernetes.default.svc"),
    flag(TOKENS, "kubernetes-ca-file", "FILE", "CA of the Kubernetes API")
        .or("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"),
    flag(TOKENS, "kubernetes-token-file", "FILE", "keymount's own token for this look-up, re-read at each use")
        .or("/var/run/secrets/kubernetes.io/serviceaccount/token"),
];

/// The Kubernetes API, as it is asked for service accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Its address.
    pub url: String,
    /// Its CA.
    pub ca_file: PathBuf,
    /// The token to ask with.
    pub token_file: PathBuf,
}

/// The settings, if the operator allows the look-up.
pub(super) fn read(values: &mut Values) -> Option<Accounts> {
    let allowed = values.switch("lookup-service-accounts");
    let text = |name| values.text(name).unwrap_or_default();
    allowed.then(|| Accounts {
        url: text("kubernetes-url"),
        ca_file: text("kubernetes-ca-file").into(),
        token_file: text("kubernetes-token-file").into(),
    })
}
