//! A real OpenBao server in dev mode, with an audit log, so that a test can count what was asked of it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Http, Reply};
use super::process::{Child, Spec};
use super::{eventually, parts, ports, secrets};

/// The root token: short, so that a leak scan does not look for it.
pub const ROOT: &str = "root";

/// A server; dropping it kills it. It keeps everything in memory.
pub struct Bao {
    program: PathBuf,
    port: u16,
    tls: bool,
    child: Child,
    http: Http,
    home: TempDir,
}

impl Bao {
    /// A server on plain HTTP; `None` when OpenBao is not installed.
    pub async fn start() -> Option<Self> {
        Self::start_with(false).await
    }

    /// A server with a certificate for `localhost` and `127.0.0.1`; see [`Self::ca_pem`].
    pub async fn start_tls() -> Option<Self> {
        Self::start_with(true).await
    }

    async fn start_with(tls: bool) -> Option<Self> {
        let program = parts::require("BAO_BIN")?;
        for _ in 0..5 {
            let home = tempfile::tempdir().expect("folder");
            let port = ports::free();
            let child = launch(&program, &home, port, tls);
            let http = Http::new(String::new(), None, "x-vault-token");
            let mut bao = Self { program: program.clone(), port, tls, child, http, home };
            if bao.wait_ready().await {
                return Some(bao);
            }
        }
        panic!("OpenBao does not start");
    }

    async fn wait_ready(&mut self) -> bool {
        for _ in 0..1000 {
            if self.child.exited().is_some() {
                return false;
            }
            if self.ready().await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Health is good before dev mode has made its root token and its `secret` mount; we wait for those.
    async fn ready(&mut self) -> bool {
        let ca = std::fs::read_to_string(self.ca_path()).ok();
        if self.tls && !ca.as_ref().is_some_and(|pem| pem.contains("END CERTIFICATE")) {
            return false;
        }
        let scheme = if self.tls { "https" } else { "http" };
        self.http = Http::new(format!("{scheme}://127.0.0.1:{}", self.port), ca.as_deref(), "x-vault-token");
        self.raw("GET", "secret/config", ROOT, None).await.is_some_and(|reply| reply.status == 200)
    }

    pub fn url(&self) -> String {
        self.http.base().to_owned()
    }

    /// The socket that it serves beside its address.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("bao.sock")
    }

    pub fn ca_path(&self) -> PathBuf {
        self.home.path().join("vault-ca.pem")
    }

    /// The authority of [`Self::start_tls`]'s certificate.
    pub fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.ca_path()).expect("CA file")
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Ends the server: connections are refused from here on.
    pub fn stop(&mut self) {
        self.child.end(Duration::from_secs(5));
    }

    /// A new, empty server at the same address.
    pub async fn restart(&mut self) {
        self.stop();
        self.child = launch(&self.program, &self.home, self.port, self.tls);
        assert!(self.wait_ready().await, "OpenBao does not start again: {}", self.child.log());
    }

    /// `None` when the server does not answer.
    pub async fn raw(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Option<Reply> {
        self.http.json(method, &format!("v1/{}", path.trim_start_matches('/')), token, body).await
    }

    /// Writes as root; a refusal ends the test.
    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.raw("POST", path, ROOT, Some(&body)).await.expect("an answer").expect_ok(path)
    }

    /// Reads as root.
    pub async fn get(&self, path: &str) -> Reply {
        self.raw("GET", path, ROOT, None).await.expect("an answer")
    }

    pub async fn delete(&self, path: &str) {
        self.raw("DELETE", path, ROOT, None).await.expect("an answer").expect_ok(path);
    }

    /// The keys under a path; nothing there is an empty list.
    pub async fn list(&self, path: &str) -> Vec<String> {
        let reply = self.raw("LIST", path, ROOT, None).await.expect("an answer");
        let keys =
            if reply.status == 404 { json!([]) } else { reply.expect_ok(path)["data"]["keys"].clone() };
        serde_json::from_value(keys).expect("keys")
    }

    /// Logs in as a provider would, at a kubernetes or jwt mount; a token that comes back is remembered.
    pub async fn login(&self, mount: &str, role: &str, jwt: &str) -> Reply {
        let body = json!({"role": role, "jwt": jwt});
        let reply =
            self.raw("POST", &format!("auth/{mount}/login"), "", Some(&body)).await.expect("an answer");
        secrets::remember(reply.body["auth"]["client_token"].as_str().unwrap_or_default());
        reply
    }

    pub async fn seal(&self) {
        self.put("sys/seal", json!({})).await;
    }

    pub async fn unseal(&self) {
        let log = self.child.log();
        let key = log.lines().rev().find_map(|line| line.strip_prefix("Unseal Key: ")).expect("unseal key");
        self.put("sys/unseal", json!({"key": key})).await;
        let up = eventually(Duration::from_secs(5), || async { self.get("sys/health").await.status == 200 });
        assert!(up.await, "still sealed");
    }

    /// The audit log of requests: one object each. Secret values in it are hashed.
    pub fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.path().join("audit.log")).unwrap_or_default();
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["type"] == "request").collect()
    }

    /// How often a path that begins like this was asked for, root's own calls left out.
    pub fn requests(&self, prefix: &str) -> usize {
        let by_root = |entry: &Value| entry["auth"]["policies"] == json!(["root"]);
        let under =
            |entry: &Value| entry["request"]["path"].as_str().is_some_and(|path| path.starts_with(prefix));
        self.audit().iter().filter(|entry| under(entry) && !by_root(entry)).count()
    }
}

fn launch(program: &PathBuf, home: &TempDir, port: u16, tls: bool) -> Child {
    let audit = home.path().join("audit.log");
    let config = home.path().join("config.hcl");
    let options = format!("options {{\n    file_path = \"{}\"\n  }}", audit.display());
    let socket = home.path().join("bao.sock");
    let text = format!(
        "audit \"file\" \"log\" {{\n  {options}\n}}\nlistener \"unix\" {{\n  address = \"{}\"\n}}\n",
        socket.display()
    );
    std::fs::write(&config, text).expect("configuration");
    let mut command = Command::new(program);
    command.args(["server", "-dev", "-dev-no-store-token", "-log-level=debug"]);
    command.arg(format!("-dev-root-token-id={ROOT}")).arg(format!("-dev-listen-address=127.0.0.1:{port}"));
    command.arg(format!("-config={}", config.display())).env("HOME", home.path());
    if tls {
        command.arg("-dev-tls").arg(format!("-dev-tls-cert-dir={}", home.path().display()));
    }
    Child::start(Spec { name: "bao", command, home: home.path(), stop: "TERM" })
}
