//! The command line of `prepare`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// What the init step of a pod is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// The folders of the node that the group is to write into.
    pub folders: Vec<PathBuf>,
    /// The providers whose dead sockets are in the way.
    pub providers: Vec<String>,
}

/// `keymount prepare`.
pub(super) fn command() -> Command {
    let folders = Arg::new("folders")
        .value_name("DIR")
        .required(true)
        .num_args(1..)
        .value_parser(value_parser!(PathBuf))
        .help("Folder of the node that root owns, such as that of the provider sockets");
    let provider = Arg::new("provider")
        .long("provider")
        .value_name("NAME")
        .action(ArgAction::Append)
        .value_delimiter(',')
        .help("Provider whose socket is removed from there if nobody serves on it; repeatable");
    Command::new("prepare")
        .about("Give folders of the node to this process's group: the init step before a serve that is not root")
        .after_help("Runs as root with runAsGroup set to the group of the serving container, and needs no capability.")
        .args([folders, provider])
}

// === impl Prepare ===

impl Prepare {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        let many = |name| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
        let folders = matches.get_many::<PathBuf>("folders").into_iter().flatten().cloned().collect();
        Self { folders, providers: many("provider") }
    }
}
