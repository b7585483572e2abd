//! A server process that cannot outlive the tests, whatever ends them.
//!
//! Between us and the server sits a small shell that holds a pipe from us. When we die, killed or not, the
//! pipe closes, and the shell ends the server by its pid and removes its folder. Statics are never dropped,
//! so this is also what ends the servers that several tests share.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// `$1` is the signal that ends the server gently, `$2` the folder to remove; the rest is the command.
const SUPERVISOR: &str = r#"
stop=$1 home=$2; shift 2
exec 3<&0 4>&1 1>&2
"$@" </dev/null 3<&- 4>&- & server=$!
echo "$server" >&4; exec 4>&-
(
  read -r _
  trap '' TERM
  kill -"$stop" "$server" 2>/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do kill -0 "$server" 2>/dev/null || break; sleep 0.2; done
  kill -KILL "$server" 2>/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$home" 2>/dev/null && break; sleep 0.5; done
) <&3 & watcher=$!
exec 3<&-
wait "$server"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"
"#;

/// How to start one server.
pub struct Spec<'a> {
    /// Names the log file.
    pub name: &'a str,
    pub command: Command,
    /// Where the log goes; removed if the test process dies.
    pub home: &'a Path,
    /// The signal of a gentle end, as `kill` spells it.
    pub stop: &'static str,
}

/// A running server; dropping it kills it.
pub struct Child {
    name: String,
    shell: std::process::Child,
    pid: Pid,
    log: PathBuf,
    stop: Signal,
}

impl Child {
    pub fn start(spec: Spec<'_>) -> Self {
        let Spec { name, command, home, stop } = spec;
        let log = home.join(format!("{name}.log"));
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("log file");
        let mut shell = supervised(&command, home, stop).stderr(file).spawn().expect("sh");
        let mut line = String::new();
        let report = shell.stdout.take().expect("piped");
        BufReader::new(report).read_line(&mut line).expect("the supervisor's report");
        let pid = Pid::from_raw(line.trim().parse().expect("a pid")).expect("a pid");
        remember_log(name, &log);
        let stop = if stop == "INT" { Signal::INT } else { Signal::TERM };
        Self { name: name.to_owned(), shell, pid, log, stop }
    }

    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Everything the server has written so far, this run and earlier ones in the same folder.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    pub fn signal(&mut self, signal: Signal) {
        // Reaped already: the pid may be somebody else's by now.
        if self.exited().is_none() {
            let _ = kill_process(self.pid, signal);
        }
    }

    pub fn term(&mut self) {
        self.signal(self.stop);
    }

    pub fn kill9(&mut self) {
        self.signal(Signal::KILL);
    }

    /// Freezes the server: it accepts connections (the kernel does) and answers nothing.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// The exit code, or 128 + the signal; `None` while it runs.
    pub fn exited(&mut self) -> Option<i32> {
        self.shell.try_wait().expect("wait").map(|status| status.code().unwrap_or(-1))
    }

    pub fn wait_exit(&mut self, limit: Duration) -> Option<i32> {
        let end = Instant::now() + limit;
        while self.exited().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.exited()
    }

    /// Asks the server to end, and makes it after `limit`.
    pub fn end(&mut self, limit: Duration) -> i32 {
        self.term();
        self.wait_exit(limit).unwrap_or_else(|| {
            self.kill9();
            self.wait_exit(Duration::from_secs(10)).expect("killed")
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill9();
        // Not `wait`: that closes the pipe, and the shell would take it for our death and remove the folder.
        self.wait_exit(Duration::from_secs(10));
        keep_log(&self.name, &self.log);
    }
}

fn supervised(command: &Command, home: &Path, stop: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", SUPERVISOR, "supervisor", stop]).arg(home).arg(command.get_program());
    shell.args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        shell.current_dir(dir);
    }
    // A group of its own: Ctrl-C must reach the tests only, or the shell dies before it can clean up.
    shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    shell
}

/// A log of this run: where it is, and its text once the folder may be gone.
struct Log {
    name: String,
    path: PathBuf,
    kept: Option<String>,
}

static LOGS: Mutex<Vec<Log>> = Mutex::new(Vec::new());

fn remember_log(name: &str, path: &Path) {
    let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    logs.retain(|log| log.path != path);
    logs.push(Log { name: name.to_owned(), path: path.to_owned(), kept: None });
}

fn keep_log(name: &str, path: &Path) {
    let text = read(path);
    let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(log) = logs.iter_mut().find(|log| log.name == name && log.path == path) {
        log.kept = Some(text);
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// Every log of the servers called `name` in this test process, also of those that are gone.
pub fn logs_of(name: &str) -> Vec<String> {
    let logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    // The file first: what was kept may be from before a restart.
    let text = |log: &Log| match &log.kept {
        Some(kept) if !log.path.exists() => kept.clone(),
        _ => read(&log.path),
    };
    logs.iter().filter(|log| log.name == name).map(text).collect()
}
