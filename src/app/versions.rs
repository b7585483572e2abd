//! The key of object versions: the operator's, the hand-off folder's, or one of this process.

use std::path::Path;

use secrecy::SecretSlice;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Stage};
use crate::lease::Handoff;
use crate::secret::VersionKey;

const LEAST: usize = 16;
const MOST: u64 = 4096;

/// The key file's key wins; else the one in the hand-off folder, which outlives the
/// process; else one that does not (decision 6).
pub(super) async fn key(file: Option<&Path>, handoff: Option<&Handoff>) -> Result<VersionKey, Error> {
    let bytes = match (file, handoff) {
        (Some(path), _) => read(path).await.map_err(|fault| refuse(path, &fault))?,
        (None, Some(handoff)) => std::mem::take(&mut *handoff.version_key().await?),
        (None, None) => passing()?,
    };
    Ok(VersionKey::new(&SecretSlice::from(bytes)))
}

/// A key that lasts as long as the process.
fn passing() -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; 32];
    if crate::time::random(&mut bytes) {
        Ok(bytes)
    } else {
        Err(Error::new(Kind::Internal, Stage::Start, "the system has no random numbers"))
    }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

    use super::*;
    use crate::secret::ObjectId;

    async fn version(file: Option<&Path>, handoff: Option<&Path>) -> String {
        let handoff = handoff.map(|dir| Handoff::open(dir, false).unwrap());
        let key = key(file, handoff.as_ref()).await.unwrap();
        key.version("ns", "class", &ObjectId::new("db"), &b"x".to_vec().into()).into_string()
    }

    #[tokio::test]
    async fn the_file_wins_over_the_handoff_which_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let (file, handoff) = (dir.path().join("key"), dir.path().join("handoff"));
        std::fs::write(&file, [7; 32]).unwrap();
        let (file, handoff) = (Some(file.as_path()), Some(handoff.as_path()));
        let kept = version(None, handoff).await;
        assert_eq!(kept, version(None, handoff).await);
        assert_eq!(version(file, handoff).await, version(file, None).await);
        assert_ne!(kept, version(file, handoff).await);
        assert_ne!(version(None, None).await, version(None, None).await);
    }
}
