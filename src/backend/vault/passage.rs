//! Whether what is behind a socket passes tokens through. An agent or a proxy can
//! be told to put its own token in the place of every other (`use_auto_auth_token =
//! "force"`): each pod would then read with the proxy's rights, and nothing in the
//! answers would show it. A token that nobody has shows it: it must be refused.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use super::Vault;
use super::error::{At, PASSAGE};
use super::login::tried;
use super::wire::Call;
use crate::error::{Error, Kind, Stage};
use crate::net::{Address, Target};
use crate::time::{Deadline, Stopwatch};

/// A token that no server has given to anybody.
const NOBODYS: &str = "keymount-asks-whose-token-counts";
const PATH: &str = "auth/token/lookup-self";
/// How long a socket is known to pass tokens through: behind it another program may have been started.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The sockets that have passed tokens through, and since when that is known.
#[derive(Default)]
pub(super) struct Passages(Mutex<Vec<(Address, Stopwatch)>>);

// === impl Passages ===

impl Passages {
    fn has(&self, address: &Address) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|(passed, since)| passed == address && since.elapsed() < KNOWN_FOR)
    }

    /// Only the operator names sockets, so there are few of them.
    fn add(&self, address: &Address) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(passed, _)| passed != address);
        known.push((address.clone(), Stopwatch::start()));
    }
}

// === impl Vault ===

impl Vault {
    /// Refuses a socket that answers to a token that nobody has.
    pub(super) async fn passes_tokens(
        &self,
        target: &Target,
        stage: Stage,
        by: Deadline,
    ) -> Result<(), Error> {
        let sockets = target.servers().filter(|address| address.socket().is_some());
        for address in sockets.filter(|address| !self.passages.has(address)) {
            let one = Target::one(address.clone(), target.trust.clone());
            self.is_passed(&one, stage, by).await?;
            self.passages.add(address);
        }
        Ok(())
    }

    async fn is_passed(&self, socket: &Target, stage: Stage, by: Deadline) -> Result<(), Error> {
        let at = At {
            flavour: self.wire.flavour,
            stage,
            rows: PASSAGE,
            address: &socket.address,
            namespace: None,
            method: "GET",
            path: PATH,
            role: "",
            mount: "",
            pod: [""; 3],
            sent: Vec::new(),
        };
        let call = Call::new(socket, "check", "GET", &format!("/v1/{PATH}"), None)?;
        let call = call.token(&SecretString::from(NOBODYS))?.patience(PATIENCE);
        match tried(&self.wire, &call, &at, by).await {
            Ok(_) => Err(self.replaces(&socket.address, stage)),
            Err(refusal) => match refusal.error.kind() {
                // A policy has refused it, so that the token before it was somebody's.
                Kind::Denied => Err(self.replaces(&socket.address, stage)),
                Kind::Unauthenticated => Ok(()),
                _ => Err(refusal.error),
            },
        }
    }

    fn replaces(&self, address: &Address, stage: Stage) -> Error {
        let text = "what is behind the socket puts its own token in the place of the pods': every pod would \
                    read with its rights";
        let error = Error::new(Kind::Precondition, stage, text).with("backend", self.wire.flavour.name());
        error.with("address", address).hint(
            "set use_auto_auth_token of the agent's or proxy's api_proxy to true, or leave it out, instead of \"force\"",
        )
    }
}
