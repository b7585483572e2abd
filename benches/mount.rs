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
    /// The same with `--sessions=off`.
    bare: Keymount,
    bare_provider: Provider,
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
    bench.refreshes().await;
    bench.many_sessions().await;
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
        let flags = ["--provider", "vault", "--vault-addr", &url, "--vault-mount", "jwt"];
        let keymount = Keymount::start(&flags).await;
        let provider = keymount.provider("vault").await;
        let bare = Keymount::start(&[&flags[..], &["--sessions", "off"]].concat()).await;
        let bare_provider = bare.provider("vault").await;
        Self {
            issuer,
            keymount,
            provider,
            bare,
            bare_provider,
            by_hand: reqwest::Client::builder().no_proxy().build().unwrap(),
            url,
            _bao: bao,
        }
    }

    /// A pod of its own service account, new for each case, and its token.
    fn pod(&self, case: &str, at: usize) -> (PodRef, String) {
        let pod = PodRef {
            namespace: "app".into(),
            name: format!("{case}-{at}"),
            uid: format!("uid-{case}-{at}"),
            service_account: format!("account-{case}-{at}"),
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
            let (pod, token) = self.pod(&format!("turn-{objects}"), round as usize);
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
        let pods: Vec<_> = (0..PODS).map(|at| self.pod("storm", at)).collect();
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

    /// A thousand refreshes of one pod, with and without sessions, in turn: the time and the processor's time.
    async fn refreshes(&self) {
        let (pod, token) = self.pod("refresh", 0);
        let mount = mount(&pod, &token, 1);
        let (mut off, mut on) = (Vec::new(), Vec::new());
        let before = (cpu(&self.bare), cpu(&self.keymount));
        for _ in 0..1000 {
            for (provider, times) in [(&self.bare_provider, &mut off), (&self.provider, &mut on)] {
                let watch = Instant::now();
                provider.mount(&mount).await.unwrap();
                times.push(watch.elapsed());
            }
        }
        println!("{:<28}{:>10}{:>10}", "", "off", "sessions");
        let (off, on) = (median(&mut off), median(&mut on));
        println!("{:<28}{off:>8.2}ms{on:>8.2}ms{:>20.2}", "a refresh, 1 object, p50", on / off);
        let spent = (cpu(&self.bare) - before.0, cpu(&self.keymount) - before.1);
        println!("{:<28}{:>9.2}s{:>9.2}s", "processor, 1000 of them", spent.0, spent.1);
    }

    /// A thousand pods that stay: what they cost in memory.
    async fn many_sessions(&self) {
        let before = (rss(&self.bare), rss(&self.keymount));
        for at in 0..1000 {
            let (pod, token) = self.pod("many", at);
            let mount = mount(&pod, &token, 5);
            for provider in [&self.bare_provider, &self.provider] {
                provider.mount(&mount).await.unwrap();
            }
        }
        let more = (rss(&self.bare) - before.0, rss(&self.keymount) - before.1);
        println!("{:<28}{:>7.1}MiB{:>7.1}MiB", "memory, 1000 pods more", more.0, more.1);
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

/// Seconds of processor time so far, in the kernel's steps of 10 ms.
fn cpu(keymount: &Keymount) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", keymount.pid())).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// Resident memory in MiB.
fn rss(keymount: &Keymount) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", keymount.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn report(name: &str, hand: &mut [Duration], ours: &mut [Duration]) {
    let at = |times: &mut [Duration], part: usize| {
        times.sort_unstable();
        times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
    };
    let (hand, p50, p99) = (at(hand, 50), at(ours, 50), at(ours, 99));
    println!("{name:<28}{hand:>8.2}ms{p50:>8.2}ms{p99:>8.2}ms{:>10.2}", p50 / hand);
}
