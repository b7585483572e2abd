//! K6, K7, K9, K11 and what a process owes its node: start, stop, restart, codes.

use std::time::{Duration, Instant};

use tonic::Code;

use crate::support::eventually;
use crate::support::keymount::{Keymount, start_fails};
use crate::world::{OBJECTS, World, pod};

#[tokio::test(flavor = "multi_thread")]
async fn k6_a_deadline_too_short_is_answered_with_a_final_code() {
    let world = World::new().await;
    for timeout in [1, 10, 100, 260] {
        let mount = world.mount(&pod("a"), OBJECTS).timeout(Some(Duration::from_millis(timeout)));
        if let Err(status) = world.call(&mount).await {
            // The client's own timer may win; what the server sends is final.
            let clients = status.message() == "Timeout expired";
            assert!(clients || status.code() == Code::Internal, "{status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_version_needs_no_backend() {
    let world = World::new().await;
    std::fs::remove_file(world.store()).unwrap();
    let watch = Instant::now();
    let version = world.provider.version().await.unwrap();
    assert!(watch.elapsed() < Duration::from_millis(50), "{:?}", watch.elapsed());
    assert_eq!((version.version.as_str(), version.runtime_name.as_str()), ("v1alpha1", "keymount"));
    assert_eq!(version.runtime_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(world.refused(&world.mount(&pod("a"), OBJECTS)).await.0, Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn k9_kill_and_restart_on_the_same_path() {
    let mut world = World::new().await;
    let mount = world.mount(&pod("a"), OBJECTS);
    let before = world.call(&mount).await.unwrap();
    world.keymount.kill9();
    assert_eq!(world.keymount.sockets().len(), 1, "the stale socket is there");
    world.keymount.restart().await;
    let provider = world.keymount.provider("local").await;
    assert_eq!(provider.mount(&mount).await.unwrap().tree(), before.tree());
}

#[tokio::test(flavor = "multi_thread")]
async fn k11_a_cancelled_call_leaves_the_next_one_whole() {
    let world = World::new().await;
    let mount = world.mount(&pod("a"), OBJECTS);
    for _ in 0..50 {
        let _ = tokio::time::timeout(Duration::from_micros(300), world.call(&mount)).await;
    }
    assert!(world.call(&mount).await.is_ok());
}

/// A busy moment: many calls are cancelled before keymount has looked at one of them.
#[tokio::test(flavor = "multi_thread")]
async fn k11_many_cancelled_calls_at_once_end_nobody_elses() {
    let mut world = World::new().await;
    let mount = world.mount(&pod("a"), OBJECTS);
    world.call(&mount).await.unwrap();
    world.keymount.child().pause();
    let moment = Duration::from_millis(5);
    let calls = (0..200).map(|_| tokio::time::timeout(moment, world.call(&mount)));
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_err), "it is stopped");
    let (provider, waiting) = (world.provider.clone(), mount.clone());
    let healthy = tokio::spawn(async move { provider.mount(&waiting).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.keymount.child().resume();
    assert!(healthy.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_with_zero_and_without_its_socket() {
    let mut world = World::new().await;
    assert_eq!(world.keymount.admin("readyz").await.map(|reply| reply.status), Some(200));
    assert_eq!(world.keymount.stop(), 0);
    assert!(world.keymount.sockets().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_key_makes_versions_the_same_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key").display().to_string();
    std::fs::write(&key, "0123456789abcdef0123456789abcdef").unwrap();
    let mut versions = Vec::new();
    for _ in 0..2 {
        let world = World::with(&["--version-key-file", &key]).await;
        versions.push(world.call(&world.mount(&pod("a"), OBJECTS)).await.unwrap().versions());
    }
    assert_eq!(versions[0], versions[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_is_not_dumpable() {
    let world = World::new().await;
    let pid = world.keymount.pid();
    // The kernel hands /proc/PID of a process that is not dumpable to root, and limits its core to nothing.
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert!(world.keymount.logged("dumpable=false", Duration::from_secs(1)).await);
}

#[test]
fn usage_mistakes_end_with_64_and_name_every_one() {
    let run = |args: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_keymount")).args(args).output().unwrap()
    };
    let output = run(&["--provider", "nope", "--grace", "soon"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("--provider nope") && text.contains("--grace (flag)"), "{text}");
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    assert_eq!(run(&["--version"]).stdout, format!("keymount {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_leaves_the_first_one_alone() {
    let world = World::new().await;
    let (dir, store) = (world.keymount.providers(), world.store());
    let jwks = store.with_file_name("jwks.json");
    let mut second = std::process::Command::new(env!("CARGO_BIN_EXE_keymount"));
    second.args(["--admin-socket=", "--admin-address", "127.0.0.1:0"]);
    second.args(["--provider", "local", "--providers-dir"]).arg(dir);
    let output = second.arg("--local-store").arg(store).arg("--jwks-file").arg(jwks).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no provider socket could be bound"), "{text}");
    assert!(world.call(&world.mount(&pod("a"), OBJECTS)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_needs_what_is_not_there_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("none");
    let key = key.display().to_string();
    let (code, text) = start_fails(&["--provider", "vault", "--version-key-file", &key]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("stage=start") && text.contains("cannot use the version key"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_providers_are_served_by_one_process() {
    let keymount = Keymount::start(&[
        "--provider",
        "vault",
        "--provider",
        "openbao",
        "--vault-addr",
        "http://127.0.0.1:1",
    ])
    .await;
    for name in ["vault", "openbao"] {
        assert!(keymount.provider(name).await.version().await.is_ok(), "{name}");
    }
}

/// A backend that takes connections and never says anything.
async fn silent() -> (tokio::net::TcpListener, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn k6_a_silent_backend_is_reported_before_the_drivers_timer_and_at_a_stop() {
    let (_listener, address) = silent().await;
    let mut keymount =
        Keymount::start(&["--provider", "vault", "--vault-addr", &address, "--grace", "1s"]).await;
    let (issuer, pod) = (crate::support::issuer::Issuer::new("one"), pod("a"));
    let tokens = std::collections::BTreeMap::from([("vault".to_owned(), issuer.token(&pod, "vault", 600))]);
    let parameters =
        [("roleName", "web"), ("objects", "- {objectName: x, secretPath: secret/data/x, secretKey: y}")];
    let mount = crate::support::provider::Mount::new(&pod, &parameters, &tokens);
    let provider = keymount.provider("vault").await;

    let watch = Instant::now();
    let short = mount.clone().timeout(Some(Duration::from_secs(5)));
    let status = provider.mount(&short).await.expect_err("nothing to answer with");
    assert!(watch.elapsed() < Duration::from_secs(5), "{:?}", watch.elapsed());
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    assert!(
        status.message().starts_with("stage=login") && status.message().contains("backend=vault"),
        "{status:?}"
    );

    let waiting = tokio::spawn(async move { provider.mount(&mount).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(keymount.stop(), 0);
    let status = waiting.await.unwrap().expect_err("cut off");
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    assert!(status.message().contains("keymount stopped before this mount ended"), "{status:?}");
}

/// Readiness asks each socket as the driver would; whether the process lives is another question.
#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_a_call_of_version_on_each_socket() {
    let world = World::new().await;
    let socket = world.keymount.sockets().remove(0);
    let ready = || async { world.keymount.admin("readyz").await.unwrap() };
    assert_eq!((ready().await.status, ready().await.body), (200, "local ready\n".into()));
    // Somebody in its place who takes connections and says nothing.
    std::fs::remove_file(&socket).unwrap();
    let silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!((ready().await.status, ready().await.body), (503, "local not ready\n".into()));
    assert_eq!(world.keymount.admin("livez").await.unwrap().status, 200);
    assert_eq!(world.keymount.metric("keymount_provider_ready{provider=\"local\"}").await, Some(0.0));
    drop(silent);
    let again = eventually(Duration::from_secs(10), || async { ready().await.status == 200 });
    assert!(again.await, "the place is free again: {:?}", ready().await);
}
