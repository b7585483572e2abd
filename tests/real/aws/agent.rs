//! EKS Pod Identity, by an agent of our own that gives keys of ministack's.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tonic::Code;

use super::{World, reads};
use crate::support::aws::{ACCOUNT, Ministack, REGION};
use crate::support::secrets;

/// An agent: who has an association gets the keys that it was given.
#[derive(Clone)]
struct Agent {
    url: String,
    keys: Arc<Mutex<Option<Value>>>,
    subject: String,
}

impl Agent {
    fn start(subject: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let agent = Self { url, keys: Arc::default(), subject: subject.to_owned() };
        let serving = agent.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serving.serve(stream);
            }
        });
        agent
    }

    fn serve(&self, mut stream: TcpStream) {
        let (mut head, mut piece) = (Vec::new(), [0; 4096]);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(count) => head.extend_from_slice(&piece[..count]),
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
        let (status, body) = match self.keys.lock().unwrap().clone() {
            Some(keys) if head.starts_with("GET /v1/credentials ") && self.knows(token) => {
                ("200 OK", keys.to_string())
            }
            _ => ("404 Not Found", "(ResourceNotFoundException): No association found".to_owned()),
        };
        let reply =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        let _ = stream.write_all(reply.as_bytes());
    }

    /// Whether this is a token for the agent of the service account that has an association.
    fn knows(&self, token: &str) -> bool {
        let claims = token
            .split('.')
            .nth(1)
            .and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok())
            .unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        claims["sub"] == self.subject.as_str() && claims["aud"].to_string().contains("pods.eks.amazonaws.com")
    }
}

/// Keys of a role, as EKS would make them for the agent.
async fn keys(aws: &Ministack, role: &str) -> Value {
    let fields = [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", "eks-agent"),
    ];
    let body = aws.query("sts", &fields).await.body.to_string();
    let part = |name: &str| {
        let rest = body.split(&format!("<{name}>")).nth(1).unwrap_or_else(|| panic!("{body}"));
        rest.split('<').next().unwrap().to_owned()
    };
    secrets::remember(&part("SecretAccessKey"));
    json!({"AccessKeyId": part("AccessKeyId"), "SecretAccessKey": part("SecretAccessKey"), "Token": part("SessionToken"),
        "AccountId": ACCOUNT, "Expiration": part("Expiration")})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_agent_gives_credentials_for_a_pods_token() {
    let agent = Agent::start("system:serviceaccount:aws-agent:web");
    // Nobody listens at the first address, as on a node without IPv4.
    let Some(world) = World::with("aws-agent", &["--aws-pod-identity-endpoint", &agent.url]).await else {
        return;
    };
    world.aws.secret("aws-agent/x", &json!("value-of-agent")).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}}]});
    let role = world.aws.role_trusting("associated", &trust, reads("aws-agent")).await;
    let class = [
        ("usePodIdentity", "true"),
        ("region", REGION),
        ("objects", "- {objectName: aws-agent/x, objectType: secretsmanager, objectAlias: x}"),
    ];
    let pod = world.pod("a", "web").await;
    let (code, text) = world.refused(&pod, &class).await;
    assert_eq!(code, Code::PermissionDenied, "{text}");
    assert!(
        text.contains("create a Pod Identity association for the service account aws-agent:web"),
        "{text}"
    );
    *agent.keys.lock().unwrap() = Some(keys(&world.aws, &role).await);
    assert_eq!(world.read_as(&pod, &class).await.text("x").as_deref(), Some("value-of-agent"));
    let stranger = world.pod("s", "stranger").await;
    assert_eq!(world.refused(&stranger, &class).await.0, Code::PermissionDenied);
}
