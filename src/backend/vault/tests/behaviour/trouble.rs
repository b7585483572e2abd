//! Refusals, outages, answers that cannot be used: what is tried again, and what is said.

use super::*;

#[tokio::test]
async fn an_ambiguous_login_refusal_is_asked_about_once_more() {
    let world = World::new().await;
    world.put("x", json!({"k": "v"}));
    world.fake.script("/v1/auth", 1, 403, "{\"errors\":[\"permission denied\"]}");
    assert_eq!(world.texts(ONE).await, ["v"]);
    assert_eq!(world.seen("/v1/auth").len(), 2);
    world.fake.script("/v1/auth", 9, 403, "{\"errors\":[\"permission denied\"]}");
    assert_eq!(world.fault(ONE).await.0, Kind::Denied);
    assert_eq!(world.seen("/v1/auth").len(), 4, "twice, not in a loop");
    world.fake.state().scripts.clear();
    world.fake.script("/v1/auth", 9, 403, "{\"errors\":[\"namespace not authorized\"]}");
    assert_eq!(world.fault(ONE).await.0, Kind::Denied);
    assert_eq!(world.seen("/v1/auth").len(), 5, "a clear refusal is final");
}

#[tokio::test]
async fn a_refused_read_costs_one_more_login_and_is_then_reported() {
    let world = World::new().await;
    world.fake.script(
        "/v1/secret",
        99,
        403,
        "{\"errors\":[\"1 error occurred:\\n\\t* permission denied\\n\\n\"]}",
    );
    let (kind, text) = world.fault(ONE).await;
    assert!(kind == Kind::Denied && text.contains("capabilities = [\"read\"]"), "{text}");
    assert_eq!((world.seen("/v1/auth").len(), world.seen("/v1/secret").len()), (2, 2));
}

/// Whatever the kind of the first: the second object's author wants to know, too.
#[tokio::test(start_paused = true)]
async fn every_object_that_cannot_be_read_is_named() {
    let world = World::new().await;
    let locked = "{\"errors\":[\"API access to this namespace has been locked by an administrator\"]}";
    world.fake.script("/v1/secret", 99, 503, locked);
    let two = "- {objectName: a, secretPath: secret/data/x, secretKey: k}\n- {objectName: b, secretPath: secret/data/y, secretKey: k}";
    let (kind, text) = world.fault(two).await;
    assert!(kind == Kind::Precondition && text.contains("object=a ") && text.contains("object=b "), "{text}");
}

/// A certificate may have been issued although the answer says otherwise.
#[tokio::test(start_paused = true)]
async fn what_may_have_minted_is_not_asked_for_again() {
    let world = World::new().await;
    let issue = "- {objectName: x, secretPath: pki/issue/web, secretKey: k, method: POST}";
    world.fake.script("/v1/pki", 99, 500, "{\"errors\":[\"internal error\"]}");
    let (kind, text) = world.fault(issue).await;
    assert!(kind == Kind::Unavailable && text.contains("http=500"), "{text}");
    assert_eq!(world.seen("/v1/pki").len(), 1);
    world.fake.state().scripts.clear();
    world.fake.script("/v1/pki", 99, 503, "{\"errors\":[\"Vault is sealed\"]}");
    world.fault(issue).await;
    assert_eq!(world.seen("/v1/pki").len(), 1 + 10, "a sealed server has done nothing");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_sat_out_for_a_while_and_then_reported() {
    let world = World::new().await;
    world.put("x", json!({"k": "v"}));
    let sealed = "{\"errors\":[\"Vault is sealed\"]}";
    world.fake.script("/v1/auth", 2, 503, sealed);
    assert_eq!(world.texts(ONE).await, ["v"]);
    world.fake.state().scripts.clear();
    world.fake.script("/v1/auth", 99, 503, sealed);
    let watch = Stopwatch::start();
    let (kind, text) = world.fault(ONE).await;
    assert!(kind == Kind::Unavailable && text.contains("unseal the server"), "{text}");
    assert!(watch.elapsed() < Duration::from_secs(21), "{:?}", watch.elapsed());
    assert_eq!(world.seen("/v1/auth").len(), 3 + 10);
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let world = World::new().await;
    world.put("x", json!({"k": "v"}));
    let (headers, body) = (vec![("retry-after", "1")], "{\"errors\":[]}".to_owned());
    world.fake.state().scripts.push(Script { path: "/v1/secret", times: 1, status: 429, headers, body });
    let watch = Stopwatch::start();
    assert_eq!(world.texts(ONE).await, ["v"]);
    assert!(watch.elapsed() >= Duration::from_secs(1));
    assert_eq!(world.heard.all(), ["login 200", "read 429", "read 200"]);
}

#[tokio::test]
async fn answers_that_cannot_be_used_are_described_not_shown() {
    let world = World::with(Config { max_response_bytes: 2000, ..Config::default() }).await;
    let large = json!({"data": {"k": "s3cr3t".repeat(400)}}).to_string();
    for (status, body, kind, expected) in [
        (
            200,
            "s3cr3t",
            Kind::Precondition,
            "http=200 path=secret/data/x: the answer is not JSON, so no key can be taken from it",
        ),
        (
            204,
            "",
            Kind::Invalid,
            "the server did it and answered nothing: there is nothing to write into a file",
        ),
        (200, "{\"data\":null}", Kind::NotFound, "key \"k\" does not exist at the secret path, which has 0"),
        (
            200,
            &large,
            Kind::Precondition,
            "the reply is larger than 2000 bytes; hint: read a smaller secret, or raise --max-response-bytes",
        ),
    ] {
        world.fake.state().scripts.clear();
        world.fake.script("/v1/secret", 9, status, body);
        let (got, text) = world.fault(ONE).await;
        assert!(got == kind && text.contains(expected) && !text.contains("s3cr3t"), "{text}");
    }
}

#[tokio::test]
async fn logins_without_a_token_are_no_logins() {
    let world = World::new().await;
    for (body, expected) in [
        (
            "{\"auth\":{\"client_token\":\"\",\"mfa_requirement\":{\"mfa_request_id\":\"x\"}}}",
            "second factor",
        ),
        ("{\"auth\":{\"client_token\":\"a\\nb\"}}", "a token that cannot be sent"),
    ] {
        world.fake.state().scripts.clear();
        world.fake.script("/v1/auth", 9, 200, body);
        let (_, text) = world.fault(ONE).await;
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_hostile_server_cannot_put_the_token_into_an_event() {
    let world = World::new().await;
    let pod = pod("app", "web", "web-0");
    let jwt = world.issuer.token(&pod, "vault");
    let parameters: Parameters = [("roleName", "web"), ("objects", ONE)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    let mut parts: Vec<_> = jwt.split('.').collect();
    parts.push(&jwt);
    for status in [400, 403, 404, 500] {
        world.fake.state().scripts.clear();
        world.fake.script(
            "/v1/auth",
            99,
            status,
            &json!({"errors": [&jwt, parts[1], format!("x{}y", parts[2])]}).to_string(),
        );
        let by = Deadline::after(Duration::from_millis(900));
        let ask = Ask {
            pod: &pod,
            class: None,
            tokens: &tokens("vault", &jwt),
            secrets: &Secrets::default(),
            parameters: &parameters,
            by,
        };
        let text = world.provider.secrets(ask).await.map(|_| ()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| !text.contains(part)), "{text}");
    }
}

#[tokio::test]
async fn trouble_on_the_way_names_the_address() {
    let world = World::new().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (plain, tls) = (format!("http://{nobody}"), world.fake.address.replace("http:", "https:"));
    let pod = pod("app", "web", "web-0");
    for (address, expected) in [
        (&plain, "stage=login backend=vault address=http://127.0.0.1:"),
        (&plain, "path=auth/kubernetes/login: connection refused: nobody listens there"),
        (
            &tls,
            "the server does not speak TLS on this port; hint: the address says https:// and the server speaks http",
        ),
    ] {
        let pairs = [("roleName", "web"), ("objects", ONE), ("vaultAddress", address)];
        let parameters: Parameters =
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        let tokens = tokens("vault", &world.issuer.token(&pod, "vault"));
        let by = Deadline::after(Duration::from_millis(900));
        let ask = Ask {
            pod: &pod,
            class: None,
            tokens: &tokens,
            secrets: &Secrets::default(),
            parameters: &parameters,
            by,
        };
        let text = world.provider.secrets(ask).await.map(|_| ()).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

/// What a server says of its storage is sent with what follows. OpenBao answers the same way, see tests/real/cluster.rs.
#[tokio::test(start_paused = true)]
async fn a_standby_that_lags() {
    let world = World::new().await;
    world.put("x", json!({"k": "v"}));
    let is_behind = |by, forwards| {
        let mut state = world.fake.state();
        (state.rules.index, state.rules.behind, state.rules.forwards) = (Some(41 - by), by, forwards);
    };
    is_behind(0, false);
    assert_eq!(world.texts(ONE).await, ["v"]);
    let [login, read] = ["/v1/auth", "/v1/secret"].map(|path| world.seen(path).remove(0).headers);
    assert!(!login.contains_key("x-vault-index"), "nothing is known yet");
    let known = "eyJjbHVzdGVyIjoiZmFrZSIsInZhbHVlIjoiNDEifQ==";
    assert_eq!(read.get("x-vault-index").map(String::as_str), Some(known));
    assert_eq!(read.get("x-vault-inconsistent").map(String::as_str), Some("forward-active-node"));
    // It has not got the login's token yet: it asks the active node, or says so and is asked again.
    is_behind(1, true);
    assert_eq!(world.texts(ONE).await, ["v"]);
    assert_eq!(world.seen("/v1/secret").len(), 2);
    is_behind(1, false);
    let catch_up = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        is_behind(0, false);
    };
    let (texts, ()) = tokio::join!(world.texts(ONE), catch_up);
    assert_eq!(texts, ["v"]);
    assert!(world.heard.all().contains(&"read 429".to_owned()), "{:?}", world.heard.all());
    is_behind(1, false);
    let (kind, text) = world.fault(ONE).await;
    let told = "http=429 path=secret/data/x: the node has not got what the active one had already; hint: it catches up";
    assert!(kind == Kind::Throttled && text.contains(told), "{text}");
}

/// It has done nothing, and says so in one of many ways.
#[tokio::test]
async fn the_next_of_a_cluster_is_asked_where_one_cannot_serve() {
    let world = World::new().await;
    world.put("x", json!({"k": "v"}));
    let nothing = "{\"errors\":[]}";
    for (status, body) in [
        (412, "{\"errors\":[\"required index state not present\"]}"),
        (429, nothing),
        (472, nothing),
        (473, nothing),
        (500, "{\"errors\":[\"local node not active but active cluster node not found\"]}"),
        (503, "{\"errors\":[\"Vault is sealed\"]}"),
    ] {
        let other = Fake::start(world.issuer.clone()).await;
        other.script("/v1/", 99, status, body);
        let list = format!("{},{}", other.address, world.fake.address);
        let answer = world.ask_with(ONE, &[("vaultAddresses", list.as_str())]).await;
        assert!(answer.is_ok(), "{status}: {:?}", answer.err());
        assert_eq!(other.seen("/v1/").len(), 1, "{status}: the next one is kept to");
    }
    let limited = Fake::start(world.issuer.clone()).await;
    limited.script("/v1/auth", 1, 429, "{\"errors\":[\"request path: rate limit quota exceeded\"]}");
    limited.script("/v1/auth", 1, 403, "{\"errors\":[\"namespace not authorized\"]}");
    let list = format!("{},{}", limited.address, world.fake.address);
    let (logins, answer) = (
        world.seen("/v1/auth/kubernetes").len(),
        world.ask_with(ONE, &[("vaultAddresses", list.as_str())]).await,
    );
    assert!(answer.is_err_and(|errors| errors.kind() == Kind::Denied), "a limit is the cluster's");
    assert_eq!(
        (limited.seen("/v1/auth/kubernetes").len(), world.seen("/v1/auth/kubernetes").len()),
        (2, logins)
    );
}
