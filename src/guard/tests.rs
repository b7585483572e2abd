#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! Each rule, its words, and who hears of it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::error::Kind;
use crate::identity::{Pod, Shown};
use crate::time::HandHeld;

const HOUR: Duration = Duration::from_secs(3600);
const GOOD: Shown = Shown::Token { life: Some(HOUR), bound: true };

fn pod(namespace: &str, service_account: &str) -> Pod {
    let [namespace, name, uid, service_account] =
        [namespace, "web-1", "u", service_account].map(str::to_owned);
    Pod { namespace, name, uid, service_account }
}

fn asking(pod: &Pod) -> Asking<'_> {
    Asking { provider: "vault", pod, class: Some("web"), profile: None, servers: &[], shown: Some(GOOD) }
}

fn text(policy: &Policy, asking: &Asking<'_>) -> String {
    let broken = policy.broken(asking);
    broken.iter().map(|one| one.error.to_string()).collect::<Vec<_>>().join(" | ")
}

fn list(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn without_rules_everything_passes() {
    let (pod, policy) = (pod("shop", "default"), Policy::default());
    let shown = Some(Shown::Token { life: None, bound: false });
    let servers = ["https://x".to_owned()];
    assert!(policy.broken(&Asking { shown, servers: &servers, ..asking(&pod) }).is_empty());
    assert!(policy.in_force().is_empty());
}

#[test]
fn the_default_service_account() {
    let policy = Policy { refuse_default_service_account: true, ..Policy::default() };
    assert_eq!(text(&policy, &asking(&pod("shop", "web"))), "");
    assert_eq!(text(&policy, &asking(&pod("shop", "default-web"))), "");
    assert_eq!(
        text(&policy, &asking(&pod("shop", "default"))),
        "stage=guard rule=refuseDefaultServiceAccount backend=vault pod=shop/web-1 service_account=default: the pod runs by \
         the service account that every pod of its namespace has unless it names another; hint: author: make a service \
         account for this workload, name it in the pod (spec.serviceAccountName), and bind the backend's role to it; \
         operator: guard.refuseDefaultServiceAccount"
    );
}

#[test]
fn the_life_of_a_token() {
    let (policy, pod) = (Policy { max_token_life: Some(HOUR), ..Policy::default() }, pod("shop", "web"));
    let read = |shown| text(&policy, &Asking { shown, ..asking(&pod) });
    let life = |seconds| Some(Shown::Token { life: Some(Duration::from_secs(seconds)), bound: true });
    for fine in [life(600), life(3600), Some(Shown::Other), None] {
        assert_eq!(read(fine), "", "{fine:?}");
    }
    let unknown = Some(Shown::Token { life: None, bound: true });
    assert!(read(unknown).contains("life=unknown"), "what a token does not say counts against it");
    assert_eq!(
        read(life(90_000)),
        "stage=guard rule=maxTokenLife backend=vault pod=shop/web-1 life=1day1h: the pod's token lives longer than the 1h \
         that the operator allows; hint: operator: set expirationSeconds of the audience in the CSIDriver's tokenRequests to \
         what is allowed, or raise guard.maxTokenLife"
    );
}

#[test]
fn a_login_that_shows_no_token_of_the_pod() {
    let (policy, pod) = (Policy { require_pod_binding: true, ..Policy::default() }, pod("shop", "web"));
    let read = |shown| text(&policy, &Asking { shown: Some(shown), ..asking(&pod) });
    assert_eq!(read(GOOD), "");
    assert!(read(Shown::Token { life: Some(HOUR), bound: false }).contains("the token is bound to no pod"));
    assert_eq!(
        read(Shown::Other),
        "stage=guard rule=requirePodBinding backend=vault pod=shop/web-1: the login shows no token of the pod; hint: author: \
         log in by the pod's own token; operator: guard.requirePodBinding"
    );
}

#[test]
fn a_class_without_a_profile() {
    let (policy, pod) =
        (Policy { require_profile: list(&["vault"]), ..Policy::default() }, pod("shop", "web"));
    assert_eq!(text(&policy, &Asking { profile: Some("prod"), ..asking(&pod) }), "");
    assert_eq!(text(&policy, &Asking { provider: "local", ..asking(&pod) }), "");
    assert_eq!(
        text(&policy, &asking(&pod)),
        "stage=guard rule=requireProfile backend=vault pod=shop/web-1: the class has no profile, and the operator lets none go \
         without; hint: author: name one of the operator's profiles in the class (profile: NAME), and leave out what it sets; \
         operator: guard.requireProfile"
    );
}

#[test]
fn namespaces_at_all_and_of_a_profile() {
    let allow = |text| Names { allow: vec![Pattern::parse(text).unwrap()], deny: Vec::new() };
    let deny = |text| Names { allow: Vec::new(), deny: vec![Pattern::parse(text).unwrap()] };
    let policy = Policy {
        namespaces: deny("kube-*"),
        profiles: [("prod".to_owned(), allow("shop"))].into(),
        ..Policy::default()
    };
    let (shop, system) = (pod("shop", "web"), pod("kube-system", "web"));
    assert_eq!(text(&policy, &Asking { profile: Some("prod"), ..asking(&shop) }), "");
    assert_eq!(
        text(&policy, &Asking { profile: Some("prod"), ..asking(&system) }),
        "stage=guard rule=namespaces backend=vault pod=kube-system/web-1 namespace=kube-system: the namespace is among those \
         whose pods may not mount; hint: operator: guard.namespaces | stage=guard rule=profileNamespaces backend=vault \
         pod=kube-system/web-1 profile=prod namespace=kube-system: the namespace is not among those whose pods may use this \
         profile; hint: author: name a profile that is for this namespace; operator: profiles.prod.namespaces"
    );
    let other = pod("bank", "web");
    assert_eq!(
        text(&policy, &Asking { profile: Some("dev"), ..asking(&other) }),
        "",
        "another profile's list"
    );
}

#[test]
fn servers_that_a_class_names() {
    let addresses = |pinned: &[&str], allowed: Option<&[&str]>| Policy {
        mode: Mode::Warn,
        addresses: [("vault".to_owned(), Addresses { pinned: list(pinned), allowed: allowed.map(list) })]
            .into(),
        ..Policy::default()
    };
    let (pod, servers) = (pod("shop", "web"), ["https://a".to_owned(), "https://b".to_owned()]);
    let read = |policy: &Policy, many: usize| {
        let broken = policy.broken(&Asking { servers: servers.get(..many).unwrap(), ..asking(&pod) });
        broken.iter().map(|one| (one.mode, one.error.to_string())).next()
    };
    assert_eq!(read(&addresses(&[], None), 2), None, "no list");
    assert_eq!(read(&addresses(&["https://a"], Some(&["https://b"])), 2), None, "either list");
    assert_eq!(read(&addresses(&[], Some(&[])), 0), None, "the operator's own");
    let (mode, said) = read(&addresses(&[], Some(&["https://a"])), 2).unwrap();
    assert_eq!(mode, Mode::Warn);
    assert_eq!(
        said,
        "stage=guard rule=addresses backend=vault pod=shop/web-1: https://b is not among the addresses that the operator \
         allows; hint: author: use an allowed address, or a profile; operator: add it to guard.addresses.vault.allow, or \
         start keymount with --vault-allowed-address https://b"
    );
    let (mode, said) = read(&addresses(&["https://c"], None), 2).unwrap();
    assert_eq!(mode, Mode::Enforce, "what the flag pins is enforced in any mode");
    assert!(said.contains("https://a, https://b are not among"), "{said}");
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Recorder for Heard {
    fn refused(
        &self,
        provider: &'static str,
        namespace: &str,
        class: &str,
        rule: &'static str,
        mode: &'static str,
    ) {
        self.0.lock().unwrap().push(format!("{provider} {namespace} {class} {rule} {mode}"));
    }
}

#[tokio::test(start_paused = true)]
async fn every_broken_rule_is_counted_and_only_those_of_enforce_refuse() {
    let policy = Policy {
        refuse_default_service_account: true,
        max_token_life: Some(Duration::from_secs(60)),
        namespaces: Names { allow: vec![Pattern::parse("bank").unwrap()], deny: Vec::new() },
        modes: [(Rule::TokenLife, Mode::Warn)].into(),
        ..Policy::default()
    };
    let (heard, pod) = (Arc::new(Heard::default()), pod("shop", "default"));
    let guard = Guard::new(policy.clone(), Arc::new(HandHeld::at(0)), heard.clone());
    let refused = guard.check(&asking(&pod)).unwrap_err();
    assert_eq!((refused.kind(), refused.iter().count()), (Kind::Denied, 2), "{refused}");
    let expected = ["refuseDefaultServiceAccount enforce", "maxTokenLife warn", "namespaces enforce"];
    assert_eq!(*heard.0.lock().unwrap(), expected.map(|rule| format!("vault shop web {rule}")));
    assert!(guard.tolerates(&asking(&pod)).is_err());
    assert_eq!(heard.0.lock().unwrap().len(), 3, "what is looked at without a Mount is not counted");
    let warning = Guard::new(Policy { mode: Mode::Warn, ..policy }, Arc::new(HandHeld::at(0)), heard.clone());
    assert!(warning.check(&Asking { class: None, ..asking(&pod) }).is_ok());
    assert_eq!(heard.0.lock().unwrap().last().unwrap(), "vault shop unknown namespaces warn");
}

#[tokio::test(start_paused = true)]
async fn a_warning_is_said_once_in_a_while_for_each_class_and_never_for_too_many() {
    let guard = Guard::new(Policy::default(), Arc::new(HandHeld::at(0)), Arc::new(Heard::default()));
    let (shop, bank) = (pod("shop", "web"), pod("bank", "web"));
    let news = |pod: &Pod, class: &str| guard.is_news(&asking(pod), class, Rule::Namespaces);
    assert_eq!(
        [news(&shop, "a"), news(&shop, "a"), news(&shop, "b"), news(&bank, "a")],
        [true, false, true, true]
    );
    tokio::time::advance(QUIET).await;
    assert!(news(&shop, "a"));
    let said = (0..2 * REMEMBERED).filter(|at| news(&shop, &format!("class-{at}"))).count();
    assert!(said < REMEMBERED && guard.said.lock().unwrap().len() <= REMEMBERED, "{said}");
}

#[test]
fn rules_are_read_by_their_labels() {
    for rule in Rule::ALL {
        assert_eq!(Rule::parse(rule.as_str()), Some(rule));
    }
    assert_eq!(Rule::parse("none"), None);
}
