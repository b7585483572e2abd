//! Leases: each is bound to the token that it was made with.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, State, asked, envelope, error};
use crate::time::Moment;

/// A living lease.
pub struct Lease {
    /// The token that it ends with.
    pub token: String,
    born: Moment,
    /// When it ends.
    pub ends: Moment,
    renewable: bool,
}

// === impl State ===

impl State {
    /// A lease for what was just made; its reply's fields.
    pub(super) fn lease(&mut self, path: &str, token: &str) -> Value {
        let (now, (ttl, _)) = (self.clock.moment(), self.rules.lease_ttl);
        let name = format!("{path}/{:024}", self.made);
        let ends = now + Duration::from_secs(ttl);
        let renewable = self.rules.lease_renewable;
        self.leases.insert(name.clone(), Lease { token: token.into(), born: now, ends, renewable });
        json!({"lease_id": name, "lease_duration": ttl, "renewable": renewable})
    }

    pub(super) fn lookup_lease(&self, body: &Value) -> Answer {
        let Some(name) = body["lease_id"].as_str() else { return error(400, "lease_id must be specified") };
        let Some(lease) = self.leases.get(name) else { return error(400, "invalid lease") };
        let ttl = lease.ends.since(self.clock.moment()).as_secs();
        envelope(&json!({"data": {"id": name, "expire_time": "t", "issue_time": "t", "last_renewal": null,
            "renewable": lease.renewable, "ttl": ttl}}))
    }

    pub(super) fn renew_lease(&mut self, body: &Value) -> Answer {
        let Some(name) = body["lease_id"].as_str() else { return error(400, "lease_id must be specified") };
        let (now, (ttl, most), down) = (self.clock.moment(), self.rules.lease_ttl, self.rules.database_down);
        let Some(lease) = self.leases.get_mut(name) else { return error(400, "lease not found") };
        if !lease.renewable {
            return error(400, "lease is not renewable");
        }
        if down {
            return error(
                400,
                "failed to renew entry: resp: (*logical.Response)(nil) err: failed to connect",
            );
        }
        let left = (lease.born + Duration::from_secs(most)).since(now).as_secs();
        let ttl = asked(body).unwrap_or(ttl).min(left);
        lease.ends = now + Duration::from_secs(ttl);
        envelope(&json!({"lease_id": name, "lease_duration": ttl, "renewable": true}))
    }
}
