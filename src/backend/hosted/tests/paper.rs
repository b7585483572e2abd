//! A backend on paper: tokens, leases and secrets in memory, on a clock that a test
//! drives. It behaves as Vault was seen to; the tests against a real one keep it honest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::backend::{Backend, Need, Parameters, Readings, Renewal};
use crate::error::{Error, Errors, Kind, Stage};
use crate::identity::{Evidence, Presented};
use crate::lease::{Authority, Credential, Grant, LeaseId, Life, Reading};
use crate::secret::{ObjectId, Secret};
use crate::time::{Clock, Deadline, HandHeld, Moment};

/// The backend; clones share its book.
#[derive(Clone)]
pub struct Paper {
    pub clock: HandHeld,
    book: Arc<Mutex<Book>>,
}

/// What the backend knows, has done, and is told to do.
pub struct Book {
    /// Values by name; `kv:NAME` reads them.
    pub values: BTreeMap<String, String>,
    /// Policies of every login.
    pub policies: BTreeSet<String>,
    /// Reads that no token may make any more.
    pub forbidden: BTreeSet<String>,
    pub token_ttl: Duration,
    /// From the login; the last renewals are cut.
    pub token_max: Duration,
    pub lease_ttl: Duration,
    pub lease_max: Duration,
    pub uses: bool,
    /// What fails, by operation: `login`, `fetch`, `renew`, `check`.
    pub faults: HashMap<&'static str, Kind>,
    /// What fails is a proxy's fault, not a decision of the server.
    pub not_the_server: bool,
    /// How long each request takes.
    pub slow: Duration,
    /// Tokens may not ask about themselves.
    pub no_lookup: bool,
    pub tokens: BTreeMap<u32, Granted>,
    pub leases: BTreeMap<u32, Lease>,
    /// Everything that was asked, in order.
    pub log: Vec<String>,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Granted {
    pub ends: Moment,
    pub last: Moment,
}

#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub token: u32,
    pub granted: Granted,
}

/// A token.
pub struct Paid {
    id: u32,
    rights: Rights,
    grant: Grant,
    uses: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rights(BTreeSet<String>);

/// `KIND:NAME`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line(pub String);

// === impl Paper ===

impl Paper {
    pub fn new(clock: HandHeld) -> Self {
        let hour = Duration::from_secs(3600);
        let book = Book {
            values: BTreeMap::from([("a".into(), "one".into()), ("b".into(), "two".into())]),
            policies: BTreeSet::from(["app".into()]),
            forbidden: BTreeSet::new(),
            token_ttl: hour,
            token_max: 24 * hour,
            lease_ttl: Duration::from_secs(600),
            lease_max: hour,
            uses: false,
            faults: HashMap::new(),
            not_the_server: false,
            slow: Duration::ZERO,
            no_lookup: false,
            tokens: BTreeMap::new(),
            leases: BTreeMap::new(),
            log: Vec::new(),
            next: 0,
        };
        Self { clock, book: Arc::new(Mutex::new(book)) }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// How many of the requests so far begin with `what`.
    pub fn count(&self, what: &str) -> usize {
        self.book().log.iter().filter(|line| line.starts_with(what)).count()
    }

    /// The leases that live now.
    pub fn living(&self) -> Vec<u32> {
        let (now, book) = (self.clock.moment(), self.book());
        let lives = |lease: &&u32| book.lives(**lease, now);
        book.leases.keys().filter(lives).copied().collect()
    }

    /// Revokes every token, as an operator does.
    pub fn revoke_all(&self) {
        let mut book = self.book();
        book.tokens.clear();
        book.leases.clear();
    }

    async fn asked(&self, operation: &'static str, line: String) -> Result<(), Error> {
        let slow = {
            let mut book = self.book();
            book.log.push(line);
            book.slow
        };
        tokio::time::sleep(slow).await;
        let book = self.book();
        match book.faults.get(operation) {
            Some(kind) => Err(error(*kind, operation).verdict(!book.not_the_server)),
            None => Ok(()),
        }
    }

    fn checked(&self, token: &Paid) -> Result<(), Error> {
        let now = self.clock.moment();
        match self.book().tokens.get(&token.id).is_some_and(|granted| granted.ends > now) {
            true => Ok(()),
            false => Err(error(Kind::Denied, "permission denied")),
        }
    }

    async fn one(&self, token: &Paid, read: &Line) -> Result<Reading, Error> {
        self.asked("fetch", format!("read {} by {}", read.0, token.id)).await?;
        self.checked(token)?;
        let (now, mut book) = (self.clock.moment(), self.book());
        if book.forbidden.contains(&read.0) {
            return Err(error(Kind::Denied, "permission denied"));
        }
        let (kind, name) = read.0.split_once(':').unwrap();
        book.next += 1;
        let (next, ttl) = (book.next, book.lease_ttl);
        let body = |text: String| SecretSlice::from(text.into_bytes());
        Ok(match kind {
            "kv" => {
                let value =
                    book.values.get(name).cloned().ok_or_else(|| error(Kind::NotFound, "no such secret"))?;
                Reading::of(body(value)).sharing(true)
            }
            "own" => Reading::of(body(format!("own-{}", token.id))),
            "db" => {
                let granted = Granted { ends: now + ttl, last: now + book.lease_max };
                book.leases.insert(next, Lease { token: token.id, granted });
                let id = LeaseId::new(next.to_string());
                Reading::new(body(format!("user-{next}")), Life::Leased { id, ttl, renewable: true })
            }
            "cert" => Reading::new(body(format!("cert-{next}")), Life::Until { ttl, minted: true }),
            "role" => Reading::new(body(format!("password-{next}")), Life::Until { ttl, minted: false }),
            _ => Reading::new(body(format!("once-{next}")), Life::Once),
        })
    }
}

// === impl Book ===

impl Book {
    fn lives(&self, lease: u32, now: Moment) -> bool {
        let Some(lease) = self.leases.get(&lease) else { return false };
        lease.granted.ends > now && self.tokens.get(&lease.token).is_some_and(|token| token.ends > now)
    }
}

impl Granted {
    fn renew(&mut self, now: Moment, ttl: Duration) -> Grant {
        self.ends = (now + ttl).min(self.last);
        Grant { ttl: Some(self.ends.since(now)), renewable: true }
    }
}

fn error(kind: Kind, text: &str) -> Error {
    Error::new(kind, Stage::Read, text).verdict(true)
}

impl Backend for Paper {
    type Scope = String;
    type Objects = Vec<Need<Line>>;
    type Read = Line;
    type Credential = Paid;

    fn name(&self) -> &'static str {
        "paper"
    }

    fn parse(&self, parameters: &Parameters) -> Result<(String, Self::Objects), Errors> {
        let span = |key| parameters.get(key).map(|text| humantime::parse_duration(text).unwrap());
        let (refresh, renew_before) = (span("refreshInterval"), span("renewBefore"));
        let lines = parameters.get("objects").unwrap_or_default().split(' ');
        let needs = lines.map(|line| Need { read: Line(line.into()), refresh, renew_before }).collect();
        Ok((parameters.get("role").unwrap_or("web").into(), needs))
    }

    fn evidence<'a>(&self, _: &'a String) -> Evidence<'a> {
        Evidence::Token { audience: "paper", verified_by_login: true }
    }

    async fn login(&self, proof: Arc<Presented>, scope: &String, _: Deadline) -> Result<Paid, Error> {
        self.asked("login", format!("login {scope} {}", proof.pod())).await?;
        let (now, mut book) = (self.clock.moment(), self.book());
        book.next += 1;
        let id = book.next;
        let granted = Granted { ends: now + book.token_ttl, last: now + book.token_max };
        book.tokens.insert(id, granted);
        let grant = Grant { ttl: Some(book.token_ttl), renewable: !book.uses };
        Ok(Paid { id, rights: Rights(book.policies.clone()), grant, uses: book.uses })
    }

    fn reads(&self, objects: &Self::Objects) -> Vec<Need<Line>> {
        objects.clone()
    }

    async fn fetch(&self, token: &Paid, due: &[Line], _: Deadline) -> Vec<Result<Reading, Error>> {
        let mut answers = Vec::new();
        for read in due {
            answers.push(self.one(token, read).await);
        }
        answers
    }

    fn pick(&self, objects: &Self::Objects, readings: &Readings<Line>) -> Result<Vec<Secret>, Errors> {
        let (mut secrets, mut faults) = (Vec::new(), Vec::new());
        for Need { read, .. } in objects {
            match readings.get(read) {
                Some(Ok(reading)) => secrets.push(Secret {
                    object: ObjectId::new(&read.0),
                    path: read.0.clone(),
                    mode: None,
                    bytes: SecretSlice::from(reading.body.expose_secret().to_vec()),
                }),
                Some(Err(error)) => faults.push(error.clone().object(&read.0)),
                None => faults.push(error(Kind::Internal, "was not read")),
            }
        }
        Errors::from_list(faults).map_or(Ok(secrets), Err)
    }

    fn may_share(&self, read: &Line) -> bool {
        read.0.starts_with("kv:") || read.0.starts_with("own:")
    }

    fn place(&self, scope: &String) -> String {
        format!("paper/{scope}")
    }

    async fn renew(&self, token: &Paid, what: Renewal<'_>, _: Deadline) -> Result<Grant, Error> {
        let (line, ttl) = match what {
            Renewal::Credential(ttl) => ("renew token".to_owned(), ttl),
            Renewal::Lease(id, ttl) => (format!("renew lease {}", id.as_str()), ttl),
        };
        self.asked("renew", line).await?;
        self.checked(token)?;
        let (now, mut book) = (self.clock.moment(), self.book());
        match what {
            Renewal::Credential(_) => Ok(book.tokens.get_mut(&token.id).unwrap().renew(now, ttl)),
            Renewal::Lease(id, _) => {
                let id = id.as_str().parse().unwrap();
                match book.lives(id, now) {
                    true => Ok(book.leases.get_mut(&id).unwrap().granted.renew(now, ttl)),
                    false => Err(error(Kind::NotFound, "lease not found")),
                }
            }
        }
    }

    async fn has_lease(&self, token: &Paid, lease: &LeaseId, _: Deadline) -> Result<bool, Error> {
        self.asked("check", format!("check {}", lease.as_str())).await?;
        self.checked(token)?;
        let id = lease.as_str().parse().unwrap();
        Ok(self.book().lives(id, self.clock.moment()))
    }

    async fn is_alive(&self, token: &Paid, _: Deadline) -> Result<bool, Error> {
        self.book().log.push(format!("look {}", token.id));
        Ok(!self.book().no_lookup && self.checked(token).is_ok())
    }

    async fn permits(&self, _: &Paid, reads: &[Line], _: Deadline) -> Result<Vec<bool>, Error> {
        let book = self.book();
        Ok(reads.iter().map(|read| !book.forbidden.contains(&read.0)).collect())
    }

    async fn revoke(&self, token: &Paid, _: Deadline) -> Result<(), Error> {
        let mut book = self.book();
        book.log.push(format!("revoke {}", token.id));
        book.tokens.remove(&token.id);
        book.leases.retain(|_, lease| lease.token != token.id);
        Ok(())
    }

    fn pack(&self, token: &Paid) -> Option<SecretString> {
        let rights: Vec<_> = token.rights.0.iter().cloned().collect();
        Some(format!("{} {}", token.id, rights.join(",")).into())
    }

    fn unpack(&self, _: &String, packed: &SecretString) -> Option<Paid> {
        let (id, rights) = packed.expose_secret().split_once(' ')?;
        let rights = Rights(rights.split(',').map(str::to_owned).collect());
        Some(Paid { id: id.parse().ok()?, rights, grant: Grant::ENDLESS, uses: false })
    }
}

impl Credential for Paid {
    type Authority = Rights;

    fn authority(&self) -> &Rights {
        &self.rights
    }

    fn grant(&self) -> Grant {
        self.grant
    }

    fn is_counted(&self) -> bool {
        self.uses
    }
}

impl Authority for Rights {
    fn may_share(&self) -> bool {
        !self.0.contains("nobody")
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
