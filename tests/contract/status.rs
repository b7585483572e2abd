//! The admin socket and `keymount status`. The local provider keeps nothing, so that there are no sessions here.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::keymount::{Keymount, status};
use crate::world::{OBJECTS, World, pod};

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_providers_and_no_session_where_nothing_is_kept() {
    let world = World::new().await;
    world.call(&world.mount(&pod("a"), OBJECTS)).await.unwrap();
    let (code, out, err) = world.keymount.status(&[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        out,
        format!("keymount {version} keeps 0 bytes of values\n  local     ready      0 sessions, 0 leases\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_what_the_server_said() {
    let world = World::new().await;
    let (code, out, _) = world.keymount.status(&["--json"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &said), (0, &world.keymount.sessions().await));
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"), "providers": [{ "name": "local", "ready": true }],
        "sessions": [], "kept_bytes": 0,
    });
    assert_eq!(said, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_told_by_the_socket_only() {
    let world = World::new().await;
    let by_address = world.keymount.admin("sessions").await.map(|reply| reply.status);
    assert_eq!(by_address, Some(404));
    for path in ["livez", "readyz", "metrics", "sessions"] {
        let by_socket = world.keymount.admin_by_socket(path).await.map(|reply| reply.status);
        assert_eq!(by_socket, Some(200), "{path}");
    }
    assert_eq!(world.keymount.admin_by_socket("nothing").await.map(|reply| reply.status), Some(404));
    let mode = std::fs::metadata(world.keymount.admin_socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_goes_with_its_process_and_a_stale_one_is_replaced() {
    let mut world = World::new().await;
    world.keymount.kill9();
    let (code, _, err) = world.keymount.status(&[]);
    assert!(code == 1 && err.contains("nobody serves there"), "{err}");
    world.keymount.restart().await;
    assert_eq!(world.keymount.status(&[]).0, 0);
    assert_eq!(world.keymount.stop(), 0);
    assert!(!world.keymount.admin_socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_socket_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let (code, out, err) = status(&socket, &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    let path = socket.display().to_string();
    for part in [path.as_str(), "there is no such file", "--admin-socket", "kubectl exec"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(status(&socket, &["--watch"]).0, 1);
    let (code, _, err) = status(&socket, &["--json", "--watch"]);
    assert!(code == 64 && err.contains("--watch"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_cannot_be_had_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("admin.sock").display().to_string();
    let world = World::with(&["--admin-socket", &below]).await;
    assert!(world.keymount.logged("no admin socket", Duration::from_secs(5)).await);
    assert_eq!(world.keymount.admin("readyz").await.map(|reply| reply.status), Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_made_private_and_a_live_socket_of_another_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("run/keymount");
    let socket = made.join("admin.sock");
    let args = ["--provider", "vault", "--vault-addr", "http://127.0.0.1:1", "--admin-socket"];
    let args: Vec<_> = args.into_iter().chain([socket.to_str().unwrap()]).collect();
    drop(Keymount::start(&args).await);
    assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
    let _ = std::fs::remove_file(&socket);
    let _foreign = UnixListener::bind(&socket).unwrap();
    let mut keymount = Keymount::start(&args).await;
    assert!(keymount.logged("another process serves on the admin socket", Duration::from_secs(5)).await);
    assert_eq!(keymount.stop(), 0);
    assert!(socket.exists());
}
