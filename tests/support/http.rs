//! One small JSON client for OpenBao and the Kubernetes API: a status and a body, and nothing raised for an
//! error status, since error statuses are often what a test looks at.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, Method};
use serde_json::Value;

/// What a server answered. A body that is not JSON is a JSON string.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a success; anything else is a broken set-up.
    #[track_caller]
    pub fn expect_ok(self, what: &str) -> Value {
        assert!(self.ok(), "{what}: {} {}", self.status, self.body);
        self.body
    }
}

/// A client of one server.
pub struct Http {
    client: Client,
    base: String,
    token_header: &'static str,
}

impl Http {
    /// `token_header` carries the token of each call; `authorization` gets the word Bearer before it.
    pub fn new(base: String, ca_pem: Option<&str>, token_header: &'static str) -> Self {
        // No idle connections and no HTTP/2: a pooled connection belongs to one test's runtime, and a server
        // that several tests share outlives it.
        let mut builder = Client::builder().no_proxy().http1_only().pool_max_idle_per_host(0);
        if let Some(pem) = ca_pem {
            builder = builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).expect("CA")]);
        }
        let redirects = reqwest::redirect::Policy::none();
        let client = builder.redirect(redirects).timeout(Duration::from_secs(60)).build().expect("client");
        Self { client, base, token_header }
    }

    /// A client of the server behind a unix socket.
    pub fn unix(socket: &Path) -> Self {
        let builder = Client::builder().http1_only().pool_max_idle_per_host(0).unix_socket(socket);
        let client = builder.timeout(Duration::from_secs(60)).build().expect("client");
        Self { client, base: "http://localhost".to_owned(), token_header: "authorization" }
    }

    /// The same; what is a token to others goes into this header.
    #[must_use]
    pub fn with_header(self, token_header: &'static str) -> Self {
        Self { token_header, ..self }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub async fn json(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Option<Reply> {
        let body = body.map(|value| ("application/json", value.to_string()));
        self.send(method, path, token, body).await
    }

    /// `None` when nobody answers. `body` is a content type and the text.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<(&str, String)>,
    ) -> Option<Reply> {
        let method = Method::from_bytes(method.as_bytes()).expect("method");
        let url = format!("{}/{}", self.base, path.trim_start_matches('/'));
        let mut request = self.client.request(method, url);
        if !token.is_empty() {
            let word = if self.token_header == "authorization" { "Bearer " } else { "" };
            request = request.header(self.token_header, format!("{word}{token}"));
        }
        if let Some((kind, text)) = body {
            request = request.header("content-type", kind).body(text);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Reply { status, body })
    }
}
