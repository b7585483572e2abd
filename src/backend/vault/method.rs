//! The ways to log in: what each must be shown, what it sends, what its refusals mean.
//!
//! The requests are vaultrs's, but for `cert`: there it names the role in a
//! field that servers do not read.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest;
use zeroize::Zeroize;

use super::error::{APPROLE, CERTIFICATE, LOGIN, Row, USERPASS};
use super::login::typed;
use super::params::Scope;
use super::path;
use crate::error::{Error, Kind, Stage};
use crate::identity::{Evidence, Presented};

/// What `vaultAuthMethod` may say.
pub(super) const NAMES: [&str; 5] = ["kubernetes", "jwt", "approle", "userpass", "cert"];

const ROLE_ID: &str = "role_id";
const SECRET_ID: &str = "secret_id";
const USERNAME: &str = "username";
const PASSWORD: &str = "password";

/// A way to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Method {
    /// `kubernetes`: the pod's token, which a `jwt` mount takes in the same form.
    #[default]
    Kubernetes,
    /// `jwt`: the same with another default mount.
    Jwt,
    /// `approle`: a role ID, which the class may name, and a secret ID.
    AppRole {
        /// The class's.
        role_id: Option<String>,
    },
    /// `userpass`, and whatever has its form (`ldap`, `radius`): a name and a password.
    UserPass,
    /// `cert`: the operator's client certificate.
    Certificate,
}

// === impl Method ===

impl Method {
    /// The method of this name; the role ID is for `approle`.
    pub(super) fn parse(name: &str, role_id: Option<String>) -> Option<Self> {
        Some(match name {
            "kubernetes" => Self::Kubernetes,
            "jwt" => Self::Jwt,
            "approle" => Self::AppRole { role_id },
            "userpass" => Self::UserPass,
            "cert" => Self::Certificate,
            _ => return None,
        })
    }

    /// Whether a login must name a role.
    pub(super) const fn needs_role(&self) -> bool {
        matches!(self, Self::Kubernetes | Self::Jwt)
    }

    /// The mount of classes that name none. The operator's is one for pods' tokens.
    pub(super) fn mount<'a>(&self, operators: &'a str) -> &'a str {
        match self {
            // Nobody set another.
            Self::Jwt if operators == "kubernetes" => "jwt",
            Self::Kubernetes | Self::Jwt => operators,
            Self::AppRole { .. } => "approle",
            Self::UserPass => "userpass",
            Self::Certificate => "cert",
        }
    }

    /// What proves a request (decision 2).
    pub(super) const fn evidence<'a>(&self, audience: &'a str) -> Evidence<'a> {
        match self {
            Self::Kubernetes | Self::Jwt => Evidence::Token { audience, verified_by_login: true },
            Self::AppRole { role_id: Some(_) } => Evidence::Secrets { keys: &[SECRET_ID] },
            Self::AppRole { role_id: None } => Evidence::Secrets { keys: &[ROLE_ID, SECRET_ID] },
            Self::UserPass => Evidence::Secrets { keys: &[USERNAME, PASSWORD] },
            Self::Certificate => Evidence::Node,
        }
    }

    /// What servers say to its logins.
    pub(super) const fn rows(&self) -> &'static [Row] {
        match self {
            Self::Kubernetes | Self::Jwt => LOGIN,
            Self::AppRole { .. } => APPROLE,
            Self::UserPass => USERPASS,
            Self::Certificate => CERTIFICATE,
        }
    }
}

/// The path and the body of a login.
pub(super) fn request(proof: &Presented, scope: &Scope) -> Result<(String, Vec<u8>), Error> {
    let (mount, role) = (scope.mount.clone(), scope.role.clone());
    match &scope.method {
        Method::Kubernetes | Method::Jwt => {
            let mut request = LoginWithKubernetesRequest { mount, role, jwt: opened(proof.token())? };
            let parts = typed(&request);
            request.jwt.zeroize();
            parts
        }
        Method::AppRole { role_id } => {
            let known = role_id.clone().map_or_else(|| opened(proof.secret(ROLE_ID)), Ok);
            let mut request = LoginWithApproleRequest {
                mount,
                role_id: known?,
                secret_id: opened(proof.secret(SECRET_ID))?,
            };
            let parts = typed(&request);
            request.role_id.zeroize();
            request.secret_id.zeroize();
            parts
        }
        Method::UserPass => {
            let username = segment(opened(proof.secret(USERNAME))?)?;
            let mut request = LoginRequest { mount, username, password: opened(proof.secret(PASSWORD))? };
            let parts = typed(&request);
            request.username.zeroize();
            request.password.zeroize();
            parts
        }
        Method::Certificate => {
            let body = if role.is_empty() { json!({}) } else { json!({ "name": role }) };
            Ok((format!("/v1/auth/{}/login", path::encode(&mount)), body.to_string().into_bytes()))
        }
    }
}

/// What the login is for.
fn opened(secret: Option<&SecretString>) -> Result<String, Error> {
    let absent = || Error::new(Kind::Internal, Stage::Login, "the proof lacks what the login needs");
    #[expect(clippy::disallowed_methods, reason = "the login is what it is for")]
    secret.map(|secret| secret.expose_secret().to_owned()).ok_or_else(absent)
}

/// A name that stays one segment of a path.
fn segment(mut name: String) -> Result<String, Error> {
    if path::fault(&name).is_none() && !name.contains('/') {
        return Ok(name);
    }
    name.zeroize();
    let text = "the request's username is not one that a path can carry";
    Err(Error::new(Kind::Invalid, Stage::Login, text)
        .hint("a username has no slash and no control character"))
}
