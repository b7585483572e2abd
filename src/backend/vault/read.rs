//! One generic request for whatever a class names: any path, method, query and
//! arguments. vaultrs's typed reads drop the lease and the version.

use futures_util::future::join_all;

use super::envelope::Envelope;
use super::error::At;
use super::login::Credential;
use super::params::Read;
use super::wire::Call;
use super::{RETRY, Vault};
use crate::error::{Error, Kind, Stage};
use crate::lease::Reading;
use crate::net::Reply;
use crate::time::Deadline;

// === impl Vault ===

impl Vault {
    /// Makes all requests at once; the in-flight limit of the server's client orders them.
    pub(super) async fn read_all(
        &self,
        credential: &Credential,
        due: &[Read],
        by: Deadline,
    ) -> Vec<Result<Reading, Error>> {
        join_all(due.iter().map(|read| self.read(credential, read, by))).await
    }

    async fn read(&self, credential: &Credential, read: &Read, by: Deadline) -> Result<Reading, Error> {
        let at = At {
            flavour: self.wire.flavour,
            stage: Stage::Read,
            address: &credential.target.address,
            namespace: credential.namespace.as_deref(),
            method: &read.method,
            path: &read.path.shown,
            role: &credential.role,
            mount: "",
            pod: [""; 3],
            sent: &credential.token,
        };
        let call = Call::new(
            &credential.target,
            "read",
            &read.method,
            &read.path.sent,
            credential.namespace.as_deref(),
        )?;
        let mut call = call.token(&credential.token)?;
        if let Some(args) = &read.args {
            call = call.body(args.clone().into_bytes());
        }
        let once = !read.only_looks();
        let sent = RETRY.run(by, |_| async {
            match self.wire.send(&call, &at, by).await {
                // A certificate may have been issued: another try could issue a second one.
                Err(refusal) if once && refusal.acted => Ok(Err(refusal)),
                Err(refusal) => Err(refusal),
                Ok(reply) => Ok(Ok(reply)),
            }
        });
        let reply = sent.await.flatten().map_err(|refusal| refusal.error)?;
        reading(reply, &at)
    }
}

/// What was read, if it is Vault's JSON.
fn reading(reply: Reply, at: &At<'_>) -> Result<Reading, Error> {
    let Some(envelope) = Envelope::parse(&reply.body) else {
        return Err(match reply.status {
            204 => at.odd(
                &reply,
                Kind::Invalid,
                "the server did it and answered nothing: there is nothing to write into a file",
            ),
            _ => at.odd(&reply, Kind::Precondition, "the answer is not JSON, so no key can be taken from it"),
        });
    };
    let leased = envelope.leased();
    Ok(Reading { body: reply.body, leased })
}
