//! The key of object versions: the operator's, or one of this process.

use std::path::Path;

use secrecy::SecretSlice;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Stage};
use crate::secret::VersionKey;

const LEAST: usize = 16;
const MOST: u64 = 4096;

/// Reads the key file, or makes a key that lasts as long as the process (decision 6).
pub(super) async fn key(file: Option<&Path>) -> Result<VersionKey, Error> {
    let bytes = match file {
        Some(path) => read(path).await.map_err(|fault| refuse(path, &fault))?,
        None => {
            let mut bytes = vec![0; 32];
            if !crate::time::random(&mut bytes) {
                return Err(Error::new(Kind::Internal, Stage::Start, "the system has no random numbers"));
            }
            bytes
        }
    };
    Ok(VersionKey::new(&SecretSlice::from(bytes)))
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let found = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?;
    if found.len() > MOST {
        return Err(format!("more than {MOST} bytes"));
    }
    let bytes = Zeroizing::new(tokio::fs::read(path).await.map_err(|error| error.to_string())?);
    if bytes.len() < LEAST {
        return Err(format!("fewer than {LEAST} bytes"));
    }
    Ok(bytes.to_vec())
}

fn refuse(path: &Path, fault: &str) -> Error {
    Error::new(Kind::Invalid, Stage::Start, format!("cannot use the version key: {fault}"))
        .with("file", path.display())
        .hint("give --version-key-file 32 random bytes, the same on every node")
}
