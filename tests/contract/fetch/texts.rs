//! Help, completions and manual pages: all from the one command line.

use crate::support::fetch::run;

fn printed(args: &[&str]) -> String {
    let (code, out, err) = run(std::process::Command::new(env!("CARGO_BIN_EXE_keymount")).args(args));
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
    out
}

#[test]
fn help_says_what_the_exit_codes_mean() {
    let help = printed(&["fetch", "--help"]);
    for part in
        ["--class <FILE>", "--watch", "POD_NAMESPACE", "--vault-addr", "--jwks-file", "Exit codes:", "  4   "]
    {
        assert!(help.contains(part), "{part}: {help}");
    }
    for part in ["--providers-dir", "--handoff", "--admin-socket"] {
        assert!(!help.contains(part), "{part} means nothing here");
    }
}

#[test]
fn completions_know_every_command() {
    for (shell, part) in
        [("bash", "complete -F"), ("zsh", "#compdef keymount"), ("fish", "complete -c keymount")]
    {
        let text = printed(&["completions", shell]);
        for part in [part, "fetch", "class-name", "vault-addr", "status"] {
            assert!(text.contains(part), "{shell}: {part}");
        }
    }
    let unknown =
        run(std::process::Command::new(env!("CARGO_BIN_EXE_keymount")).args(["completions", "csh"]));
    assert!(unknown.0 == 64 && unknown.2.contains("bash, zsh, fish"), "{unknown:?}");
}

#[test]
fn every_command_has_a_manual_page() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH keymount 1") && page.contains("keymount\\-fetch(1)"), "{page}");
    let page = printed(&["man", "fetch"]);
    for part in [".TH keymount-fetch 1", "\\fBkeymount fetch\\fR [\\fIOPTIONS\\fR]", "Exit codes:"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(".SH SUBCOMMANDS"), "{page}");
}
