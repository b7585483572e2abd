//! Holds the code to the two tables of docs/architecture.md.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a table that is not as it should be must end the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const DOC: &str = include_str!("../docs/architecture.md");

/// The rows of the table whose first heading is `heading`: first cell to the items of the second.
fn table(heading: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows = DOC.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |"))).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let items = cells[2].split(',').map(str::trim).filter(|item| *item != "-").map(str::to_owned);
        (cells[1].to_owned(), items.collect())
    })
    .collect()
}

/// The code that ships: tests and what only they use may know more.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let only_tests = [
            "tests",
            "tests.rs",
            "fake",
            "fake.rs",
            "conformance",
            "conformance.rs",
            "fuzzed.rs",
            "fuzzing.rs",
        ];
        if only_tests.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        match path.is_dir() {
            true => files.extend(sources(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => files.push(path),
            false => {}
        }
    }
    files
}

/// The room that a file lies in: `backend/x` for a backend's folder.
fn room(file: &Path) -> String {
    let parts: Vec<_> =
        file.iter().skip(1).map(|part| part.to_str().unwrap().trim_end_matches(".rs")).collect();
    match parts.as_slice() {
        ["backend", backend, _, ..] => format!("backend/{backend}"),
        [room, ..] => (*room).to_owned(),
        [] => unreachable!(),
    }
}

/// The code without comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Every room that a text names by a `crate::` path, groups included.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$') {
            continue;
        }
        found.extend(heads(&code[at + "crate::".len()..]));
    }
    found
}

fn heads(path: &str) -> Vec<String> {
    if let Some(group) = path.strip_prefix('{') {
        let (mut depth, mut item, mut items) = (0, String::new(), Vec::new());
        for letter in group.chars() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => items.push(std::mem::take(&mut item)),
                _ => item.push(letter),
            }
        }
        items.push(item);
        return items
            .iter()
            .filter(|item| !item.trim().is_empty())
            .flat_map(|item| heads(item.trim()))
            .collect();
    }
    let word = |text: &str| {
        text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect::<String>()
    };
    let head = word(path);
    let next = path[head.len()..].strip_prefix("::").map(word).unwrap_or_default();
    let folder = Path::new("src/backend").join(&next);
    match head.as_str() {
        "backend" if !next.is_empty() && folder.is_dir() && next != "conformance" => {
            vec![format!("backend/{next}")]
        }
        _ => vec![head],
    }
}

#[test]
fn rooms_import_only_what_the_table_says() {
    let rooms = table("room");
    let mut faults = Vec::new();
    for file in sources(Path::new("src")) {
        let here = room(&file);
        let row = if here.starts_with("backend/") { "backend/x" } else { here.as_str() };
        if here == "lib" {
            continue;
        }
        let Some(may) = rooms.get(row) else {
            faults.push(format!("{}: room {row} has no row", file.display()));
            continue;
        };
        for import in imports(&code(&file)) {
            let as_row = if import.starts_with("backend/") { "backend/x" } else { import.as_str() };
            let known = rooms.contains_key(as_row);
            let allowed = import == here
                || may.contains("everything")
                || (may.contains(as_row) && (as_row != "backend/x" || !here.starts_with("backend/")))
                || (as_row == "backend/x" && here == "backend" && file.ends_with("backend/mod.rs"));
            if known && !allowed {
                faults.push(format!("{}: {here} imports {import}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn crates_stay_in_their_rooms() {
    let crates = table("crate");
    let mut faults = Vec::new();
    for file in sources(Path::new("src")) {
        let (here, code) = (room(&file), code(&file));
        for (name, rooms) in &crates {
            let path = format!("{name}::");
            let used = code.match_indices(&path).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':')
            });
            if used && !rooms.contains(&here) {
                faults.push(format!("{}: {here} uses the crate {name}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A verifier that asks for no pod must never stand behind a socket.
#[test]
fn only_the_command_line_takes_a_callers_own_token() {
    let users = sources(Path::new("src")).into_iter().filter(|file| code(file).contains("own_token"));
    let users: Vec<_> = users.filter(|file| room(file) != "identity").collect();
    let mut users = users;
    users.sort();
    assert_eq!(users, ["src/cli/check/mod.rs", "src/cli/fetch/mod.rs"].map(Path::new));
}

#[test]
fn the_tables_are_read() {
    assert!(table("room").len() > 12 && table("crate").len() > 5);
    assert_eq!(imports("use crate::{error::{A, B}, time}; x(crate::net::C)").len(), 3);
}
