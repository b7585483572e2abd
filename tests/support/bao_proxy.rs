//! `bao proxy` on a socket, in front of a server, with a token of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::bao::Bao;
use super::process::{Child, Spec};
use super::{eventually, parts};

/// A proxy; dropping it kills it.
pub struct BaoProxy {
    child: Child,
    home: TempDir,
}

impl BaoProxy {
    /// `own_token` is `use_auto_auth_token` as it is written: `true`, `"force"`. It logs in as `role` of
    /// the server's approle mount, and takes requests only with the header that browsers do not send.
    pub async fn start(bao: &Bao, role: &str, own_token: &str) -> Self {
        let program = parts::require("BAO_BIN").expect("the server has it");
        let home = tempfile::tempdir().expect("folder");
        let at = |name: &str| home.path().join(name).display().to_string();
        let path = format!("auth/approle/role/{role}/role-id");
        let id = bao.get(&path).await.expect_ok(&path)["data"]["role_id"].clone();
        std::fs::write(at("role"), id.as_str().expect("a role ID")).expect("written");
        std::fs::write(at("secret"), bao.secret_id(role).await).expect("written");
        let text = format!(
            "vault {{\n  address = \"{}\"\n}}\nauto_auth {{\n  method \"approle\" {{\n    config = {{ \
             role_id_file_path = \"{}\", secret_id_file_path = \"{}\" }}\n  }}\n}}\napi_proxy {{\n  \
             use_auto_auth_token = {own_token}\n}}\nlistener \"unix\" {{\n  address = \"{}\"\n  tls_disable = true\n  \
             require_request_header = true\n}}\n",
            bao.url(),
            at("role"),
            at("secret"),
            at("proxy.sock"),
        );
        std::fs::write(at("proxy.hcl"), text).expect("configuration");
        let mut command = Command::new(program);
        command.arg("proxy").arg(format!("-config={}", at("proxy.hcl"))).env("HOME", home.path());
        let child = Child::start(Spec { name: "proxy", command, home: home.path(), stop: "TERM" });
        let tokens = bao.requests("auth/approle/login");
        let proxy = Self { child, home };
        let is_up = || async { proxy.socket().exists() && bao.requests("auth/approle/login") > tokens };
        assert!(eventually(Duration::from_secs(30), is_up).await, "{}", proxy.child.log());
        // It has its token a moment after its login was answered.
        let has_token = || async {
            let client = super::http::Http::unix(&proxy.socket());
            client
                .with_header("x-vault-request")
                .send("GET", "v1/auth/token/lookup-self", "true", None)
                .await
                .is_some_and(|reply| {
                    reply.status != 412 && reply.body != json!({ "errors": ["missing client token"] })
                })
        };
        assert!(eventually(Duration::from_secs(30), has_token).await, "{}", proxy.child.log());
        proxy
    }

    pub fn socket(&self) -> PathBuf {
        self.home.path().join("proxy.sock")
    }
}
