//! `keymount fetch`: a folder with what it needs, one run of it, or a sidecar that goes on.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{Child, Spec};
use super::secrets;

/// Where a fetch reads and writes.
pub struct Desk {
    home: TempDir,
    /// The provider's settings.
    settings: Vec<String>,
}

/// How a run ended: exit code, standard output and error.
pub type Ended = (i32, String, String);

impl Desk {
    /// A class and a token, and the provider's settings.
    pub fn new(class: &str, token: &str, settings: &[&str]) -> Self {
        let settings = settings.iter().map(|&text| text.to_owned()).collect();
        let desk = Self { home: tempfile::tempdir().expect("folder"), settings };
        desk.put("class.yaml", class);
        desk.put("token", token);
        desk
    }

    /// A setting that names a file of this desk.
    #[must_use]
    pub fn with_file(mut self, flag: &str, name: &str, text: &str) -> Self {
        self.put(name, text);
        self.settings.extend([flag.to_owned(), self.path(name).display().to_string()]);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Writes beside and renames, as the kubelet does with a token.
    pub fn put(&self, name: &str, text: &str) {
        let beside = self.path(&format!("{name}.new"));
        std::fs::write(&beside, text).expect("written");
        std::fs::rename(beside, self.path(name)).expect("renamed");
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymount"));
        command.arg("fetch").args(&self.settings);
        for (flag, name) in [("--class", "class.yaml"), ("--token", "token"), ("--out", "out")] {
            if !more.contains(&flag) {
                command.arg(flag).arg(self.path(name));
            }
        }
        command.args(more);
        command
    }

    /// One run to its end; what it printed holds no secret.
    pub fn run(&self, more: &[&str]) -> Ended {
        run(&mut self.command(more))
    }

    /// The same, with variables in its environment.
    pub fn run_in(&self, more: &[&str], env: &[(&str, &str)]) -> Ended {
        run(self.command(more).envs(env.iter().copied()))
    }

    /// A sidecar that looks twice in each `interval`.
    pub fn watch(&self, interval: &str, more: &[&str]) -> Sidecar {
        let often = ["--watch", "--refresh-interval", interval, "--min-refresh-interval", interval];
        let command = self.command(&[&often[..], more].concat());
        Sidecar(Child::start(Spec { name: "fetch", command, home: self.home.path(), stop: "TERM" }))
    }

    /// A file's content, if it is there.
    pub fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.out().join(path)).ok()
    }

    pub fn mode(&self, path: &str) -> u32 {
        std::fs::metadata(self.out().join(path)).expect("a file").permissions().mode() & 0o7777
    }

    /// The names in the folder.
    pub fn listing(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.out()).expect("the folder").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Runs it to its end; what it printed holds no secret.
pub fn run(command: &mut Command) -> Ended {
    let output = command.output().expect("keymount");
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    secrets::assert_none("what keymount printed", &out);
    secrets::assert_none("what keymount logged", &err);
    (output.status.code().unwrap_or(-1), out, err)
}

/// One whole set, read as a pod should: `..data` is resolved once. `None` if it was replaced meanwhile.
pub fn read_set(out: &Path) -> Option<BTreeMap<String, String>> {
    let set = out.join(std::fs::read_link(out.join("..data")).ok()?);
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(&set).ok()? {
        let entry = entry.ok()?;
        files.insert(entry.file_name().into_string().ok()?, std::fs::read_to_string(entry.path()).ok()?);
    }
    set.exists().then_some(files)
}

/// A running `keymount fetch --watch`; dropping it kills it and searches its log for secrets.
pub struct Sidecar(Child);

impl Sidecar {
    pub fn log(&self) -> String {
        self.0.log()
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.0.kill9();
        if !std::thread::panicking() {
            secrets::assert_none("the log of keymount fetch", &self.log());
        }
    }
}
