//! Mounts beside the same calls made by the SDK alone, in turn, in one run, at a
//! server that only answers: compare ratios, not milliseconds. `make bench`.
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
use std::convert::Infallible;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_sdk_secretsmanager::config::Region;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use support::issuer::Issuer;
use support::keymount::Keymount;
use support::kube_objects::{PodRef, Token};
use support::provider::{Mount, Provider};

const ROUNDS: usize = 200;
const STS: &str = "sts.amazonaws.com";
const REGION: &str = "eu-central-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/web";

struct Bench {
    issuer: Issuer,
    provider: Provider,
    bare: Provider,
    url: String,
    client: ByHand,
    _serving: [Keymount; 2],
}

#[tokio::main]
async fn main() {
    let url = serve().await;
    let flags =
        ["--provider", "aws", "--aws-endpoint-url", &url, "--aws-region", REGION, "--aws-batch", "off"];
    let keymount = Keymount::start(&flags).await;
    let bare = Keymount::start(&[&flags[..], &["--sessions", "off"]].concat()).await;
    let bench = Bench {
        issuer: Issuer::new("bench"),
        provider: keymount.provider("aws").await,
        bare: bare.provider("aws").await,
        client: ByHand(reqwest::Client::builder().no_proxy().build().unwrap()),
        url,
        _serving: [keymount, bare],
    };
    println!("{:<36}{:>10}{:>10}{:>10}", "", "the SDK", "keymount", "ratio");
    for objects in [1, 5] {
        bench.first(objects).await;
    }
    bench.refresh().await;
}

impl Bench {
    /// A new pod: the login and the reads, once by the SDK one after the other and once through a Mount.
    async fn first(&self, objects: usize) {
        let (mut hand, mut ours) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let mount = self.mount(&format!("first-{objects}-{round}"), objects);
            let watch = Instant::now();
            self.by_hand(objects).await;
            hand.push(watch.elapsed());
            let watch = Instant::now();
            assert_eq!(self.provider.mount(&mount).await.unwrap().files.len(), objects);
            ours.push(watch.elapsed());
        }
        report(&format!("first mount, {objects} object(s), p50"), hand, ours);
    }

    /// The same pod again, without sessions and with them.
    async fn refresh(&self) {
        let (mount, mut off, mut on) = (self.mount("refresh", 5), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (provider, times) in [(&self.bare, &mut off), (&self.provider, &mut on)] {
                let watch = Instant::now();
                provider.mount(&mount).await.unwrap();
                times.push(watch.elapsed());
            }
        }
        println!("{:<36}{:>10}{:>10}", "", "off", "sessions");
        report("refresh, 5 objects, p50", off, on);
    }

    fn mount(&self, name: &str, objects: usize) -> Mount {
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
        let token = Token { token: self.issuer.token(&pod, STS, 600).token, expiration: String::new() };
        let object = |at| format!("- {{objectName: o{at}, objectType: secretsmanager}}\n");
        let list = (1..=objects).map(object).collect::<Vec<_>>().concat();
        Mount::new(&pod, &[("roleArn", ROLE), ("objects", &list)], &BTreeMap::from([(STS.to_owned(), token)]))
    }

    /// One login and the reads, as a simple provider would.
    async fn by_hand(&self, objects: usize) {
        let sts = aws_sdk_sts::Config::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .endpoint_url(&self.url)
            .http_client(self.client.clone());
        let sts = aws_sdk_sts::Client::from_conf(sts.build());
        let login =
            sts.assume_role_with_web_identity().role_arn(ROLE).role_session_name("x").web_identity_token("t");
        let login = login.send().await.unwrap();
        let keys = login.credentials().unwrap();
        let token = Some(keys.session_token().to_owned());
        let keys = Credentials::new(keys.access_key_id(), keys.secret_access_key(), token, None, "bench");
        let reads = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .endpoint_url(&self.url)
            .credentials_provider(keys)
            .http_client(self.client.clone());
        let reads = aws_sdk_secretsmanager::Client::from_conf(reads.build());
        for at in 1..=objects {
            reads.get_secret_value().secret_id(format!("o{at}")).send().await.unwrap();
        }
    }
}

/// The SDK's HTTP client for the calls by hand.
#[derive(Clone, Debug)]
struct ByHand(reqwest::Client);

impl HttpClient for ByHand {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ByHand {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let failed = |error: reqwest::Error| ConnectorError::other(error.into(), None);
            let request = request.try_into_http1x().unwrap();
            let request = request.map(|body| body.bytes().unwrap_or_default().to_vec());
            let reply = client.execute(request.try_into().unwrap()).await.map_err(failed)?;
            let (status, body) = (reply.status(), reply.bytes().await.map_err(failed)?);
            let mut response = http::Response::new(SdkBody::from(body));
            *response.status_mut() = status;
            Ok(HttpResponse::try_from(response).unwrap())
        })
    }
}

/// A server that answers each login and each read, whoever asks.
async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let answer = service_fn(|request: http::Request<hyper::body::Incoming>| {
                    let body = if request.headers().contains_key("x-amz-target") { SECRET } else { LOGIN };
                    std::future::ready(Ok::<_, Infallible>(http::Response::new(Full::new(
                        Bytes::from_static(body.as_bytes()),
                    ))))
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    url
}

const SECRET: &str = r#"{"ARN":"arn:aws:secretsmanager:eu-central-1:1:secret:o-AbCdEf","Name":"o","VersionId":"v","SecretString":"a-value-of-the-bench"}"#;
const LOGIN: &str = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
    <Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
    <Expiration>2037-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/web/x</Arn>\
    <AssumedRoleId>AROAX:x</AssumedRoleId></AssumedRoleUser></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

fn report(name: &str, hand: Vec<Duration>, ours: Vec<Duration>) {
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1000.0
    };
    let (hand, ours) = (median(hand), median(ours));
    println!("{name:<36}{hand:>8.2}ms{ours:>8.2}ms{:>10.2}", ours / hand);
}
