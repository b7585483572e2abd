//! Texts that are made from the command line itself: completions and manual pages.

use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use super::flags;

/// The shells that completions are made for.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// `keymount completions`.
pub(super) fn completions() -> Command {
    Command::new("completions")
        .about("Print a shell's completions: source them, or put them where the shell looks")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(SHELLS).help("Which shell"))
}

/// `keymount man`.
pub(super) fn man() -> Command {
    let of = Arg::new("of").value_name("COMMAND").help("The command's own page");
    Command::new("man").about("Print a manual page: keymount man | man -l -").arg(of)
}

/// The completions that are asked for.
pub(super) fn completions_text(matches: &ArgMatches) -> String {
    let shell = match matches.get_one::<String>("shell").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut flags::command(), env!("CARGO_PKG_NAME"), &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The page that is asked for.
pub(super) fn man_text(matches: &ArgMatches) -> Result<String, String> {
    let mut command = flags::command();
    command.build();
    if let Some(name) = matches.get_one::<String>("of") {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| format!("man: there is no command {name}"))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
