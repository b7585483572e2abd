#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    reason = "tests may fail loudly"
)]
//! What every backend must do. A backend writes a [`Rig`] and one line,
//! `conformance::suite!(its::Rig);`, which makes a test of each case here.

mod issuer;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

pub use issuer::Issuer;

use super::{Ask, Host, Parameters, Provider, Recorder};
use crate::error::{Errors, Kind};
use crate::identity::{Pod, Secrets, Tokens, Verifier};
use crate::lease::Policy;
use crate::time::{Deadline, Stopwatch, Wall};

/// A backend with its server, set up for one test.
pub trait Rig: Send + Sync + Sized {
    /// The audience of this backend's tokens.
    const AUDIENCE: &str;

    /// Whether what this rig needs is installed; says so itself where it is not.
    fn available() -> bool {
        true
    }

    /// A fresh backend that trusts the tokens of `issuer`.
    fn new(issuer: Arc<Issuer>) -> impl Future<Output = Self> + Send;

    /// The backend, hosted.
    fn provider(&self, host: Host) -> Arc<dyn Provider>;

    /// A class that wants each `(object, secret)`.
    fn class(&self, wants: &[(&str, &str)]) -> Parameters;

    /// Stores `value` under the name `secret`.
    fn put(&self, secret: &str, value: &str) -> impl Future<Output = ()> + Send;

    /// Lets a service account read everything that was put.
    fn allow(&self, namespace: &str, service_account: &str) -> impl Future<Output = ()> + Send;

    /// Makes the server misbehave; `false` where there is no server that could.
    fn fault(&self, _fault: Fault) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }
}

/// How a server can misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next read is answered "not now".
    ThrottleOnce,
    /// The next login's credential is dead when it is first used.
    KillOnce,
    /// Every answer takes this long.
    Slow(Duration),
}

/// One test's world.
struct World<R> {
    rig: R,
    issuer: Arc<Issuer>,
    provider: Arc<dyn Provider>,
}

const SECRET: &str = "s3cr3t-value-of-the-conformance-suite";

// === impl World ===

impl<R: Rig> World<R> {
    /// A backend that holds `db` for `app/web`, with the cluster's keys known.
    async fn new() -> Self {
        let issuer = Arc::new(Issuer::new());
        let rig = R::new(issuer.clone()).await;
        rig.put("db", SECRET).await;
        rig.allow("app", "web").await;
        let verifier = Verifier::new(Arc::new(Wall), Some(issuer.keys()), Some(Issuer::NAME.into()));
        let provider = rig.provider(host(verifier, Policy::default()));
        Self { rig, issuer, provider }
    }

    /// What `pod` gets for `token` and a class that wants each `(object, secret)`.
    async fn ask(
        &self,
        pod: &Pod,
        token: &str,
        wants: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, Errors> {
        self.ask_by(pod, token, wants, Deadline::after(Duration::from_secs(20))).await
    }

    async fn ask_by(
        &self,
        pod: &Pod,
        token: &str,
        wants: &[(&str, &str)],
        by: Deadline,
    ) -> Result<Vec<(String, String)>, Errors> {
        let tokens = tokens(R::AUDIENCE, token);
        let parameters = self.rig.class(wants);
        let ask = Ask {
            pod,
            class: Some("class"),
            tokens: &tokens,
            secrets: &Secrets::default(),
            parameters: &parameters,
            by,
        };
        let (secrets, receipt) = self.provider.secrets(ask).await?;
        receipt.keep();
        let shown = format!("{secrets:?}");
        assert!(!shown.contains(SECRET), "a secret is printed: {shown}");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ok(secrets
            .iter()
            .map(|secret| (secret.object.to_string(), text(secret.bytes.expose_secret())))
            .collect())
    }

    /// Asks for `db` with `token`, which must be refused without saying anything of it, before and after a good Mount.
    async fn refused(&self, pod: &Pod, token: &str) {
        for _ in 0..2 {
            let errors = self.ask(pod, token, &[("one", "db")]).await.unwrap_err();
            assert!(matches!(errors.kind(), Kind::Unauthenticated | Kind::Denied), "{errors}");
            let text = format!("{errors} {errors:?}");
            assert!(!text.contains(SECRET) && (token.len() < 20 || !text.contains(token)), "{text}");
            assert_eq!(self.good().await, [("one".to_owned(), SECRET.to_owned())]);
        }
    }

    /// A good Mount.
    async fn good(&self) -> Vec<(String, String)> {
        let pod = pod("app", "web", "web-0");
        self.ask(&pod, &self.issuer.token(&pod, R::AUDIENCE), &[("one", "db")]).await.unwrap()
    }

    /// A token of `web-0` whose claims were changed.
    fn changed(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = Issuer::claims(&pod("app", "web", "web-0"), R::AUDIENCE);
        change(&mut claims);
        self.issuer.mint(&claims)
    }
}

/// Hears nothing.
pub struct Deaf;

impl Recorder for Deaf {
    fn request(&self, _: &'static str, _: &'static str, _: &str, _: Duration) {}
}

/// A host of its own, on the wall's clock.
pub fn host(verifier: Verifier, policy: Policy) -> Host {
    Host::new(Arc::new(verifier), Arc::new(Wall), policy, Arc::new(Deaf), TaskTracker::new())
}

/// A pod.
pub fn pod(namespace: &str, service_account: &str, name: &str) -> Pod {
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        uid: format!("uid-of-{name}"),
        service_account: service_account.into(),
    }
}

/// A request's tokens with one for `audience`; none if it is empty.
pub fn tokens(audience: &str, token: &str) -> Tokens {
    match token {
        "" => Tokens::default(),
        token => Tokens::parse(&json!({audience: {"token": token, "expirationTimestamp": "x"}}).to_string())
            .unwrap(),
    }
}

/// Makes a test of each case.
macro_rules! suite {
    (@each $rig:ty: $($case:ident),*) => {
        $(
            #[tokio::test]
            async fn $case() {
                if <$rig as $crate::backend::conformance::Rig>::available() {
                    $crate::backend::conformance::$case::<$rig>().await;
                }
            }
        )*
    };
    ($rig:ty) => {
        $crate::backend::conformance::suite!(
            @each $rig: delivers, refuses_no_token, refuses_garbage, refuses_another_audience,
            refuses_expired, refuses_a_foreign_token, refuses_a_forged_token, denies, names_every_missing_object,
            waits_when_throttled, logs_in_again, ends_by_the_deadline, keeps_pods_apart, reports_every_mistake
        );
    };
}
pub(crate) use suite;

/// Values come back as they were put, under the names that the class gives.
pub async fn delivers<R: Rig>() {
    let world = World::<R>::new().await;
    world.rig.put("odd", "a\"b\\c\n<&>\u{2028}ü\u{0}").await;
    let pod = pod("app", "web", "web-0");
    let token = world.issuer.token(&pod, R::AUDIENCE);
    let wants = [("one", "db"), ("deep/two", "odd"), ("three", "db")];
    let got = world.ask(&pod, &token, &wants).await.unwrap();
    let expected = [("one", SECRET), ("deep/two", "a\"b\\c\n<&>\u{2028}ü\u{0}"), ("three", SECRET)];
    assert_eq!(got, expected.map(|(object, value)| (object.to_owned(), value.to_owned())));
}

/// A request without a token gets nothing, and the lines that would bring one.
pub async fn refuses_no_token<R: Rig>() {
    let world = World::<R>::new().await;
    let pod = pod("app", "web", "web-0");
    world.refused(&pod, "").await;
    let text = world.ask(&pod, "", &[("one", "db")]).await.unwrap_err().to_string();
    assert!(text.contains("tokenRequests") && text.contains(R::AUDIENCE), "{text}");
}

/// What is no token is not echoed.
pub async fn refuses_garbage<R: Rig>() {
    let world = World::<R>::new().await;
    let pod = pod("app", "web", "web-0");
    for garbage in ["x", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", &"y".repeat(100_000)] {
        world.refused(&pod, garbage).await;
    }
    let good = world.issuer.token(&pod, R::AUDIENCE);
    world.refused(&pod, &good[..good.len() - 20]).await;
}

/// A token for somebody else's audience is not accepted, wherever it stands.
pub async fn refuses_another_audience<R: Rig>() {
    let world = World::<R>::new().await;
    let token = world.changed(|claims| claims["aud"] = json!(["https://kubernetes.default.svc"]));
    world.refused(&pod("app", "web", "web-0"), &token).await;
}

/// An expired token, or one of the future.
pub async fn refuses_expired<R: Rig>() {
    let world = World::<R>::new().await;
    let now = crate::time::Clock::unix(&Wall);
    for (key, value) in [("exp", now - 300), ("nbf", now + 300)] {
        let token = world.changed(|claims| claims[key] = json!(value));
        world.refused(&pod("app", "web", "web-0"), &token).await;
    }
}

/// A good token of another pod, service account, namespace or issuer.
pub async fn refuses_a_foreign_token<R: Rig>() {
    let world = World::<R>::new().await;
    let asks = pod("app", "web", "web-0");
    for other in [pod("app", "web", "web-1"), pod("app", "other", "web-0"), pod("prod", "web", "web-0")] {
        world.refused(&asks, &world.issuer.token(&other, R::AUDIENCE)).await;
    }
    let token = world.changed(|claims| claims["iss"] = json!("https://other.test"));
    world.refused(&asks, &token).await;
    let token = world.changed(|claims| claims["kubernetes.io"]["pod"] = Value::Null);
    world.refused(&asks, &token).await;
}

/// A token with the right claims and a wrong signature.
pub async fn refuses_a_forged_token<R: Rig>() {
    let world = World::<R>::new().await;
    let pod = pod("app", "web", "web-0");
    world.refused(&pod, &world.issuer.forge(&Issuer::claims(&pod, R::AUDIENCE))).await;
}

/// A good token of a pod that may not have it.
pub async fn denies<R: Rig>() {
    let world = World::<R>::new().await;
    for stranger in [pod("app", "stranger", "s-0"), pod("stranger", "web", "s-1")] {
        world.refused(&stranger, &world.issuer.token(&stranger, R::AUDIENCE)).await;
    }
}

/// All or nothing, and every failing object is named (decision 7).
pub async fn names_every_missing_object<R: Rig>() {
    let world = World::<R>::new().await;
    let pod = pod("app", "web", "web-0");
    let wants = [("first", "absent"), ("second", "db"), ("third", "absent-too")];
    let errors = world.ask(&pod, &world.issuer.token(&pod, R::AUDIENCE), &wants).await.unwrap_err();
    let text = errors.to_string();
    assert_eq!(errors.kind(), Kind::NotFound, "{text}");
    assert!(
        text.contains("object=first") && text.contains("object=third") && !text.contains("object=second"),
        "{text}"
    );
    assert!(!format!("{errors:?}").contains(SECRET));
}

/// "Not now" is waited for, not reported.
pub async fn waits_when_throttled<R: Rig>() {
    let world = World::<R>::new().await;
    if world.rig.fault(Fault::ThrottleOnce).await {
        world.good().await;
    }
}

/// A credential that died between login and read costs one more login.
pub async fn logs_in_again<R: Rig>() {
    let world = World::<R>::new().await;
    if world.rig.fault(Fault::KillOnce).await {
        world.good().await;
    }
}

/// A server that does not answer costs what the deadline allows, no more.
pub async fn ends_by_the_deadline<R: Rig>() {
    let world = World::<R>::new().await;
    if !world.rig.fault(Fault::Slow(Duration::from_secs(60))).await {
        return;
    }
    let (pod, watch) = (pod("app", "web", "web-0"), Stopwatch::start());
    let (token, by) = (world.issuer.token(&pod, R::AUDIENCE), Deadline::after(Duration::from_millis(300)));
    let errors = world.ask_by(&pod, &token, &[("one", "db")], by).await.unwrap_err();
    assert_eq!(errors.kind(), Kind::Deadline, "{errors}");
    assert!(watch.elapsed() < Duration::from_secs(3), "{:?}", watch.elapsed());
}

/// What one pod was given, another is not: at once or one after the other, with the same class.
pub async fn keeps_pods_apart<R: Rig>() {
    let world = World::<R>::new().await;
    let stranger = pod("app", "stranger", "s-0");
    let token = world.issuer.token(&stranger, R::AUDIENCE);
    let wants = [("one", "db")];
    let (good, bad) = tokio::join!(world.good(), world.ask(&stranger, &token, &wants));
    assert_eq!(good.len(), 1);
    assert!(bad.is_err());
    let thief = pod("app", "web", "web-0");
    assert!(
        world.ask(&thief, &token, &wants).await.is_err(),
        "a stranger's token under the name of a good pod"
    );
}

/// A class that cannot be read is the author's mistake, and never a panic.
pub async fn reports_every_mistake<R: Rig>() {
    let world = World::<R>::new().await;
    let pod = pod("app", "web", "web-0");
    let tokens = tokens(R::AUDIENCE, &world.issuer.token(&pod, R::AUDIENCE));
    for objects in ["", "[]", "null", "7", "- 7", "- {}", "- [", "- objectName: a\n- objectName: a", "\u{0}"]
    {
        let objects = ("objects".to_owned(), objects.to_owned());
        let parameters: Parameters = [objects].into_iter().collect();
        let by = Deadline::after(Duration::from_secs(5));
        let result = world
            .provider
            .secrets(Ask {
                pod: &pod,
                class: None,
                tokens: &tokens,
                secrets: &Secrets::default(),
                parameters: &parameters,
                by,
            })
            .await;
        assert_eq!(result.map(|_| ()).unwrap_err().kind(), Kind::Invalid);
    }
}
