//! `docs/reference/`: pages that are made of the code. A page that differs fails; `make docs-reference`
//! writes them anew.

mod errors;
mod flags;
mod metrics;
mod parameters;
mod rows;
mod source;
mod texts;

use std::fmt::Write as _;

/// The variable that has the pages written.
const UPDATE: &str = "KEYMOUNT_UPDATE_DOCS";

/// Holds `docs/reference/NAME.md` to what it should be, or writes it.
fn held(name: &str, page: &str) {
    let path = format!("docs/reference/{name}.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all("docs/reference").unwrap();
        std::fs::write(&path, page).unwrap();
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = there.lines().zip(page.lines()).find(|(there, made)| there != made);
    assert!(there == page, "{path} is not what the code says (run `make docs-reference`): {differs:?}");
}

/// A table with these headings; a cell's bars are escaped.
fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", headings.join(" | "), "---|".repeat(headings.len()));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    }
    text
}

/// A text as code; nothing for nothing.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}
