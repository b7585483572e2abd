//! What a backend says about its answers and its credentials.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice};

/// The part of the budget that one tenant may use.
const SHARE: usize = 4;

/// The answer to one backend request.
#[derive(Debug)]
pub struct Reading {
    /// The backend's body, as it came.
    pub body: SecretSlice<u8>,
    /// How long it is good for.
    pub life: Life,
    /// Whether it may be given to another pod of the same service account with equal
    /// authority (decision 3). A property of the answer, by default not.
    pub shared: bool,
    /// Its part of the process's budget, while it is kept.
    weight: Option<Weight>,
}

/// The bytes of all values that are kept, bounded for the whole process.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<Mutex<HashMap<String, usize>>>,
    most: usize,
}

#[derive(Debug)]
struct Weight {
    budget: Budget,
    tenant: String,
    bytes: usize,
}

/// How long an answer is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It may change at any time and is read again at an interval.
    Static {
        /// How often the backend says that it should be read.
        hint: Option<Duration>,
    },
    /// It was made for this asking and ends with its lease.
    Leased {
        /// What the lease is renewed by.
        id: LeaseId,
        /// What the lease was granted for.
        ttl: Duration,
        /// Whether it can be renewed.
        renewable: bool,
    },
    /// It ends at a time that nothing moves.
    Until {
        /// How long that is from now.
        ttl: Duration,
        /// Whether asking again makes another one (a certificate), or only reads (a static role's password).
        minted: bool,
    },
    /// It was made for this asking, and nothing says when it ends.
    Once,
}

/// A lease's name. No secret by itself, but no reader of logs needs it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LeaseId(String);

/// What a backend grants a credential or a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How long it lives from now; `None` means without end.
    pub ttl: Option<Duration>,
    /// Whether it can be renewed.
    pub renewable: bool,
}

/// A backend's credential, as the lease room sees it.
pub trait Credential: Send + Sync + 'static {
    /// What the credential may do, comparable: equal authorities read the same.
    type Authority: Authority;

    /// What it may do.
    fn authority(&self) -> &Self::Authority;

    /// What it was granted when it was made.
    fn grant(&self) -> Grant;

    /// Whether it is used up by using it, so that it serves one gathering only.
    fn is_counted(&self) -> bool {
        false
    }
}

/// What a credential may do.
pub trait Authority: Clone + Eq + Hash + Send + Sync + 'static {
    /// Whether two credentials of this authority may share answers: only if the
    /// backend vouches that they are one identity.
    fn may_share(&self) -> bool {
        false
    }
}

// === impl Reading ===

impl Reading {
    /// An answer of this life, for the pod that asked only.
    pub const fn new(body: SecretSlice<u8>, life: Life) -> Self {
        Self { body, life, shared: false, weight: None }
    }

    /// An answer that is read again at an interval and never shared.
    pub const fn of(body: SecretSlice<u8>) -> Self {
        Self::new(body, Life::Static { hint: None })
    }

    /// The same answer, to be shared if it is.
    #[must_use]
    pub fn sharing(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    /// Counts it against `budget` and its `tenant`'s share as long as it lives; whether there was room.
    pub fn weigh(&mut self, budget: &Budget, tenant: &str) -> bool {
        let bytes = self.size();
        self.weight = Some(Weight { budget: budget.clone(), tenant: tenant.to_owned(), bytes });
        budget.add(tenant, bytes)
    }

    /// The body's length in bytes.
    pub fn size(&self) -> usize {
        #[expect(clippy::disallowed_methods, reason = "only the length is taken")]
        self.body.expose_secret().len()
    }
}

// === impl Budget ===

impl Budget {
    /// At most `most` bytes, a quarter of it for one tenant.
    pub fn new(most: usize) -> Self {
        Self { used: Arc::default(), most }
    }

    /// The bytes in use.
    pub fn used(&self) -> usize {
        self.tenants().values().sum()
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, tenant: &str, bytes: usize) -> bool {
        let mut tenants = self.tenants();
        let theirs = tenants.entry(tenant.to_owned()).or_default();
        *theirs = theirs.saturating_add(bytes);
        let theirs = *theirs;
        theirs <= self.most / SHARE && tenants.values().sum::<usize>() <= self.most
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        let mut tenants = self.budget.tenants();
        if let Some(theirs) = tenants.get_mut(&self.tenant) {
            *theirs = theirs.saturating_sub(self.bytes);
            if *theirs == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}

// === impl Life ===

impl Life {
    /// Whether asking again would make another one.
    pub const fn is_minted(&self) -> bool {
        matches!(self, Self::Leased { .. } | Self::Until { minted: true, .. } | Self::Once)
    }
}

// === impl LeaseId ===

impl LeaseId {
    /// Names a lease.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseId")
    }
}

// === impl Grant ===

impl Grant {
    /// Lives as long as the process does.
    pub const ENDLESS: Self = Self { ttl: None, renewable: false };
}

impl Authority for () {}
