//! A real Prometheus that scrapes one keymount, by the rules and settings that the documents give.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::http::Http;
use crate::support::process::{Child, Spec};
use crate::support::{eventually, parts, ports};

/// A running server; dropping it ends it.
pub struct Prometheus {
    http: Http,
    _child: Child,
    _home: TempDir,
}

impl Prometheus {
    /// One that scrapes the admin address each second; `None` where the program is absent.
    pub async fn start(admin_port: u16) -> Option<Self> {
        let program = parts::require("PROMETHEUS_BIN")?;
        let (home, port) = (tempfile::tempdir().unwrap(), ports::free());
        let rules = std::env::current_dir().unwrap().join("charts/keymount/files/alerts.yaml");
        std::fs::write(home.path().join("prometheus.yml"), config(&rules, admin_port)).unwrap();
        let mut command = Command::new(program);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--config.file").arg(home.path().join("prometheus.yml"));
        command.arg("--storage.tsdb.path").arg(home.path().join("data"));
        let child = Child::start(Spec { name: "prometheus", command, home: home.path(), stop: "TERM" });
        let http = Http::new(format!("http://127.0.0.1:{port}"), None, "authorization");
        let prometheus = Self { http, _child: child, _home: home };
        let scraped = eventually(Duration::from_secs(30), || async {
            let answer = prometheus.query("up == 1").await;
            answer.is_ok_and(|series| !series.is_empty())
        });
        assert!(scraped.await, "Prometheus scrapes nothing");
        Some(prometheus)
    }

    /// The series that an expression gives now, or what Prometheus says of it.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let escaped: String = expression
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        let answer = self.get(&format!("api/v1/query?query={escaped}")).await.ok_or("no answer")?;
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"]["result"].as_array().cloned().unwrap_or_default()),
            _ => Err(answer["error"].to_string()),
        }
    }

    /// What it answers at a path.
    pub async fn get(&self, path: &str) -> Option<Value> {
        Some(self.http.send("GET", path, "", None).await?.body)
    }
}

fn config(rules: &Path, admin_port: u16) -> String {
    format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [{}]\n\
         scrape_configs:\n\
         - job_name: kube-system/keymount\n  \
           honor_labels: true\n  \
           static_configs: [{{targets: ['127.0.0.1:{admin_port}'], labels: {{namespace: kube-system}}}}]\n",
        rules.display()
    )
}
