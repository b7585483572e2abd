//! Three servers that are one: what their standbys say, where they send us, and the loss of the leader.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::support::cluster::Cluster;
use crate::support::issuer::Issuer;
use crate::support::keymount::Keymount;
use crate::support::kube_objects::PodRef;
use crate::support::provider::{Mount, MountResponse, Provider};
use crate::support::unforwarding::unforwarding;
use crate::support::{eventually, secrets};
use crate::world::{PASSWORD, object};

const OFTEN: [&str; 4] = ["--refresh-interval", "1ms", "--min-refresh-interval", "1ms"];
const NEW: &str = "written-after-the-loss";

fn pod(name: &str) -> PodRef {
    PodRef {
        namespace: "app".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        service_account: format!("account-{name}"),
        class: "web-secrets".to_owned(),
        volume: "secrets".to_owned(),
        attributes: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

/// A login by pods' tokens, a secret, and certificates that are leased.
async fn fill(cluster: &Cluster, issuer: &Issuer) {
    secrets::remember(PASSWORD);
    secrets::remember(NEW);
    cluster.put("sys/auth/jwt", json!({ "type": "jwt" })).await;
    cluster.put("auth/jwt/config", json!({ "jwt_validation_pubkeys": [issuer.pem()] })).await;
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["app"],
        "bound_claims": { "/kubernetes.io/namespace": "app" }, "token_ttl": "1h" });
    cluster.put("auth/jwt/role/web", role).await;
    let policy = "path \"secret/data/*\" { capabilities = [\"read\"] }\npath \"pki/issue/*\" { capabilities = [\"update\"] }";
    cluster.put("sys/policies/acl/app", json!({ "policy": policy })).await;
    cluster.put("sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await;
    cluster.put("sys/mounts/pki", json!({ "type": "pki" })).await;
    let root = json!({ "common_name": "root", "ttl": "700h", "key_type": "ec", "key_bits": 256 });
    cluster.put("pki/root/generate/internal", root).await;
    let role = json!({ "allow_any_name": true, "key_type": "ec", "key_bits": 256, "max_ttl": "1h", "generate_lease": true });
    cluster.put("pki/roles/web", role).await;
    let kv = || async {
        let body = json!({ "data": { "password": PASSWORD } });
        cluster.raw(0, "POST", "secret/data/x", Some(&body)).await.is_some_and(|reply| reply.ok())
    };
    assert!(eventually(Duration::from_secs(30), kv).await, "KV v2 is made ready");
}

struct Asking<'a> {
    issuer: &'a Issuer,
    provider: Provider,
}

impl Asking<'_> {
    async fn ask(&self, name: &str, class: &[(&str, &str)]) -> Result<MountResponse, Status> {
        let pod = pod(name);
        let tokens = BTreeMap::from([("vault".to_owned(), self.issuer.token(&pod, "vault", 3600))]);
        let mut parameters = vec![("roleName", "web")];
        parameters.extend(class);
        self.provider.mount(&Mount::new(&pod, &parameters, &tokens)).await
    }

    async fn text(&self, name: &str, class: &[(&str, &str)], file: &str) -> String {
        let answer = self.ask(name, class).await.unwrap_or_else(|status| panic!("{name}: {status:?}"));
        answer.text(file).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_three() {
    // Nobody says anything of raft's patience: this is how long real clusters are without a leader.
    let Some(mut cluster) = Cluster::start(5).await else { return };
    let issuer = Issuer::new("cluster");
    fill(&cluster, &issuer).await;
    what_standbys_say(&cluster).await;
    redirects(&cluster, &issuer).await;
    the_loss_of_the_leader(&mut cluster, &issuer).await;
}

/// What the fake server says, too: see `a_standby_that_lags` beside it.
async fn what_standbys_say(cluster: &Cluster) {
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let ask = async |at: usize, path: &str, headers: &[(&'static str, &str)]| {
        let mut request =
            client.get(format!("{}/v1/{path}", cluster.url(at))).header("x-vault-token", cluster.root());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    };
    let index = |reply: &reqwest::Response| {
        reply.headers().get("x-vault-index").map(|value| value.to_str().unwrap().to_owned())
    };
    // Once the standby has what was written.
    let has = || async { ask(1, "secret/data/x", &[]).await.status() == 200 };
    assert!(eventually(Duration::from_secs(10), has).await);
    let known = index(&ask(1, "secret/data/x", &[]).await).expect("a read has an index");
    let mut future: Value = serde_json::from_slice(&STANDARD.decode(&known).unwrap()).unwrap();
    future["value"] = json!("99999999");
    let future = STANDARD.encode(future.to_string());
    assert_eq!(ask(1, "secret/data/x", &[("x-vault-index", &known)]).await.status(), 200);
    let lags = ask(1, "secret/data/x", &[("x-vault-index", &future)]).await;
    assert_eq!((lags.status().as_u16(), lags.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(lags.json::<Value>().await.unwrap(), json!({ "errors": [] }));
    let forwarded = [("x-vault-index", future.as_str()), ("x-vault-inconsistent", "forward-active-node")];
    assert_eq!(ask(1, "secret/data/x", &forwarded).await.status(), 200, "the leader is asked");
    assert_eq!(ask(0, "secret/data/x", &forwarded).await.status(), 200, "the leader is never behind");
    let write =
        client.post(format!("{}/v1/secret/data/y", cluster.url(1))).header("x-vault-token", cluster.root());
    let write = write.header("x-vault-no-request-forwarding", "true").body("{\"data\":{}}");
    let redirect = write.send().await.unwrap();
    let to = format!("{}/v1/secret/data/y", cluster.url(0));
    assert_eq!(
        (redirect.status().as_u16(), redirect.headers()["location"].to_str().unwrap()),
        (307, to.as_str())
    );
}

/// A standby that does not forward, named by a class: it points to the leader.
async fn redirects(cluster: &Cluster, issuer: &Issuer) {
    let standby = unforwarding(cluster.url(1)).await;
    let (leader, both) = (cluster.url(0), format!("{standby},{}", cluster.url(0)));
    let objects = object("p", "secret/data/x", "password");
    let class = [("vaultAddress", standby.as_str()), ("objects", &objects), ("vaultAuthMountPath", "jwt")];
    let asking = async |more: &[&str]| {
        let keymount = Keymount::start(&[&["--provider", "vault"], more].concat()).await;
        let provider = keymount.provider("vault").await;
        (keymount, Asking { issuer, provider })
    };
    let (keymount, open) = asking(&[]).await;
    let short = open.ask("stranger", &class).await.expect_err("no token goes to a host that a reply names");
    assert_eq!(short.code(), Code::Internal);
    let expected = format!(
        "http=307 path=auth/jwt/login role=web: the server redirects to {leader}, which is not configured: no token is \
         sent there; hint: if {leader} is a node of the same cluster, name it in vaultAddresses, --vault-addr or \
         --vault-allowed-address"
    );
    assert!(short.message().contains(&expected), "{}", short.message());
    let list = [("vaultAddresses", both.as_str()), ("objects", &objects), ("vaultAuthMountPath", "jwt")];
    assert_eq!(open.text("listed", &list, "p").await, PASSWORD);
    drop(keymount);
    let allowed = ["--vault-allowed-address", &standby, "--vault-allowed-address", &leader];
    let (_keymount, allowing) = asking(&allowed).await;
    assert_eq!(allowing.text("allowed", &class, "p").await, PASSWORD);
}

/// Mounts go on inside their deadline, and what was minted is kept.
async fn the_loss_of_the_leader(cluster: &mut Cluster, issuer: &Issuer) {
    let all = (0..3).map(|at| cluster.url(at)).collect::<Vec<_>>().join(",");
    let standby = cluster.url(1);
    let args = [&["--provider", "vault", "--vault-addr", &all, "--vault-mount", "jwt"], &OFTEN[..]].concat();
    let keymount = Keymount::start(&args).await;
    let asking = Asking { issuer, provider: keymount.provider("vault").await };
    let issue = "- {objectName: c, secretPath: pki/issue/web, secretKey: certificate, method: POST, \
                 secretArgs: {common_name: web.example}}\n";
    let objects = format!("{issue}{}", object("p", "secret/data/x", "password"));
    let class = [("objects", objects.as_str())];
    let by_standby = [("objects", objects.as_str()), ("vaultAddress", standby.as_str())];
    let minted = asking.text("old", &class, "c").await;
    let minted_by_standby = asking.text("old-by-standby", &by_standby, "c").await;
    assert!(minted.starts_with("-----BEGIN") && minted_by_standby.starts_with("-----BEGIN"));

    cluster.child(0).kill9();
    let lost = Instant::now();
    // One after another a pod that runs, one that starts, and both by a standby alone.
    let (running, starting, by, fresh) = tokio::join!(
        asking.text("old", &class, "c"),
        asking.text("new", &class, "p"),
        asking.text("old-by-standby", &by_standby, "c"),
        asking.text("new-by-standby", &by_standby, "p"),
    );
    assert_eq!(
        (running, by),
        (minted.clone(), minted_by_standby.clone()),
        "the same session, the same lease"
    );
    assert_eq!((starting.as_str(), fresh.as_str()), (PASSWORD, PASSWORD));
    assert!(lost.elapsed() < Duration::from_secs(100));

    let leader = || async { cluster.health(1).await == Some(200) || cluster.health(2).await == Some(200) };
    assert!(eventually(Duration::from_secs(60), leader).await);
    cluster.put_by(1, "secret/data/x", json!({ "data": { "password": NEW } })).await;
    let turned = || async { asking.text("old", &class, "p").await == NEW };
    assert!(eventually(Duration::from_secs(10), turned).await);
    assert_eq!(asking.text("old", &class, "c").await, minted);
    assert_eq!(asking.text("old-by-standby", &by_standby, "c").await, minted_by_standby);
    let leases = cluster.raw(1, "LIST", "sys/leases/lookup/pki/issue/web", None).await.unwrap();
    let leases = leases.expect_ok("leases")["data"]["keys"].as_array().map_or(0, Vec::len);
    assert_eq!(leases, 4, "one for each pod, none twice");
    // Which of them serves is a series for each of the operator's, and for no other.
    let served = |at: usize| {
        format!("keymount_backend_server_answers_total{{provider=\"vault\",server=\"{}\"}}", cluster.url(at))
    };
    let mut counts = Vec::new();
    for at in 0..3 {
        counts.push(keymount.metric(&served(at)).await.unwrap_or_default());
    }
    assert!(counts[0] > 0.0 && counts[1] + counts[2] > 0.0, "{counts:?}");
    drop(keymount);
}
