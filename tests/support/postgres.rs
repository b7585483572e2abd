//! A real PostgreSQL server, for leases that make database users.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Child, Spec};
use super::{eventually, parts, ports, secrets};

/// A server; dropping it ends it.
pub struct Postgres {
    bin: PathBuf,
    port: u16,
    password: String,
    child: Child,
    home: TempDir,
}

impl Postgres {
    /// `None` when PostgreSQL is not installed.
    pub async fn start() -> Option<Self> {
        let bin = parts::require("POSTGRES_BIN")?;
        let home = tempfile::tempdir().expect("folder");
        own(home.path());
        let password = format!("pg-root-{:08x}", std::process::id() ^ 0x5eed_cafe);
        secrets::remember(&password);
        initialise(&bin, home.path(), &password);
        let port = ports::free();
        let child = launch(&bin, home.path(), port);
        let server = Self { bin, port, password, child, home };
        let up = eventually(Duration::from_secs(10), || async { server.query("select 1").is_some() }).await;
        assert!(up, "PostgreSQL does not start: {}", server.child.log());
        Some(server)
    }

    /// What OpenBao's database plugin wants as `connection_url`.
    pub fn url_template(&self) -> String {
        format!(
            "postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{}/postgres?sslmode=disable",
            self.port
        )
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    pub fn can_login(&self, user: &str, password: &str) -> bool {
        self.psql(user, password, "select 1").is_some()
    }

    /// The users that exist, the built-in ones left out.
    pub fn roles(&self) -> Vec<String> {
        let sql = "select rolname from pg_roles where rolname !~ '^pg_' and rolname <> 'postgres' order by 1";
        self.query(sql).expect("roles").lines().map(str::to_owned).collect()
    }

    /// Runs SQL as the superuser; `None` when it fails.
    pub fn query(&self, sql: &str) -> Option<String> {
        self.psql("postgres", &self.password, sql)
    }

    pub fn stop(&mut self) {
        self.child.end(Duration::from_secs(5));
    }

    /// Starts again on the same data and port.
    pub async fn restart(&mut self) {
        self.stop();
        self.child = launch(&self.bin, self.home.path(), self.port);
        let up = eventually(Duration::from_secs(10), || async { self.query("select 1").is_some() }).await;
        assert!(up, "PostgreSQL does not start again: {}", self.child.log());
    }

    fn psql(&self, user: &str, password: &str, sql: &str) -> Option<String> {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-A", "-t", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", user]);
        command.args(["-d", "postgres", "-c", sql]).env("PGPASSWORD", password).env("PGCONNECT_TIMEOUT", "5");
        let output = command.output().expect("psql");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed outright, it would leave its shared memory segment behind.
        self.child.end(Duration::from_secs(5));
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// PostgreSQL refuses to run as root, so that its folder goes to the user its package made.
fn own(folder: &Path) {
    if is_root() {
        let id = |kind| {
            let output = Command::new("id").args([kind, "postgres"]).output().expect("id");
            String::from_utf8_lossy(&output.stdout).trim().parse().expect("user postgres")
        };
        chown(folder, Some(id("-u")), Some(id("-g"))).expect("chown");
    }
}

fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

fn initialise(bin: &Path, home: &Path, password: &str) {
    let pwfile = home.join("password");
    std::fs::write(&pwfile, password).expect("password file");
    own(&pwfile);
    let mut command = as_postgres(&bin.join("initdb"));
    command.args(["-A", "scram-sha-256", "-U", "postgres", "--no-sync", "--no-locale", "-E", "UTF8", "-D"]);
    let output = command.arg(home.join("data")).arg("--pwfile").arg(&pwfile).current_dir(home).output();
    let output = output.expect("initdb");
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(&pwfile).expect("password file");
}

fn launch(bin: &Path, home: &Path, port: u16) -> Child {
    let mut command = as_postgres(&bin.join("postgres"));
    command.arg("-D").arg(home.join("data")).arg("-k").arg(home).args(["-p", &port.to_string()]);
    for setting in ["listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off"] {
        command.args(["-c", setting]);
    }
    command.current_dir(home);
    Child::start(Spec { name: "postgres", command, home, stop: "INT" })
}
