//! How a class logs in: the method, its mount and its role.

use super::Reader;
use crate::backend::vault::Flavour;
use crate::backend::vault::method::{self, Method};
use crate::backend::vault::path;
use crate::net::Target;

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn method(&mut self) -> Method {
        let role_id = self.get("RoleID").map(str::to_owned);
        let role_id = role_id.map(|role_id| self.name(&self.key("RoleID"), &role_id));
        let Some(word) = self.get("AuthMethod") else { return Method::default() };
        Method::parse(word, role_id).unwrap_or_else(|| {
            let hint = Some(format!("one of {}", method::NAMES.join(", ")));
            self.fault(self.key("AuthMethod"), "no auth method that is known here", hint);
            Method::default()
        })
    }

    pub(super) fn role(&mut self, method: &Method) -> String {
        let plain = |reader: &Self| reader.parameters.get("roleName").map(str::to_owned);
        let prefixed = match self.operator.flavour {
            Flavour::Vault => None,
            Flavour::OpenBao => self.get("RoleName").map(str::to_owned),
        };
        match prefixed.or_else(|| plain(self)) {
            Some(role) => self.name("roleName", &role),
            None if !method.needs_role() => String::new(),
            None => {
                let hint = "set roleName to a role of the auth mount".to_owned();
                self.fault("roleName", "missing 'roleName' in SecretProviderClass definition", Some(hint));
                String::new()
            }
        }
    }

    pub(super) fn mount(&mut self, method: &Method) -> String {
        let (old, new) = (self.get("KubernetesMountPath"), self.get("AuthMountPath"));
        let both = old.is_some() && new.is_some();
        let mount = new.or(old).unwrap_or_else(|| method.mount(&self.operator.config.auth_mount));
        let mount = mount.trim_matches('/').trim_start_matches("auth/").to_owned();
        let key = self.key("AuthMountPath");
        if both {
            let text = format!("cannot set both {} and {key}", self.key("KubernetesMountPath"));
            self.fault(key.clone(), text, Some(format!("keep {key}")));
        }
        if let Some(fault) = path::fault(&mount) {
            self.fault(key.clone(), format!("not an auth mount: {fault}"), None);
        }
        self.name(&key, &mount)
    }

    /// Decision 14: the node's certificate is the operator's, and goes only where the operator sends it.
    pub(super) fn certificate(&mut self, method: &Method, target: Option<&Target>) {
        let lends = |target: &Target| target.trust.identity.is_some();
        if *method != Method::Certificate || target.is_none_or(lends) {
            return;
        }
        let [address, certificate, key] =
            ["addr", "tls-client-cert", "tls-client-key"].map(|flag| self.operator.flag(flag));
        let hint = format!(
            "start keymount with {address} https://…, {certificate} and {key}, and name no other server"
        );
        let text = "there is no client certificate for this server";
        self.fault(self.key("AuthMethod"), text, Some(hint));
    }
}
