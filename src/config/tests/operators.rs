//! `profiles:` and `guard:` of the file, and the guard's flags.

use super::*;
use crate::backend::{Parameters, Profile};
use crate::guard::{Mode, Rule};
use crate::identity::Pod;

fn with(yaml: &str, args: &[&str]) -> Result<Config, String> {
    let file = file(yaml);
    let path = file.path().display().to_string();
    read(&[&["--provider", "vault", "--config", &path], args].concat(), &[])
}

fn good(yaml: &str, args: &[&str]) -> Config {
    with(yaml, args).unwrap_or_else(|text| unreachable!("{text}"))
}

fn mistakes_in(yaml: &str, args: &[&str]) -> String {
    with(yaml, args).err().unwrap_or_default()
}

const WHOLE: &str = "
vault-addr: https://own:8200
profiles:
  prod-vault:
    provider: vault
    default: true
    parameters:
      vaultAddresses: [\"https://a:8200\", \"https://b:8200\"]
      vaultAuthMountPath: k8s-prod
      roleName: \"{namespace}-{serviceAccount}\"
      vaultSkipTLSVerify: true
      refreshInterval: 5m
    override: [roleName, vaultKubernetesMountPath]
    maxInflight: 40
    rate: 2.5
    namespaces: { allow: [\"prod-*\", shop], deny: prod-sandbox }
  agent:
    provider: openbao
    parameters: { baoAddress: \"unix:///run/agent.sock\", audience: bao }
  store:
    provider: local
    parameters: { audience: store }
guard:
  mode: warn
  modes: { addresses: enforce }
  refuseDefaultServiceAccount: true
  maxTokenLife: 1h
  requirePodBinding: true
  requireProfile: vault
  namespaces: { deny: [\"kube-*\"] }
  addresses: { vault: { allow: [\"https://c:8200/\"] } }
";

#[test]
fn the_whole_of_both_is_read() {
    let config = good(WHOLE, &["--vault-allowed-address", "https://d", "--guard-deny-namespace=x,y-*"]);
    let profiles: Vec<_> = config.profiles.iter().collect();
    let [agent, prod, store] = profiles.as_slice() else { unreachable!("three: {profiles:?}") };
    let Profile { is_default, max_in_flight, rate, ref overrides, ref parameters, .. } = **prod;
    assert_eq!((is_default, max_in_flight, rate), (true, Some(40), Some(2.5)));
    assert_eq!(overrides.iter().copied().collect::<Vec<_>>(), ["mount", "role"]);
    assert_eq!(parameters.get("vaultAddresses").map(String::as_str), Some("https://a:8200,https://b:8200"));
    assert_eq!(parameters.get("vaultSkipTLSVerify").map(String::as_str), Some("true"));
    assert_eq!((agent.provider, store.provider), ("openbao", "local"));
    let guard = &config.guard;
    assert_eq!((guard.mode, guard.mode_of(Rule::Addresses)), (Mode::Warn, Mode::Enforce));
    assert_eq!(guard.in_force(), Rule::ALL);
    assert_eq!(guard.max_token_life, Some(Duration::from_secs(3600)));
    assert_eq!(guard.namespaces.deny.len(), 3);
    let addresses = guard.addresses.get("vault").cloned().unwrap_or_default();
    assert_eq!(addresses.pinned.iter().collect::<Vec<_>>(), ["https://d"]);
    assert_eq!(addresses.allowed.unwrap_or_default().iter().collect::<Vec<_>>(), ["https://c:8200"]);
}

#[test]
fn flags_win_over_the_file_and_old_files_say_nothing_of_either() {
    let config = good(WHOLE, &["--guard-mode=enforce", "--guard-refuse-default-service-account=false"]);
    assert_eq!((config.guard.mode, config.guard.refuse_default_service_account), (Mode::Enforce, false));
    let flat = good("guard-mode: warn\nguard-max-token-life: 10m\n", &[]).guard;
    assert_eq!((flat.mode, flat.max_token_life), (Mode::Warn, Some(Duration::from_secs(600))));
    let old = good("vault-addr: https://own:8200\nmax-mounts: 3\n", &[]);
    assert_eq!((old.guard, old.profiles.iter().count()), (crate::guard::Policy::default(), 0));
}

#[test]
fn every_mistake_in_a_profile_is_reported_with_its_path() {
    let text = mistakes_in(
        "
profiles:
  Bad/name: { provider: vault }
  none: {}
  text: 7
  what: { provider: gcp }
  one:
    provider: vault
    default: maybe
    parameters:
      vaultAdress: https://x
      objects: x
      profile: y
      vaultAddress: \"https://{namespace}.x\"
      roleName: \"{name}\"
      vaultNamespace: \"\"
      audience: { a: b }
    override: [vaultMount, vaultCACert]
    maxInflight: 0
    rate: fast
    namespaces: { allow: [], deny: [\"a*b\"], other: x }
    colour: red
  two:
    provider: vault
    parameters: { vaultTLSClientKeyPath: /k, vaultNamespace: a, vaultAuthMountPath: a, vaultKubernetesMountPath: a }
    rate: 5
  three: { provider: vault, default: true, parameters: { vaultAddress: \"vault:8200\", vaultAuthMethod: github } }
  four: { provider: vault, default: true, parameters: { vaultAuthMountPath: \"../x\", refreshInterval: often } }
  five:
    provider: vault
    parameters: { vaultAddress: \"https://x\", vaultSkipTLSVerify: true }
    override: [vaultAddresses]
",
        &[],
    );
    for part in [
        "--config: profiles.Bad/name: a profile's name has 1 to 63",
        "--config: profiles.none.provider: missing; this build has aws, vault, openbao",
        "--config: profiles.text: not a map",
        "--config: profiles.what.provider: \"gcp\": unknown; this build has",
        "--config: profiles.one.default: \"maybe\": neither true nor false",
        "--config: profiles.one.parameters.vaultAdress: no parameter of provider vault",
        "--config: profiles.one.parameters.objects: stays in the class",
        "--config: profiles.one.parameters.profile: stays in the class",
        "--config: profiles.one.parameters.vaultAddress: no template may stand here",
        "--config: profiles.one.parameters.roleName: {name} is not known; there are {namespace}, {serviceAccount} and {pod}",
        "--config: profiles.one.parameters.vaultNamespace: is empty: leave it out",
        "--config: profiles.one.parameters.audience: not a text, nor a list of texts",
        "--config: profiles.one.override: \"vaultMount\": no parameter of provider vault",
        "--config: profiles.one.override: \"vaultCACert\": the profile does not set it, so that every class may",
        "--config: profiles.one.maxInflight: \"0\": not a whole number above 0",
        "--config: profiles.one.rate: \"fast\": not a number above 0",
        "--config: profiles.one.namespaces.allow: is empty",
        "--config: profiles.one.namespaces.deny: \"a*b\": neither a namespace nor",
        "--config: profiles.one.namespaces.other: is no setting; there are allow, deny",
        "--config: profiles.one.colour: is no setting; there are provider, parameters, override,",
        "--config: profiles.two.rate: the profile names no server to limit",
        "--config: profiles.two.parameters.vaultTLSClientKeyPath: lends the operator's own trust",
        "--config: profiles.two.parameters.vaultKubernetesMountPath: decides the same as vaultAuthMountPath",
        "--config: profiles.three: parameter=vaultAddress: the address must begin with https:// or http://",
        "--config: profiles.three: parameter=vaultAuthMethod: no auth method that is known here",
        "--config: profiles.four: parameter=vaultAuthMountPath: not an auth mount",
        "--config: profiles.four: parameter=refreshInterval: ",
        "--config: profiles.three.default: another profile is the default of its provider already",
        "--config: profiles.five.parameters.vaultSkipTLSVerify: lends the operator's own trust",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(mistakes_in("profiles: [a]\n", &[]).contains("--config: profiles: not a map"));
    let twice = mistakes_in("profiles:\n  a: { provider: vault }\n  a: { provider: vault }\n", &[]);
    assert!(twice.contains("duplicate"), "{twice}");
}

#[test]
fn every_mistake_in_the_guard_is_reported_with_its_path() {
    let text = mistakes_in(
        "
guard-mode: warn
guard:
  mode: soft
  maxTokenLife: 0s
  refuseDefaultServiceAccount: perhaps
  requirePodBinding: { a: b }
  requireProfile: [valt]
  modes: { addresses: loud, none: warn }
  namespaces: { allow: [\"Shop\"] }
  addresses: { vault: { allow: [\"ftp://x\"], deny: [\"https://x\"] }, local: { allow: [] } }
  colour: red
",
        &["--guard-allow-namespace", "a/b", "--openbao-allowed-address", "http://169.254.169.254"],
    );
    for part in [
        "--config: guard-mode and guard.mode are the same: keep one of them",
        "--guard-mode (guard.mode of the --config file): \"soft\": not enforce or warn",
        "--guard-max-token-life (guard.maxTokenLife of the --config file): \"0s\": not more than 0",
        "(guard.refuseDefaultServiceAccount of the --config file): \"perhaps\": neither true nor false",
        "--config: guard.requirePodBinding: not a text, number, switch",
        "--guard-require-profile valt: unknown provider",
        "--config: guard.modes.addresses: \"loud\": not enforce or warn",
        "--config: guard.modes.none: is no setting; there are refuseDefaultServiceAccount, maxTokenLife,",
        "--config: guard.namespaces.allow: \"Shop\": neither a namespace",
        "--config: guard.addresses.vault.allow: \"ftp://x\": the address must begin",
        "--config: guard.addresses.vault.deny: a server has more names than a list could hold",
        "--config: guard.addresses.local: is no setting; there are vault, openbao",
        "--config: guard.colour: is no setting; there are mode, refuseDefaultServiceAccount,",
        "--guard-allow-namespace: \"a/b\": neither a namespace",
        "--openbao-allowed-address: the address is link-local",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn one_server_has_one_set_of_limits() {
    let file = |first: &str, second: &str| {
        format!(
            "vault-addr: https://own:8200\nprofiles:\n\
             \x20 a: {{ provider: vault, parameters: {{ vaultAddress: \"{first}\" }}, rate: 5 }}\n\
             \x20 b: {{ provider: vault, parameters: {{ vaultAddress: \"{second}\" }}, rate: 6 }}\n"
        )
    };
    assert_eq!(mistakes_in(&file("https://x", "https://y"), &[]), "");
    let text = mistakes_in(&file("https://x", "https://x/"), &[]);
    let expected = "--config: profiles.b: its maxInflight and rate are for the server of profile a, which has other limits; \
                    hint: give the limits in one place, or the same in both";
    assert!(text.contains(expected), "{text}");
    let text = mistakes_in(&file("https://own:8200", "https://y"), &[]);
    assert!(
        text.contains("profiles.a: its maxInflight and rate are for the server of --vault-addr, whose limits are --vault-max-inflight"),
        "{text}"
    );
}

/// The merge is all that `check` and `fetch` need of it: no server, no socket.
#[test]
fn fetch_has_the_profiles_and_of_the_guard_only_where_tokens_go() {
    let file = file(WHOLE);
    let path = file.path().display().to_string();
    let args = [&FILES[..], &["--config", &path]].concat();
    let rooms = fetch(&args, &[]).unwrap_or_else(|text| unreachable!("{text}")).rooms;
    let names: Vec<_> = rooms.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["agent", "prod-vault", "store"]);
    assert_eq!(rooms.guard.in_force(), [Rule::Addresses]);
    let [namespace, name, uid, service_account] = ["shop", "p", "u", "web"].map(str::to_owned);
    let pod = Pod { namespace, name, uid, service_account };
    let class: Parameters = [("profile".to_owned(), "prod-vault".to_owned())].into_iter().collect();
    let Ok(merged) = rooms.profiles.merge("vault", &pod, &class) else { unreachable!("a good class") };
    assert_eq!(merged.get("roleName"), Some("shop-web"));
}

#[test]
fn the_documents_example_is_one_and_names_every_rule() {
    let config = good(include_str!("../../../docs/keymount.yaml"), &[]);
    assert_eq!(config.profiles.iter().count(), 2);
    assert_eq!(config.guard.in_force(), Rule::ALL);
    let (guard, profiles) =
        (include_str!("../../../docs/guard.md"), include_str!("../../../docs/profiles.md"));
    for rule in Rule::ALL {
        assert!(guard.contains(rule.as_str()), "{}", rule.as_str());
    }
    for flag in flags::all().filter(|flag| flag.name.starts_with("guard-")) {
        assert!(guard.contains(&format!("--{}`", flag.name)), "{}", flag.name);
    }
    for key in ["provider", "parameters", "override", "default", "maxInflight", "rate", "namespaces"] {
        assert!(profiles.contains(&format!("`{key}`")), "{key}");
    }
}
