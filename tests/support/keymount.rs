//! The program under test, as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::http::{Http, Reply};
use super::process::{Child, Spec};
use super::provider::Provider;
use super::{eventually, ports, process, secrets};

const NAME: &str = "keymount";

/// A running provider; dropping it kills it.
pub struct Keymount {
    args: Vec<String>,
    env: Vec<(String, String)>,
    port: u16,
    child: Child,
    admin: Http,
    home: TempDir,
}

impl Keymount {
    /// `keymount serve` with a sockets folder, an admin address and socket of its own, and these arguments;
    /// they may name another socket.
    pub async fn start(args: &[&str]) -> Self {
        Self::start_in(args, &[]).await
    }

    /// The same, with variables in its environment.
    pub async fn start_in(args: &[&str], env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("folder");
        std::fs::create_dir(home.path().join("providers")).expect("folder");
        let port = ports::free();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let env: Vec<_> = env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let child = launch(home.path(), port, &args, &env);
        let admin = Http::new(format!("http://127.0.0.1:{port}"), None, "authorization");
        let mut keymount = Self { args, env, port, child, admin, home };
        keymount.wait_ready().await;
        keymount
    }

    /// Until every socket it made answers `Version`.
    async fn wait_ready(&mut self) {
        for _ in 0..1000 {
            if let Some(code) = self.child.exited() {
                panic!("keymount ended with {code}: {}", self.child.log());
            }
            if self.answers().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("keymount does not answer: {}", self.child.log());
    }

    async fn answers(&self) -> bool {
        let sockets = self.sockets();
        for socket in &sockets {
            let Ok(provider) = Provider::connect(socket).await else { return false };
            if provider.version().await.is_err() {
                return false;
            }
        }
        !sockets.is_empty()
    }

    /// The folder to give to the driver.
    pub fn providers(&self) -> PathBuf {
        self.home.path().join("providers")
    }

    pub fn sockets(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.providers()).expect("the providers folder");
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "sock"));
        paths.sort();
        paths
    }

    /// A connection to the socket of this name.
    pub async fn provider(&self, name: &str) -> Provider {
        Provider::connect(&self.providers().join(format!("{name}.sock"))).await.expect("a connection")
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub fn admin_port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Everything it wrote, over restarts.
    pub fn logs(&self) -> String {
        self.child.log()
    }

    /// `None` when the admin address does not answer.
    pub async fn admin(&self, path: &str) -> Option<Reply> {
        self.admin.send("GET", path, "", None).await
    }

    /// The socket that only we may ask.
    pub fn admin_socket(&self) -> PathBuf {
        admin_socket(self.home.path())
    }

    /// The same by the admin socket.
    pub async fn admin_by_socket(&self, path: &str) -> Option<Reply> {
        Http::unix(&self.admin_socket()).send("GET", path, "", None).await
    }

    /// What it says of its sessions.
    pub async fn sessions(&self) -> Value {
        let sessions = self.admin_by_socket("sessions").await.expect("an answer").expect_ok("sessions");
        secrets::assert_none("keymount's sessions", &sessions.to_string());
        sessions
    }

    /// `keymount status` of this one, with these arguments: exit code, standard output and error.
    pub fn status(&self, args: &[&str]) -> (i32, String, String) {
        status(&self.admin_socket(), args)
    }

    pub async fn metrics(&self) -> String {
        let reply = self.admin("metrics").await.expect("metrics");
        let text = reply.body.as_str().unwrap_or_default().to_owned();
        secrets::assert_none("keymount's metrics", &text);
        text
    }

    /// One sample's value, by its name and labels as they are written: `name{label="x"}`.
    pub async fn metric(&self, sample: &str) -> Option<f64> {
        let text = self.metrics().await;
        text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.trim().parse().ok())
    }

    /// Waits for a line that holds `text`.
    pub async fn logged(&self, text: &str, limit: Duration) -> bool {
        eventually(limit, || async { self.logs().contains(text) }).await
    }

    pub fn kill9(&mut self) {
        self.child.kill9();
        self.child.wait_exit(Duration::from_secs(5));
    }

    /// Ends it gently; the exit code.
    pub fn stop(&mut self) -> i32 {
        self.child.end(Duration::from_secs(60))
    }

    /// Starts it again in the same place after [`Self::stop`] or [`Self::kill9`]; ends it first if it runs.
    pub async fn restart(&mut self) {
        if self.child.exited().is_none() {
            self.stop();
        }
        self.child = launch(self.home.path(), self.port, &self.args, &self.env);
        self.wait_ready().await;
    }
}

/// Everything a keymount wrote is searched for every secret and token that was used until its end.
impl Drop for Keymount {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.child.kill9();
        secrets::assert_none("keymount's log", &self.logs());
    }
}

fn launch(home: &Path, port: u16, args: &[String], env: &[(String, String)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
    command.arg("serve").arg("--providers-dir").arg(home.join("providers"));
    command.arg("--admin-address").arg(format!("127.0.0.1:{port}"));
    if !args.iter().any(|arg| arg == "--admin-socket") {
        command.arg("--admin-socket").arg(admin_socket(home));
    }
    command.args(args);
    command.envs(env.iter().map(|(name, value)| (name, value)));
    Child::start(Spec { name: NAME, command, home, stop: "TERM" })
}

fn admin_socket(home: &Path) -> PathBuf {
    home.join("admin.sock")
}

/// `keymount status` of whoever serves on this socket.
pub fn status(socket: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
    let output =
        command.arg("status").arg("--admin-socket").arg(socket).args(args).output().expect("keymount");
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    secrets::assert_none("keymount status", &out);
    secrets::assert_none("keymount status", &err);
    (output.status.code().unwrap_or(-1), out, err)
}

/// The exit code and log of a `keymount serve` that must end by itself.
pub fn start_fails(args: &[&str]) -> (i32, String) {
    let home = tempfile::tempdir().expect("folder");
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    let mut child = launch(home.path(), ports::free(), &args, &[]);
    let code = child.wait_exit(Duration::from_secs(20));
    let log = child.log();
    secrets::assert_none("keymount's log", &log);
    (code.unwrap_or_else(|| panic!("keymount serves: {log}")), log)
}

/// The logs of every keymount of this test process, for a leak scan.
pub fn all_logs() -> Vec<String> {
    process::logs_of(NAME)
}
