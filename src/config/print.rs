//! Texts that are made from the command line itself: completions and manual pages.

use std::io::{self, Write as _};

use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use clap_mangen::Man;

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
    page(command).map_err(|error| error.to_string())
}

/// Our own synopsis: the library's names every setting.
fn page(command: Command) -> io::Result<String> {
    let usage = command.get_bin_name().unwrap_or(env!("CARGO_PKG_NAME")).to_owned();
    let (has_commands, says_more) = (command.has_subcommands(), command.get_after_help().is_some());
    let command_name = if has_commands { " \\fICOMMAND\\fR" } else { "" };
    let man = Man::new(command).source(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    writeln!(page, ".SH SYNOPSIS\n\\fB{usage}\\fR{command_name} [\\fIOPTIONS\\fR]")?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    if says_more {
        man.render_extra_section(&mut page)?;
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}
