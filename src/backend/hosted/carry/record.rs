//! The form of a hand-off file.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::backend::hosted::session::{Class, Kept};
use crate::backend::{Backend, Parameters};
use crate::identity::Pod;
use crate::lease::freshness::Facts;
use crate::lease::{LeaseId, Life, Term};
use crate::time::Moment;

/// The form below. Another one is refused: a session is worth less than a guess.
pub(super) const FORM: u32 = 1;

/// A session as it is stored. Wiped when it is dropped.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) form: u32,
    pub(super) pod: PodRecord,
    pub(super) classes: Vec<ClassRecord>,
    /// Digest and moment of each token that proved it.
    pub(super) proofs: Vec<(String, u64)>,
    pub(super) credentials: Vec<CredentialRecord>,
    pub(super) minted: Vec<MintedRecord>,
    /// Whether the liveness source has seen the pod.
    pub(super) seen: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PodRecord {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) service_account: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClassRecord {
    pub(super) name: String,
    pub(super) answered: bool,
    pub(super) parameters: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CredentialRecord {
    pub(super) packed: String,
    pub(super) term: Option<TermRecord>,
    /// Whether requests are made with it.
    pub(super) held: bool,
    pub(super) mute: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MintedRecord {
    /// The class and the request's place among those that it needs.
    pub(super) class: usize,
    pub(super) read: usize,
    pub(super) body: String,
    pub(super) life: LifeRecord,
    pub(super) read_at: u64,
    pub(super) term: Option<TermRecord>,
    /// The credential that it dies with.
    pub(super) owner: usize,
}

/// Milliseconds of the machine's clock.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct TermRecord {
    pub(super) granted: u64,
    pub(super) ttl: u64,
    pub(super) most: u64,
    pub(super) renewable: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) enum LifeRecord {
    Leased(String),
    Until,
    Once,
}

/// Milliseconds, as they are stored.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

// === impl Record ===

impl Drop for Record {
    fn drop(&mut self) {
        self.credentials.iter_mut().for_each(|stored| stored.packed.zeroize());
        self.minted.iter_mut().for_each(|stored| stored.body.zeroize());
    }
}

// === impl PodRecord ===

impl PodRecord {
    pub(super) fn of(pod: &Pod) -> Self {
        let Pod { namespace, name, uid, service_account } = pod.clone();
        Self { namespace, name, uid, service_account }
    }

    pub(super) fn pod(&self) -> Pod {
        let Self { namespace, name, uid, service_account } = self;
        let [namespace, name, uid, service_account] =
            [namespace, name, uid, service_account].map(Clone::clone);
        Pod { namespace, name, uid, service_account }
    }
}

// === impl ClassRecord ===

impl ClassRecord {
    pub(super) fn of<R>(name: &str, class: &Class<R>) -> Self {
        let pairs = class.parameters.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self { name: name.to_owned(), answered: class.answered, parameters: pairs.collect() }
    }

    pub(super) fn parameters(&self) -> Parameters {
        self.parameters.clone().into_iter().collect()
    }
}

// === impl MintedRecord ===

impl MintedRecord {
    pub(super) fn new<B: Backend>(class: usize, read: usize, kept: &Kept<B>, owner: usize) -> Option<Self> {
        let life = match &kept.facts.life {
            Life::Leased { id, .. } => LifeRecord::Leased(id.as_str().to_owned()),
            Life::Until { .. } => LifeRecord::Until,
            Life::Once => LifeRecord::Once,
            Life::Static { .. } => return None,
        };
        #[expect(clippy::disallowed_methods, reason = "the hand-off file is where it goes")]
        let body = STANDARD.encode(kept.reading.body.expose_secret());
        let term = kept.facts.lease.as_ref().map(TermRecord::of);
        Some(Self { class, read, body, life, read_at: millis(kept.facts.read_at.after_start()), term, owner })
    }

    pub(super) fn facts(&self) -> Facts {
        let lease = self.term.map(TermRecord::term);
        let (ttl, renewable) =
            lease.map_or((Duration::ZERO, false), |term| (term.ttl(), term.is_renewable()));
        let life = match &self.life {
            LifeRecord::Leased(id) => Life::Leased { id: LeaseId::new(id.clone()), ttl, renewable },
            LifeRecord::Until => Life::Until { ttl, minted: true },
            LifeRecord::Once => Life::Once,
        };
        let read_at = Moment::at(Duration::from_millis(self.read_at));
        Facts { life, read_at, checked_at: read_at, lease, gone: false }
    }

    pub(super) fn body(&self) -> Option<SecretSlice<u8>> {
        let bytes = Zeroizing::new(STANDARD.decode(&self.body).ok()?);
        Some(SecretSlice::from(Box::<[u8]>::from(bytes.as_slice())))
    }
}

// === impl TermRecord ===

impl TermRecord {
    pub(super) fn of(term: &Term) -> Self {
        let (granted, renewable) = (millis(term.granted().after_start()), term.is_renewable());
        Self { granted, ttl: millis(term.ttl()), most: millis(term.most()), renewable }
    }

    pub(super) fn term(self) -> Term {
        let [ttl, most] = [self.ttl, self.most].map(Duration::from_millis);
        Term::kept(Moment::at(Duration::from_millis(self.granted)), ttl, most, self.renewable)
    }
}
