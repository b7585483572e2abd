//! How far a server's storage had come when it answered: sent with what is asked
//! next, so that a node of the cluster that lags behind says so, or asks the
//! active one, instead of answering from the past or not knowing a new token.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::net::Reply;

pub(super) const INDEX: HeaderName = HeaderName::from_static("x-vault-index");
/// Longer ones are not kept: it comes back with every request.
const MAX: usize = 1024;

/// The latest that a server said to one credential.
#[derive(Debug, Default)]
pub(super) struct Index(Mutex<Option<HeaderValue>>);

/// What OpenBao's says; Vault's is not read.
#[derive(Deserialize)]
struct Written {
    cluster: String,
    value: String,
}

// === impl Index ===

impl Index {
    /// What to send.
    pub(super) fn get(&self) -> Option<HeaderValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a reply's, if it is not one of before: answers do not come in order.
    pub(super) fn note(&self, reply: &Reply) {
        let Some(new) = reply.headers.get(INDEX).filter(|value| value.len() <= MAX) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.as_ref().is_some_and(|known| is_before(new, known)) {
            *known = Some(new.clone());
        }
    }

    /// Nobody has come so far, whatever the reason: better an answer of before than none.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether `new` is of the same cluster as `known`, and earlier.
fn is_before(new: &HeaderValue, known: &HeaderValue) -> bool {
    matches!((read(new), read(known)), (Some(new), Some(known)) if new.0 == known.0 && new.1 < known.1)
}

fn read(value: &HeaderValue) -> Option<(String, u64)> {
    let written: Written = serde_json::from_slice(&STANDARD.decode(value.as_bytes()).ok()?).ok()?;
    Some((written.cluster, written.value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn reply(index: &str) -> Reply {
        let headers = index.parse().ok().map(|value: HeaderValue| (INDEX, value)).into_iter().collect();
        Reply {
            status: 200,
            retry_after: None,
            redirect: None,
            headers,
            waited: std::time::Duration::ZERO,
            server: None,
            body: Vec::new().into(),
        }
    }

    fn written(cluster: &str, value: &str) -> String {
        STANDARD.encode(format!("{{\"cluster\":\"{cluster}\",\"value\":\"{value}\"}}"))
    }

    fn after(indexes: &[&str]) -> Option<String> {
        let index = Index::default();
        for text in indexes {
            index.note(&reply(text));
        }
        index.get().and_then(|value| value.to_str().ok().map(str::to_owned))
    }

    #[test]
    fn it_never_goes_back_within_a_cluster() {
        let [nine, ten, other] = [("a", "9"), ("a", "10"), ("b", "1")].map(|(c, v)| written(c, v));
        assert_eq!(after(&[&nine, &ten]), Some(ten.clone()));
        assert_eq!(after(&[&ten, &nine]), Some(ten.clone()));
        assert_eq!(after(&[&ten, &other]), Some(other));
        assert_eq!(after(&[&ten, "djE6Y2x1c3Rlcjox"]).as_deref(), Some("djE6Y2x1c3Rlcjox"));
        assert_eq!(after(&[&ten, &"x".repeat(MAX + 1)]), Some(ten));
        assert_eq!(after(&[""; 0]), None);
        let mut silent = reply("x");
        silent.headers = HeaderMap::new();
        let index = Index::default();
        index.note(&reply("x"));
        index.note(&silent);
        assert!(index.get().is_some());
        index.forget();
        assert_eq!(index.get(), None);
    }
}
