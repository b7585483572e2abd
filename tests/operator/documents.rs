//! The documents as one site: each page is in it, each link leads somewhere, each text that is explained exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Every page, by its path from the root.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|end| end == "md") => paths.push(path),
                false => {}
            }
        }
    }
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The text without its fenced blocks and code spans.
fn prose(text: &str) -> String {
    let outside = text.split("```").step_by(2).collect::<Vec<_>>().join("");
    outside.split('`').step_by(2).collect::<Vec<_>>().join("")
}

/// Where a page's links lead.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let parts = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    parts.map(str::to_owned).filter(|link| !link.contains("://") && !link.starts_with("mailto:")).collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let outside = text.split("```").step_by(2).collect::<Vec<_>>().join("");
    let headings = outside.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let letters = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = letters.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect::<String>()
    };
    headings.map(slug).collect()
}

/// `a/b/../c` as `a/c`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn every_link_leads_somewhere() {
    let (pages, mut faults, mut count) = (pages(), Vec::new(), 0);
    for (page, text) in &pages {
        for link in links(text) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => plain(&page.parent().unwrap().join(file)),
            };
            if !target.exists() {
                faults.push(format!("{}: there is no {link}", page.display()));
            } else if !anchor.is_empty() && !anchors(&pages[&target]).contains(anchor) {
                faults.push(format!("{}: {} has no heading {anchor}", page.display(), target.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 150, "{count} links");
}

#[test]
fn the_site_has_every_page_once() {
    let summary = std::fs::read_to_string("docs/SUMMARY.md").unwrap();
    let listed: Vec<_> = links(&summary).iter().map(|link| Path::new("docs").join(link)).collect();
    let set: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), set.len(), "a page is listed twice");
    let summary = Path::new("docs/SUMMARY.md");
    let all: BTreeSet<_> =
        pages().into_keys().filter(|path| path.starts_with("docs") && path != summary).collect();
    let (missing, dead): (Vec<_>, Vec<_>) = (all.difference(&set).collect(), set.difference(&all).collect());
    assert!(missing.is_empty() && dead.is_empty(), "not in SUMMARY.md: {missing:?}; not there: {dead:?}");
}

/// Every string of the source, joined where it goes over lines.
fn source() -> String {
    let (mut text, mut folders) = (String::new(), vec![PathBuf::from("src")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text += &std::fs::read_to_string(path).unwrap(),
            }
        }
    }
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// Headings of texts that others write: the driver, and the fields of every line.
const FOREIGN: [&str; 6] = [
    "provider not found: provider \"vault\"",
    "http=403",
    "http=404",
    "stage=login",
    "stage=read",
    "stage=guard",
];

#[test]
fn every_text_that_troubleshooting_explains_is_one_of_ours() {
    let page = std::fs::read_to_string("docs/troubleshooting.md").unwrap();
    let section = page.split("\n## By text\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let (source, mut faults, mut count) = (source(), Vec::new(), 0);
    for heading in section.lines().filter_map(|line| line.strip_prefix("### ")) {
        for text in heading.split('`').skip(1).step_by(2).filter(|text| !FOREIGN.contains(text)) {
            // What is filled in stands as `…` or as a figure.
            let pieces = text.split(['…', '"']).flat_map(|part| part.split("12.3 s")).map(str::trim);
            for piece in pieces.filter(|piece| piece.len() > 4) {
                count += 1;
                if !source.contains(piece) {
                    faults.push(format!("nothing says {piece:?}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 25, "{count} texts");
}
