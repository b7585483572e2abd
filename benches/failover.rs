//! How long mounts wait when the first of three addresses dies: killed, or silent. The
//! servers are one cluster, and the one that dies is a standby, so that no election is
//! among the times. `make bench`.
#![allow(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench: a broken set-up must end it where it broke"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use support::cluster::Cluster;
use support::eventually;
use support::issuer::Issuer;
use support::keymount::Keymount;
use support::kube_objects::PodRef;
use support::provider::{Mount, Provider};

const OBJECTS: &str = "- {objectName: o, secretPath: secret/data/o, secretKey: value}";

#[tokio::main]
async fn main() {
    let Some(mut cluster) = Cluster::start(1).await else { return };
    let issuer = Issuer::new("failover");
    fill(&cluster, &issuer).await;
    let list = [1, 0, 2].map(|at| cluster.url(at)).join(",");
    println!("{:<34}{:>10}{:>10}{:>10}", "the first of three addresses", "before", "first", "next");
    for silent in [false, true] {
        // A refresh reads; a pod that starts logs in, too.
        for (what, starts) in [("a refresh", false), ("a pod's start", true)] {
            let case = Case::new(&issuer, &list).await;
            let before = case.mount(starts.then_some("before")).await;
            if silent {
                cluster.child(1).pause();
            } else {
                cluster.child(1).kill9();
            }
            let first = case.mount(starts.then_some("first")).await;
            let next = case.mount(starts.then_some("next")).await;
            let name = format!("{}, {what}", if silent { "silent" } else { "killed" });
            println!("{name:<34}{:>8.1}ms{:>8.1}ms{:>8.1}ms", ms(before), ms(first), ms(next));
            if silent {
                cluster.child(1).resume();
            } else {
                cluster.restart(1);
            }
            let is_back = || async { cluster.health(1).await == Some(429) };
            assert!(eventually(Duration::from_secs(60), is_back).await, "it comes back");
        }
    }
}

async fn fill(cluster: &Cluster, issuer: &Issuer) {
    cluster.put("sys/auth/jwt", json!({ "type": "jwt" })).await;
    cluster.put("auth/jwt/config", json!({ "jwt_validation_pubkeys": [issuer.pem()] })).await;
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["app"],
        "bound_claims": { "/kubernetes.io/namespace": "app" } });
    cluster.put("auth/jwt/role/web", role).await;
    let policy = json!({ "policy": "path \"secret/data/*\" { capabilities = [\"read\"] }" });
    cluster.put("sys/policies/acl/app", policy).await;
    cluster.put("sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await;
    let written = || async {
        let body = json!({ "data": { "value": "v" } });
        cluster.raw(0, "POST", "secret/data/o", Some(&body)).await.is_some_and(|reply| reply.ok())
    };
    assert!(eventually(Duration::from_secs(30), written).await);
    let is_everywhere = || async {
        let reads = (0..3).map(|at| cluster.raw(at, "GET", "secret/data/o", None));
        let replies = futures_util::future::join_all(reads).await;
        replies.iter().flatten().filter(|reply| reply.ok()).count() == 3
    };
    assert!(eventually(Duration::from_secs(30), is_everywhere).await);
}

/// A keymount that has chosen the first server, and a pod that runs.
struct Case<'a> {
    issuer: &'a Issuer,
    provider: Provider,
    _keymount: Keymount,
}

impl<'a> Case<'a> {
    async fn new(issuer: &'a Issuer, list: &str) -> Self {
        let args = ["--provider", "vault", "--vault-addr", list, "--vault-mount", "jwt"];
        let often = ["--refresh-interval", "1ms", "--min-refresh-interval", "1ms"];
        let keymount = Keymount::start(&[&args[..], &often].concat()).await;
        let case = Self { issuer, provider: keymount.provider("vault").await, _keymount: keymount };
        for _ in 0..20 {
            case.mount(None).await;
        }
        case
    }

    /// A Mount of the pod that runs, or of a new one.
    async fn mount(&self, new: Option<&str>) -> Duration {
        let name = new.unwrap_or("runs");
        let pod = PodRef {
            namespace: "app".into(),
            name: name.into(),
            uid: format!("uid-{name}"),
            service_account: format!("account-{name}"),
            class: "bench".into(),
            volume: "secrets".into(),
            attributes: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        let tokens = BTreeMap::from([("vault".to_owned(), self.issuer.token(&pod, "vault", 600))]);
        let mount = Mount::new(&pod, &[("roleName", "web"), ("objects", OBJECTS)], &tokens);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let watch = Instant::now();
        let answer = self.provider.mount(&mount).await.unwrap();
        assert_eq!(answer.text("o").as_deref(), Some("v"));
        watch.elapsed()
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
