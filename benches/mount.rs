//! Mounts beside the same requests made by hand, in turn, in one run: compare
//! ratios, not milliseconds. `make bench`.
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

use serde_json::{Value, json};
use support::bao::Bao;
use support::issuer::Issuer;
use support::keymount::Keymount;
use support::kube_objects::PodRef;
use support::provider::{Mount, Provider};

const ROUNDS: u32 = 200;
const PODS: usize = 110;

struct Bench {
    issuer: Issuer,
    keymount: Keymount,
    provider: Provider,
    by_hand: reqwest::Client,
    url: String,
    _bao: Bao,
}

#[tokio::main]
async fn main() {
    let Some(bao) = Bao::start().await else { return };
    let bench = Bench::new(bao).await;
    println!("{:<28}{:>10}{:>10}{:>10}{:>10}", "", "by hand", "keymount", "p99", "ratio");
    for objects in [1, 5] {
        bench.in_turn(objects).await;
    }
    bench.storm().await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", bench.keymount.pid())).unwrap();
    let memory = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("RssAnon"));
    println!("after the storm: {}", memory.collect::<Vec<_>>().join(", ").replace('\t', " "));
}

impl Bench {
    async fn new(bao: Bao) -> Self {
        let (issuer, url) = (Issuer::new("bench"), bao.url());
        bao.put("sys/auth/jwt", json!({ "type": "jwt" })).await;
        bao.put("auth/jwt/config", json!({ "jwt_validation_pubkeys": [issuer.pem()] })).await;
        bao.policy("app", "path \"secret/data/*\" { capabilities = [\"read\"] }").await;
        let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["app"],
            "bound_claims": { "/kubernetes.io/namespace": "app" } });
        bao.role("jwt", "web", role).await;
        for at in 1..=5 {
            bao.put(&format!("secret/data/o{at}"), json!({ "data": { "value": format!("value-{at}") } }))
                .await;
        }
        let keymount =
            Keymount::start(&["--provider", "vault", "--vault-addr", &url, "--vault-mount", "jwt"]).await;
        let provider = keymount.provider("vault").await;
        Self {
            issuer,
            keymount,
            provider,
            by_hand: reqwest::Client::builder().no_proxy().build().unwrap(),
            url,
            _bao: bao,
        }
    }

    /// A pod of its own service account, and its token.
    fn pod(&self, at: usize) -> (PodRef, String) {
        let pod = PodRef {
            namespace: "app".into(),
            name: format!("pod-{at}"),
            uid: format!("uid-{at}"),
            service_account: format!("account-{at}"),
            class: "bench".into(),
            volume: "secrets".into(),
            attributes: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        let token = self.issuer.token(&pod, "vault", 600).token;
        (pod, token)
    }

    /// The same pods, once by hand and once through a Mount, in turn.
    async fn in_turn(&self, objects: usize) {
        let (mut hand, mut ours) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let (pod, token) = self.pod(round as usize);
            let mount = mount(&pod, &token, objects);
            let first = Instant::now();
            self.requests(&token, objects).await;
            hand.push(first.elapsed());
            let second = Instant::now();
            assert_eq!(self.provider.mount(&mount).await.unwrap().files.len(), objects);
            ours.push(second.elapsed());
        }
        report(&format!("{objects} object(s), p50"), &mut hand, &mut ours);
    }

    /// A node's worth of pods at once.
    async fn storm(&self) {
        let pods: Vec<_> = (0..PODS).map(|at| self.pod(at)).collect();
        let first = Instant::now();
        futures_util::future::join_all(pods.iter().map(|(_, token)| self.requests(token, 5))).await;
        let hand = first.elapsed();
        let second = Instant::now();
        let mounts: Vec<_> = pods.iter().map(|(pod, token)| mount(pod, token, 5)).collect();
        for answer in
            futures_util::future::join_all(mounts.iter().map(|mount| self.provider.mount(mount))).await
        {
            assert_eq!(answer.unwrap().files.len(), 5);
        }
        report(&format!("{PODS} pods at once, wall"), &mut [hand], &mut [second.elapsed()]);
    }

    /// One login and the reads, one after the other, as a simple provider would.
    async fn requests(&self, token: &str, objects: usize) {
        let login = self.by_hand.post(format!("{}/v1/auth/jwt/login", self.url));
        let login = login.json(&json!({ "role": "web", "jwt": token })).send().await.unwrap();
        let login: Value = login.json().await.unwrap();
        let token = login["auth"]["client_token"].as_str().unwrap();
        for at in 1..=objects {
            let read =
                self.by_hand.get(format!("{}/v1/secret/data/o{at}", self.url)).header("x-vault-token", token);
            let body: Value = read.send().await.unwrap().json().await.unwrap();
            assert!(body["data"]["data"]["value"].is_string());
        }
    }
}

fn mount(pod: &PodRef, token: &str, objects: usize) -> Mount {
    let object = |at| format!("- {{objectName: o{at}, secretPath: secret/data/o{at}, secretKey: value}}");
    let list = (1..=objects).map(object).collect::<Vec<_>>().join("\n");
    let token = support::kube_objects::Token { token: token.to_owned(), expiration: String::new() };
    let tokens = BTreeMap::from([("vault".to_owned(), token)]);
    Mount::new(pod, &[("roleName", "web"), ("objects", &list)], &tokens)
}

fn report(name: &str, hand: &mut [Duration], ours: &mut [Duration]) {
    let at = |times: &mut [Duration], part: usize| {
        times.sort_unstable();
        times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
    };
    let (hand, p50, p99) = (at(hand, 50), at(ours, 50), at(ours, 99));
    println!("{name:<28}{hand:>8.2}ms{p50:>8.2}ms{p99:>8.2}ms{:>10.2}", p50 / hand);
}
