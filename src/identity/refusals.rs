//! Why a request proves nothing, and what to change: these texts reach pod events.

use super::{Brought, Pod, Tokens};
use crate::error::{Error, Kind, Stage};

/// A token that is not this pod's, or not good now.
pub(super) fn refuse(pod: &Pod, audience: &str, fault: &str) -> Error {
    bad(pod, audience, fault).hint(
        "the request must bring a fresh token that the kubelet made for this pod (CSIDriver tokenRequests)",
    )
}

/// The caller's own token, of the command line.
pub(super) fn refuse_own(pod: &Pod, audience: &str, fault: &str) -> Error {
    bad(pod, audience, fault).hint(
        "the token file must hold a fresh JWT for this audience: name it where the token is made \
         (`audience` of a projected serviceAccountToken), or name the token's with --audience",
    )
}

fn bad(pod: &Pod, audience: &str, fault: &str) -> Error {
    Error::new(Kind::Unauthenticated, Stage::Proof, fault)
        .with("pod", pod)
        .with("service_account", &pod.service_account)
        .with("audience", audience)
}

/// Neither the cluster's keys nor a login can check the token.
pub(super) fn unverifiable(pod: &Pod) -> Error {
    Error::new(
        Kind::Precondition,
        Stage::Proof,
        "this provider can check a token only against the cluster's keys",
    )
    .with("pod", pod)
    .hint("start keymount with --jwks-url or --jwks-file")
}

/// Decision 2: what does not prove the pod is the operator's to allow.
pub(super) fn unallowed(brought: &Brought<'_>, what: &str) -> Error {
    let text = format!("{what} cannot prove which pod asks, and the operator has not allowed that");
    Error::new(Kind::Precondition, Stage::Proof, text)
        .with("pod", brought.pod)
        .with("backend", brought.provider)
        .hint(format!(
            "log in by the pod's token instead, or start keymount with --allow-unproven={}",
            brought.provider
        ))
}

/// Credentials that the login needs are absent. Keys are named; no value is shown.
pub(super) fn lacking(brought: &Brought<'_>, keys: &[&str], absent: &[&str]) -> Error {
    let text = match brought.secrets.keys().next() {
        None => "the request brought no credentials".to_owned(),
        Some(_) => format!("the request's credentials lack {}", absent.join(" and ")),
    };
    Error::new(Kind::Unauthenticated, Stage::Proof, text).with("pod", brought.pod).hint(format!(
        "nodePublishSecretRef of the pod's volume must name a Secret of its namespace with {}",
        keys.join(" and ")
    ))
}

/// The token for the audience is absent. Decision 10: the error shows the lines to add.
pub(super) fn absent(pod: &Pod, tokens: &Tokens, audience: &str) -> Error {
    let have: Vec<_> = tokens.audiences().collect();
    let text = match have.is_empty() {
        true => "the request brought no service-account token".to_owned(),
        false => format!("the request brought tokens for other audiences only ({})", have.join(", ")),
    };
    let error =
        Error::new(Kind::Unauthenticated, Stage::Proof, text).with("pod", pod).with("audience", audience);
    // The audience is the class author's word: it stands in a text that an admin may paste.
    let plain = |letter: char| letter.is_ascii_alphanumeric() || ".:/-_".contains(letter);
    match audience.len() <= 253 && audience.chars().all(plain) {
        true => error.hint(format!(
            "add the audience to the CSIDriver (kubectl edit csidriver secrets-store.csi.k8s.io): \
             spec: {{tokenRequests: [{{audience: \"{audience}\"}}]}}, beside those that are there; \
             or name another one in the class: audience"
        )),
        false => error.hint("the class's audience is not a plain name; correct it"),
    }
}
