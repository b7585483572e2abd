#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into secrets"
)]
//! Sessions over Vault: what is asked again, what is made once, what is shared.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::conformance::{Issuer, pod, tokens};
use crate::backend::vault::fake::{Fake, Heard};
use crate::backend::vault::{Config, Flavour, Vault};
use crate::backend::{Ask, Host, Hosted, Parameters, Provider};
use crate::error::{Errors, Kind};
use crate::identity::{Pod, Secrets, Verifier};
use crate::lease::{Keeper, Policy};
use crate::time::{Clock, Deadline, Moment, Wall};

/// A clock that is turned by hand.
#[derive(Default)]
struct Dial(Mutex<Duration>);

// === impl Dial ===

impl Dial {
    fn turn(&self, by: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(by);
    }
}

impl Clock for Dial {
    fn now(&self) -> SystemTime {
        Wall.now() + *self.0.lock().unwrap()
    }

    fn moment(&self) -> Moment {
        Wall.moment() + *self.0.lock().unwrap()
    }
}

/// A provider with sessions over a fake that lets `app/web` and `app/api` in.
struct World {
    fake: Fake,
    issuer: Arc<Issuer>,
    heard: Arc<Heard>,
    clock: Arc<Dial>,
    provider: Hosted<Vault>,
    keeper: Arc<Keeper>,
    tasks: TaskTracker,
}

/// A pod and the token that it has now.
struct Client {
    pod: Pod,
    token: String,
}

// === impl World ===

impl World {
    async fn new() -> Self {
        let (issuer, clock) = (Arc::new(Issuer::new()), Arc::new(Dial::default()));
        let fake = Fake::telling(issuer.clone(), clock.clone()).await;
        {
            let mut state = fake.state();
            state.allowed.extend([("app".into(), "web".into()), ("app".into(), "api".into())]);
            state.secrets.insert("x".into(), json!({"k": "v"}));
            state.flat.insert("x".into(), json!({"k": "flat"}));
            (state.rules.token_ttl, state.rules.lease_ttl) = ((3600, 9000), (3600, 9000));
        }
        let (heard, tasks) = (Arc::new(Heard::default()), TaskTracker::new());
        let config = Config { address: Some(fake.address.clone()), ..Config::default() };
        let vault = Vault::new(Flavour::Vault, config, heard.clone()).unwrap();
        let verifier = Arc::new(Verifier::new(clock.clone(), None, None));
        let host = Host::new(verifier, clock.clone(), Policy::default(), heard.clone(), tasks.clone());
        let keeper = host.keeper.clone();
        Self { fake, issuer, heard, clock, provider: Hosted::new(vault, host), keeper, tasks }
    }

    fn client(&self, account: &str, name: &str) -> Client {
        let pod = pod("app", account, name);
        let token = self.issuer.token(&pod, "vault");
        Client { pod, token }
    }

    /// What the kubelet does every 48 minutes or so.
    fn renew_token(&self, client: &mut Client) {
        client.token = self.issuer.token(&client.pod, "vault");
    }

    async fn try_mount(&self, client: &Client, objects: &str) -> Result<Vec<String>, Errors> {
        let tokens = tokens("vault", &client.token);
        let pairs = [("roleName", "web"), ("objects", objects)];
        let parameters: Parameters =
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        let by = Deadline::after(Duration::from_secs(20));
        let ask = Ask {
            pod: &client.pod,
            class: Some("class"),
            tokens: &tokens,
            secrets: &Secrets::default(),
            parameters: &parameters,
            by,
        };
        let (secrets, receipt) = self.provider.secrets(ask).await?;
        receipt.keep();
        Ok(secrets.iter().map(|one| String::from_utf8(one.bytes.expose_secret().to_vec()).unwrap()).collect())
    }

    async fn mount(&self, client: &Client, objects: &str) -> Vec<String> {
        self.try_mount(client, objects).await.unwrap()
    }

    /// How many logins and how many reads below `path` the server has seen.
    fn asked(&self, path: &str) -> (usize, usize) {
        (self.fake.seen("/v1/auth/kubernetes/login").len(), self.fake.seen(&format!("/v1/{path}")).len())
    }

    /// Everything in the background is done.
    async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

const KV: &str = "- {objectName: a, secretPath: secret/data/x, secretKey: k}";
const CREDS: &str = "- {objectName: u, secretPath: database/creds/ro, secretKey: username}\n\
                     - {objectName: p, secretPath: database/creds/ro, secretKey: password}";
/// Longer than the default interval with all its jitter.
const INTERVAL: u64 = 70;

#[tokio::test]
async fn inside_the_interval_nothing_is_asked() {
    let world = World::new().await;
    let client = world.client("web", "web-0");
    for _ in 0..5 {
        assert_eq!(world.mount(&client, KV).await, ["v"]);
        world.clock.turn(5);
    }
    assert_eq!(world.asked("secret"), (1, 1));
    world.fake.state().secrets.insert("x".into(), json!({"k": "new"}));
    world.clock.turn(INTERVAL);
    assert_eq!(world.mount(&client, KV).await, ["new"]);
    assert_eq!(world.asked("secret"), (1, 2));
}

#[tokio::test]
async fn a_dynamic_credential_is_made_once() {
    let world = World::new().await;
    let client = world.client("web", "web-0");
    let first = world.mount(&client, CREDS).await;
    for _ in 0..20 {
        world.clock.turn(INTERVAL);
        assert_eq!(world.mount(&client, CREDS).await, first);
    }
    assert_eq!(world.asked("database"), (1, 1));
    assert_eq!(world.fake.seen("/v1/sys/leases/lookup").len(), 20, "asked after, once an interval");
    // Nobody renews here: at three quarters of its life another one is made, and the old one lives on.
    world.clock.turn(3600 - 21 * INTERVAL);
    assert_ne!(world.mount(&client, CREDS).await, first);
    assert_eq!(world.heard.told("minted"), ["minted first ok", "minted ending ok"]);
    assert!(world.heard.told("revoked").is_empty());
}

#[tokio::test]
async fn a_token_that_was_revoked_on_the_server_heals_in_the_next_mount() {
    let world = World::new().await;
    let client = world.client("web", "web-0");
    let both = format!("{KV}\n{CREDS}");
    let first = world.mount(&client, &both).await;
    world.fake.state().tokens.clear();
    assert_eq!(world.mount(&client, &both).await, first, "inside the interval nothing is asked");
    world.clock.turn(INTERVAL);
    let second = world.mount(&client, &both).await;
    assert!(second[0] == "v" && second[1] != first[1] && second[2] != first[2], "{second:?}");
    assert_eq!(world.fake.state().leases.len(), 1, "the credential that was given lives");
    assert_eq!(world.heard.told("minted"), ["minted first ok", "minted gone ok"]);
    let (logins, _) = world.asked("database");
    assert_eq!(logins, 2);
    world.clock.turn(INTERVAL);
    assert_eq!(world.mount(&client, &both).await, second);
    assert_eq!(world.asked("database"), (2, 2));
}

#[tokio::test]
async fn a_lease_that_was_revoked_on_the_server_is_made_again_without_a_login() {
    let world = World::new().await;
    let client = world.client("web", "web-0");
    let first = world.mount(&client, CREDS).await;
    world.fake.state().leases.clear();
    world.clock.turn(INTERVAL);
    let second = world.mount(&client, CREDS).await;
    assert_ne!(first, second);
    assert_eq!(world.asked("database"), (1, 2));
    assert_eq!(world.heard.told("minted"), ["minted first ok", "minted gone ok"]);
}

#[tokio::test]
async fn pods_of_one_service_account_share_a_read_of_kv() {
    for (objects, path, names) in [
        (KV, "secret", false),
        (KV, "secret", true),
        ("- {objectName: a, secretPath: kv1/x, secretKey: k}", "kv1", false),
    ] {
        let world = World::new().await;
        world.fake.state().rules.mount_types = names;
        let (one, other) = (world.client("web", "web-0"), world.client("web", "web-1"));
        assert_eq!(world.mount(&one, objects).await, world.mount(&other, objects).await);
        assert_eq!(world.asked(path), (2, 1), "each logs in by itself");
        assert_eq!(world.heard.told("shared").len(), 1);
        let stranger = world.client("api", "api-0");
        world.mount(&stranger, objects).await;
        assert_eq!(world.asked(path), (3, 2), "another service account reads for itself");
    }
}

#[tokio::test]
async fn pods_that_come_together_share_a_read_of_kv() {
    let world = World::new().await;
    let clients: Vec<_> = (0..8).map(|at| world.client("web", &format!("web-{at}"))).collect();
    let mounts = clients.iter().map(|client| world.mount(client, KV));
    assert!(futures_util::future::join_all(mounts).await.iter().all(|got| got == &["v"]));
    assert_eq!(world.asked("secret"), (8, 1));
}

#[tokio::test]
async fn what_was_made_for_a_pod_is_never_shared() {
    let world = World::new().await;
    let cert = "- {objectName: c, secretPath: pki/issue/web, method: POST, secretKey: certificate}";
    let (one, other) = (world.client("web", "web-0"), world.client("web", "web-1"));
    for objects in [CREDS, cert] {
        assert_ne!(world.mount(&one, objects).await, world.mount(&other, objects).await);
    }
    assert!(world.heard.told("shared").is_empty());
}

#[tokio::test]
async fn pods_whose_metadata_differs_do_not_share() {
    let world = World::new().await;
    world.fake.state().rules.maps_pods = true;
    let (one, other) = (world.client("web", "web-0"), world.client("web", "web-1"));
    world.mount(&one, KV).await;
    world.mount(&other, KV).await;
    assert_eq!(world.asked("secret"), (2, 2));
    assert!(world.heard.told("shared").is_empty());
}

#[tokio::test]
async fn a_new_login_of_equal_authority_changes_nothing() {
    let world = World::new().await;
    let mut client = world.client("web", "web-0");
    let both = format!("{KV}\n{CREDS}");
    let first = world.mount(&client, &both).await;
    world.renew_token(&mut client);
    assert_eq!(world.mount(&client, &both).await, first);
    world.settle().await;
    assert_eq!(world.heard.told("revoked"), ["revoked replaced ok"]);
    let tokens: Vec<_> = world.fake.state().tokens.keys().cloned().collect();
    assert_eq!(tokens, ["s.faketoken0000000000000001"]);
    assert_eq!((world.asked("database"), world.fake.state().leases.len()), ((2, 1), 1));
}

#[tokio::test]
async fn a_new_login_with_fewer_policies_drops_what_they_no_longer_allow() {
    let world = World::new().await;
    let mut client = world.client("web", "web-0");
    world.mount(&client, CREDS).await;
    world.mount(&client, KV).await;
    {
        let mut state = world.fake.state();
        (state.rules.denied, state.rules.policies) = (vec!["database/creds"], vec!["default"]);
    }
    world.renew_token(&mut client);
    let errors = world.try_mount(&client, CREDS).await.unwrap_err();
    assert!(errors.kind() == Kind::Denied && errors.to_string().contains("database/creds/ro"), "{errors}");
    assert_eq!(world.mount(&client, KV).await, ["v"], "what it may read it still gets");
}

#[tokio::test]
async fn a_static_role_is_read_again_when_it_has_rotated() {
    let world = World::new().await;
    let client = world.client("web", "web-0");
    let objects = "- {objectName: a, secretPath: database/static-creds/st, secretKey: password}";
    for seconds in [4, 4, 4, 4] {
        world.mount(&client, objects).await;
        world.clock.turn(seconds);
    }
    assert_eq!(world.asked("database"), (1, 2), "after ten seconds and one more");
}

#[tokio::test]
async fn a_certificate_is_replaced_before_its_end() {
    let world = World::new().await;
    world.fake.state().rules.lease_ttl = (600, 600);
    let client = world.client("web", "web-0");
    let objects = "- {objectName: c, secretPath: pki/issue/web, method: POST, secretKey: certificate}";
    let mut certificates = Vec::new();
    for _ in 0..10 {
        certificates.extend(world.mount(&client, objects).await);
        world.clock.turn(60);
    }
    certificates.dedup();
    assert_eq!(certificates.len(), 2, "a third before its end: {certificates:?}");
    assert_eq!(world.asked("pki").1, 2);
}

#[tokio::test]
async fn a_token_that_counts_its_uses_serves_one_gathering() {
    let world = World::new().await;
    world.fake.state().rules.uses = 3;
    let client = world.client("web", "web-0");
    let both = format!("{KV}\n{CREDS}");
    let first = world.mount(&client, &both).await;
    assert_eq!(world.mount(&client, &both).await, first);
    assert_eq!(world.asked("secret"), (1, 1));
    world.clock.turn(INTERVAL);
    assert_eq!(world.mount(&client, &both).await, first, "the lease lives on");
    assert_eq!(world.asked("secret"), (2, 2), "another login for another read");
    assert!(world.fake.seen("/v1/sys/").is_empty(), "no use is spent on questions");
}

/// The keeper works by the real clock's timers: this one takes a few seconds.
#[tokio::test]
async fn the_keeper_renews_tokens_and_leases() {
    let world = World::new().await;
    {
        let mut state = world.fake.state();
        (state.rules.token_ttl, state.rules.lease_ttl) = ((8, 60), (4, 60));
    }
    let stop = CancellationToken::new();
    let work = tokio::spawn(world.keeper.clone().run(world.tasks.clone(), stop.clone()));
    let client = world.client("web", "web-0");
    let first = world.mount(&client, CREDS).await;
    for _ in 0..80 {
        if world.heard.told("renewed token").len() + world.heard.told("renewed lease").len().min(2) >= 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.heard.told("renewed token"), ["renewed token ok"]);
    assert!(world.heard.told("renewed lease").iter().all(|told| told == "renewed lease ok"));
    assert_eq!(world.fake.living(), (1, 1));
    assert_eq!(world.mount(&client, CREDS).await, first);
    assert_eq!(world.asked("database"), (1, 1));
    stop.cancel();
    work.await.unwrap();
}
