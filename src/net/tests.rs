#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and look into bodies"
)]
//! Against a server of a few lines, because the real ones cannot be made to do this.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::error::{Kind, Stage};
use crate::time::Deadline;

/// Answers every request with `answer`, after `delay`, and counts.
#[derive(Default)]
struct Server {
    connections: AtomicUsize,
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

async fn serve(answer: String, delay: Duration) -> (Address, Arc<Server>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = Arc::new(Server::default());
    let counts = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counts.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(connection(stream, answer.clone(), delay, counts.clone()));
        }
    });
    (address, server)
}

async fn connection(mut stream: TcpStream, answer: String, delay: Duration, counts: Arc<Server>) {
    let mut buffer = vec![0; 65536];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        let busy = counts.busy.fetch_add(1, Ordering::SeqCst) + 1;
        counts.busiest.fetch_max(busy, Ordering::SeqCst);
        tokio::time::sleep(delay).await;
        counts.busy.fetch_sub(1, Ordering::SeqCst);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn get(path: &str) -> Request {
    Request::new(http::Method::GET, path)
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

async fn client(address: Address) -> Client {
    Client::new(address, Trust::default(), Limits { reply_bytes: 1000, ..Limits::default() }).await.unwrap()
}

async fn ask(answer: &str) -> Result<Reply, Failure> {
    let (address, _) = serve(answer.into(), Duration::ZERO).await;
    client(address).await.send(get("/v1/x"), soon()).await
}

#[tokio::test]
async fn a_reply_comes_back_whatever_its_status() {
    let reply = ask("HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
    assert_eq!((reply.status, reply.retry_after), (429, Some(Duration::from_secs(7))));
    assert_eq!(reply.body.expose_secret(), b"no");
    assert_eq!(format!("{reply:?}"), "Reply { status: 429, .. }");
}

#[tokio::test]
async fn redirects_are_not_followed_and_name_their_host_only() {
    let reply =
        ask("HTTP/1.1 307 T\r\nlocation: http://leader:8200/v1/x?token=t\r\ncontent-length: 0\r\n\r\n").await;
    let reply = reply.unwrap();
    let server = |reply: Reply| reply.redirect.and_then(|redirect| redirect.server());
    assert_eq!((reply.status, server(reply).as_deref()), (307, Some("http://leader:8200")));
    let reply = ask("HTTP/1.1 307 T\r\nlocation: http://leader:8200/v1/x\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(server(reply).as_deref(), Some("http://leader:8200"));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_announced_or_not() {
    let large = "x".repeat(1001);
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{large}\r\n0\r\n\r\n");
    for answer in [ok(&large), chunked] {
        let failure = ask(&answer).await.unwrap_err();
        assert_eq!(failure.cause(), Cause::TooLarge);
        assert_eq!(failure.to_string(), "the reply is larger than 1000 bytes");
    }
    assert!(ask(&ok(&"x".repeat(1000))).await.is_ok());
}

#[tokio::test]
async fn trouble_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = client(Address::parse(&format!("http://{nobody}")).unwrap()).await;
    let failure = failure.send(get("/"), soon()).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::Connect);
    assert_eq!(failure.at(Stage::Read).to_string(), "stage=read: connection refused: nobody listens there");

    let failure = ask("gibberish\r\n\r\n").await.unwrap_err();
    assert_eq!((failure.cause(), failure.to_string()), (Cause::Broken, "the answer is not HTTP".into()));

    let unknown = client(Address::parse("http://nobody.invalid").unwrap()).await;
    let failure = unknown.send(get("/"), soon()).await.unwrap_err();
    assert_eq!(failure.to_string(), "the name nobody.invalid does not resolve");
    assert_eq!(failure.at(Stage::Read).kind(), Kind::Unavailable);
}

#[tokio::test]
async fn a_silent_server_ends_at_the_deadline() {
    let (address, _) = serve(ok("late"), Duration::from_secs(60)).await;
    let by = Deadline::after(Duration::from_millis(50));
    let failure = client(address).await.send(get("/"), by).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::Silent);
    assert!(failure.waited() < Duration::from_millis(50), "that was no wait for its turn");
    assert_eq!(failure.at(Stage::Read).kind(), Kind::Deadline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_uses_sixteen_connections() {
    for delay in [0, 1, 5] {
        let (address, server) = serve(ok("v"), Duration::from_millis(delay)).await;
        let client = Arc::new(client(address).await);
        let calls = (0..400).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(get("/v1/x"), soon()).await.map(|reply| reply.status) })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap().unwrap(), 200);
        }
        let busiest = server.busiest.load(Ordering::SeqCst);
        let connections = server.connections.load(Ordering::SeqCst);
        assert!(
            busiest <= 16 && connections <= 16,
            "{delay} ms: {busiest} at once, {connections} connections"
        );
    }
}

#[tokio::test]
async fn a_path_that_would_change_is_not_sent() {
    let (address, server) = serve(ok("v"), Duration::ZERO).await;
    let client = client(address).await;
    for path in ["/v1/a/../b", "/v1/a/%2e%2e/b", "/v1/./a", "v1/a"] {
        assert_eq!(client.send(get(path), soon()).await.unwrap_err().cause(), Cause::Setup, "{path}");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_socket_is_asked_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        buffer.truncate(read);
        stream.write_all(ok("v").as_bytes()).await.unwrap();
        String::from_utf8_lossy(&buffer).into_owned()
    });
    let address = Address::parse_trusted(&format!("unix://{}", path.display())).unwrap();
    let target = Target::one(address, Trust { proxy: Some("http://127.0.0.1:1".into()), ..Trust::default() });
    let pool = Pool::new(Limits::default());
    assert_eq!(pool.send(&target, get("/v1/x"), soon()).await.unwrap().body.expose_secret(), b"v");
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /v1/x HTTP/1.1\r\n") && asked.contains("host: localhost\r\n"), "{asked}");
    std::fs::remove_file(&path).unwrap();
    let failure = pool.send(&target, get("/v1/x"), soon()).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::Connect, "{failure}");
}

fn several(servers: &[&Address]) -> Target {
    let mut servers = servers.iter().map(|address| (*address).clone());
    let first = servers.next().unwrap();
    Target { others: servers.collect(), ..Target::one(first, Trust::default()) }
}

async fn served_by(pool: &Pool, target: &Target) -> String {
    let reply = pool.send(target, get("/v1/x"), soon()).await.unwrap();
    reply.server.map(|server| server.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn of_several_servers_one_is_used_until_it_cannot_be_reached() {
    let dead = Address::parse("http://127.0.0.1:1").unwrap();
    let sealed = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (sealed, asked) = serve(sealed, Duration::ZERO).await;
    let (good, _) = serve(ok("v"), Duration::ZERO).await;
    let (pool, target) = (Pool::new(Limits::default()), several(&[&dead, &sealed, &good]));
    for _ in 0..3 {
        assert_eq!(served_by(&pool, &target).await, good.to_string());
    }
    assert_eq!(asked.connections.load(Ordering::SeqCst), 1, "the choice is kept");
    let (other, _) = serve(ok("v"), Duration::ZERO).await;
    assert_eq!(served_by(&pool, &several(&[&other, &good])).await, other.to_string(), "each list by itself");
}

/// What may act twice is not asked twice, but the next request need not meet the same silence.
#[tokio::test]
async fn a_server_that_says_nothing_is_left_by_the_next_request() {
    let (silent, _) = serve(ok("late"), Duration::from_secs(60)).await;
    let (good, asked) = serve(ok("v"), Duration::ZERO).await;
    let (pool, target) = (Pool::new(Limits::default()), several(&[&silent, &good]));
    let patient = Request { patience: Some(Duration::from_millis(50)), ..get("/v1/x") };
    let once = Request { once: true, ..patient.clone() };
    let failure = pool.send(&target, once, soon()).await.unwrap_err();
    assert_eq!((failure.cause(), asked.connections.load(Ordering::SeqCst)), (Cause::Silent, 0));
    assert_eq!(served_by(&pool, &target).await, good.to_string());
    let (pool, reply) = (Pool::new(Limits::default()), pool.send(&target, patient.clone(), soon()).await);
    assert_eq!(reply.unwrap().server, Some(good.clone()));
    let reply = pool.send(&target, patient, soon()).await.unwrap();
    assert_eq!(reply.server, Some(good), "what may be asked twice goes on to the next server at once");
}

/// A standby's redirect: to one of the list, to one that the operator has allowed, to a stranger.
#[tokio::test]
async fn a_redirect_is_followed_to_a_configured_server_only() {
    let (leader, asked) = echoing().await;
    let to = format!("HTTP/1.1 307 T\r\nlocation: {leader}/v1/x\r\ncontent-length: 0\r\n\r\n");
    let (standby, _) = serve(to.clone(), Duration::ZERO).await;
    let (other, unasked) = serve(ok("v"), Duration::ZERO).await;
    let token =
        http::HeaderMap::from_iter([(http::HeaderName::from_static("x-vault-token"), "t".parse().unwrap())]);
    let request = || Request { headers: token.clone(), ..get("/v1/x") };
    let (pool, stranger) = (Pool::new(Limits::default()), Target::one(standby.clone(), Trust::default()));
    let reply = pool.send(&stranger, request(), soon()).await.unwrap();
    let redirect = reply.redirect.unwrap();
    assert_eq!((redirect.server(), redirect.is_known()), (Some(leader.to_string()), false));
    let elsewhere = Request { follow: Arc::from([other.clone()]), ..request() };
    assert_eq!(pool.send(&stranger, elsewhere, soon()).await.unwrap().status, 307);
    assert!(!asked.is_finished(), "no stranger was asked");
    let allowed = Request { follow: Arc::from([other, leader.clone()]), ..request() };
    let reply = pool.send(&stranger, allowed.clone(), soon()).await.unwrap();
    assert_eq!((reply.status, reply.server), (200, Some(leader.clone())));
    assert!(asked.await.unwrap().contains("x-vault-token: t\r\n"));
    assert_eq!(unasked.connections.load(Ordering::SeqCst), 0);
    // The leader is gone, and the standby still names it.
    let reply = pool.send(&stranger, allowed, soon()).await.unwrap();
    assert_eq!((reply.status, reply.redirect.map(|redirect| redirect.is_known())), (307, Some(true)));
    let (serving, _) = serve(ok("v"), Duration::ZERO).await;
    let list = several(&[&standby, &leader, &serving]);
    assert_eq!(served_by(&pool, &list).await, serving.to_string());
    let (circle, _) = serve(to, Duration::ZERO).await;
    let reply = pool.send(&several(&[&standby, &circle]), request(), soon()).await.unwrap();
    assert_eq!(reply.status, 307, "none of them serves");
}

/// A proxy's page may come after its server has got the request: what mints is not sent on.
#[tokio::test]
async fn what_may_have_been_acted_on_is_not_sent_to_another_server() {
    let page = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\noops".to_owned();
    let (proxy, _) = serve(page, Duration::ZERO).await;
    let (good, _) = serve(ok("v"), Duration::ZERO).await;
    for (once, status) in [(true, 503), (false, 200)] {
        let (pool, target) = (Pool::new(Limits::default()), several(&[&proxy, &good]));
        let reply = pool.send(&target, Request { once, ..get("/v1/x") }, soon()).await.unwrap();
        assert_eq!(reply.status, status);
    }
}

/// Patience is for the server's answer, not for the queue in front of it.
#[tokio::test]
async fn patience_begins_when_it_is_the_requests_turn() {
    let (address, _) = serve(ok("v"), Duration::from_millis(60)).await;
    let pool = Pool::new(Limits { in_flight: 1, ..Limits::default() });
    let target = Target::one(address, Trust::default());
    let patient = || Request { patience: Some(Duration::from_millis(150)), ..get("/v1/x") };
    let all = (0..5).map(|_| pool.send(&target, patient(), soon()));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(Result::is_ok), "the last waits 240 ms for its turn");
}

/// A connection that breaks is another thing than one that never came about: something was sent.
#[tokio::test]
async fn a_connection_that_breaks_may_have_carried_the_request() {
    for (scheme, cause) in [("http", Cause::Broken), ("https", Cause::Connect)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
            }
        });
        let client = client(Address::parse(&address).unwrap()).await;
        let failure = client.send(get("/"), soon()).await.unwrap_err();
        assert_eq!(failure.cause(), cause, "{scheme}: {failure}");
    }
}

#[tokio::test]
async fn where_none_of_several_serves_the_error_names_each() {
    let [one, two] = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(|text| Address::parse(text).unwrap());
    let pool = Pool::new(Limits::default());
    let failure = pool.send(&several(&[&one, &two]), get("/v1/x"), soon()).await.unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("http://127.0.0.1:1: ") && text.contains("; http://127.0.0.1:2: "), "{text}");
    assert_eq!(failure.cause(), Cause::Connect);
    let sealed = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (sealed, _) = serve(sealed, Duration::ZERO).await;
    let reply = pool.send(&several(&[&sealed, &one]), get("/v1/x"), soon()).await.unwrap();
    assert_eq!((reply.status, reply.server), (503, Some(sealed)));
}

#[tokio::test]
async fn a_path_of_the_address_is_kept_in_front() {
    let (address, asked) = echoing().await;
    let address = Address::parse(&format!("{address}/vault/")).unwrap();
    let pool = Pool::new(Limits::default());
    pool.send(&Target::one(address, Trust::default()), get("/v1/x?a=b"), soon()).await.unwrap();
    assert!(asked.await.unwrap().starts_with("GET /vault/v1/x?a=b HTTP/1.1\r\n"));
}

/// A server of one request, which it gives back.
async fn echoing() -> (Address, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        buffer.truncate(read);
        stream.write_all(ok("v").as_bytes()).await.unwrap();
        String::from_utf8_lossy(&buffer).into_owned()
    });
    (address, asked)
}

#[tokio::test]
async fn a_pool_keeps_a_bounded_number_of_clients() {
    let pool = Pool::new(Limits::default());
    for port in 1..200_u16 {
        let address = Address::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let target = Target::one(address, Trust::default());
        let _ = pool.send(&target, get("/"), Deadline::after(Duration::ZERO)).await;
    }
    assert_eq!(pool.len(), 64);
}

#[tokio::test]
async fn one_server_has_one_limit_whatever_it_is_trusted_with() {
    let (address, server) = serve(ok("v"), Duration::from_millis(20)).await;
    let pool = Pool::new(Limits { in_flight: 1, ..Limits::default() });
    let asked = ["a", "b", "c"].map(|name| {
        let trust = Trust { server_name: Some(name.into()), ..Trust::default() };
        let (pool, target) = (&pool, Target::one(address.clone(), trust));
        async move { pool.send(&target, get("/"), soon()).await.unwrap().waited }
    });
    let waits = futures_util::future::join_all(asked).await;
    assert_eq!(server.busiest.load(Ordering::SeqCst), 1);
    assert!(waits.iter().max().is_some_and(|wait| *wait >= Duration::from_millis(40)), "{waits:?}");
}

#[tokio::test]
async fn a_server_whose_certificate_is_wrong_is_not_asked_faster_for_it() {
    let (address, _) = serve_tls("one");
    let pool = Pool::new(Limits { rate: Some(0.1), ..Limits::default() });
    let target = Target::one(address, Trust::default());
    assert_eq!(pool.send(&target, get("/"), soon()).await.unwrap_err().cause(), Cause::Tls);
    let failure = pool.send(&target, get("/"), Deadline::after(Duration::from_secs(1))).await.unwrap_err();
    assert!(failure.to_string().ends_with("(its limit is 0.1 requests a second)"), "{failure}");
    assert!(failure.waited() > Duration::ZERO);
}

#[tokio::test]
async fn a_trust_that_cannot_be_read_is_a_clear_mistake() {
    let address = Address::parse("https://127.0.0.1:1").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("ca.pem");
    std::fs::write(&empty, "not PEM").unwrap();
    let cases = [
        (Roots::File(folder.path().join("absent.pem")), "cannot read"),
        (Roots::File(empty), "holds no PEM certificate"),
        (Roots::File(folder.path().into()), "is not a file"),
        (Roots::Folder(folder.path().into()), "holds no PEM certificate"),
        (Roots::Pem("x".into()), "the inline CA holds no PEM certificate"),
    ];
    for (roots, expected) in cases {
        let trust = Trust { roots, ..Trust::default() };
        let failure = Client::new(address.clone(), trust, Limits::default()).await.unwrap_err();
        assert!(failure.to_string().contains(expected), "{failure}");
        assert_eq!(failure.at(Stage::Request).kind(), Kind::Invalid);
    }
}

/// A TLS server for the name `vault.test`, signed by a throw-away CA; returns the CA's PEM.
fn serve_tls(issuer: &str) -> (Address, String) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.distinguished_name.push(rcgen::DnType::CommonName, issuer);
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["vault.test".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let config =
        rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.into())
            .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let config = Arc::new(config);
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut buffer = [0; 4096];
            while std::io::Read::read(&mut stream, &mut buffer).is_ok_and(|read| read > 0) {
                let _ = std::io::Write::write_all(&mut stream, ok("tls").as_bytes());
            }
        }
    });
    (Address::parse(&format!("https://127.0.0.1:{port}")).unwrap(), pem)
}

async fn fetch_tls(address: &Address, trust: Trust) -> Result<Reply, Failure> {
    Client::new(address.clone(), trust, Limits::default()).await?.send(get("/"), soon()).await
}

#[tokio::test]
async fn only_the_given_ca_and_name_are_trusted() {
    let (address, ca) = serve_tls("one");
    let trust = Trust { roots: Roots::Pem(ca), server_name: Some("vault.test".into()), ..Trust::default() };
    assert_eq!(fetch_tls(&address, trust.clone()).await.unwrap().status, 200);

    let failure = fetch_tls(&address, Trust { server_name: None, ..trust.clone() }).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::Tls);
    let text = failure.to_string();
    assert_eq!(text, "the server's certificate is not trusted: it is for vault.test, not for 127.0.0.1");

    let unknown = "it is signed by an unknown issuer";
    for (roots, fault) in [
        (Roots::Pem(serve_tls("two").1), unknown),
        (Roots::System, unknown),
        (Roots::Pem(serve_tls("one").1), "a trusted issuer has this name but another key"),
    ] {
        let failure = fetch_tls(&address, Trust { roots, ..trust.clone() }).await.unwrap_err();
        let text = format!("the server's certificate is not trusted: {fault}");
        assert_eq!((failure.cause(), failure.to_string()), (Cause::Tls, text));
    }
    let blind = Trust { skip_verify: true, ..Trust::default() };
    assert_eq!(fetch_tls(&address, blind).await.unwrap().status, 200);

    let failure =
        fetch_tls(&address, Trust { server_name: Some("10.0.0.1".into()), ..trust }).await.unwrap_err();
    assert_eq!(failure.to_string(), "the TLS server name is not a DNS name");
}

#[tokio::test]
async fn tls_to_a_plain_port_says_so() {
    let (plain, _) = serve(ok("v"), Duration::ZERO).await;
    let tls = Address::parse(&plain.to_string().replace("http:", "https:")).unwrap();
    let failure = fetch_tls(&tls, Trust::default()).await.unwrap_err();
    let text = "the server does not speak TLS on this port";
    assert_eq!((failure.cause(), failure.to_string().as_str()), (Cause::Plain, text));
}
