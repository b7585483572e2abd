//! The page of flags, from the command line itself.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{code, held, table};

/// A help text and what stands in brackets behind it.
struct Help {
    text: String,
    env: String,
    file: String,
    default: String,
}

impl Help {
    fn of(arg: &Arg) -> Self {
        let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let mut take = |key: &str| {
            let begin = format!(" [{key}: ");
            let at = text.find(&begin)?;
            let end = at + text[at..].find(']')?;
            let value = text[at + begin.len()..end].to_owned();
            text.replace_range(at..=end, "");
            Some(value)
        };
        let [env, file, default] = ["env", "file", "default"].map(|key| take(key).unwrap_or_default());
        Self { text, env, file, default }
    }
}

fn name(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string);
    let Some(long) = arg.get_long() else { return code(&value.unwrap_or_default()) };
    let takes = arg.get_action().takes_values();
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    let aliases: Vec<_> = aliases.iter().map(|alias| format!(", `--{alias}`")).collect();
    let aliases = aliases.concat();
    match value.filter(|_| takes) {
        Some(value) if value == "BOOL" => format!("`--{long}[=BOOL]`{aliases}"),
        Some(value) => format!("`--{long} {value}`{aliases}"),
        None => format!("`--{long}`{aliases}"),
    }
}

fn section(command: &Command) -> String {
    let mut headings: Vec<Option<&str>> = Vec::new();
    let args: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    for arg in &args {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    let mut text = String::new();
    for heading in headings {
        if let Some(heading) = heading {
            write!(text, "### {heading}\n\n").unwrap();
        }
        let here = args.iter().filter(|arg| arg.get_help_heading() == heading);
        let rows = here.map(|arg| {
            let help = Help::of(arg);
            let env: Vec<_> = help.env.split(", ").map(code).filter(|name| !name.is_empty()).collect();
            vec![name(arg), env.join(", "), code(&help.file), code(&help.default), help.text]
        });
        text += &table(&["flag", "environment", "file", "default", "what"], rows);
        text.push('\n');
    }
    text
}

#[test]
fn flags_page_is_current() {
    let command = keymount::config::command();
    let mut page = String::from(
        "# Commands and flags\n\n\
         Made of the code by `make docs-reference`. A setting can be a flag, an environment variable or a key of the YAML \
         file that `--config` names; they win in that order. Without a command `serve` is meant.\n\n",
    );
    for command in command.get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        write!(page, "## `keymount {}`\n\n{about}.\n\n", command.get_name()).unwrap();
        page += &section(command);
    }
    held("flags", &format!("{}\n", page.trim_end()));
}

/// Every argument of every command has a help text, and what `serve` takes has a variable.
#[test]
fn no_flag_is_without_words() {
    for command in keymount::config::command().get_subcommands() {
        for arg in command.get_arguments() {
            let help = Help::of(arg);
            assert!(!help.text.is_empty(), "{} {}", command.get_name(), arg.get_id());
            let is_setting = command.get_name() == "serve";
            assert!(!is_setting || !help.env.is_empty(), "{} {}", command.get_name(), arg.get_id());
        }
    }
}
