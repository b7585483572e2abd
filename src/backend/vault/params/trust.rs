//! Whom a class may have trusted. Never the operator's trust for the author's
//! wish (decision 14): files lie where the operator says, the rest needs a flag.

use std::path::PathBuf;

use super::Reader;
use crate::net::{Address, Identity, Roots, Target, Trust};

/// The longest inline CA: it is part of what tells clients apart, and kept as long.
const MAX_PEM: usize = 64 * 1024;

/// Who has named the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// They are those of the operator's own settings.
    Own,
    /// The operator, in a profile.
    Profile,
    /// The class's author.
    Author,
}

// === impl Reader ===

impl Reader<'_> {
    /// `addresses` with the operator's trust, where they are the operator's servers, under the class's wishes.
    pub(super) fn trusting(&mut self, addresses: Vec<Address>, whose: Whose) -> Option<Target> {
        let own = self.operator.target.as_ref().filter(|_| whose == Whose::Own);
        let mut trust = own.map_or_else(|| self.operator.trust.clone(), |own| own.trust.clone());
        self.roots(&mut trust);
        if let Some(name) = self.get("TLSServerName").map(str::to_owned) {
            if trust.proxy.is_some() {
                // The URL carries this name, and a proxy would connect to it.
                self.fault(
                    self.key("TLSServerName"),
                    "cannot be set where the operator's proxy is used",
                    None,
                );
            }
            trust.server_name = Some(self.name(&self.key("TLSServerName"), &name));
        }
        self.client_key(whose, &mut trust);
        self.skip_verify(whose, &mut trust);
        // Files of a trust that is not used would make two clients of one.
        if !addresses.iter().any(Address::is_tls) {
            trust = Trust { proxy: trust.proxy, ..Trust::default() };
        }
        let mut addresses = addresses.into_iter();
        let first = addresses.next().filter(|_| self.faults.is_empty())?;
        Some(Target { others: addresses.collect(), ..Target::one(first, trust) })
    }

    /// A file wins over inline text, and that over a folder, as in Vault's own client.
    fn roots(&mut self, trust: &mut Trust) {
        let inline = self.get("CACert").map(str::to_owned);
        if inline.as_ref().is_some_and(|pem| pem.len() > MAX_PEM) {
            self.fault(self.key("CACert"), format!("longer than {MAX_PEM} bytes"), None);
        }
        if let Some(file) = self.file("CACertPath") {
            trust.roots = Roots::File(file);
        } else if let Some(pem) = inline {
            trust.roots = Roots::Pem(pem);
        } else if let Some(folder) = self.file("CADirectory") {
            trust.roots = Roots::Folder(folder);
        }
    }

    /// The real path of a file that the class names, inside the operator's folder, links resolved.
    fn file(&mut self, name: &str) -> Option<PathBuf> {
        let path = self.get(name)?.to_owned();
        if self.is_operators(name) {
            return Some(path.into());
        }
        let (key, flag) = (self.key(name), self.operator.flag("tls-dir"));
        let Some(folder) = &self.operator.config.tls_dir else {
            let hint = format!(
                "start keymount with {flag}, or give the CA to every class with {}",
                self.operator.flag("tls-ca-cert")
            );
            self.fault(key, "classes may not name files of the provider", Some(hint));
            return None;
        };
        // One text for whatever is wrong, so that a class cannot ask which files exist.
        let real = folder.canonicalize().ok().zip(PathBuf::from(&path).canonicalize().ok());
        let inside = real.filter(|(folder, file)| file.starts_with(folder)).map(|(_, file)| file);
        if inside.is_none() {
            let text = format!("there is no such file under {}", folder.display());
            self.fault(key, text, Some(format!("{flag} names the folder that classes may use")));
        }
        inside
    }

    /// What the operator lends to servers that the operator has named, and to no others.
    fn is_lent(&self, name: &str, whose: Whose) -> bool {
        whose != Whose::Author && self.is_operators(name)
    }

    /// The operator's own key pair may be named again; any other is not a class's to use.
    fn client_key(&mut self, whose: Whose, trust: &mut Trust) {
        let names = ["TLSClientCertPath", "TLSClientKeyPath"];
        if names.iter().all(|name| self.is_lent(name, whose)) {
            let [certificate, key] = names.map(|name| PathBuf::from(self.get(name).unwrap_or_default()));
            trust.identity = Some(Identity { certificate, key });
            return;
        }
        let config = &self.operator.config;
        let wishes =
            [("TLSClientCertPath", &config.client_certificate), ("TLSClientKeyPath", &config.client_key)];
        let foreign = wishes.into_iter().filter(|(name, own)| {
            self.get(name).is_some_and(|path| own.as_ref().is_none_or(|own| own.as_os_str() != path))
        });
        let names: Vec<_> = foreign.map(|(name, _)| name).collect();
        for name in names {
            let (certificate, key) =
                (self.operator.flag("tls-client-cert"), self.operator.flag("tls-client-key"));
            let hint = format!(
                "start keymount with {certificate} and {key}, or set both in a profile that names the server"
            );
            self.fault(self.key(name), "classes may not use client keys of the provider", Some(hint));
        }
    }

    fn skip_verify(&mut self, whose: Whose, trust: &mut Trust) {
        let Some(word) = self.get("SkipTLSVerify") else { return };
        let key = self.key("SkipTLSVerify");
        let may = self.operator.config.allow_skip_verify || self.is_lent("SkipTLSVerify", whose);
        match go_bool(word) {
            None => self.fault(key, "neither true nor false", Some("write true or false".to_owned())),
            Some(true) if !trust.skip_verify && !may => {
                let flag = self.operator.flag("allow-skip-verify");
                let hint = format!(
                    "give the server's CA instead, or start keymount with {flag}, or set it in a profile that names the server"
                );
                self.fault(key, "classes may not turn the check of the server's certificate off", Some(hint));
            }
            Some(skip) => trust.skip_verify = skip,
        }
    }
}

/// The words that Go's `strconv.ParseBool` takes.
fn go_bool(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
