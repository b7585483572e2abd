#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    unreachable_pub,
    reason = "tests may fail loudly and look into secrets"
)]
//! The flow of every backend, against one on paper and a clock that is driven.

mod door;
mod doubt;
mod fresh;
mod hours;
mod keeper;
mod paper;
mod proof;
mod restart;
mod shares;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use self::paper::Paper;
use super::{Host, Hosted};
use crate::backend::conformance::{Issuer, pod, tokens};
use crate::backend::{Ask, Entry, Parameters, Profiles, Provider, Recorder};
use crate::error::{Error, Errors};
use crate::guard::{self, Guard};
use crate::identity::{Pod, Secrets, Verifier};
use crate::lease::{Found, Liveness, Policy, Presence, Shelf};
use crate::time::{Clock, Deadline, HandHeld, Wall};

const MINUTE: Duration = Duration::from_secs(60);

/// A provider with its keeper.
struct World {
    paper: Paper,
    issuer: Arc<Issuer>,
    provider: Hosted<Paper>,
    shelf: Arc<Memory>,
    pods: Arc<Pods>,
    heard: Arc<Heard>,
    token: Mutex<BTreeMap<String, String>>,
    stop: CancellationToken,
}

/// How a world differs from the usual.
#[derive(Clone, Default)]
struct Wishes {
    policy: Policy,
    keys: bool,
    liveness: bool,
    profiles: Profiles,
    guard: guard::Policy,
}

// === impl World ===

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(wish: impl FnOnce(&mut Wishes)) -> Self {
        let mut wishes = Wishes::default();
        wish(&mut wishes);
        let paper = Paper::new(HandHeld::at(Wall.unix()));
        Self::over(paper, Arc::new(Issuer::new()), Arc::default(), &wishes)
    }

    /// A process over what others left.
    fn over(paper: Paper, issuer: Arc<Issuer>, shelf: Arc<Memory>, wishes: &Wishes) -> Self {
        let (clock, heard, pods) =
            (Arc::new(paper.clock), Arc::new(Heard::default()), Arc::new(Pods::default()));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let keys = wishes.keys.then(|| issuer.keys());
        let verifier = Arc::new(Verifier::new(clock.clone(), keys, None));
        let mut host = Host::new(verifier, clock, wishes.policy, heard.clone(), tasks.clone());
        host.profiles = Arc::new(wishes.profiles.clone());
        host.guard = Arc::new(Guard::new(wishes.guard.clone(), host.clock.clone(), heard.clone()));
        host.shelf = Some(shelf.clone());
        host.liveness = wishes.liveness.then(|| pods.clone() as Arc<dyn Liveness>);
        tokio::spawn(host.keeper.clone().run(tasks.clone(), stop.clone()));
        let provider = Hosted::new(paper.clone(), host);
        Self { paper, issuer, provider, shelf, pods, heard, token: Mutex::default(), stop }
    }

    /// The process ends without a word, and another begins.
    async fn restart(self, wishes: impl FnOnce(&mut Wishes)) -> Self {
        self.stop.cancel();
        let mut wanted = Wishes::default();
        wishes(&mut wanted);
        let world = Self::over(self.paper, self.issuer, self.shelf, &wanted);
        let world = Self { token: self.token, ..world };
        world.provider.take_over().await;
        world
    }

    /// The pod's token: the same until it is rotated.
    fn token(&self, pod: &Pod) -> String {
        let mut known = self.token.lock().unwrap();
        known.entry(pod.uid.clone()).or_insert_with(|| self.fresh_token(pod)).clone()
    }

    fn fresh_token(&self, pod: &Pod) -> String {
        let (mut claims, now) = (Issuer::claims(pod, "paper"), self.paper.clock.unix());
        claims["iat"] = now.into();
        claims["exp"] = (now + 100_000).into();
        self.issuer.mint(&claims)
    }

    /// The kubelet gives the pod another token.
    async fn rotate(&self, pod: &Pod) {
        // Two tokens of one second are one.
        drive(Duration::from_secs(1)).await;
        let token = self.fresh_token(pod);
        self.token.lock().unwrap().insert(pod.uid.clone(), token);
    }

    async fn ask(&self, pod: &Pod, objects: &str) -> Result<Vec<String>, Errors> {
        self.ask_with(pod, &[("objects", objects)]).await
    }

    /// A Mount of another class.
    async fn ask_as(&self, pod: &Pod, class: &str, objects: &str) -> Result<Vec<String>, Errors> {
        let (token, by) = (self.token(pod), Deadline::after(Duration::from_secs(20)));
        self.ask_class(pod, class, &token, &[("objects", objects)], by).await
    }

    async fn ask_with(&self, pod: &Pod, pairs: &[(&str, &str)]) -> Result<Vec<String>, Errors> {
        let token = self.token(pod);
        self.ask_by(pod, &token, pairs, Deadline::after(Duration::from_secs(20))).await
    }

    async fn ask_by(
        &self,
        pod: &Pod,
        token: &str,
        pairs: &[(&str, &str)],
        by: Deadline,
    ) -> Result<Vec<String>, Errors> {
        self.ask_class(pod, "class", token, pairs, by).await
    }

    async fn ask_class(
        &self,
        pod: &Pod,
        class: &str,
        token: &str,
        pairs: &[(&str, &str)],
        by: Deadline,
    ) -> Result<Vec<String>, Errors> {
        let parameters: Parameters =
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let tokens = tokens("paper", token);
        let ask = Ask {
            pod,
            class: Some(class),
            tokens: &tokens,
            secrets: &Secrets::default(),
            parameters: &parameters,
            by,
        };
        let (secrets, receipt) = self.provider.secrets(ask).await?;
        receipt.keep();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ok(secrets.iter().map(|secret| text(secret.bytes.expose_secret())).collect())
    }

    /// A Mount of one object that must be answered.
    async fn good(&self, pod: &Pod, object: &str) -> String {
        self.ask(pod, object).await.unwrap().remove(0)
    }

    fn sessions(&self) -> Vec<Entry> {
        self.provider.inventory().sessions
    }
}

/// Lets time pass, and all that is due in it happen.
async fn drive(span: Duration) {
    tokio::time::sleep(span).await;
}

fn web() -> Pod {
    pod("app", "web", "web-0")
}

/// A shelf in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Shelf for Memory {
    fn put<'a>(&'a self, name: &'a str, content: Zeroizing<Vec<u8>>) -> BoxFuture<'a, Result<(), Error>> {
        self.0.lock().unwrap().insert(name.into(), content.to_vec());
        Box::pin(std::future::ready(Ok(())))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.0.lock().unwrap().remove(name);
        Box::pin(std::future::ready(Ok(())))
    }

    fn all<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Found>, Error>> {
        let files = self.0.lock().unwrap();
        let found = files.iter().filter(|(name, _)| name.starts_with(prefix));
        let found =
            found.map(|(name, content)| (name.clone(), Ok(Zeroizing::new(content.clone())))).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// The pods that exist, by UID.
#[derive(Default)]
struct Pods(Mutex<BTreeMap<String, Presence>>);

impl Liveness for Pods {
    fn presence<'a>(&'a self, uid: &'a str, seen: bool) -> BoxFuture<'a, Presence> {
        let known = self.0.lock().unwrap().get(uid).copied().unwrap_or(Presence::Unknown);
        let presence = if known == Presence::Gone && !seen { Presence::Unknown } else { known };
        Box::pin(std::future::ready(presence))
    }
}

/// What was recorded.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn count(&self, what: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.starts_with(what)).count()
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Recorder for Heard {
    fn request(&self, _: &'static str, _: &'static str, _: &str, _: Duration) {}

    fn renewed(&self, _: &'static str, what: &'static str, outcome: &'static str) {
        self.note(format!("renewed {what} {outcome}"));
    }

    fn minted(&self, _: &'static str, reason: &'static str, outcome: &'static str) {
        self.note(format!("minted {reason} {outcome}"));
    }

    fn shared(&self, _: &'static str) {
        self.note("shared".into());
    }

    fn revoked(&self, _: &'static str, reason: &'static str, outcome: &'static str) {
        self.note(format!("revoked {reason} {outcome}"));
    }

    fn ended(&self, _: &'static str, reason: &'static str) {
        self.note(format!("ended {reason}"));
    }

    fn outlived(&self, _: &'static str) {
        self.note("outlived".into());
    }

    fn handoff_failed(&self, _: &'static str, what: &'static str) {
        self.note(format!("handoff {what}"));
    }
}
