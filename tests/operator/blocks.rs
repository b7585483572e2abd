//! The shell blocks of the README and of getting started: what can run here is run, the rest says why not.

use std::path::PathBuf;
use std::process::Command;

use crate::support::parts;

const PAGES: [&str; 2] = ["README.md", "docs/getting-started.md"];

/// A block, and what its marker says.
struct Block {
    page: &'static str,
    line: usize,
    marker: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in PAGES {
        let text = std::fs::read_to_string(page).unwrap();
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.trim_start() == "```sh") {
            let indent = line.len() - line.trim_start().len();
            let body = lines[at + 1..].iter().take_while(|line| line.trim_start() != "```");
            let body = body.map(|line| line.get(indent..).unwrap_or_default()).collect::<Vec<_>>().join("\n");
            let marker = at.checked_sub(1).map_or("", |above| lines[above].trim()).to_owned();
            blocks.push(Block { page, line: at + 1, marker, text: body });
        }
    }
    blocks
}

#[test]
fn every_block_runs_or_says_why_not() {
    for block in blocks() {
        let reason = block.marker.strip_prefix("<!-- not run: ").and_then(|rest| rest.strip_suffix(" -->"));
        let is_marked = block.marker == "<!-- run -->" || reason.is_some_and(|reason| reason.len() > 8);
        assert!(is_marked, "{}:{} has no marker", block.page, block.line);
    }
}

/// The programs that the blocks find on the PATH: the one under test, and OpenBao.
fn path() -> Option<String> {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_keymount"));
    let bao = parts::require("BAO_BIN")?;
    let folders = [ours.parent()?.to_owned(), bao.parent()?.to_owned()];
    let before = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.into_iter().chain(std::env::split_paths(&before));
    Some(std::env::join_paths(all).unwrap().to_str()?.to_owned())
}

#[test]
fn the_blocks_that_can_run_here_do() {
    let Some(path) = path() else { return };
    let (here, folder) = (std::env::current_dir().unwrap(), tempfile::tempdir().unwrap());
    // The same folder of built things, wherever the blocks stand.
    let target = PathBuf::from(env!("CARGO_BIN_EXE_keymount"));
    let target = target.ancestors().nth(2).unwrap();
    let run: Vec<_> = blocks().into_iter().filter(|block| block.marker == "<!-- run -->").collect();
    assert!(run.len() >= 4, "{} blocks", run.len());
    for block in run {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &block.text])
            // What builds nothing may leave files behind, and not here.
            .current_dir(if builds(&block.text) { here.as_path() } else { folder.path() })
            .env("PATH", &path)
            .env("CARGO_TARGET_DIR", target)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:{}: {text}", block.page, block.line);
    }
}

fn builds(text: &str) -> bool {
    ["make ", "cargo "].iter().any(|word| text.starts_with(word))
}
