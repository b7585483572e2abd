use serde_json::{Value, json};

use super::*;
use crate::cli::terminal::Paper;

const NOW: u64 = 1_700_000_000;

fn session(pod: &str, provider: &str) -> Value {
    json!({
        "provider": provider, "namespace": "shop", "pod": pod, "uid": "u", "service_account": "web",
        "classes": ["web-secrets"], "place": "https://vault:8200", "credential_expires": NOW + 720,
        "static_values": 1, "minted": [], "mounts": 3, "last_asked": NOW - 40, "last_refresh": NOW - 40,
        "last_error": null, "refresh_never_seen": false,
    })
}

fn with(mut session: Value, more: Value) -> Value {
    let (Value::Object(session_fields), Value::Object(more)) = (&mut session, more) else { return session };
    session_fields.extend(more);
    session
}

fn shown(sessions: &[Value]) -> String {
    let json = json!({
        "version": "9.9.9", "kept_bytes": 1300, "sessions": sessions,
        "providers": [{ "name": "openbao", "ready": false }, { "name": "vault", "ready": true }],
        "more": "that only a later version says",
    });
    let Ok(report) = Report::parse(&json.to_string()) else { unreachable!("{json}") };
    let paper = Paper::default();
    show(&mut Terminal::to(Box::new(paper.clone())), &report, NOW);
    paper.text()
}

#[test]
fn sessions_are_a_table_in_order_of_their_pods() {
    let lease =
        |ends: Option<u64>| json!({ "read": "database/creds/app", "expires": ends, "renewable": true });
    let sessions = [
        with(
            session("web-1", "vault"),
            json!({ "minted": [lease(Some(NOW + 3900)), lease(Some(NOW + 50)), lease(None)] }),
        ),
        with(
            session("job-0", "openbao"),
            json!({
                "credential_expires": null, "minted": [lease(None)], "last_refresh": null,
                "classes": ["one", "", "two"], "refresh_never_seen": true,
            }),
        ),
        with(session("web-0", "vault"), json!({ "credential_expires": NOW - 61 })),
    ];
    assert_eq!(
        shown(&sessions),
        "\
keymount 9.9.9 keeps 1.2 KiB of values
  openbao   NOT READY  1 session, 1 lease
  vault     ready      2 sessions, 3 leases

  NAMESPACE/POD  CLASS        PROVIDER  SESSION  SOONEST  LAST
                                        EXPIRES  LEASE    REFRESH
! shop/job-0     one, two     openbao   never    never    never
  shop/web-0     web-secrets  vault     1m ago   -        40s ago
  shop/web-1     web-secrets  vault     in 12m   in 50s   40s ago

     ! one mount came and no refresh after it: the driver's rotation seems to be off
     (enableSecretRotation), so that files are not refreshed; leases are renewed all the same
"
    );
}

#[test]
fn a_last_error_stands_under_its_session_wrapped() {
    let error = "stage=read object=db backend=vault http=403 path=secret/data/shop/db: permission denied; hint: a \
                 policy of role web needs: path \"secret/data/shop/db\" { capabilities = [\"read\"] }\u{1b}[2J";
    let text = shown(&[with(session("web-0", "vault"), json!({ "last_error": error }))]);
    let lines: Vec<_> = text.lines().skip_while(|line| !line.contains("shop/web-0")).skip(1).collect();
    assert!(lines.len() > 1 && lines.iter().all(|line| line.starts_with("     ")), "{text}");
    assert_eq!(lines.concat().split_whitespace().count(), error.split_whitespace().count());
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn long_names_stay_within_a_hundred_columns_and_whole() {
    let pod = "a-checkout-service-with-a-name-of-its-own-7d9f8c6b5d-abcde";
    let times = json!({ "credential_expires": NOW + 86_399, "last_refresh": NOW - 86_399,
        "classes": ["database-credentials", "certificates-of-the-shop"] });
    let text = shown(&[with(session(pod, "openbao"), times)]);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let first: String = text.lines().skip(6).map(|line| line.get(2..34).unwrap_or(line).trim()).collect();
    assert_eq!(first, format!("shop/{pod}"), "{text}");
    assert!(text.contains("in 23h59m") && text.contains("23h59m ago"), "{text}");
}

#[test]
fn no_session_is_no_table() {
    let text = shown(&[]);
    assert!(text.contains("0 sessions, 0 leases") && !text.contains("NAMESPACE"), "{text}");
}

#[test]
fn a_hostile_name_moves_no_cursor() {
    let text = shown(&[session("web\u{1b}[2J\n", "vault")]);
    assert!(!text.contains('\u{1b}') && text.contains("shop/web?[2J?"), "{text}");
}

#[test]
fn what_is_no_report_is_said_to_be_none() {
    let fault = Report::parse("{}").err().unwrap_or_default();
    assert!(fault.contains("another version"), "{fault}");
}
