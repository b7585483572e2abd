#![expect(clippy::indexing_slicing, reason = "tests may fail loudly")]
//! Secrets engines: KV of both versions, a database's dynamic and static roles, PKI.

use serde_json::{Value, json};

use super::{Answer, State, envelope, error};

// === impl State ===

impl State {
    pub(super) fn engine(&mut self, method: &str, path: &str, token: &str) -> Answer {
        let (mount, rest) = path.split_once('/').unwrap_or((path, ""));
        let (place, name) = rest.split_once('/').unwrap_or((rest, ""));
        match (method, mount, place) {
            ("GET", "secret", "data") => self.versioned(name),
            ("GET", "kv1", _) => self.unversioned(rest),
            ("GET", "database", "creds") => self.dynamic(path, token),
            ("GET", "database", "static-creds") => self.rotating(name),
            ("POST" | "PUT", "pki", "issue") => self.certificate(),
            _ => (404, Vec::new(), json!({"errors": []}).to_string()),
        }
    }

    /// With the engine's name where the server sends it.
    fn named(&self, engine: &str, mut fields: Value) -> Answer {
        if self.rules.mount_types {
            fields["mount_type"] = json!(engine);
        }
        envelope(&fields)
    }

    fn versioned(&self, name: &str) -> Answer {
        let Some(data) = self.secrets.get(name) else {
            return (404, Vec::new(), json!({"errors": []}).to_string());
        };
        let metadata = json!({"created_time": "t", "custom_metadata": null, "deletion_time": "", "destroyed": false, "version": 1});
        self.named("kv", json!({"data": {"data": data, "metadata": metadata}}))
    }

    /// Version 1 says a duration, the mount's or the secret's own, and gives no lease.
    fn unversioned(&self, name: &str) -> Answer {
        let Some(data) = self.flat.get(name) else {
            return (404, Vec::new(), json!({"errors": []}).to_string());
        };
        let duration = data["ttl"].as_u64().unwrap_or(2_764_800);
        self.named("kv", json!({"data": data, "lease_duration": duration}))
    }

    fn dynamic(&mut self, path: &str, token: &str) -> Answer {
        if self.rules.database_down {
            return error(500, "1 error occurred:\n\t* unable to start transaction: failed to connect\n\n");
        }
        let number = self.next();
        let mut fields = self.lease(path, token);
        fields["data"] = json!({"username": format!("u{number}"), "password": format!("p{number}")});
        self.named("database", fields)
    }

    fn rotating(&self, name: &str) -> Answer {
        let data = json!({"username": name, "password": "p", "rotation_period": 10,
            "last_vault_rotation": "t", "ttl": self.rules.static_ttl});
        self.named("database", json!({"data": data}))
    }

    /// A certificate that lives as long as leases do, and has none.
    fn certificate(&mut self) -> Answer {
        let (number, now, (ttl, _)) = (self.next(), self.clock.unix(), self.rules.lease_ttl);
        let data = json!({"certificate": format!("cert{number}"), "private_key": format!("key{number}"),
            "not_before": now.saturating_sub(30), "expiration": now + ttl});
        self.named("pki", json!({"data": data}))
    }
}
