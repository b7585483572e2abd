//! Forms, exit codes, and where manifests come from.

use serde_json::Value;

use super::{check, check_text, findings};

const BROKEN: &str = "tests/classes/broken/role-misspelt.yaml";
const VALID: &str = "tests/classes/valid/everything.yaml";
const WARNED: &str = "tests/classes/broken/kv-v2-without-data.yaml";

#[test]
fn exit_codes_say_what_was_found() {
    assert_eq!(check(&[VALID]).0, 0);
    assert_eq!(check(&[BROKEN]).0, 1);
    assert_eq!((check(&[WARNED]).0, check(&["--strict", WARNED]).0), (0, 2));
    for (args, code, text) in [
        (&["/nowhere.yaml"][..], 66, "cannot read /nowhere.yaml"),
        (&["Cargo.toml"], 1, ""),
        (&["tests/classes/none"], 66, "cannot read tests/classes/none"),
        (&["charts-that-are-not-there"], 66, "cannot read"),
        (&[VALID, "--class-name", "none"], 66, "no SecretProviderClass called none"),
        (&[VALID, "--vault-addr", "vault:8200"], 64, "--vault-addr"),
        (&[], 64, "name files or folders of manifests"),
        (&[VALID, "--mint"], 64, "--mint: means nothing without --live"),
        (&[VALID, "--live"], 64, "--token: name the file"),
        (&[VALID, "--output", "xml"], 64, "not text, json or github"),
    ] {
        let ended = check(args);
        assert!(ended.0 == code && ended.2.contains(text), "{args:?}: {ended:?}");
    }
    let (code, _, err) = check_text("kind: Service\n", &[]);
    assert!(code == 66 && err.contains("there is no SecretProviderClass"), "{err}");
}

#[test]
fn a_folder_and_standard_input_are_read_like_files() {
    let (code, out, _) = check(&["--output", "json", "tests/classes"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert!(code == 1 && answer["classes"].as_array().unwrap().len() > 60);
    let text = std::fs::read_to_string(WARNED).unwrap();
    let (code, out, _) = check_text(&text, &["--output", "json", "--strict"]);
    assert_eq!((code, findings(&out)), (2, vec![(14, "kv-v2-path".to_owned())]));
    assert!(out.contains("\"file\": \"stdin\""), "{out}");
}

#[test]
fn annotations_are_one_line_each_and_nothing_else() {
    let (_, out, _) = check(&["--output", "github", BROKEN]);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    let head = format!(
        "::error file={BROKEN},line=11,col=3,title=parameter-invalid::SecretProviderClass shop/web-secrets: "
    );
    assert!(lines[0].starts_with(&head), "{out}");
    assert!(
        lines[1].starts_with(&format!("::warning file={BROKEN},line=12,col=5,title=parameter-unknown::")),
        "{out}"
    );
    assert!(lines[1].ends_with("; hint: did you mean roleName?"), "{out}");
}

#[test]
fn a_class_is_told_with_who_asks_what_it_needs_and_what_sets_it_up() {
    let (code, out, err) = check(&[VALID]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for part in [
        "SecretProviderClass shop/web-secrets (tests/classes/valid/everything.yaml:3), provider vault",
        "who       service account web, namespace shop",
        "address   https://vault.vault:8200",
        "namespace team-a",
        "login     POST auth/kubernetes/prod/login (kubernetes)",
        "role      web",
        "audience  vault",
        "GET secret/data/shop/db: read again every 1m",
        "0644  password: key password of GET secret/data/shop/db",
        "path \"secret/data/shop/db\" { capabilities = [\"read\"] }",
        "vault policy write -namespace=team-a shop-web-secrets -",
        "vault write -namespace=team-a auth/kubernetes/prod/role/web \\",
        "bound_service_account_names=web \\",
        "bound_service_account_namespaces=shop \\",
        "audience=vault \\",
        "token_policies=shop-web-secrets token_ttl=1h",
        "vault-csi-provider serves a mount without",
        "0 errors, 0 warnings, 0 notes in 1 class",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (_, out, _) = check(&["--quiet", VALID]);
    assert_eq!(out, "0 errors, 0 warnings, 0 notes in 1 class\n");
    let (_, out, _) = check(&["tests/classes/valid/minimal.yaml"]);
    assert!(out.contains("address   set by the operator") && out.contains("SERVICE_ACCOUNT"), "{out}");
    let named =
        ["--service-account", "job", "--vault-addr", "https://v:8200", "tests/classes/valid/minimal.yaml"];
    let (_, out, _) = check(&named);
    assert!(
        out.contains("address   https://v:8200") && out.contains("bound_service_account_names=job"),
        "{out}"
    );
}

/// Two classes of one role: whoever runs both commands must not take from the first what the second gives.
#[test]
fn classes_of_one_role_share_its_policies_and_accounts() {
    let one = std::fs::read_to_string("tests/classes/valid/minimal.yaml").unwrap();
    let other = one.replace("name: web-secrets", "name: more").replace("shop/db", "shop/more");
    let (code, out, _) =
        check_text(&format!("{one}---\n{other}"), &["--output", "json", "--service-account", "web"]);
    assert_eq!(code, 0, "{out}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    for class in answer["classes"].as_array().unwrap() {
        let role = class["setup"][1].as_str().unwrap();
        assert!(role.contains("token_policies=shop-more,shop-web-secrets"), "{role}");
    }
}

#[test]
fn the_operators_settings_decide_what_a_class_may_say() {
    for (file, flag) in
        [("address-plain", "--vault-allow-http"), ("interval-too-short", "--min-refresh-interval=5s")]
    {
        let path = format!("tests/classes/broken/{file}.yaml");
        assert_ne!(check(&["--strict", &path]).0, 0, "{file}");
        assert_eq!(check(&["--strict", flag, &path]).0, 0, "{file}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    std::fs::write(&config, "provider: vault\nvault-allow-http: true\nadmin-address: 127.0.0.1:1\n").unwrap();
    let path = "tests/classes/broken/address-plain.yaml";
    assert_eq!(check(&["--config", config.to_str().unwrap(), path]).0, 0);
}

#[test]
fn rules_are_listed_and_hostile_names_move_no_cursor() {
    let (code, out, _) = check(&["--rules"]);
    assert!(code == 0 && out.lines().count() > 50 && out.contains("kv-v2-path"), "{out}");
    let text = std::fs::read_to_string(WARNED).unwrap().replace("web-secrets", "\"a\\e[2J\\n::error::b\"");
    for form in ["text", "github", "json"] {
        let (_, out, _) = check_text(&text, &["--output", form]);
        assert!(!out.contains('\u{1b}') && !out.contains("\n::error::b"), "{form}: {out}");
    }
}
