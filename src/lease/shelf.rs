//! What must outlive the process: a few bytes for each session that holds
//! something made for its pod (decision 5).

use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use crate::error::Error;

/// A file's name and what it holds, or why it is not taken.
pub type Found = (String, Result<Zeroizing<Vec<u8>>, Error>);

/// Where they are put. Names are lower-case letters, digits, `-` and `_`.
pub trait Shelf: Send + Sync {
    /// Puts `content` under `name`, whole or not at all.
    fn put<'a>(&'a self, name: &'a str, content: Zeroizing<Vec<u8>>) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes `name`; nothing to remove is no error.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// Everything whose name begins with `prefix`, each good or refused by itself.
    fn all<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Found>, Error>>;
}
