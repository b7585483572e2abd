//! What a fetch ends with, and what it says then.

use std::time::Duration;

use serde_json::json;

use super::{class, desk};
use crate::support::fetch::{Desk, run};
use crate::support::issuer::{Issuer, claims};
use crate::support::{eventually, ports};
use crate::world::{OBJECTS, PASSWORD, pod};

/// The fetch must end so, and leave no folder behind.
fn ends(desk: &Desk, more: &[&str], code: i32, text: &str) {
    let ended = desk.run(more);
    assert_eq!((ended.0, ended.1.as_str()), (code, ""), "{text}: {}", ended.2);
    let last = ended.2.lines().rfind(|line| line.starts_with("keymount: ")).unwrap_or_default();
    assert!(ended.2.contains(text) && !last.is_empty(), "{text}: {}", ended.2);
    assert!(!desk.out().join("..data").exists(), "{text}: files were written");
}

#[test]
fn a_class_that_cannot_be_used_ends_with_2() {
    let desk = desk();
    ends(&desk, &["--class", "/none/class.yaml"], 2, "cannot read the class file /none/class.yaml");
    let local = class("a", OBJECTS);
    for (yaml, text) in [
        ("", "there is no `kind`"),
        ("kind: Pod\nmetadata: {name: a}\n", "holds a Pod, not a SecretProviderClass"),
        (": [", "not the YAML"),
        (&local.replace("provider: local", "provider: none"), "provider is none; this build has"),
        (&local.replace("secretPath: shop/db,", ""), "secretPath is missing"),
        (&local.replace("objectName: user", "objectName: ../user"), "must not begin with `..`"),
    ] {
        desk.put("class.yaml", yaml);
        ends(&desk, &[], 2, text);
    }
    desk.put("class.yaml", &local);
    ends(&desk, &["--class-name", "b"], 2, "holds no SecretProviderClass called b, but a");
}

#[test]
fn a_token_that_cannot_be_used_ends_with_2_and_is_not_shown() {
    let (desk, issuer) = (desk(), Issuer::new("one"));
    ends(&desk, &["--token", "/none/token"], 2, "cannot read the token file /none/token");
    let mut early = claims(&pod("a"), "local", 600);
    early["nbf"] = (early["exp"].as_i64().unwrap() - 300).into();
    let of = |audience, seconds| issuer.token(&pod("a"), audience, seconds).token;
    for (token, text) in [
        (" \n".to_owned(), "is empty"),
        ("garbage".to_owned(), "not a JWT"),
        ("a.b.c".to_owned(), "no claims"),
        (of("vault", 600), "for another audience"),
        (of("local", -60), "expired"),
        (issuer.sign(&early).token, "not valid yet"),
    ] {
        desk.put("token", &token);
        ends(&desk, &[], 2, text);
    }
    desk.put("token", &of("local", 600));
    ends(&desk, &["--audience", "vault"], 2, "--audience");
    ends(&desk, &["--jwks-issuer", "https://other"], 2, "of another issuer");
}

#[test]
fn what_the_backend_refuses_ends_with_3_and_what_it_has_not_with_1() {
    let desk = desk();
    let other = Issuer::new("one").sign(&json!({ "sub": "job" })).token;
    let mine = std::fs::read_to_string(desk.path("token")).unwrap();
    desk.put("token", &other);
    ends(&desk, &[], 3, "may not read");
    desk.put("token", &mine);
    desk.put("class.yaml", &class("a", "- {objectName: x, secretPath: shop/none}"));
    ends(&desk, &[], 1, "object=x");
}

#[test]
fn a_backend_that_is_away_ends_with_4_within_the_timeout() {
    let address = format!("http://127.0.0.1:{}", ports::free());
    let token = Issuer::new("one").token(&pod("a"), "vault", 600).token;
    let objects = "- {objectName: x, secretPath: secret/data/x, secretKey: y}";
    let yaml = class("a", objects).replace("provider: local", "provider: vault");
    let yaml = yaml.replace("  parameters:\n", "  parameters:\n    roleName: web\n");
    let desk = Desk::new(&yaml, &token, &["--vault-addr", &address]);
    let watch = std::time::Instant::now();
    ends(&desk, &["--timeout", "2s"], 4, "keymount: stage=login backend=vault");
    assert!(watch.elapsed() < Duration::from_secs(5), "{:?}", watch.elapsed());
    let ended = desk.run(&["--watch", "--timeout", "4s"]);
    assert!(ended.0 == 4 && ended.2.contains("no files yet; trying again"), "{ended:?}");
}

#[test]
fn usage_mistakes_end_with_64_and_a_token_among_them_is_not_shown() {
    let desk = desk();
    let token = std::fs::read_to_string(desk.path("token")).unwrap();
    ends(&desk, &["--token", &token], 64, "takes a file, not the token itself");
    ends(&desk, &["--mode", "4755", "--timeout", "soon"], 64, "not an octal mode such as 0640");
    let keymount = || std::process::Command::new(env!("CARGO_BIN_EXE_keymount"));
    let (code, _, err) = run(keymount().arg("fetch"));
    assert_eq!(code, 64, "{err}");
    for part in ["--class: name", "--token: name", "--out: name", "keymount fetch --help"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let desk = Desk::new(&class("a", OBJECTS), &token, &[]);
    ends(&desk, &[], 64, "--local-store");
    assert_eq!(run(keymount().args(["fetch", "--sessions", "off"])).0, 64);
}

#[test]
fn a_folder_of_somebody_elses_files_is_left_alone_and_ends_with_1() {
    let desk = desk();
    std::fs::create_dir(desk.out()).unwrap();
    std::fs::write(desk.out().join("user"), "theirs").unwrap();
    ends(&desk, &[], 1, "user is already there and was not made by keymount");
    assert_eq!(desk.text("user").as_deref(), Some("theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_waits_for_its_token_keeps_its_files_and_ends_with_0() {
    let desk = desk();
    let (token, store) = (desk.path("token"), desk.path("store.yaml"));
    let mine = std::fs::read_to_string(&token).unwrap();
    std::fs::remove_file(&token).unwrap();
    let mut sidecar = desk.watch("20ms", &[]);
    let soon = Duration::from_secs(10);
    assert!(eventually(soon, || async { sidecar.log().contains("no files yet") }).await, "{}", sidecar.log());
    desk.put("token", &mine);
    assert!(eventually(soon, || async { sidecar.log().contains("the files are there") }).await);
    let old = std::fs::read_to_string(&store).unwrap();
    std::fs::remove_file(&store).unwrap();
    assert!(eventually(soon, || async { sidecar.log().contains("cannot refresh; the files stay") }).await);
    assert_eq!(desk.text("db/password").as_deref(), Some(PASSWORD));
    desk.put("store.yaml", &old);
    assert!(eventually(soon, || async { sidecar.log().contains("refreshed again") }).await);
    desk.put("store.yaml", &super::store("another-password"));
    assert!(eventually(soon, || async { sidecar.log().contains("changed=\"db/password\"") }).await);
    assert_eq!(desk.text("db/password").as_deref(), Some("another-password"));
    let failures = sidecar.log().matches("cannot refresh").count();
    assert!(failures < 8, "it backs off: {failures}");
    assert_eq!(sidecar.child().end(soon), 0, "{}", sidecar.log());
    assert_eq!(desk.text("user").as_deref(), Some("app-user"));
}

/// A changed class is taken with its first whole answer; a broken one is named, once, and the old one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_takes_a_changed_class_and_goes_on_with_the_old_one_where_it_is_broken() {
    let desk = desk();
    let mut sidecar = desk.watch("20ms", &[]);
    let soon = Duration::from_secs(10);
    let logged = async |text: &str| {
        assert!(
            eventually(soon, || async { sidecar.log().contains(text) }).await,
            "{text}: {}",
            sidecar.log()
        );
    };
    logged("the files are there").await;
    let broken = [
        ("not YAML: [", "not the YAML of a SecretProviderClass"),
        (
            &class("web-secrets", "- {objectName: ../x, secretPath: shop/db, secretKey: username}"),
            "must not begin",
        ),
        (&class("web-secrets", "- {objectName: x, secretPath: shop/none, secretKey: a}"), "object=x"),
        (
            &class("web-secrets", OBJECTS).replace("provider: local", "provider: vault"),
            "provider was local and is now vault",
        ),
    ];
    for (at, (yaml, text)) in broken.into_iter().enumerate() {
        desk.put("class.yaml", yaml);
        logged(text).await;
        // The old class's files are kept fresh meanwhile.
        let password = format!("password-of-turn-{at}");
        desk.put("store.yaml", &super::store(&password));
        let fresh = || async { desk.text("db/password").as_deref() == Some(&*password) };
        assert!(eventually(soon, fresh).await, "{}", sidecar.log());
        assert_eq!(sidecar.log().matches(text).count(), 1, "{}", sidecar.log());
    }
    assert_eq!(sidecar.log().matches("the old one stays in force").count(), 4, "{}", sidecar.log());
    let one = class("web-secrets", "- {objectName: only, secretPath: shop/db, secretKey: username}");
    desk.put("class.yaml", &one);
    logged("is used from now on").await;
    let whole = || async { desk.text("only").as_deref() == Some("app-user") && desk.text("user").is_none() };
    assert!(eventually(soon, whole).await, "{}", sidecar.log());
    assert_eq!(sidecar.child().end(soon), 0, "{}", sidecar.log());
}

#[test]
fn parameters_that_are_set_win_over_the_classs() {
    let desk = desk();
    ends(&desk, &["--set", "objects"], 64, "--set: takes KEY=VALUE");
    ends(&desk, &["--set", "=s3cret"], 64, "--set: takes KEY=VALUE");
    let ended = desk.run(&["--set", "=s3cret"]);
    assert!(!ended.2.contains("s3cret"), "{ended:?}");
    ends(&desk, &["--set", "audience=other"], 2, "other");
    let objects = "objects=- {objectName: a=b, secretPath: shop/db, secretKey: username}";
    assert_eq!(
        desk.run(&["--set", "objects=[]", "--set", objects, "--quiet"]),
        (0, String::new(), String::new())
    );
    assert_eq!(desk.text("a=b").as_deref(), Some("app-user"), "the last one wins, commas and all");
    assert_eq!(desk.text("user"), None);
}
