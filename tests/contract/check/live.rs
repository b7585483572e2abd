//! `--live` by the local store, and against nobody.

use crate::fetch::{class, store};
use crate::support::fetch::{Desk, Ended};
use crate::support::issuer::Issuer;
use crate::support::{ports, secrets};
use crate::world::{OBJECTS, PASSWORD, pod};

use super::check;

fn desk() -> Desk {
    let token = Issuer::new("one").token(&pod("a"), "local", 600).token;
    let desk = Desk::new(&class("web-secrets", OBJECTS), &token, &[]);
    desk.put("store.yaml", &store(PASSWORD));
    desk
}

fn live(desk: &Desk, more: &[&str]) -> Ended {
    let [class, token, store] =
        ["class.yaml", "token", "store.yaml"].map(|name| desk.path(name).display().to_string());
    let args = [&["--live", "--token", &token, "--local-store", &store, &class][..], more].concat();
    let ended = check(&args);
    secrets::assert_none("what check printed", &format!("{}{}", ended.1, ended.2));
    ended
}

#[test]
fn every_stage_is_named_and_sizes_are_all_that_is_said_of_values() {
    let (code, out, err) = live(&desk(), &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for part in [
        "ok      parse",
        "ok      reach   local: the store has 1 secrets",
        "ok      proof",
        "ok      login",
        "ok      read    every value is there",
        "ok      files   0400  db/password  would be 21 bytes",
        "ok      files   0644  user  would be 8 bytes",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn a_refusal_says_at_which_stage_and_ends_with_its_code() {
    let desk = desk();
    desk.put("token", &Issuer::new("ci").sign(&serde_json::json!({ "sub": "job" })).token);
    let (code, out, _) = live(&desk, &[]);
    assert!(code == 3 && out.contains("error[live]: read: stage=read object=db/password"), "{code} {out}");
    assert!(live(&desk, &["--service-account", "web"]).0 == 0);
    desk.put("token", &Issuer::new("one").token(&pod("a"), "other", 600).token);
    let (code, out, _) = live(&desk, &[]);
    assert!(code == 1 && out.contains("NOT OK  proof"), "{code} {out}");
    assert!(!out.contains("login   logged in"), "nothing after it: {out}");
    std::fs::remove_file(desk.path("token")).unwrap();
    let (code, _, err) = live(&desk, &[]);
    assert!(code == 66 && err.contains("cannot read the token file"), "{code} {err}");
    desk.put("token", "x");
    std::fs::remove_file(desk.path("store.yaml")).unwrap();
    let (code, out, _) = live(&desk, &[]);
    assert!(code != 0 && out.contains("NOT OK  reach   stage=reach"), "{code} {out}");
}

#[test]
fn a_server_that_is_away_is_named_before_anybody_logs_in() {
    let desk = desk();
    let address = format!("http://127.0.0.1:{}", ports::free());
    desk.put("class.yaml", &std::fs::read_to_string("tests/classes/valid/minimal.yaml").unwrap());
    let (code, out, _) = live(&desk, &["--vault-addr", &address, "--timeout", "3s"]);
    assert!(code == 4 && out.contains("NOT OK  reach   stage=reach backend=vault"), "{code} {out}");
    assert!(out.contains(&address) && !out.contains("login   logged"), "{out}");
}
