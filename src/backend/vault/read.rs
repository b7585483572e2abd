//! One generic request for whatever a class names: any path, method, query and
//! arguments. vaultrs's typed reads drop the lease and the version.

use futures_util::StreamExt;
use futures_util::stream;

use super::credential::Credential;
use super::envelope::Envelope;
use super::error::At;
use super::params::Read;
use super::wire::Call;
use super::{RETRY, Vault, life};
use crate::error::{Error, Kind, Stage};
use crate::lease::Reading;
use crate::net::Reply;
use crate::time::{Clock, Deadline, Wall};

/// Requests of one mount at a time.
const TOGETHER: usize = 8;

// === impl Vault ===

impl Vault {
    /// Makes the requests together, a few at a time: one class must not hold every
    /// slot of a server that others wait for, nor keep more than a volume may hold.
    pub(super) async fn read_all(
        &self,
        credential: &Credential,
        due: &[Read],
        by: Deadline,
    ) -> Vec<Result<Reading, Error>> {
        if let Err(error) = self.passes_tokens(credential.target(), Stage::Read, by).await {
            return due.iter().map(|_| Err(error.clone())).collect();
        }
        let most = self.operator.config.max_response_bytes;
        let (mut kept, mut answers) = (0, Vec::with_capacity(due.len()));
        let requests: Vec<_> = due.iter().map(|read| self.read(credential, read, by)).collect();
        let mut replies = stream::iter(requests).buffered(TOGETHER);
        while let Some(answer) = replies.next().await {
            kept += answer.as_ref().map_or(0, Reading::size);
            if kept > most {
                break;
            }
            answers.push(answer);
        }
        answers.resize_with(due.len(), || Err(self.too_much(most)));
        answers
    }

    fn too_much(&self, most: usize) -> Error {
        Error::new(Kind::Precondition, Stage::Read, format!("the class's answers are more than {most} bytes together"))
            .with("backend", self.wire.flavour.name())
            .hint("split the class, or raise the driver's --max-call-recv-msg-size and keymount's --max-response-bytes together")
    }

    async fn read(&self, credential: &Credential, read: &Read, by: Deadline) -> Result<Reading, Error> {
        let at = credential.at(self.wire.flavour, &read.method, &read.path.shown);
        let (target, namespace) = (credential.target(), credential.namespace());
        let call = Call::new(target, "read", &read.method, &read.path.sent, namespace)?;
        let once = !read.only_looks();
        let call = call.token(&credential.token)?.once(once);
        let mut call = call.after(&credential.index);
        if let Some(args) = &read.args {
            call = call.body(args.clone().into_bytes());
        }
        let sent = RETRY.run(by, |_| async {
            match self.wire.send(&call, &at, by).await {
                // A certificate may have been issued: another try could issue a second one.
                Err(refusal) if once && refusal.acted => Ok(Err(refusal)),
                Err(refusal) => Err(refusal),
                Ok(reply) => Ok(Ok(reply)),
            }
        });
        let reply = sent.await.flatten().map_err(|refusal| {
            if refusal.lags {
                credential.index.forget();
            }
            refusal.error
        })?;
        credential.index.note(&reply);
        reading(read, reply, &at)
    }
}

/// What was read, if it is Vault's JSON, and how long it is good for.
fn reading(read: &Read, reply: Reply, at: &At<'_>) -> Result<Reading, Error> {
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
    // Certificates are dated by the wall's time, whatever clock counts our leases.
    let life = life::of(read, &envelope, Wall.unix());
    let shared = life::is_shared(read, &envelope);
    drop(envelope);
    Ok(Reading::new(reply.body, life).sharing(shared))
}
