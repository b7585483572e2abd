//! AWS as ministack plays it: identities, permissions and signatures are checked, web identity tokens are
//! only read. What a test must not take from it stands in docs/aws.md.

use std::process::Command;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Reply;
use super::process::{Child, Spec};
use super::{parts, ports, secrets};

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "eu-central-1";
/// The host of the API server's issuer.
pub const ISSUER: &str = "kubernetes.default.svc";

/// A server; dropping it kills it. It keeps everything in memory.
pub struct Ministack {
    port: u16,
    child: Child,
    _home: TempDir,
}

impl Ministack {
    /// A server that checks who asks; `None` when ministack is not installed.
    pub async fn start() -> Option<Self> {
        let program = parts::require("MINISTACK_BIN")?;
        for _ in 0..3 {
            let (home, port) = (tempfile::tempdir().expect("folder"), ports::free());
            let mut command = Command::new(&program);
            command.env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1").env("AUTH", "true");
            command.env("MINISTACK_ACCOUNT_ID", ACCOUNT).current_dir(home.path());
            let child = Child::start(Spec { name: "ministack", command, home: home.path(), stop: "TERM" });
            let mut server = Self { port, child, _home: home };
            if server.wait_ready().await {
                server.trust_the_cluster().await;
                return Some(server);
            }
        }
        panic!("ministack does not start");
    }

    async fn wait_ready(&mut self) -> bool {
        for _ in 0..3000 {
            if self.child.exited().is_some() {
                return false;
            }
            let health = reqwest::get(format!("{}/_ministack/health", self.url())).await;
            if health.is_ok_and(|reply| reply.status() == 200) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn log(&self) -> String {
        self.child.log()
    }

    async fn trust_the_cluster(&self) {
        let fields = [
            ("Action", "CreateOpenIDConnectProvider"),
            ("Version", "2010-05-08"),
            ("Url", &format!("https://{ISSUER}")),
            ("ClientIDList.member.1", "sts.amazonaws.com"),
            ("ThumbprintList.member.1", "0000000000000000000000000000000000000000"),
        ];
        self.query("iam", &fields).await;
    }

    /// A role that one service account may take, and what it may do.
    pub async fn role(&self, name: &str, subject: &str, statements: Value) -> String {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}")},
            "Condition": {"StringEquals": {format!("{ISSUER}:sub"): subject}},
        }]});
        self.role_trusting(name, &trust, statements).await
    }

    pub async fn role_trusting(&self, name: &str, trust: &Value, statements: Value) -> String {
        let (trust, policy) =
            (trust.to_string(), json!({"Version": "2012-10-17", "Statement": statements}).to_string());
        let version = ("Version", "2010-05-08");
        let create =
            [("Action", "CreateRole"), version, ("RoleName", name), ("AssumeRolePolicyDocument", &trust)];
        self.query("iam", &create).await;
        let put = [
            ("Action", "PutRolePolicy"),
            version,
            ("RoleName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &policy),
        ];
        self.query("iam", &put).await;
        format!("arn:aws:iam::{ACCOUNT}:role/{name}")
    }

    /// Makes a secret.
    pub async fn secret(&self, name: &str, value: &Value) -> Value {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        secrets::remember(&text);
        secrets::remember_json(value);
        let body = json!({"Name": name, "SecretString": text, "ClientRequestToken": token()});
        self.json("secretsmanager", "secretsmanager.CreateSecret", &body).await.expect_ok("CreateSecret")
    }

    /// Gives a secret another value.
    pub async fn rotate(&self, name: &str, text: &str) {
        secrets::remember(text);
        let body = json!({"SecretId": name, "SecretString": text, "ClientRequestToken": token()});
        self.json("secretsmanager", "secretsmanager.PutSecretValue", &body).await.expect_ok("PutSecretValue");
    }

    /// Makes a parameter, or its next version.
    pub async fn parameter(&self, name: &str, value: &str) {
        secrets::remember(value);
        let body = json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true});
        self.json("ssm", "AmazonSSM.PutParameter", &body).await.expect_ok("PutParameter");
    }

    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        self.call(&root(), service, &headers, body.to_string()).await
    }

    pub async fn query(&self, service: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = self.query_as(&root(), service, fields).await;
        assert!(reply.ok(), "{fields:?}: {} {}", reply.status, reply.body);
        reply
    }

    /// A request of the query protocol by these credentials.
    pub async fn query_as(&self, keys: &Credentials, service: &str, fields: &[(&str, &str)]) -> Reply {
        let mut url = reqwest::Url::parse("http://x/").expect("a URL");
        url.query_pairs_mut().extend_pairs(fields);
        let body = url.query().unwrap_or_default().to_owned();
        self.call(keys, service, &[("content-type", "application/x-www-form-urlencoded")], body).await
    }

    async fn call(&self, keys: &Credentials, service: &str, headers: &[(&str, &str)], body: String) -> Reply {
        let url = format!("{}/", self.url());
        let mut request = http::Request::post(&url).body(()).expect("a request");
        let identity = keys.clone().into();
        let params = v4::SigningParams::builder().identity(&identity).region(REGION).name(service);
        let params = params
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .expect("settings")
            .into();
        let signable =
            SignableRequest::new("POST", &url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()));
        let (instructions, _) =
            sign(signable.expect("a request"), &params).expect("a signature").into_parts();
        instructions.apply_to_request_http1x(&mut request);
        let mut call = reqwest::Client::new().post(&url).body(body);
        for (name, value) in request.headers() {
            call = call.header(name, value);
        }
        for (name, value) in headers {
            call = call.header(*name, *value);
        }
        let reply = call.send().await.expect("an answer");
        let (status, text) = (reply.status().as_u16(), reply.text().await.expect("a body"));
        Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }
}

fn root() -> Credentials {
    Credentials::new("test", "test", None, None, "tests")
}

/// A name for a new version.
fn token() -> String {
    let nanos = SystemTime::UNIX_EPOCH.elapsed().expect("a time").as_nanos();
    format!("{nanos:032}-of-the-tests")
}

/// Who the owner of these credentials is.
pub async fn caller(server: &Ministack, keys: &Credentials) -> Reply {
    server.query_as(keys, "sts", &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]).await
}
