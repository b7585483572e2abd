//! Three OpenBao servers that are one cluster (raft), unsealed by a key in a file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Http, Reply};
use super::process::{Child, Spec};
use super::{eventually, parts, ports, secrets};

/// How long a cluster may take to come about, on a busy machine.
const BEGIN: Duration = Duration::from_secs(120);

/// A cluster; dropping it kills its servers.
pub struct Cluster {
    nodes: Vec<Node>,
    root: String,
    _home: TempDir,
}

/// One server.
pub struct Node {
    http: Http,
    child: Child,
    program: PathBuf,
    folder: PathBuf,
}

impl Cluster {
    /// A cluster whose leader is the first. `multiplier` is raft's: how patient its nodes are with
    /// each other, 1 where it must be quick and 5 where nobody says anything.
    pub async fn start(multiplier: u32) -> Option<Self> {
        let program = parts::require("BAO_BIN")?;
        let home = tempfile::tempdir().expect("folder");
        std::fs::write(home.path().join("key"), [7; 32]).expect("key");
        let ports: Vec<_> = (0..3).map(|_| ports::free()).collect();
        let start = |at: usize| Node::start(&program, home.path(), &ports, at, multiplier);
        let mut nodes = vec![start(0)];
        let root = nodes[0].initialise().await;
        secrets::remember(&root);
        nodes.extend([start(1), start(2)]);
        let cluster = Self { nodes, root, _home: home };
        // Whoever dies before the others may vote takes the cluster along.
        cluster
            .put("sys/storage/raft/autopilot/configuration", json!({ "server_stabilization_time": "1s" }))
            .await;
        assert!(eventually(BEGIN, || cluster.is_whole()).await, "{}", cluster.nodes[1].child.log());
        Some(cluster)
    }

    async fn is_whole(&self) -> bool {
        let members = self.raw(0, "GET", "sys/storage/raft/configuration", None).await;
        let members =
            members.map(|reply| reply.body["data"]["config"]["servers"].clone()).unwrap_or_default();
        let voters =
            members.as_array().into_iter().flatten().filter(|member| member["voter"] == true).count();
        let health = futures_util::future::join_all((0..3).map(|at| self.health(at))).await;
        voters == 3 && health == [Some(200), Some(429), Some(429)]
    }

    /// The status of a server's health: 200 the leader's, 429 a standby's.
    pub async fn health(&self, at: usize) -> Option<u16> {
        self.raw(at, "GET", "sys/health", None).await.map(|reply| reply.status)
    }

    pub fn url(&self, at: usize) -> String {
        self.nodes[at].http.base().to_owned()
    }

    pub fn child(&mut self, at: usize) -> &mut Child {
        &mut self.nodes[at].child
    }

    /// Starts a server again that has ended.
    pub fn restart(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.child.wait_exit(Duration::from_secs(5));
        node.child = launch(&node.program, &node.folder);
    }

    /// The root's token.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// As root, by this server; `None` when it does not answer.
    pub async fn raw(&self, at: usize, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        self.nodes[at].http.json(method, &format!("v1/{path}"), &self.root, body).await
    }

    /// Writes as root by the first server; a refusal ends the test.
    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.put_by(0, path, body).await
    }

    pub async fn put_by(&self, at: usize, path: &str, body: Value) -> Value {
        self.raw(at, "POST", path, Some(&body)).await.expect("an answer").expect_ok(path)
    }
}

impl Node {
    fn start(program: &Path, home: &Path, ports: &[u16], at: usize, multiplier: u32) -> Self {
        let (own, folder) = (ports[at], home.join(at.to_string()));
        std::fs::create_dir(&folder).expect("folder");
        let join =
            (at > 0).then(|| format!("retry_join {{ leader_api_addr = \"http://127.0.0.1:{}\" }}", ports[0]));
        let mut text = String::new();
        for line in [
            format!("storage \"raft\" {{\n  path = \"{}\"\n  node_id = \"n{at}\"", folder.display()),
            format!("  performance_multiplier = {multiplier}\n  {}\n}}", join.unwrap_or_default()),
            format!("listener \"tcp\" {{\n  address = \"127.0.0.1:{own}\"\n  tls_disable = true"),
            format!("  cluster_address = \"127.0.0.1:{}\"\n}}", own + 1),
            format!(
                "api_addr = \"http://127.0.0.1:{own}\"\ncluster_addr = \"https://127.0.0.1:{}\"",
                own + 1
            ),
            format!(
                "seal \"static\" {{\n  current_key_id = \"k\"\n  current_key = \"file://{}\"\n}}",
                home.join("key").display()
            ),
        ] {
            writeln!(text, "{line}").expect("text");
        }
        let config = folder.join("config.hcl");
        std::fs::write(&config, text).expect("configuration");
        let child = launch(program, &folder);
        let program = program.to_owned();
        Self {
            program,
            folder,
            http: Http::new(format!("http://127.0.0.1:{own}"), None, "x-vault-token"),
            child,
        }
    }

    /// Makes a cluster of it; the root's token.
    async fn initialise(&self) -> String {
        let ask = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
        let end = std::time::Instant::now() + BEGIN;
        while std::time::Instant::now() < end {
            let reply = self.http.json("PUT", "v1/sys/init", "", Some(&ask)).await;
            if let Some(token) = reply.as_ref().and_then(|reply| reply.body["root_token"].as_str()) {
                let is_up = || async {
                    self.http
                        .json("GET", "v1/sys/health", "", None)
                        .await
                        .is_some_and(|reply| reply.status == 200)
                };
                assert!(eventually(BEGIN, is_up).await, "{}", self.child.log());
                return token.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("OpenBao makes no cluster: {}", self.child.log());
    }
}

fn launch(program: &Path, folder: &Path) -> Child {
    let mut command = Command::new(program);
    command.arg("server").arg(format!("-config={}", folder.join("config.hcl").display())).env("HOME", folder);
    Child::start(Spec { name: "bao", command, home: folder, stop: "TERM" })
}
