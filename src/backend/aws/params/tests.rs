#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]
//! The incumbent's rules as a table: what it takes, what it refuses, and in which words.

use super::super::config::{Config, Operator};
use super::*;

const SM: &str = "objectType: secretsmanager";
const SSM: &str = "objectType: ssmparameter";
const ARN: &str = "arn:aws:secretsmanager:eu-central-1:1:secret:x";

fn class(pairs: &[(&str, &str)]) -> Result<(Scope, Objects), Errors> {
    let config = Config { region: Some("eu-central-1".into()), ..Config::default() };
    let operator = Operator::new(config).unwrap();
    let parameters: Parameters =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    parse(&operator, &parameters)
}

fn objects(yaml: &str) -> Result<Objects, Errors> {
    class(&[("failoverRegion", "eu-west-1"), ("objects", yaml)]).map(|(_, objects)| objects)
}

/// The wants' names.
fn names(yaml: &str) -> Vec<String> {
    let found = objects(yaml).unwrap_or_else(|errors| unreachable!("{yaml}: {errors}"));
    found.0.into_iter().map(|want| want.read.primary.id).collect()
}

fn text(yaml: &str) -> String {
    objects(yaml).err().map(|errors| errors.to_string()).unwrap_or_default()
}

#[test]
fn one_objects_rules_in_their_order_and_words() {
    let other_region = "arn:aws:secretsmanager:eu-west-1:1:secret:x";
    for (fields, expected) in [
        (SM.to_owned(), "Object name must be specified".to_owned()),
        ("objectName: arn:aws".into(), "Invalid ARN format in object name: arn:aws".into()),
        (
            format!("objectName: '{other_region}'"),
            format!("ARN region must match region eu-central-1: {other_region}"),
        ),
        ("objectName: x".into(), "Must use objectType when a full ARN is not specified: x".into()),
        ("objectName: ARN:x".into(), "Must use objectType when a full ARN is not specified: ARN:x".into()),
        ("objectName: 'arn:aws:s3:eu-central-1:1:x'".into(), "Invalid service in ARN: s3".into()),
        ("objectName: x, objectType: ssm".into(), "Invalid objectType: ssm".into()),
        ("objectName: x, objectType: SecretsManager".into(), "Invalid objectType: SecretsManager".into()),
        (format!("objectName: '{ARN}', {SSM}"), format!("objectType does not match ARN: {ARN}")),
        // An unknown service beside `ssmparameter` passed, by an accident of the incumbent's.
        (
            format!("objectName: 'arn:aws:s3:eu-central-1:1:x', {SSM}"),
            "objectType does not match ARN: arn:aws:s3:eu-central-1:1:x".into(),
        ),
        (
            format!("objectName: x, {SSM}, objectVersion: 1, objectVersionLabel: l"),
            "ssm parameters can not specify both objectVersion and objectVersionLabel: x".into(),
        ),
        (format!("objectName: x, {SM}, objectAlias: '..'"), "path can not contain ../: x".into()),
        (format!("objectName: x, {SM}, filePermission: 0600"), "Invalid File Permission: 384".into()),
        (format!("objectName: x, {SM}, filePermission: '600'"), "Invalid File Permission: 600".into()),
        (format!("objectName: x, {SM}, filePermission: '0800'"), "Invalid File Permission: 0800".into()),
        (
            format!("objectName: x, {SM}, jmesPath: [{{objectAlias: a}}]"),
            "Path must be specified for JMES object".into(),
        ),
        (
            format!("objectName: x, {SM}, jmesPath: [{{path: p}}]"),
            "Object alias must be specified for JMES object".into(),
        ),
        (
            format!("objectName: x, {SM}, jmesPath: [{{path: p, objectAlias: a, filePermission: 420}}]"),
            "Invalid File Permission: 420".into(),
        ),
        (
            format!("objectName: x, {SM}, failoverObject: {{objectName: w}}"),
            "object alias must be specified for objects with failover entries: x".into(),
        ),
        (
            format!(
                "objectName: x, {SSM}, objectAlias: a, failoverObject: {{objectName: w, objectVersion: 1, objectVersionLabel: l}}"
            ),
            "ssm parameters can not specify both objectVersion and objectVersionLabel: w".into(),
        ),
        (
            format!(
                "objectName: x, {SM}, objectAlias: a, objectVersion: 1, failoverObject: {{objectName: w}}"
            ),
            "object versions must match between primary and failover regions: x".into(),
        ),
        (
            format!("objectName: x, {SM}, objectAlias: a, failoverObject: {{objectName: '{ARN}'}}"),
            format!("ARN region must match region eu-west-1: {ARN}"),
        ),
        ("null".into(), "Empty descriptor entry in SecretProviderClass".into()),
    ] {
        let yaml = if fields == "null" { "[null]".to_owned() } else { format!("- {{{fields}}}") };
        assert!(text(&yaml).contains(&format!(": {expected}")), "{yaml}\n{expected}\n{}", text(&yaml));
    }
}

#[test]
fn a_failover_object_needs_its_region() {
    let yaml = format!("- {{objectName: x, {SM}, objectAlias: a, failoverObject: {{objectName: w}}}}");
    let text = class(&[("objects", &yaml)]).err().unwrap().to_string();
    assert!(text.contains("failover object allowed only when failover region is defined: x"), "{text}");
}

#[test]
fn objects_are_told_apart_as_the_incumbent_does() {
    let entry = |rest: &str| format!("- {{objectName: nm, {SM}{rest}}}\n");
    let twice = |rest: &str| entry(rest) + &entry(rest);
    for (yaml, expected) in [
        (twice(""), "duplicate object name nm, no object alias, and no version label"),
        (twice(", objectVersion: 1"), "duplicate object name nm, no object alias, and no version label"),
        (
            twice(", objectAlias: a"),
            "duplicate object name nm, duplicate object alias a, and no version label",
        ),
        (
            twice(", objectVersionLabel: l"),
            "duplicate object name nm, no object alias, and duplicate version label l",
        ),
        (
            twice(", objectAlias: a, objectVersionLabel: l"),
            "duplicate object name nm, duplicate object alias a, and duplicate version label l",
        ),
        (
            entry(", objectAlias: a") + &format!("- {{objectName: m, {SM}, objectAlias: a}}"),
            "found duplicate object alias a",
        ),
        (
            entry(", objectAlias: a, jmesPath: [{path: p, objectAlias: a}]"),
            "Name already in use for objectAlias: found duplicate object alias a in JMES path entry p",
        ),
    ] {
        assert!(text(&yaml).contains(expected), "{yaml}\n{}", text(&yaml));
    }
    // Not the incumbent's concern; two files of one name are refused when they are named.
    assert_eq!(text(&(entry(", objectVersionLabel: a") + &entry(", objectVersionLabel: b"))), "");
}

#[test]
fn scalars_are_yaml_1_1_and_keys_are_in_any_case() {
    for (written, expected) in [
        ("1", "1"),
        ("007", "7"),
        ("0x1F", "31"),
        ("0o17", "15"),
        ("0b11", "3"),
        ("1_000", "1000"),
        ("+1", "1"),
        ("1.0", "1"),
        ("1.50", "1.5"),
        ("1e3", "1000"),
        ("1e6", "1e+06"),
        ("123456789012345678901234567890", "1.2345679e+29"),
        ("n", "false"),
        ("yes", "true"),
        ("Off", "false"),
        ("\"n\"", "n"),
        ("'007'", "007"),
        ("12:30:45", "12:30:45"),
        ("2026-11-24", "2026-11-24"),
        ("nan", "nan"),
        ("a-b", "a-b"),
        ("!!binary aGk=", "hi"),
    ] {
        let found = names(&format!("- objectName: {written}\n  {SM}"));
        assert_eq!(found, [expected], "{written}");
    }
    for absent in ["~", "null", "Null", "NULL", "", "''"] {
        let text = text(&format!("- objectName: {absent}\n  {SM}"));
        assert!(text.contains("Object name must be specified"), "{absent:?}: {text}");
    }
    let odd = "- OBJECTNAME: a\n  objecttype: secretsmanager\n  unknown: {x: [1]}\n  backupArn: y\n";
    assert_eq!(names(odd), ["a"]);
    assert_eq!(
        names(&format!("- {{ObjectName: upper, objectName: lower, {SM}}}")),
        ["lower"],
        "either order"
    );
    assert_eq!(names(&format!("- {{objectName: lower, ObjectName: upper, {SM}}}")), ["lower"]);
    assert_eq!(names(&format!("- objectName: first\n  objectName: last\n  {SM}")), ["last"]);
}

#[test]
fn yaml_is_read_as_far_as_the_incumbent_reads_it() {
    let merged = format!("- &a {{objectName: a, {SM}}}\n- {{<<: *a, objectName: b}}\n");
    assert_eq!(names(&merged), ["a", "b"]);
    assert_eq!(
        names(&format!("---\n- {{objectName: a, {SM}}}\n---\n- nonsense\n")),
        ["a"],
        "the first document"
    );
    assert_eq!(names(&format!("- {{objectName: a, {SM}}}\r\n")), ["a"]);
    assert_eq!(names(&format!("\u{feff}- {{objectName: a, {SM}}}")), ["a"]);
    assert_eq!(names(r#"[{"objectName": "a", "objectType": "ssmparameter"}]"#), ["a"], "JSON is YAML");
    for bad in
        ["", "[]", "null", "# nothing", "array: [x]", "text", "- text", "- [x]", "- objectName: [x]", "\t- x"]
    {
        assert_eq!(objects(bad).err().map(|errors| errors.kind()), Some(Kind::Invalid), "{bad:?}");
    }
}

#[test]
fn files_are_called_as_the_incumbent_calls_them() {
    let file = |translation: &str, name: &str| {
        let yaml = format!("- {{objectName: '{name}', {SM}}}");
        let found = class(&[("pathTranslation", translation), ("objects", &yaml)]);
        found.map(|(_, objects)| objects.0[0].file.clone()).map_err(|errors| errors.to_string())
    };
    for (translation, name, expected) in [
        ("", "/a/b", "_a_b"),
        ("-", "a/b", "a-b"),
        ("False", "/a/b", "a/b"),
        ("false", "//a", "a"),
        ("FALSE", "a", "a"),
        (".", "a/b", "a.b"),
        (" ", "a/b", "a b"),
        ("", "a b\\c", "a b\\c"),
    ] {
        assert_eq!(file(translation, name).as_deref(), Ok(expected), "{translation:?} {name}");
    }
    for bad in ["__", "é", "no", "true"] {
        let text = file(bad, "a").err().unwrap_or_default();
        assert!(
            text.contains("pathTranslation must be either 'False' or a single character string"),
            "{bad}: {text}"
        );
    }
    let (_, found) = class(&[("objects", &format!("- {{objectName: {ARN}}}"))]).unwrap();
    assert_eq!(found.0[0].file, ARN, "an ARN is its own file's name");
    for (written, expected) in [("0644", 0o644), ("7777", 0o777), ("0400", 0o400)] {
        let yaml = format!("- {{objectName: x, {SM}, filePermission: \"{written}\"}}");
        assert_eq!(objects(&yaml).unwrap().0[0].mode, Some(expected));
    }
}

#[test]
fn what_another_region_calls_it() {
    let place = |fields: &str| {
        let found = objects(&format!("- {{objectName: x, {SM}, objectAlias: a{fields}}}")).unwrap();
        let place = found.0[0].read.failover.clone();
        place.map(|place| (place.id, place.version, place.label))
    };
    let of = |id: &str, version: Option<&str>, label: Option<&str>| {
        Some((id.to_owned(), version.map(str::to_owned), label.map(str::to_owned)))
    };
    assert_eq!(place(""), of("x", None, None));
    assert_eq!(place(", failoverObject: {objectName: w, objectVersionLabel: l}"), of("w", None, Some("l")));
    assert_eq!(
        place(", objectVersion: 1, failoverObject: {objectVersionLabel: l2}"),
        of("x", Some("1"), Some("l2"))
    );
    let found = objects(&format!("- {{objectName: {ARN}}}")).unwrap();
    assert_eq!(found.0[0].read.failover, None, "an ARN is of one region");
}

#[test]
fn who_asks() {
    let one = format!("- {{objectName: x, {SM}}}");
    let identity = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().copied().chain([("objects", one.as_str())]).collect();
        class(&pairs).map(|(scope, _)| scope).map_err(|errors| errors.to_string())
    };
    let role = "arn:aws-cn:iam::1:role/shop/web";
    let irsa = |role| Identity::Irsa { role, audience: "sts.amazonaws.com".into() };
    assert_eq!(identity(&[("roleArn", role)]).unwrap().identity, irsa(Role::Named(role.into())));
    assert_eq!(identity(&[("usePodIdentity", "0")]).unwrap().identity, irsa(Role::Annotated));
    let china = identity(&[("audience", "sts.amazonaws.com.cn"), ("region", "cn-north-1")]).unwrap();
    assert_eq!(
        china.identity,
        Identity::Irsa { role: Role::Annotated, audience: "sts.amazonaws.com.cn".into() }
    );
    for (word, family) in [("IPv4", Family::V4), ("ipv6", Family::V6), ("nonsense", Family::Auto)] {
        let scope = identity(&[("usePodIdentity", "T"), ("preferredAddressType", word)]).unwrap();
        assert_eq!(scope.identity, Identity::PodIdentity(family));
    }
    for (pairs, expected) in [
        (vec![("usePodIdentity", "yes")], "failed to parse usePodIdentity value, error:"),
        (vec![("usePodIdentity", "tRue")], "failed to parse usePodIdentity value, error:"),
        (vec![("usePodIdentity", "true"), ("roleArn", role)], "usePodIdentity takes no role"),
        (vec![("roleArn", "role/web")], "parameter=roleArn: not the ARN of a role"),
        (
            vec![("roleArn", "arn:aws:iam::1:role/{namespace}")],
            "parameter=roleArn: templates stand in profiles only; hint: author: write the whole ARN, or name a \
             profile; operator: put the template into a profile",
        ),
        (vec![("assumeRoleArn", "arn:aws:iam::1:user/x")], "parameter=assumeRoleArn: not the ARN of a role"),
        (vec![("externalId", "x1")], "parameter=externalId: it belongs to assumeRoleArn"),
        (vec![("assumeRoleArn", "arn:aws:iam::1:role/x"), ("externalId", "a b")], "an external ID is"),
        (vec![("sessionDuration", "5m")], "STS grants from 15m to 12h"),
        (vec![("sessionDuration", "2h"), ("assumeRoleArn", "arn:aws:iam::1:role/x")], "no more than 1h"),
        (vec![("region", "eu-west-1.evil")], "parameter=region: not the name of a region"),
        (
            vec![("failoverRegion", "eu-central-1")],
            "eu-central-1: failover region cannot be the same as the primary region",
        ),
        (vec![("refreshInterval", "5")], "parameter=refreshInterval: not a duration"),
    ] {
        let text = identity(&pairs).err().unwrap_or_default();
        assert!(text.contains(expected), "{pairs:?}\n{expected}\n{text}");
    }
    let operator = Operator::new(Config::default()).unwrap();
    let text = parse(&operator, &Parameters::default()).err().unwrap().to_string();
    assert!(text.contains("neither the class nor the operator names a region; hint: set region"), "{text}");
}

#[test]
fn what_is_ours_goes_together_or_is_refused() {
    for (fields, expected) in [
        ("objectType: secretsmanager, path: /x", "path: it belongs to objectType: ssmparameter"),
        ("objectType: ssmparameter, path: x", "path: it begins with /"),
        ("objectType: ssmparameter, path: /x, objectVersion: 1", "neither a version"),
        ("objectName: x, objectType: ssmparameter, recursive: true", "recursive: it belongs to path"),
        ("objectName: x, objectType: credentials, allKeys: true", "allKeys: it belongs to"),
        (
            "objectName: x, objectType: credentials, jmesPath: [{path: a, objectAlias: b}]",
            "jmesPath: it belongs to",
        ),
        (
            "objectName: x, objectType: secretsmanager, allKeys: true, jmesPath: [{path: a, objectAlias: b}]",
            "write one of them",
        ),
        ("objectName: x, objectType: credentials, objectVersion: 1", "credentials have neither"),
        ("objectName: x, objectType: secretsmanager, format: profile", "belong to objectType: credentials"),
        ("objectName: x, objectType: credentials, format: env", "format: env is neither"),
        ("objectName: x, objectType: credentials, profile: 'a]'", "make the name of a profile"),
        ("objectName: x, objectType: secretsmanager, encoding: rot13", "invalid encoding type"),
        ("objectName: x, objectType: secretsmanager, allKeys: maybe", "allKeys: neither true nor false"),
        ("objectName: x, objectType: secretsmanager, refreshInterval: 5", "refreshInterval: not a duration"),
    ] {
        let yaml = format!("- {{{fields}}}");
        assert!(text(&yaml).contains(expected), "{yaml}\n{expected}\n{}", text(&yaml));
    }
    let found =
        objects("- {objectName: c, objectType: credentials, profile: p, refreshInterval: 5m}").unwrap();
    assert_eq!(found.0[0].content, Content::Credentials(Format::Profile("p".into())));
    assert_eq!(found.needs()[0].refresh, Some(Duration::from_secs(300)));
}

proptest::proptest! {
    /// Whatever an author writes: objects or a mistake, and never a fault of ours.
    #[test]
    fn any_class_is_read_or_refused(yaml in "[-a-c:{}\\[\\]&*!|>'\"#%@,?0-9 \\n]{0,80}", word in ".{0,20}") {
        for yaml in [yaml.clone(), format!("- {{objectName: {yaml}, {SM}}}"), format!("- objectName: a\n  jmesPath: {yaml}\n")] {
            let class = class(&[("objects", &yaml), ("region", &word), ("roleArn", &word), ("pathTranslation", &word)]);
            if let Err(errors) = class {
                proptest::prop_assert_eq!(errors.kind(), Kind::Invalid);
            }
        }
    }
}
