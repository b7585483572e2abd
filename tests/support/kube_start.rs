//! The files and the command lines of the API server and its etcd.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::certs::{Authority, rsa_key};
use super::kube::{ADMIN, ISSUER};
use super::ports;
use super::process::{Child, Spec};

/// What the API server reads at its start.
pub(super) struct Files {
    folder: PathBuf,
    pub(super) ca: String,
    pub(super) service_account_key: String,
    pub(super) service_account_pem: String,
}

impl Files {
    pub(super) fn write(folder: &Path) -> Self {
        let authority = Authority::new("test kubernetes");
        let server = authority.server(&["localhost", "kubernetes.default.svc", "127.0.0.1"]);
        let (service_account_key, service_account_pem) = rsa_key();
        let ca = authority.pem();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect(name);
        write("ca.pem", &ca);
        write("server.pem", &server.certificate);
        write("server.key", &server.key);
        write("sa.key", &service_account_key);
        write("sa.pub", &service_account_pem);
        write("tokens.csv", &format!("{ADMIN},admin,1,system:masters\n"));
        Self { folder: folder.to_owned(), ca, service_account_key, service_account_pem }
    }
}

pub(super) fn start_etcd(program: &Path, home: &Path) -> (Child, String) {
    let url = format!("http://127.0.0.1:{}", ports::free());
    let peer = format!("http://127.0.0.1:{}", ports::free());
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(home.join("etcd")).arg("--unsafe-no-fsync");
    command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.arg(format!("--initial-cluster=default={peer}"));
    (Child::start(Spec { name: "etcd", command, home, stop: "TERM" }), url)
}

pub(super) fn api_command(program: &Path, files: &Files, etcd: &str, port: u16) -> Command {
    let file = |name: &str| files.folder.join(name).display().to_string();
    let mut command = Command::new(program);
    command.arg(format!("--etcd-servers={etcd}")).arg(format!("--secure-port={port}"));
    command.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--authorization-mode=RBAC"]);
    command.arg(format!("--tls-cert-file={}", file("server.pem")));
    command.arg(format!("--tls-private-key-file={}", file("server.key")));
    command.arg(format!("--client-ca-file={}", file("ca.pem")));
    command.arg(format!("--token-auth-file={}", file("tokens.csv")));
    command.arg(format!("--service-account-key-file={}", file("sa.pub")));
    command.arg(format!("--service-account-signing-key-file={}", file("sa.key")));
    command.arg(format!("--service-account-issuer={ISSUER}"));
    command.args(["--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"]);
    command.args(["--profiling=false", "--enable-priority-and-fairness=false"]);
    command
}

pub(super) fn write_kubeconfig(folder: &Path, url: &str, ca: &str) {
    use base64::Engine as _;
    let ca = base64::engine::general_purpose::STANDARD.encode(ca);
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "tests",
        "clusters": [{"name": "tests", "cluster": {"server": url, "certificate-authority-data": ca}}],
        "users": [{"name": "admin", "user": {"token": ADMIN}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
    });
    std::fs::write(folder.join("kubeconfig"), config.to_string()).expect("kubeconfig");
}
