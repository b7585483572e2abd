//! The classes of `tests/classes`: every mistake is found at its line, and nothing where there is none.
//! Each file of `broken` says where its mistake was taken from and what is expected of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{check, findings};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/classes").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| is_of_this_build(&std::fs::read_to_string(file).unwrap()));
    files.sort();
    files
}

/// Whether the build has the backend that a file is for.
fn is_of_this_build(text: &str) -> bool {
    said(text, "Feature").into_iter().all(|feature| match feature {
        "aws" => cfg!(feature = "aws"),
        other => panic!("no feature {other}"),
    })
}

/// What a file's head says under `key`.
fn said<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let heads = text.lines().take_while(|line| line.starts_with('#'));
    heads.filter_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(": ")).collect()
}

fn checked(file: &Path, text: &str, more: &[&str]) -> (i32, String) {
    let flags = said(text, "Flags").into_iter().flat_map(str::split_whitespace);
    let args: Vec<_> = flags.chain(more.iter().copied()).chain([file.to_str().unwrap()]).collect();
    let (code, out, err) = check(&args);
    assert_eq!(err, "", "{}", file.display());
    (code, out)
}

#[test]
fn every_mistake_is_found_at_its_line_and_no_other() {
    let (mut count, mut ids) = (0, BTreeSet::new());
    for file in files("broken") {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected: Vec<_> =
            said(&text, "Expect").iter().map(|line| line.split_once(' ').unwrap()).collect();
        let expected: Vec<_> =
            expected.iter().map(|(line, id)| (line.parse().unwrap(), (*id).to_owned())).collect();
        assert!(!expected.is_empty() && said(&text, "From").len() == 1, "{}", file.display());
        let (code, out) = checked(&file, &text, &["--strict", "--output", "json"]);
        assert_eq!(findings(&out), expected, "{}: {out}", file.display());
        assert!(code == 1 || code == 2, "{}: {code}", file.display());
        ids.extend(expected.into_iter().map(|(_, id)| id));
        count += 1;
    }
    let (_, rules, _) = check(&["--rules"]);
    let rules: BTreeSet<_> =
        rules.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    let unseen: Vec<_> = rules.difference(&ids).collect();
    assert_eq!(unseen, ["live", "live-unasked"], "every kind of finding has a file, but those of --live");
    assert!(count >= 60, "{count} files");
}

#[test]
fn nothing_is_said_of_what_is_right() {
    let valid = files("valid");
    assert!(valid.len() >= 10, "{}", valid.len());
    for file in valid {
        let text = std::fs::read_to_string(&file).unwrap();
        let (code, out) = checked(&file, &text, &["--strict", "--output", "json"]);
        assert_eq!((code, findings(&out)), (0, Vec::new()), "{}: {out}", file.display());
        assert!(!out.contains("operator.invalid"), "{}: {out}", file.display());
    }
}

/// A provider's own words, as it says them at a Mount: the id is one for all of them.
#[test]
fn what_a_mount_would_answer_is_quoted() {
    for (file, text) in [
        (
            "role-missing",
            "stage=request parameter=roleName: missing 'roleName' in SecretProviderClass definition",
        ),
        (
            "mode-setuid",
            "stage=files object=password file=password: the file permission has bits outside 0777",
        ),
        (
            "encoding-unknown",
            "stage=request object=password field=encoding: invalid encoding type. Should be utf-8, base64, or hex",
        ),
    ] {
        let (_, out, _) = check(&["--quiet", &format!("tests/classes/broken/{file}.yaml")]);
        assert!(out.contains(text), "{out}");
    }
}

#[test]
fn no_secret_of_a_class_is_printed_in_any_form() {
    for (file, secret) in [
        ("token-in-class", "CAESIJlWh5T1xk"),
        ("password-in-args", "correct-horse"),
        ("address-with-password", "correct-horse"),
    ] {
        let path = format!("tests/classes/broken/{file}.yaml");
        assert!(std::fs::read_to_string(&path).unwrap().contains(secret));
        for form in ["text", "json", "github"] {
            let (code, out, err) = check(&["--output", form, &path]);
            assert!(code == 1 && out.contains("secret-in-class"), "{file}: {out}");
            assert!(!out.contains(secret) && !err.contains(secret), "{file} {form}: {out}{err}");
        }
    }
}
