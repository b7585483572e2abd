//! `keymount status --watch`: in a terminal of its own, and into a pipe.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::eventually;
use crate::world::{OBJECTS, World, pod};

const SOON: Duration = Duration::from_secs(15);

/// A running watch and what it has printed.
struct Watch {
    child: Child,
    printed: Arc<Mutex<String>>,
}

impl Watch {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (printed, mut out) = (Arc::new(Mutex::new(String::new())), child.stdout.take().unwrap());
        let page = printed.clone();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut piece) {
                page.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..read]));
            }
        });
        Self { child, printed }
    }

    fn text(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    async fn says(&self, text: &str) {
        assert!(eventually(SOON, || async { self.text().contains(text) }).await, "{text}: {}", self.text());
    }

    /// Forgets what was printed until now.
    fn forget(&self) {
        self.printed.lock().unwrap().clear();
    }

    async fn ends(&mut self, pid: Pid, signal: Signal) -> Option<i32> {
        kill_process(pid, signal).unwrap();
        let child = &mut self.child;
        for _ in 0..150 {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        child.kill().unwrap();
        None
    }
}

fn command(world: &World) -> String {
    let socket = world.keymount.admin_socket();
    format!("{} status --watch --admin-socket {}", env!("CARGO_BIN_EXE_keymount"), socket.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_drawn_in_place_and_left_as_it_was() {
    let mut world = World::new().await;
    let mut script = Command::new("script");
    script.args(["-qefc", &format!("echo pid=$$; exec {}", command(&world)), "/dev/null"]);
    if Command::new("script").arg("--version").output().is_err() {
        let _ = writeln!(std::io::stderr(), "skipped: there is no `script` here to make a terminal");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "script is missing");
        return;
    }
    let mut watch = Watch::start(script);
    watch.says("\u{1b}[?1049h").await;
    watch.says("local     ready      0 sessions").await;
    let text = watch.text();
    let pid = text.split("pid=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    world.call(&world.mount(&pod("a"), OBJECTS)).await.unwrap();
    watch.says("1 mount").await;
    world.keymount.kill9();
    watch.says("asking again; below is what it said last").await;
    watch.says("nobody serves there").await;
    watch.forget();
    world.keymount.restart().await;
    watch.says("last minute:").await;
    watch.forget();
    watch.says("Ctrl-C ends it").await;
    assert!(!watch.text().contains("gone for"), "{}", watch.text());
    assert_eq!(watch.ends(pid, Signal::INT).await, Some(0), "{}", watch.text());
    assert!(watch.text().contains("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"), "{:?}", watch.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_it_is_a_line_for_each_change() {
    let mut world = World::new().await;
    let line = command(&world);
    let mut words = line.split(' ');
    let mut program = Command::new(words.next().unwrap());
    program.args(words);
    let mut watch = Watch::start(program);
    watch.says("local ready backend=ok sessions=0 leases=0 failing=0\n").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let text = watch.text();
    assert!(text.lines().count() == 1 && !text.contains('\u{1b}'), "nothing changed: {text:?}");
    world.keymount.kill9();
    watch.says("gone: cannot ask the keymount at").await;
    world.keymount.restart().await;
    let back = || async { watch.text().matches("local ready").count() == 2 };
    assert!(eventually(SOON, back).await, "{}", watch.text());
    let pid = Pid::from_child(&watch.child);
    assert_eq!(watch.ends(pid, Signal::TERM).await, Some(0));
}
