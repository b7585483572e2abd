//! The class's part: where to log in, as whom, and what to read.

mod login;
mod objects;
mod profile;
mod request;
mod settings;
#[cfg(test)]
mod tests;
mod trust;

use super::config::Operator;
use super::method::Method;
use super::path;
use crate::backend::{Parameters, Part};
use crate::error::{Error, Errors, Kind, Stage};
use crate::net::{Address, Target};
use trust::Whose;

pub use objects::Objects;
pub(super) use objects::Want;
pub use profile::faults as profile_faults;
pub(super) use profile::target as profile_target;
pub use request::Read;
pub use settings::{of_openbao, of_vault};

/// The longest role, mount or namespace.
const MAX_NAME: usize = 512;

/// The most servers that are one.
const MAX_SERVERS: usize = 8;

/// Everything that tells two logins apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    pub(super) target: Target,
    pub(super) namespace: Option<String>,
    pub(super) method: Method,
    /// The auth mount, `kubernetes` in `auth/kubernetes/login`.
    pub(super) mount: String,
    /// Empty where the method needs none and the class names none.
    pub(super) role: String,
    pub(super) audience: String,
}

/// The servers of the scope that the class's author has named.
pub(super) fn named_by_author(operator: &Operator, parameters: &Parameters, scope: &Scope) -> Vec<String> {
    let settings = operator.flavour.settings();
    let is_theirs = |(key, text): (&str, &str)| {
        let is_server = settings(key).is_some_and(|setting| setting.part == Part::Server);
        is_server && !text.is_empty() && !parameters.is_operators(key)
    };
    let own: Vec<_> = operator.target.iter().flat_map(Target::servers).collect();
    let named = parameters.iter().any(is_theirs);
    let servers = scope.target.servers().filter(|server| named && !own.contains(server));
    servers.map(ToString::to_string).collect()
}

/// One class under one operator, with the mistakes found so far.
pub(super) struct Reader<'a> {
    operator: &'a Operator,
    parameters: &'a Parameters,
    faults: Vec<Error>,
}

/// Reads a class; reports every mistake.
pub(super) fn parse(operator: &Operator, parameters: &Parameters) -> Result<(Scope, Objects), Errors> {
    let mut reader = Reader { operator, parameters, faults: Vec::new() };
    let method = reader.method();
    let role = reader.role(&method);
    let mount = reader.mount(&method);
    let namespace = reader.namespace();
    let audience = reader.audience();
    let target = reader.target();
    reader.certificate(&method, target.as_ref());
    let objects = reader.objects();
    match (target, objects, Errors::from_list(reader.faults)) {
        (Some(target), Some(objects), None) => {
            Ok((Scope { target, namespace, method, mount, role, audience }, objects))
        }
        (_, _, Some(faults)) => Err(faults),
        _ => {
            Err(Error::new(Kind::Internal, Stage::Request, "a mistake in the class was not reported").into())
        }
    }
}

// === impl Reader ===

impl Reader<'_> {
    /// The parameter `vaultNAME`, under any of the flavour's prefixes, the first present winning.
    fn get(&self, name: &str) -> Option<&str> {
        let prefixes = self.operator.flavour.prefixes();
        prefixes.iter().find_map(|prefix| self.parameters.get(&format!("{prefix}{name}")))
    }

    /// Whether the operator gave the parameter `vaultNAME`, by a profile.
    fn is_operators(&self, name: &str) -> bool {
        let keys = self.operator.flavour.prefixes().iter().map(|prefix| format!("{prefix}{name}"));
        let first = keys.into_iter().find(|key| self.parameters.get(key).is_some());
        first.is_some_and(|key| self.parameters.is_operators(&key))
    }

    /// The name of the parameter `vaultNAME` as this flavour's authors would write it.
    fn key(&self, name: &str) -> String {
        let prefix = self.operator.flavour.prefixes().first().copied().unwrap_or_default();
        format!("{prefix}{name}")
    }

    fn fault(&mut self, parameter: impl Into<String>, text: impl Into<String>, hint: Option<String>) {
        let error = Error::new(Kind::Invalid, Stage::Request, text).with("parameter", parameter.into());
        self.faults.push(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        });
    }

    fn namespace(&mut self) -> Option<String> {
        let namespace = self.get("Namespace").or(self.operator.config.namespace.as_deref());
        let namespace = namespace.map(|namespace| namespace.trim_matches('/').to_owned());
        let namespace = namespace.filter(|namespace| !namespace.is_empty())?;
        let key = self.key("Namespace");
        if !namespace.bytes().all(|byte| byte.is_ascii_graphic()) || path::fault(&namespace).is_some() {
            let text = "a namespace is a path of printable ASCII without spaces, `.` and `..` segments";
            self.fault(key.clone(), text, None);
        }
        Some(self.name(&key, &namespace))
    }

    fn audience(&mut self) -> String {
        let given = self.parameters.get("audience").or(self.operator.config.audience.as_deref());
        let audience = given.unwrap_or_else(|| self.operator.flavour.name()).to_owned();
        self.name("audience", &audience)
    }

    /// A name that will stand in a request and in messages.
    fn name(&mut self, parameter: &str, name: &str) -> String {
        if name.len() > MAX_NAME {
            self.fault(parameter, format!("longer than {MAX_NAME} bytes"), None);
        } else if name.chars().any(char::is_control) {
            self.fault(parameter, "has a control character", None);
        }
        name.to_owned()
    }

    fn target(&mut self) -> Option<Target> {
        let own: Vec<Address> = self.operator.target.iter().flat_map(Target::servers).cloned().collect();
        let Some((key, list)) = self.addresses() else {
            if own.is_empty() {
                let (key, flag) = (self.key("Address"), self.operator.flag("addr"));
                let hint = Some(format!(
                    "set {key} in the class, name a profile there, or start keymount with {flag}"
                ));
                self.fault(key, "no server address", hint);
            }
            return self.trusting(own, Whose::Own);
        };
        let by_profile = self.is_operators("Address") || self.is_operators("Addresses");
        let mut addresses = Vec::new();
        for text in list {
            match Address::parse_trusted(&text) {
                Ok(address) => addresses.push(address),
                Err(fault) => self.fault(key.clone(), fault, None),
            }
        }
        for address in addresses.iter().filter(|address| !by_profile && !own.contains(address)) {
            self.permit(&key, address);
        }
        let whose = if addresses.iter().all(|address| own.contains(address)) {
            Whose::Own
        } else if by_profile {
            Whose::Profile
        } else {
            Whose::Author
        };
        self.trusting(addresses, whose)
    }

    /// The class's servers and the parameter that names them.
    fn addresses(&mut self) -> Option<(String, Vec<String>)> {
        let (one, several) = (self.key("Address"), self.key("Addresses"));
        let lone = self.get("Address").map(str::to_owned);
        let Some(list) = self.get("Addresses") else { return lone.map(|text| (one, vec![text])) };
        let list: Vec<_> = list.split(',').map(str::to_owned).collect();
        if lone.is_some() {
            let text = format!("cannot set both {one} and {several}");
            self.fault(several.clone(), text, Some(format!("keep {several}")));
        }
        if list.len() > MAX_SERVERS {
            self.fault(several.clone(), format!("names more than {MAX_SERVERS} servers"), None);
        }
        Some((several, list))
    }

    /// Decision 14: whether the operator lets classes name this server.
    fn permit(&mut self, key: &str, address: &Address) {
        let key = key.to_owned();
        if address.socket().is_some() {
            let flag = self.operator.flag("addr");
            let text = format!("{address} is a socket of the node, which classes may not name");
            let hint =
                format!("leave it out, and start keymount with {flag} {address}, or name it in a profile");
            self.fault(key, text, Some(hint));
        } else if address.is_plain_off_loopback() && !self.operator.config.allow_http {
            let flag = self.operator.flag("allow-http");
            let text = format!("{address} would carry tokens and secrets unencrypted");
            let hint = format!("use https://, or start keymount with {flag}, or name it in a profile");
            self.fault(key, text, Some(hint));
        }
    }
}
