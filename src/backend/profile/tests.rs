#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! Classes under profiles, for a provider that is none.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// `server` and `host` decide the same.
fn setting(key: &str) -> Option<Setting> {
    let (decides, part) = match key {
        "server" | "host" => ("server", Part::Server),
        "roots" => ("roots", Part::Trust),
        "key" => ("key", Part::Lent),
        "role" => ("role", Part::Login),
        "space" => ("space", Part::Login),
        _ => return None,
    };
    Some(Setting { decides, part })
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

fn profile(name: &str, pairs: &[(&str, &str)], overrides: &[&'static str]) -> Profile {
    Profile {
        name: name.into(),
        provider: "paper",
        settings: setting,
        parameters: map(pairs),
        overrides: overrides.iter().copied().collect::<BTreeSet<_>>(),
        is_default: false,
        max_in_flight: None,
        rate: None,
    }
}

fn pod() -> Pod {
    let [namespace, name, uid, service_account] = ["shop", "web-1", "u", "web.eu"].map(str::to_owned);
    Pod { namespace, name, uid, service_account }
}

fn merge_for(pod: &Pod, profiles: &[Profile], class: &[(&str, &str)]) -> Result<Parameters, String> {
    let written = map(class).into_iter().collect();
    let merged = Profiles::new(profiles.iter().cloned()).merge("paper", pod, &written).map(Cow::into_owned);
    merged.map_err(|errors| errors.to_string())
}

fn merge(profiles: &[Profile], class: &[(&str, &str)]) -> Result<Parameters, String> {
    merge_for(&pod(), profiles, class)
}

fn texts(parameters: &Parameters) -> Vec<(&str, &str)> {
    parameters.iter().collect()
}

#[test]
fn a_class_says_its_profile_and_what_only_it_knows() {
    let prod =
        profile("prod", &[("server", "https://v"), ("role", "{namespace}/{serviceAccount}/{pod}")], &[]);
    let merged = merge(&[prod], &[("profile", "prod"), ("objects", "x"), ("space", "s")]).unwrap();
    let expected = [("objects", "x"), ("role", "shop/web.eu/web-1"), ("server", "https://v"), ("space", "s")];
    assert_eq!(texts(&merged), expected);
    assert_eq!(merged.profile(), Some("prod"));
    let given: Vec<_> = merged.iter().map(|(key, _)| key).filter(|key| merged.is_operators(key)).collect();
    assert_eq!(given, ["role", "server"], "the rest is the author's");
}

#[test]
fn without_profiles_nothing_changes() {
    let class = [("server", "x"), ("profile", "")];
    let merged = merge(&[], &class).unwrap();
    assert_eq!((texts(&merged), merged.profile()), (vec![("profile", ""), ("server", "x")], None));
}

#[test]
fn every_parameter_that_the_profile_keeps_is_named() {
    let prod = profile("prod", &[("server", "https://v"), ("role", "r"), ("space", "s")], &["space"]);
    let refused = merge(
        std::slice::from_ref(&prod),
        &[("profile", "prod"), ("host", "https://w"), ("role", "q"), ("space", "t")],
    );
    assert_eq!(
        refused.unwrap_err(),
        "stage=request parameter=host profile=prod: the profile sets server, which decides the same, and lets no class say \
         otherwise; hint: author: leave host out of the class and of the pod's volumeAttributes; operator: add server to \
         profiles.prod.override | stage=request parameter=role profile=prod: the profile sets this, and lets no class say \
         otherwise; hint: author: leave role out of the class and of the pod's volumeAttributes; operator: add role to \
         profiles.prod.override"
    );
    let equal = [("profile", "prod"), ("host", "https://v/"), ("role", "r"), ("space", "t")];
    let merged = merge(&[prod], &equal).unwrap();
    assert_eq!(texts(&merged), [("role", "r"), ("server", "https://v"), ("space", "t")]);
    assert!(!merged.is_operators("space") && merged.is_operators("server"));
}

#[test]
fn what_a_class_overrides_is_its_own_in_every_spelling() {
    let prod = profile("prod", &[("server", "https://v")], &["server"]);
    let merged = merge(&[prod], &[("profile", "prod"), ("host", "https://w")]).unwrap();
    assert_eq!(texts(&merged), [("host", "https://w")]);
    assert!(!merged.is_operators("host"));
}

#[test]
fn a_profile_that_is_not_there_or_not_for_it() {
    let other = Profile { provider: "other", ..profile("aws", &[], &[]) };
    let profiles = [profile("prod", &[], &[]), other];
    assert_eq!(
        merge(&profiles, &[("profile", "prd")]).unwrap_err(),
        "stage=request parameter=profile profile=prd: the operator has no profile of this name; hint: author: correct the \
         name, or leave it out; operator: add it to profiles of the --config file"
    );
    assert_eq!(
        merge(&profiles, &[("profile", "aws")]).unwrap_err(),
        "stage=request parameter=profile profile=aws: the profile is for provider other, and this class is for paper; hint: \
         author: name a profile of provider paper, or correct the class's provider"
    );
}

#[test]
fn a_default_is_for_classes_that_go_no_way_of_their_own() {
    let default = |pairs: &[(&str, &str)], overrides: &[&'static str]| {
        [Profile { is_default: true, ..profile("house", pairs, overrides) }]
    };
    let whole = default(&[("server", "https://v"), ("role", "r")], &["role"]);
    for (class, has, left) in [
        (&[("objects", "x")][..], Some("house"), None),
        (&[("server", "https://v")], Some("house"), None),
        (&[("role", "q")], Some("house"), None),
        (&[("space", "s")], Some("house"), None),
        (&[("server", "https://w")], None, Some(("house", "server"))),
        (&[("host", "https://w")], None, Some(("house", "host"))),
    ] {
        let merged = merge(&whole, class).unwrap();
        assert_eq!((merged.profile(), merged.left_default()), (has, left), "{class:?}");
        if has.is_none() {
            assert_eq!(texts(&merged), class, "as it was before there was a profile");
        }
    }
    // A profile without a server does not stand under a class that names its own.
    let space = default(&[("space", "s")], &[]);
    assert_eq!(merge(&space, &[("server", "https://w")]).unwrap().profile(), None);
    assert_eq!(merge(&space, &[("role", "r")]).unwrap().profile(), Some("house"));
    // Named, it is meant: what it keeps is a mistake.
    assert!(merge(&whole, &[("profile", "house"), ("server", "https://w")]).is_err());
}

#[test]
fn names_that_kubernetes_would_not_give_fill_nothing() {
    let role = [profile("prod", &[("role", "{namespace}/{serviceAccount}/{pod}")], &[])];
    let class = [("profile", "prod")];
    for bad in ["", "../x", "a/b", "A", "a..b", ".a", "a.", "-a", "a-", "a b", "ä", "{pod}", &"x".repeat(254)]
    {
        for at in 0..3 {
            let mut names = [pod().namespace, pod().service_account, pod().name];
            bad.clone_into(names.get_mut(at).unwrap());
            let [namespace, service_account, name] = names;
            let refused =
                merge_for(&Pod { namespace, service_account, name, uid: "u".into() }, &role, &class)
                    .unwrap_err();
            assert!(refused.contains("is not a name that Kubernetes gives"), "{bad}: {refused}");
            assert!(refused.starts_with("stage=request parameter=role profile=prod pod="), "{refused}");
        }
    }
    assert!(
        merge_for(&Pod { namespace: "a.b".into(), ..pod() }, &role, &class).is_err(),
        "a namespace is a label"
    );
}

#[test]
fn templates_are_read_before_any_pod_comes() {
    for (text, expected) in [
        ("plain", Ok(false)),
        ("{namespace}", Ok(true)),
        ("x-{pod}-{serviceAccount}", Ok(true)),
        (
            "{Namespace}",
            Err("{Namespace} is not known; there are {namespace}, {serviceAccount} and {pod}".to_owned()),
        ),
        ("{}", Err("{} is not known; there are {namespace}, {serviceAccount} and {pod}".to_owned())),
        ("{namespace", Err("a brace stands alone".to_owned())),
        ("namespace}", Err("a brace stands alone".to_owned())),
        ("{{namespace}}", Err("a brace stands alone".to_owned())),
    ] {
        assert_eq!(template_fault(text), expected, "{text}");
    }
}

#[test]
fn a_template_that_two_pods_could_fill_alike_is_known() {
    for (text, ambiguous) in [
        ("plain", false),
        ("{namespace}", false),
        ("x-{namespace}-x", false),
        ("{namespace}-{serviceAccount}", true),
        ("{namespace}{pod}", true),
        ("{namespace}-x-{pod}", true),
        ("{namespace}.{serviceAccount}", false),
        ("{namespace}/{serviceAccount}", false),
        ("{namespace}_{pod}", false),
        ("{serviceAccount}.{namespace}", true),
        ("{serviceAccount}/{namespace}", false),
        ("{namespace}/{serviceAccount}.{pod}", true),
    ] {
        assert_eq!(template::is_ambiguous(text), ambiguous, "{text}");
    }
}
