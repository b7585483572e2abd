//! A Vault token: what it was granted, what it may do, and how it is carried over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::Flavour;
use super::envelope::Envelope;
use super::error::{At, READ};
use super::go_json::Text;
use super::index::Index;
use super::params::Scope;
use crate::error::Stage;
use crate::lease::{self, Grant};
use crate::net::Target;

/// A Vault token and where it is good.
pub struct Credential {
    pub(super) token: SecretString,
    /// The role that gave it, for hints.
    pub(super) role: String,
    /// How far its server had come.
    pub(super) index: Index,
    grant: Grant,
    /// Stored nowhere, so that it can be neither renewed nor revoked.
    is_batch: bool,
    /// How many requests it is good for; 0 is no limit.
    uses: u64,
    authority: Authority,
}

/// What a token may do (decision 3): two of equal authority read the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Authority(Arc<Powers>);

/// Everything that a server decides by, and where the server is.
#[derive(PartialEq, Eq, Hash)]
struct Powers {
    target: Target,
    namespace: Option<String>,
    /// The auth mount, and with it the alias whose metadata fills policy templates.
    mount: String,
    entity: String,
    policies: BTreeSet<String>,
    metadata: BTreeMap<String, String>,
}

// === impl Credential ===

impl Credential {
    /// What a login's `auth` gives in this scope; `None` if it gives no token.
    pub(super) fn of(scope: &Scope, auth: &Map<String, Value>) -> Option<Self> {
        let token = auth.get("client_token").and_then(Value::as_str).filter(|token| !token.is_empty())?;
        let uses = auth.get("num_uses").and_then(Value::as_u64).unwrap_or_default();
        let is_batch = text(auth, "token_type") == "batch";
        let granted = granted(auth);
        // Renewing uses up what counts its uses, and a batch token answers 400 to it.
        let renewable = granted.renewable && !is_batch && uses == 0;
        let grant = Grant { renewable, ..granted };
        let (token, role) = (token.to_owned().into(), scope.role.clone());
        let (index, authority) = (Index::default(), Authority::of(scope, auth));
        Some(Self { token, role, index, grant, is_batch, uses, authority })
    }

    /// The server.
    pub(super) fn target(&self) -> &Target {
        &self.authority.0.target
    }

    /// The namespace that its requests go to.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.authority.0.namespace.as_deref()
    }

    /// Whether it is a batch token.
    pub(super) const fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// What is said of a request that is made with it.
    pub(super) fn at<'a>(&'a self, flavour: Flavour, method: &'a str, path: &'a str) -> At<'a> {
        At {
            flavour,
            stage: Stage::Read,
            rows: READ,
            address: &self.target().address,
            namespace: self.namespace(),
            method,
            path,
            role: &self.role,
            mount: "",
            pod: [""; 3],
            sent: vec![&self.token],
        }
    }

    /// The credential as text, in the form in which a server gives it (decision 5).
    pub(super) fn pack(&self) -> Option<SecretString> {
        let mut text = Text::default();
        text.raw("{\"auth\":{\"client_token\":");
        #[expect(clippy::disallowed_methods, reason = "the hand-off file is where it goes")]
        text.string(self.token.expose_secret());
        let powers = &self.authority.0;
        let kind = if self.is_batch { "batch" } else { "service" };
        for (key, value) in [
            ("lease_duration", json!(self.grant.ttl.unwrap_or_default().as_secs())),
            ("renewable", json!(self.grant.renewable)),
            ("token_type", json!(kind)),
            ("num_uses", json!(self.uses)),
            ("entity_id", json!(powers.entity)),
            ("policies", json!(powers.policies)),
            ("metadata", json!(powers.metadata)),
        ] {
            text.raw(&format!(",\"{key}\":"));
            text.value(&value);
        }
        text.raw("}}");
        // An exact copy: a text that shrinks leaves its old allocation unwiped.
        str::from_utf8(text.bytes()).ok().map(|text| text.to_owned().into())
    }

    /// What [`Credential::pack`] made of a credential of this scope.
    pub(super) fn unpack(scope: &Scope, packed: &SecretString) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "it goes into what wipes it")]
        let body = packed.expose_secret().as_bytes().to_vec().into();
        Self::of(scope, Envelope::parse(&body)?.auth()?)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("address", &format_args!("{}", self.target().address))
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl lease::Credential for Credential {
    type Authority = Authority;

    fn authority(&self) -> &Authority {
        &self.authority
    }

    fn grant(&self) -> Grant {
        self.grant
    }

    fn is_counted(&self) -> bool {
        self.uses > 0
    }
}

// === impl Authority ===

impl Authority {
    fn of(scope: &Scope, auth: &Map<String, Value>) -> Self {
        let lists = ["policies", "token_policies", "identity_policies"];
        let names = lists.iter().filter_map(|list| auth.get(*list)?.as_array()).flatten();
        let pairs = auth.get("metadata").and_then(Value::as_object).into_iter().flatten();
        let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self(Arc::new(Powers {
            target: scope.target.clone(),
            namespace: scope.namespace.clone(),
            mount: scope.mount.clone(),
            entity: text(auth, "entity_id").to_owned(),
            policies: names.filter_map(Value::as_str).map(str::to_owned).collect(),
            metadata: pairs.map(|(key, pair)| (key.clone(), value(pair))).collect(),
        }))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claims that are mapped into metadata are the pod's own affair.
        f.debug_struct("Authority")
            .field("address", &format_args!("{}", self.0.target.address))
            .field("policies", &self.0.policies)
            .finish_non_exhaustive()
    }
}

impl lease::Authority for Authority {
    /// Only an entity says that two tokens are one identity.
    fn may_share(&self) -> bool {
        !self.0.entity.is_empty()
    }
}

/// What an `auth` grants: 0 is a token without end.
pub(super) fn granted(auth: &Map<String, Value>) -> Grant {
    let seconds = auth.get("lease_duration").and_then(Value::as_u64).unwrap_or_default();
    let renewable = auth.get("renewable").and_then(Value::as_bool).unwrap_or_default();
    Grant { ttl: (seconds > 0).then(|| Duration::from_secs(seconds)), renewable }
}

fn text<'a>(auth: &'a Map<String, Value>, field: &str) -> &'a str {
    auth.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
