//! What a cluster says of its service accounts (decision 10).

use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::time::Deadline;

/// Looks service accounts up. There is none unless the operator allows it.
pub trait Accounts: Send + Sync {
    /// The annotation `key` of a service account; `None` if it has none of that name, or is not there.
    fn annotation<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
        key: &'a str,
        by: Deadline,
    ) -> BoxFuture<'a, Result<Option<String>, Error>>;
}
