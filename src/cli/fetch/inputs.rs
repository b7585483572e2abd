//! What a fetch reads: the class once, the token at each turn.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::Failure;
use crate::cli::Class;
use crate::config::Fetch;

/// The largest class file, with what else may be in it.
const MAX_CLASS: u64 = 4 * 1024 * 1024;
/// What reading to the end asks for beyond the end.
const PROBE: u64 = 64;
/// The largest token file.
const MAX_TOKEN: u64 = 64 * 1024;

/// The class that is to be fetched.
pub(super) async fn class(fetch: &Fetch) -> Result<Class, Failure> {
    let path = &fetch.class;
    let text = read(path, MAX_CLASS).await.map_err(|error| unread("class", path, &error))?;
    Class::pick(&text, fetch.class_name.as_deref())
        .map_err(|fault| Failure::new(Failure::INPUT, format!("the class file {}: {fault}", path.display())))
}

/// The token as it is in its file now: the kubelet puts a new one there from time to time.
pub(in crate::cli) async fn token(path: &Path) -> Result<SecretString, Failure> {
    let text = read(path, MAX_TOKEN).await.map_err(|error| unread("token", path, &error))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Failure::new(Failure::INPUT, format!("the token file {} is empty", path.display())));
    }
    Ok(SecretString::from(token.to_owned()))
}

/// A file's text. The disk may be slow, so that this is done beside the runtime's thread.
async fn read(path: &Path, most: u64) -> io::Result<Zeroizing<String>> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_now(&path, most)).await;
    read.unwrap_or_else(|_| Err(io::Error::other("reading broke off")))
}

fn read_now(path: &PathBuf, most: u64) -> io::Result<Zeroizing<String>> {
    let file = File::open(path)?;
    // With room from the start: a text that grows leaves unwiped copies behind.
    let room = file.metadata()?.len().min(most) + PROBE;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default()));
    let _ = file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("more than {most} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| io::Error::other("not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn unread(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(Failure::INPUT, format!("cannot read the {what} file {}: {error}", path.display()))
}
