use std::sync::Arc;

use super::*;
use crate::backend::explain::{Asker, Explainer};
use crate::backend::vault::Config;
use crate::backend::vault::fake::Heard;

fn vault(flavour: Flavour) -> Vault {
    let config = Config { address: Some("https://vault:8200".into()), ..Config::default() };
    let made = Vault::new(flavour, config, Arc::new(Heard::default()));
    made.unwrap_or_else(|errors| unreachable!("{errors}"))
}

fn class(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn setup(pairs: &[(&str, &str)], askers: &[Asker]) -> Vec<String> {
    let circle = Circle { policy: "web-secrets", policies: &["web-secrets".into(), "more".into()], askers };
    Explainer::setup(&vault(Flavour::OpenBao), &class(pairs), &circle).unwrap_or_default()
}

fn asker(namespace: &str, account: &str) -> Asker {
    Asker { namespace: Some(namespace.into()), service_account: Some(account.into()) }
}

const OBJECTS: &str = "- {objectName: a, secretPath: secret/data/x, secretKey: k}\n\
                       - {objectName: b, secretPath: secret/data/x}\n\
                       - {objectName: c, secretPath: pki/issue/w, method: PUT, secretArgs: {common_name: a b}}\n";

/// Whoever reads another parameter adds it to the list.
#[test]
fn every_parameter_that_is_read_is_in_the_vocabulary() {
    let sources = [
        include_str!("../params.rs"),
        include_str!("../params/login.rs"),
        include_str!("../params/trust.rs"),
        include_str!("../params/objects.rs"),
    ]
    .concat();
    let words = Explain::vocabulary(&vault(Flavour::OpenBao)).parameters;
    let mut seen = 0;
    for call in ["get(\"", "file(\"", "span(\""] {
        for (at, _) in sources.match_indices(call) {
            let name =
                sources.get(at + call.len()..).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let known = words.contains(&name.to_owned()) || words.contains(&format!("vault{name}"));
            assert!(known, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
    assert!(!Explain::vocabulary(&vault(Flavour::Vault)).parameters.contains(&"vaultRoleName".to_owned()));
}

#[test]
fn a_policy_has_every_path_once_and_the_role_everybody() {
    let pairs = [("roleName", "web"), ("objects", OBJECTS), ("vaultNamespace", "team-a")];
    let commands = setup(&pairs, &[asker("shop", "web"), asker("shop", "api")]);
    let expected = [
        "printf '%s\\n' \\\n  'path \"pki/issue/w\" { capabilities = [\"create\", \"update\"] }' \\\n  \
         'path \"secret/data/x\" { capabilities = [\"read\"] }' |\n  bao policy write -namespace=team-a web-secrets -",
        "bao write -namespace=team-a auth/kubernetes/role/web \\\n  bound_service_account_names=api,web \\\n  \
         bound_service_account_namespaces=shop \\\n  audience=openbao \\\n  token_policies=web-secrets,more token_ttl=1h",
    ];
    assert_eq!(commands, expected);
}

#[test]
fn a_jwt_role_is_bound_to_subjects_and_nobody_is_a_blank() {
    let pairs =
        [("roleName", "web"), ("objects", OBJECTS), ("vaultAuthMethod", "jwt"), ("vaultNamespace", "team")];
    let role = setup(&pairs, &[asker("shop", "web")]).pop().unwrap_or_default();
    assert!(role.ends_with("}' |\n  bao write -namespace=team auth/jwt/role/web -"), "{role}");
    assert!(
        role.contains("\"system:serviceaccount:shop:web\"") && role.contains("\"bound_audiences\""),
        "{role}"
    );
    let role = setup(&[("roleName", "web"), ("objects", OBJECTS)], &[]).pop().unwrap_or_default();
    assert!(role.contains("bound_service_account_names=SERVICE_ACCOUNT"), "{role}");
    let both = setup(&[("roleName", "web"), ("objects", OBJECTS)], &[asker("a", "x"), asker("b", "y")]);
    assert!(both.last().is_some_and(|role| role.starts_with("# each of these names")), "{both:?}");
}

#[test]
fn an_explanation_says_what_is_asked_and_what_an_incumbent_does() {
    let parameters = class(&[("roleName", "web"), ("objects", OBJECTS)]);
    let told = Explainer::explain(&vault(Flavour::Vault), &parameters).unwrap_or_default();
    let shown: Vec<_> = told.requests.iter().map(|one| (one.shown.as_str(), one.mints)).collect();
    assert_eq!(shown, [("GET secret/data/x", false), ("PUT pki/issue/w", true)]);
    assert_eq!(told.audience.as_deref(), Some("vault"));
    let parts: Vec<_> = told.files.iter().map(|file| (file.request, file.part.as_str())).collect();
    assert_eq!(parts, [(0, "key k"), (0, "the whole answer as JSON"), (1, "the whole answer as JSON")]);
    let said = told.differences.join("\n");
    for part in ["makes c anew at every refresh", "writes b, c anew", "audience vault through the API server"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_is_seldom_meant_is_said() {
    let cases = [
        ("- {objectName: a, secretPath: secret/x}", "kv-v2-path"),
        ("- {objectName: a, secretPath: kv/data/x}\n- {objectName: b, secretPath: kv/y}", "kv-v2-path"),
        ("- {objectName: a, secretPath: v1/pki/issue/web}", "issue-needs-put"),
        ("- {objectName: a, secretPath: x/y, secretArgs: {a: b}}", "args-with-get"),
        ("- {objectName: a, secretPath: x/y, encoding: hex}", "encoding-without-key"),
        ("- {objectName: a, secretPath: secret/data/x/*}", "wildcard-path"),
        ("- {objectName: a, secretPath: ssh/sign/web, method: PUT}", "undated-without-interval"),
    ];
    for (objects, rule) in cases {
        let found = Explain::advise(&vault(Flavour::Vault), &class(&[("objects", objects)]));
        assert_eq!(found.iter().map(|advice| advice.rule.id).collect::<Vec<_>>(), [rule], "{objects}");
    }
    let odd = class(&[
        ("vaultAddress", "https://v:8200/v1/"),
        ("vaultRoleID", "x"),
        ("vaultNamespace", "team"),
        ("objects", "- {objectName: a, secretPath: team/kv/x}"),
    ]);
    let found: Vec<_> =
        Explain::advise(&vault(Flavour::Vault), &odd).iter().map(|advice| advice.rule.id).collect();
    assert_eq!(found, ["address-with-path", "role-id-unused", "namespace-twice"]);
}

#[test]
fn what_is_usual_is_not_said() {
    for path in [
        "secret/data/x",
        "secret/metadata/x",
        "kv/x",
        "database/creds/ro",
        "pki/cert/ca",
        "secret/data/issue/x",
    ] {
        let objects = format!("- {{objectName: a, secretPath: {path}, secretKey: k}}");
        assert_eq!(Explain::advise(&vault(Flavour::Vault), &class(&[("objects", &objects)])), [], "{path}");
    }
}
