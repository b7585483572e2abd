//! What a class wants of a server.

use super::*;

#[test]
fn objects_are_read_as_yaml_writes_them() {
    let wants = wants(
        "- objectName: a/b\n  secretPath: /v1/pki/issue/web\n  method: put\n  secretArgs: {common_name: a.svc, ttl: 5}\n  filePermission: 0600\n\
         - objectName: 7\n  secretPath: secret/data/x?version=3\n  secretKey: k\n  encoding: Base64\n  optional: true\n  other: [1]\n",
    );
    let [first, second] = wants.as_slice() else { unreachable!("two objects") };
    assert_eq!((first.read.method.as_str(), first.mode, first.optional), ("PUT", Some(0o600), false));
    assert_eq!(first.read.args.as_deref(), Some(r#"{"common_name":"a.svc","ttl":5}"#));
    assert_eq!((first.key.as_deref(), second.key.as_deref()), (None, Some("k")));
    assert_eq!(second.object.as_str(), "7");
    assert_eq!((second.encoding, second.optional), (crate::backend::objects::Encoding::Base64, true));
    assert_eq!(second.read.path.sent, "/v1/secret/data/x?version=3");
}

#[test]
fn reads_differ_by_path_query_method_and_args() {
    let wants = wants(
        "- {objectName: a, secretPath: pki/issue/web, method: POST, secretArgs: {cn: a}}\n\
         - {objectName: b, secretPath: v1/pki/issue/web, method: post, secretArgs: {cn: a}}\n\
         - {objectName: c, secretPath: pki/issue/web, method: POST, secretArgs: {cn: b}}\n\
         - {objectName: d, secretPath: pki/issue/web}\n\
         - {objectName: e, secretPath: pki/issue/web?x=1}\n",
    );
    let distinct: std::collections::HashSet<_> = wants.iter().map(|want| want.read.clone()).collect();
    assert_eq!((wants.len(), distinct.len()), (5, 4));
}

#[test]
fn spans_of_time_are_the_objects_or_else_the_classs() {
    let objects = "- {objectName: a, secretPath: database/creds/ro, secretKey: username, refreshInterval: 5m}\n\
                   - {objectName: b, secretPath: v1/database/creds/ro, secretKey: password, refreshInterval: 2m, renewBefore: 30s}\n\
                   - {objectName: c, secretPath: database/creds/ro}\n\
                   - {objectName: d, secretPath: secret/data/x}\n";
    let needs = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().copied().chain([("objects", objects)]).collect();
        let needs = read_with(Flavour::Vault, config(), &pairs).unwrap().1.needs();
        let seconds = |span: Option<std::time::Duration>| span.map_or(0, |span| span.as_secs());
        let shown = |need: &crate::backend::Need<Read>| {
            (need.read.path.shown.clone(), seconds(need.refresh), seconds(need.renew_before))
        };
        needs.iter().map(shown).collect::<Vec<_>>()
    };
    let (creds, kv) = ("database/creds/ro".to_owned(), "secret/data/x".to_owned());
    assert_eq!(needs(&[]), [(creds.clone(), 120, 30), (kv.clone(), 0, 0)]);
    let class = [("refreshInterval", "1m30s"), ("renewBefore", "1h")];
    assert_eq!(needs(&class), [(creds, 90, 3600), (kv, 90, 3600)]);
}

#[test]
fn a_span_of_time_that_is_none_is_a_named_mistake() {
    let hint = "; hint: write numbers with units, such as 90s, 5m or 1h30m";
    for (value, fault) in
        [("soon", "not a duration"), ("300", "not a duration"), ("0s", "a duration of nothing")]
    {
        for key in ["refreshInterval", "renewBefore"] {
            let expected = format!("stage=request parameter={key}: {fault}{hint}");
            assert_eq!(super::tests::fault(&[(key, value)]), expected);
            let object = format!("- {{objectName: a, secretPath: x, {key}: {value}}}");
            let expected = format!("stage=request object=a field={key}: {fault}{hint}");
            assert_eq!(super::tests::fault(&[("objects", &object)]), expected);
        }
    }
}

#[test]
fn only_a_plain_get_can_be_shared() {
    let may = |object: &str| {
        let wants = wants(&format!("- {{objectName: a, {object}}}"));
        wants.iter().all(|want| want.read.is_plain_get() && want.read.only_looks())
    };
    for good in ["secretPath: secret/data/x?version=2", "secretPath: kv1/auth/x", "secretPath: pki/cert/ca"] {
        assert!(may(good), "{good}");
    }
    for bad in [
        "secretPath: secret/data/x, secretArgs: {a: b}",
        "secretPath: secret/data/x, method: POST",
        "secretPath: secret/metadata, method: LIST",
        "secretPath: database/creds/ro",
        "secretPath: auth/token/lookup-self",
        "secretPath: /v1/sys/mounts",
        "secretPath: identity/oidc/token/r",
        "secretPath: cubbyhole/x",
        "secretPath: team-a/cubbyhole/x",
    ] {
        assert!(!may(bad), "{bad}");
    }
}
