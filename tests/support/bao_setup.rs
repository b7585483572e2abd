//! What an operator would set up in OpenBao, a line each.

use serde_json::{Value, json};

use super::bao::Bao;
use super::kube::Kube;
use super::postgres::Postgres;
use super::secrets;

/// Where a jwt mount finds the keys that sign service account tokens.
#[derive(Clone, Copy)]
pub enum Keys<'a> {
    Pems(&'a [String]),
    JwksUrl(&'a str),
}

impl Bao {
    /// A jwt auth mount. Its roles come from [`Self::role`].
    pub async fn enable_jwt(&self, mount: &str, keys: Keys<'_>) {
        self.put(&format!("sys/auth/{mount}"), json!({"type": "jwt"})).await;
        let config = match keys {
            Keys::Pems(pems) => json!({"jwt_validation_pubkeys": pems}),
            Keys::JwksUrl(url) => json!({"jwks_url": url, "skip_jwks_validation": true}),
        };
        self.put(&format!("auth/{mount}/config"), config).await;
    }

    /// A kubernetes auth mount that asks `kube`'s TokenReview.
    pub async fn enable_kubernetes(&self, mount: &str, kube: &Kube) {
        self.put(&format!("sys/auth/{mount}"), json!({"type": "kubernetes"})).await;
        let config = json!({
            "kubernetes_host": kube.url(),
            "kubernetes_ca_cert": kube.ca_pem(),
            "token_reviewer_jwt": kube.reviewer_token().await,
            "disable_local_ca_jwt": true,
        });
        self.put(&format!("auth/{mount}/config"), config).await;
    }

    /// An approle auth mount with one role; the role's ID.
    pub async fn approle(&self, role: &str, settings: Value) -> String {
        self.put("sys/auth/approle", json!({"type": "approle"})).await;
        self.role("approle", role, settings).await;
        let path = format!("auth/approle/role/{role}/role-id");
        let id = self.get(&path).await.expect_ok(&path)["data"]["role_id"].clone();
        id.as_str().expect("a role ID").to_owned()
    }

    /// A new secret ID of a role, remembered for leak scans.
    pub async fn secret_id(&self, role: &str) -> String {
        let reply = self.put(&format!("auth/approle/role/{role}/secret-id"), json!({})).await;
        let id = reply["data"]["secret_id"].as_str().expect("a secret ID").to_owned();
        secrets::remember(&id);
        id
    }

    /// A mount's accessor, which templated policies name.
    pub async fn accessor(&self, mount: &str) -> String {
        let body = self.get("sys/auth").await.expect_ok("sys/auth");
        body["data"][format!("{mount}/")]["accessor"].as_str().expect("accessor").to_owned()
    }

    pub async fn role(&self, mount: &str, name: &str, role: Value) {
        self.put(&format!("auth/{mount}/role/{name}"), role).await;
    }

    pub async fn policy(&self, name: &str, hcl: &str) {
        self.put(&format!("sys/policies/acl/{name}"), json!({"policy": hcl})).await;
    }

    pub async fn kv1(&self, mount: &str) {
        self.put(&format!("sys/mounts/{mount}"), json!({"type": "kv", "options": {"version": "1"}})).await;
    }

    /// A kv mount of version 2. `secret` is one already.
    pub async fn kv2(&self, mount: &str) {
        self.put(&format!("sys/mounts/{mount}"), json!({"type": "kv", "options": {"version": "2"}})).await;
    }

    /// A certificate authority with elliptic keys (RSA would cost a quarter of a second each) and a role
    /// that signs any name.
    pub async fn pki(&self, mount: &str, role: &str, max_ttl: &str) {
        let engine = json!({"type": "pki", "config": {"max_lease_ttl": "87600h"}});
        self.put(&format!("sys/mounts/{mount}"), engine).await;
        let root = json!({"common_name": "test root", "ttl": "8760h", "key_type": "ec", "key_bits": 256});
        self.put(&format!("{mount}/root/generate/internal"), root).await;
        let role_path = format!("{mount}/roles/{role}");
        let rules = json!({"allow_any_name": true, "key_type": "ec", "key_bits": 256, "max_ttl": max_ttl});
        self.put(&role_path, rules).await;
    }

    /// A database mount that makes users in `pg`.
    pub async fn database(&self, mount: &str, pg: &Postgres) {
        self.put(&format!("sys/mounts/{mount}"), json!({"type": "database"})).await;
        let config = json!({
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "connection_url": pg.url_template(),
            "username": "postgres",
            "password": pg.password(),
        });
        self.put(&format!("{mount}/config/pg"), config).await;
    }

    /// A role of a [`Self::database`] mount: reading `MOUNT/creds/NAME` makes a user for `ttl`.
    pub async fn database_role(&self, mount: &str, name: &str, ttl: &str, max_ttl: &str) {
        let create =
            "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'";
        let role =
            json!({"db_name": "pg", "creation_statements": [create], "default_ttl": ttl, "max_ttl": max_ttl});
        self.put(&format!("{mount}/roles/{name}"), role).await;
    }

    /// Answers 429, with Retry-After, to more than `rate` requests in each `interval` under `path`.
    pub async fn rate_limit(&self, name: &str, path: &str, rate: u32, interval: &str) {
        self.put("sys/quotas/config", json!({"enable_rate_limit_response_headers": true})).await;
        let quota = json!({"path": path, "rate": rate, "interval": interval, "block_interval": "0s"});
        self.put(&format!("sys/quotas/rate-limit/{name}"), quota).await;
    }

    pub async fn no_rate_limit(&self, name: &str) {
        self.delete(&format!("sys/quotas/rate-limit/{name}")).await;
    }

    /// Every lease under a prefix such as `database/creds/`.
    pub async fn leases(&self, prefix: &str) -> Vec<String> {
        let mut folders = vec![format!("{}/", prefix.trim_end_matches('/'))];
        let mut leases = Vec::new();
        while let Some(folder) = folders.pop() {
            for key in self.list(&format!("sys/leases/lookup/{folder}")).await {
                let path = format!("{folder}{key}");
                if path.ends_with('/') { folders.push(path) } else { leases.push(path) }
            }
        }
        leases
    }

    pub async fn lease_count(&self, prefix: &str) -> usize {
        self.leases(prefix).await.len()
    }

    /// How many tokens live, root's included: a login adds one, a revocation takes one away.
    pub async fn token_count(&self) -> usize {
        self.list("auth/token/accessors").await.len()
    }
}
