#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]
//! Logins, and what a token asks about itself.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Answer, State, asked, envelope, error, nothing};
use crate::time::{Clock, Moment, Wall};

/// A living token.
pub struct Token {
    /// The entity, one for each service account.
    pub entity: String,
    metadata: Value,
    policies: Vec<&'static str>,
    born: Moment,
    /// When it ends.
    pub ends: Moment,
    renewable: bool,
    batch: bool,
    /// How many requests it is still good for; 0 is no limit.
    uses: u64,
}

// === impl State ===

impl State {
    pub(super) fn login(&mut self, body: &str) -> Answer {
        let Ok(body) = serde_json::from_str::<Value>(body) else {
            return error(400, "failed to decode JSON input");
        };
        let (Some(jwt), Some(role)) = (body["jwt"].as_str(), body["role"].as_str()) else {
            return error(400, "missing jwt");
        };
        if role != "web" || self.rules.role_gone {
            return error(400, &format!("invalid role name {role:?}"));
        }
        let claims = claims(jwt);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kube = &claims["kubernetes.io"];
        let (namespace, account) = (word(&kube["namespace"]), word(&kube["serviceaccount"]["name"]));
        if !self.allowed.iter().any(|(_, other)| *other == account) {
            return error(403, "service account name not authorized");
        }
        if !self.allowed.contains(&(namespace.clone(), account.clone())) {
            return error(403, "namespace not authorized");
        }
        if claims["exp"].as_u64().unwrap_or_default() + 60 < Wall.unix() {
            return error(403, "invalid expiration time (exp) claim: token is expired");
        }
        if !self.issuer.signed(jwt) {
            return error(403, "permission denied");
        }
        let mut metadata = json!({"role": role, "service_account_name": account,
            "service_account_namespace": namespace, "service_account_secret_name": ""});
        if self.rules.maps_pods {
            metadata["pod_uid"] = kube["pod"]["uid"].clone();
        }
        self.give_token(format!("entity-{namespace}-{account}"), metadata)
    }

    /// AppRole and userpass.
    pub(super) fn login_by_secrets(&mut self, path: &str, body: &str) -> Answer {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let word = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let (who, secret, fault) = match path.strip_prefix("auth/userpass/login/") {
            Some(user) => (user.to_owned(), word("password"), "invalid username or password"),
            None => (word("role_id"), word("secret_id"), "invalid role or secret ID"),
        };
        if self.known.get(&who) != Some(&secret) {
            return error(400, fault);
        }
        self.give_token(format!("entity-{who}"), json!({}))
    }

    fn give_token(&mut self, entity: String, metadata: Value) -> Answer {
        let (now, rules) = (self.clock.moment(), &self.rules);
        let (ttl, _) = rules.token_ttl;
        let token = Token {
            entity,
            metadata,
            policies: rules.policies.clone(),
            born: now,
            ends: now + Duration::from_secs(ttl),
            renewable: rules.renewable && !rules.batch,
            batch: rules.batch,
            uses: rules.uses,
        };
        let name = format!("s.faketoken{:016}", self.next());
        let auth = auth(&name, &token, ttl);
        if !std::mem::take(&mut self.kill_once) {
            self.tokens.insert(name, token);
        }
        envelope(&json!({"auth": auth}))
    }

    /// Ends what has come to its end. A token takes its leases with it.
    pub(super) fn sweep(&mut self) {
        let now = self.clock.moment();
        self.tokens.retain(|_, token| token.ends > now);
        let tokens = &self.tokens;
        self.leases.retain(|_, lease| lease.ends > now && tokens.contains_key(&lease.token));
    }

    /// One use less; the last one ends the token.
    pub(super) fn used(&mut self, name: &str) {
        let Some(token) = self.tokens.get_mut(name).filter(|token| token.uses > 0) else { return };
        token.uses -= 1;
        if token.uses == 0 {
            self.tokens.remove(name);
            self.sweep();
        }
    }

    pub(super) fn lookup_self(&self, name: &str) -> Answer {
        let token = &self.tokens[name];
        let ttl = token.ends.since(self.clock.moment()).as_secs();
        envelope(
            &json!({"data": {"id": name, "entity_id": token.entity, "policies": token.policies, "ttl": ttl,
            "renewable": token.renewable, "num_uses": token.uses, "meta": token.metadata}}),
        )
    }

    pub(super) fn renew_self(&mut self, name: &str, body: &Value) -> Answer {
        let (now, (ttl, most)) = (self.clock.moment(), self.rules.token_ttl);
        let role_gone = self.rules.role_gone;
        let token = self.tokens.get_mut(name).unwrap();
        if token.batch {
            return error(400, "batch tokens cannot be renewed");
        }
        if !token.renewable {
            return error(400, "lease is not renewable");
        }
        if role_gone {
            return error(
                500,
                "1 error occurred:\n\t* failed to renew entry: role web does not exist during renewal\n\n",
            );
        }
        let left = (token.born + Duration::from_secs(most)).since(now).as_secs();
        let ttl = asked(body).unwrap_or(ttl).min(left);
        token.ends = now + Duration::from_secs(ttl);
        envelope(&json!({"auth": auth(name, token, ttl)}))
    }

    pub(super) fn revoke_self(&mut self, name: &str) -> Answer {
        if self.tokens[name].batch {
            return error(400, "batch tokens cannot be revoked");
        }
        self.tokens.remove(name);
        self.sweep();
        nothing()
    }

    pub(super) fn capabilities(&self, body: &Value) -> Answer {
        let paths = body["paths"].as_array().cloned().unwrap_or_default();
        if paths.is_empty() {
            return error(400, "paths must be supplied");
        }
        let has = |path: &str| match path.split('/').next() {
            _ if self.is_denied(path) => "deny",
            Some("pki") => "update",
            Some("secret" | "kv1" | "database") => "read",
            _ => "deny",
        };
        let each = paths.iter().filter_map(Value::as_str).map(|path| (path.to_owned(), json!([has(path)])));
        envelope(&json!({"data": each.collect::<serde_json::Map<_, _>>()}))
    }
}

fn claims(jwt: &str) -> Value {
    let part = jwt.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
    serde_json::from_slice(&part).unwrap_or_default()
}

fn auth(name: &str, token: &Token, ttl: u64) -> Value {
    let kind = if token.batch { "batch" } else { "service" };
    json!({"client_token": name, "accessor": "a", "policies": token.policies, "token_policies": token.policies,
        "metadata": token.metadata, "lease_duration": ttl, "renewable": token.renewable, "entity_id": token.entity,
        "token_type": kind, "orphan": true, "mfa_requirement": null, "num_uses": token.uses})
}
