use std::collections::BTreeMap;
use std::io::Write;

use super::*;
use crate::lease::Policy;

fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Config, String> {
    let args = std::iter::once("keymount").chain(args.iter().copied()).map(OsString::from);
    let env: BTreeMap<_, _> = env.iter().copied().collect();
    match Invocation::read(args, &env) {
        Ok(Invocation::Serve(config)) => Ok(*config),
        Ok(other) => Err(format!("{other:?}")),
        Err(usage) => Err(usage.text),
    }
}

fn file(yaml: &str) -> tempfile::NamedTempFile {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { unreachable!("a temporary file") };
    let written = file.write_all(yaml.as_bytes());
    assert!(written.is_ok());
    file
}

#[cfg(feature = "vault")]
#[test]
fn serve_is_the_default_command_and_flags_win_over_environment_over_file_over_default() {
    let file = file("grace: 3s\nmax-mounts: 7\nprovider: [vault]\ntls: 1\n".replace("tls: 1\n", "").as_str());
    let path = file.path().display().to_string();
    let env = [("KEYMOUNT_CONFIG", path.as_str()), ("KEYMOUNT_GRACE", "2s"), ("KEYMOUNT_LOG_FORMAT", "json")];
    let config = read(&["--grace", "1s"], &env).map(|config| config.server);
    let server = config.unwrap_or_else(|text| unreachable!("{text}"));
    assert_eq!((server.grace, server.max_mounts), (Duration::from_secs(1), 7));
    assert_eq!(server.providers, ["vault"]);
    assert_eq!(server.dir, PathBuf::from("/var/run/secrets-store-csi-providers"));
    let config = read(&["serve"], &env).unwrap_or_else(|text| unreachable!("{text}"));
    assert_eq!(config.server.grace, Duration::from_secs(2));
    assert_eq!(config.log.format, Format::Json);
}

#[test]
fn every_mistake_is_reported_with_where_it_came_from() {
    let file = file("gracee: 1s\nmax-mounts: none\n");
    let path = file.path().display().to_string();
    let text = read(
        &["--provider", "valt", "--admin-address", "here"],
        &[("KEYMOUNT_CONFIG", path.as_str()), ("KEYMOUNT_GRACE", "soon")],
    );
    let text = text.map_or_else(|text| text, |_| String::new());
    for part in [
        "gracee is no setting",
        "--max-mounts (from the --config file): \"none\"",
        "--grace (from KEYMOUNT_GRACE): \"soon\"",
        "--admin-address (flag): \"here\"",
        "--provider valt: unknown",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[cfg(feature = "vault")]
#[test]
fn a_servers_load_is_limited_by_each_flavours_own_settings() {
    let load = |args: &[&str], env: &[(&str, &str)]| {
        let config = read(&[&["--provider", "vault,openbao"], args].concat(), env);
        let config = config.unwrap_or_else(|text| unreachable!("{text}"));
        [config.vault, config.openbao].map(|one| (one.max_in_flight, one.max_streams, one.rate))
    };
    assert_eq!(load(&[], &[]), [(14, 128, None); 2]);
    assert_eq!(
        load(
            &["--vault-max-inflight", "14", "--openbao-rate=0.5"],
            &[("KEYMOUNT_OPENBAO_MAX_INFLIGHT", "300")]
        ),
        [(14, 14, None), (300, 300, Some(0.5))],
        "a limit that is set holds over HTTP/2 too"
    );
    let file = file("vault-rate: 2.5\nopenbao-rate: 40\nvault-max-inflight: 3\n");
    let path = file.path().display().to_string();
    assert_eq!(load(&["--config", &path], &[]), [(3, 3, Some(2.5)), (14, 128, Some(40.0))]);
}

#[cfg(feature = "vault")]
#[test]
fn a_load_that_is_no_limit_is_a_mistake() {
    for bad in ["0", "-1", "inf", "NaN", "fast", "1e999"] {
        let args =
            ["--provider=vault", &format!("--vault-rate={bad}"), &format!("--openbao-max-inflight={bad}")];
        let text = read(&args, &[]).map_or_else(|text| text, |_| String::new());
        assert!(text.contains(&format!("--vault-rate (flag): {bad:?}: not a number above 0")), "{text}");
        let count = format!("--openbao-max-inflight (flag): {bad:?}: not a whole number above 0");
        assert!(text.contains(&count), "{text}");
    }
}

#[cfg(feature = "vault")]
#[test]
fn an_incumbents_arguments_carry_over() {
    let args =
        ["--endpoint", "/provider/vault.sock", "--debug=true", "--health-addr", ":8080", "--cache-size=5"];
    let config =
        read(&args, &[("VAULT_ADDR", "http://127.0.0.1:8200")]).unwrap_or_else(|text| unreachable!("{text}"));
    assert_eq!(config.server.dir, PathBuf::from("/provider"));
    assert_eq!(config.server.providers, ["vault"]);
    assert_eq!(config.log.level, tracing::Level::DEBUG);
    assert_eq!(config.admin.address.to_string(), "0.0.0.0:8080");
    assert_eq!(config.unused, ["cache-size"]);
    let config =
        read(&["--endpoint", "/provider/vault.sock"], &[]).unwrap_or_else(|text| unreachable!("{text}"));
    assert_eq!(config.admin.address.to_string(), "0.0.0.0:8080", "where an incumbent's probes ask");
}

#[cfg(feature = "vault")]
#[test]
fn server_and_status_have_the_same_admin_socket() {
    let serve = |args: &[&str], env: &[(&str, &str)]| {
        let args: Vec<_> = ["serve", "--provider", "vault"].iter().chain(args).copied().collect();
        read(&args, env).unwrap_or_else(|text| unreachable!("{text}")).admin.socket
    };
    let status = |args: &[&str], env: &[(&str, &str)]| {
        let args = ["keymount", "status"].iter().chain(args).map(OsString::from);
        match Invocation::read(args, &env.iter().copied().collect::<BTreeMap<_, _>>()) {
            Ok(Invocation::Status { socket, json: false, watch: false }) => Some(socket),
            _ => None,
        }
    };
    let env = [("KEYMOUNT_ADMIN_SOCKET", "/env.sock")];
    for (args, env, path) in [
        (&[][..], &[][..], "/run/keymount/admin.sock"),
        (&[], &env, "/env.sock"),
        (&["--admin-socket", "/flag.sock"], &env, "/flag.sock"),
    ] {
        assert_eq!(serve(args, env), Some(path.into()));
        assert_eq!(status(args, env), Some(path.into()));
    }
    assert_eq!(serve(&["--admin-socket="], &env), None, "off");
    assert_eq!(status(&["--admin-socket="], &env), None, "nobody to ask");
    assert_eq!(status(&["--json", "--watch"], &env), None);
}

#[test]
fn local_needs_its_store_and_the_clusters_keys() {
    let text = read(&["--provider", "local"], &[]).map_or_else(|text| text, |_| String::new());
    assert!(text.contains("--local-store") && text.contains("--jwks-url or --jwks-file"), "{text}");
}

#[cfg(feature = "vault")]
#[test]
fn help_shows_all_three_ways_to_set_a_value() {
    let text = read(&["serve", "--help"], &[]).map_or_else(|text| text, |_| String::new());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("--grace <DURATION>"), "{text}");
    assert!(text.contains("[env: KEYMOUNT_VAULT_ADDR, VAULT_ADDR] [file: vault-addr]"), "{text}");
    assert!(text.contains("[file: grace] [default: 20s]"), "{text}");
}

#[cfg(feature = "vault")]
#[test]
fn sessions_have_defaults_and_are_set_like_everything_else() {
    let vault = ["--provider", "vault"];
    let read = |args: &[&str], env: &[(&str, &str)]| {
        let config = read(&[&vault, args].concat(), env);
        config.unwrap_or_else(|text| unreachable!("{text}")).sessions
    };
    let defaults = Sessions { policy: Policy::default(), handoff: None, liveness: None };
    assert_eq!(read(&[], &[]), defaults);
    let file = file("sessions: off\nshared-reads: \"off\"\nmax-sessions: 9\nrefresh-interval: 1m30s\n");
    let path = file.path().display().to_string();
    let args = ["--handoff", "/run/x", "--pod-liveness=kubelet-dir", "--session-idle=1h0m1s"];
    let env = [("KEYMOUNT_CONFIG", path.as_str()), ("KEYMOUNT_MAX_SESSION_BYTES", "7")];
    let policy = Policy {
        keep: false,
        share: false,
        max_sessions: 9,
        max_bytes: 7,
        refresh: Duration::from_secs(90),
        idle: Duration::from_secs(3601),
        ..Policy::default()
    };
    let (handoff, liveness) = (Some("/run/x".into()), Some("/var/lib/kubelet/pods".into()));
    let set = Sessions { policy, handoff, liveness };
    assert_eq!(read(&args, &env), set);
    let dir = ["--kubelet-pods-dir", "/pods"];
    assert_eq!(read(&dir, &[]).liveness, None, "the folder alone asks for nothing");
    let liveness = read(&[dir.as_slice(), &["--pod-liveness=kubelet-dir"]].concat(), &[]).liveness;
    assert_eq!(liveness, Some("/pods".into()));
}

#[test]
fn every_mistake_of_sessions_is_reported() {
    let args = [
        "--sessions=maybe",
        "--shared-reads=",
        "--max-sessions=0",
        "--max-session-bytes=64MiB",
        "--refresh-interval=10s",
        "--reauth-interval=0s",
        "--session-idle=-1h",
        "--pod-liveness=api",
        "--kubelet-pods-dir=",
    ];
    let text = read(&args, &[]).map_or_else(|text| text, |_| String::new());
    for part in [
        "--sessions (flag): \"maybe\": not on or off",
        "--shared-reads (flag): \"\": not on or off",
        "--max-sessions (flag): \"0\"",
        "--max-session-bytes (flag): \"64MiB\"",
        "--refresh-interval: 10s is less than --min-refresh-interval, 30s",
        "--reauth-interval (flag): \"0s\": not more than 0",
        "--session-idle (flag): \"-1h\": not a duration",
        "--pod-liveness (flag): \"api\": not none or kubelet-dir",
        "--kubelet-pods-dir (flag): \"\": no folder",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

fn fetch(args: &[&str], env: &[(&str, &str)]) -> Result<Fetch, String> {
    let args = ["keymount", "fetch"].into_iter().chain(args.iter().copied()).map(OsString::from);
    let env: BTreeMap<_, _> = env.iter().copied().collect();
    match Invocation::read(args, &env) {
        Ok(Invocation::Fetch(fetch)) => Ok(*fetch),
        Ok(other) => Err(format!("{other:?}")),
        Err(usage) => Err(usage.text),
    }
}

const FILES: [&str; 6] = ["--class", "c", "--token", "t", "--out", "o"];

#[test]
fn a_fetch_takes_the_settings_of_serve_that_mean_something_to_it() {
    let file = file("provider: [vault]\ngrace: 3s\nrefresh-interval: 5m\ntoken: T\nmode: \"0400\"\n");
    let path = file.path().display().to_string();
    let args = [&FILES[..2], &FILES[4..], &["--config", &path, "--watch"]].concat();
    let env = [("KEYMOUNT_SESSIONS", "off"), ("KEYMOUNT_HANDOFF", "/x"), ("POD_NAMESPACE", "shop")];
    let fetch = fetch(&args, &env).unwrap_or_else(|text| unreachable!("{text}"));
    assert_eq!((fetch.token, fetch.mode), (PathBuf::from("T"), 0o400));
    assert_eq!(fetch.pod.namespace.as_deref(), Some("shop"));
    assert_eq!(fetch.rooms.sessions.policy.refresh, Duration::from_secs(300));
    // What it does not have stands at its default, whatever a shared file or the environment says.
    assert!(fetch.rooms.sessions.policy.keep && fetch.rooms.sessions.handoff.is_none());
    assert_eq!(fetch.rooms.server.grace, Duration::from_secs(20));
    assert!(fetch.rooms.server.providers.is_empty());
}

#[test]
fn a_single_fetch_keeps_nothing_and_is_quiet_unless_told_otherwise() {
    let read = |more: &[&str]| {
        let fetch = fetch(&[&FILES, more].concat(), &[]).unwrap_or_else(|text| unreachable!("{text}"));
        (fetch.rooms.sessions.policy.keep, fetch.rooms.log.level)
    };
    assert_eq!(read(&[]), (false, tracing::Level::WARN));
    assert_eq!(read(&["--log-level", "info"]), (false, tracing::Level::INFO));
    assert_eq!(read(&["--watch"]), (true, tracing::Level::INFO));
}

#[test]
fn a_token_in_place_of_its_file_is_a_mistake_that_is_not_repeated() {
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
    for (args, env) in [(vec!["--token", token], vec![]), (vec![], vec![("KEYMOUNT_TOKEN", token)])] {
        let text = fetch(&[&FILES[..2], &FILES[4..], &args].concat(), &env).err().unwrap_or_default();
        assert!(text.contains("--token: takes a file") && !text.contains("eyJ"), "{text}");
    }
}

#[cfg(feature = "vault")]
mod operators;
