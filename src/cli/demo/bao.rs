//! A real OpenBao in dev mode, for as long as the demo lasts.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::values::Values;
use crate::cli::Issuer;
use crate::cli::issuer::hex;
use crate::net::{Address, Client, Limits, Request, Trust};
use crate::time::{Deadline, Stopwatch};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(20);
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a starting server is asked.
const PULSE: Duration = Duration::from_millis(50);
/// A port may be taken between finding it free and using it.
const TRIES: usize = 3;

/// A running server.
#[derive(Debug)]
pub(super) struct Bao {
    process: Process,
    address: String,
    client: Client,
    token: SecretString,
    accessor: String,
}

/// Ended by its own id, also when the demo fails.
#[derive(Debug)]
struct Process {
    child: Child,
    log: PathBuf,
}

// === impl Bao ===

impl Bao {
    /// Starts `program` on a free port of the loopback interface and lets it trust `issuer`.
    pub(super) async fn start(program: &Path, dir: &Path, issuer: &Issuer) -> Result<Self, String> {
        let mut fault = String::new();
        for _ in 0..TRIES {
            match Self::launch(program, dir).await {
                Ok(mut bao) => return bao.trust(issuer).await.map(|()| bao),
                Err(text) => fault = text,
            }
        }
        Err(fault)
    }

    async fn launch(program: &Path, dir: &Path) -> Result<Self, String> {
        let (address, token) = (free_address()?, hex(16)?);
        let mut process = Process::spawn(program, dir, &address, &token)?;
        let address = format!("http://{address}");
        let client = Client::new(Address::parse(&address)?, Trust::default(), Limits::default()).await;
        let client = client.map_err(|failure| failure.to_string())?;
        let watch = Stopwatch::start();
        while !is_up(&client).await {
            if process.has_ended() || watch.elapsed() > START {
                return Err(format!("`{}` did not start: {}", program.display(), process.last_words()));
            }
            tokio::time::sleep(PULSE).await;
        }
        Ok(Self { process, address, client, token: token.into(), accessor: String::new() })
    }

    /// Jwt auth by the issuer's public key, one role for all, and a policy that tells service accounts apart.
    async fn trust(&mut self, issuer: &Issuer) -> Result<(), String> {
        self.call(Method::POST, "sys/auth/jwt", json!({ "type": "jwt" })).await?;
        let mounts = self.call(Method::GET, "sys/auth", Value::Null).await?;
        let accessor = mounts.pointer("/data/jwt~1/accessor").and_then(Value::as_str);
        accessor.ok_or("OpenBao did not say the accessor of its jwt mount")?.clone_into(&mut self.accessor);
        let keys = json!({ "jwt_validation_pubkeys": [issuer.public_pem()?], "bound_issuer": Issuer::NAME });
        self.call(Method::POST, "auth/jwt/config", keys).await?;
        self.call(Method::POST, "sys/policies/acl/app", json!({ "policy": self.policy() })).await?;
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["openbao"],
            "claim_mappings": {
                "/kubernetes.io/namespace": "namespace",
                "/kubernetes.io/serviceaccount/name": "service_account",
            },
            "token_policies": ["app"], "token_ttl": "10m",
        });
        self.call(Method::POST, "auth/jwt/role/app", role).await.map(drop)
    }

    /// The server's address.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The policy of every service account.
    pub(super) fn policy(&self) -> String {
        let alias = format!("identity.entity.aliases.{}.metadata", self.accessor);
        format!(
            "path \"secret/data/{{{{{alias}.namespace}}}}/{{{{{alias}.service_account}}}}\" {{\n  \
             capabilities = [\"read\"]\n}}\n"
        )
    }

    /// Stores `values`.
    pub(super) async fn put(&self, values: &Values) -> Result<(), String> {
        let Values { username, password, url } = values;
        let data = json!({ "data": { "username": username, "password": password, "url": url } });
        self.call(Method::POST, "secret/data/shop/web", data).await.map(drop)
    }

    /// Ends the server.
    pub(super) async fn end(self) {
        let _ = tokio::task::spawn_blocking(move || drop(self.process)).await;
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, String> {
        let mut headers = HeaderMap::new();
        #[expect(clippy::disallowed_methods, reason = "the root token of the demo's own server goes there")]
        let mut token =
            HeaderValue::from_str(self.token.expose_secret()).map_err(|_| "the token is no header")?;
        token.set_sensitive(true);
        headers.insert(HeaderName::from_static("x-vault-token"), token);
        let body = (!body.is_null()).then(|| Arc::new(Zeroizing::new(body.to_string().into_bytes())));
        let request = Request { headers, body, ..Request::new(method, format!("/v1/{path}")) };
        let reply = self.client.send(request, Deadline::after(PATIENCE)).await;
        let reply = reply.map_err(|failure| format!("OpenBao, {path}: {failure}"))?;
        #[expect(clippy::disallowed_methods, reason = "an answer to the demo's own set-up")]
        let body = reply.body.expose_secret();
        match reply.status {
            200..300 => Ok(serde_json::from_slice(body).unwrap_or(Value::Null)),
            status => Err(format!("OpenBao, {path}: {status} {}", String::from_utf8_lossy(body))),
        }
    }
}

// === impl Process ===

impl Process {
    fn spawn(program: &Path, dir: &Path, address: &str, token: &str) -> Result<Self, String> {
        let log = dir.join("bao.log");
        let file = || File::options().create(true).append(true).open(&log);
        let unmade = |error| format!("cannot write {}: {error}", log.display());
        let child = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-listen-address={address}"))
            // Not an argument: those are for everybody to see.
            .env("BAO_DEV_ROOT_TOKEN_ID", token)
            .env("HOME", dir)
            .stdin(Stdio::null())
            .stdout(file().map_err(unmade)?)
            .stderr(file().map_err(unmade)?)
            .spawn();
        let child = child.map_err(|error| format!("cannot start `{}`: {error}", program.display()))?;
        Ok(Self { child, log })
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// The last line of what it said.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback interface that was free a moment ago.
fn free_address() -> Result<String, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.to_string()).map_err(|error| format!("no free port: {error}"))
}

async fn is_up(client: &Client) -> bool {
    let request = Request::new(Method::GET, "/v1/sys/health");
    let reply = client.send(request, Deadline::after(Duration::from_secs(1))).await;
    reply.is_ok_and(|reply| reply.status == 200)
}
