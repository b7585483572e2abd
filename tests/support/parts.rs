//! Where the programs under test with us are: what `tests/parts/build.sh` wrote, or the environment.

use std::io::Write as _;
use std::path::PathBuf;

/// The cache of `tests/parts/build.sh`, found by the same rule as there.
fn folder() -> Option<PathBuf> {
    if let Some(parts) = std::env::var_os("KEYMOUNT_PARTS") {
        return Some(parts.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("keymount/parts"))
}

/// A part's path by its name in the `env` file (`BAO_BIN`, `KUBE_APISERVER`, ...). A variable of that name
/// wins, so that a developer can try another build.
pub fn part(name: &str) -> Option<PathBuf> {
    let listed = || {
        let text = std::fs::read_to_string(folder()?.join("env")).ok()?;
        text.lines().find_map(|line| Some(PathBuf::from(line.strip_prefix(name)?.strip_prefix('=')?)))
    };
    std::env::var_os(name).map(PathBuf::from).or_else(listed).filter(|path| path.exists())
}

/// Like [`part`], and says so when the part is absent. With `CI=true` an absent part fails the test: there a
/// skipped test would look like a passed one.
pub fn require(name: &str) -> Option<PathBuf> {
    let found = part(name);
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is absent: run tests/parts/build.sh");
        // Not `eprintln!`: the test runner swallows that of a passing test.
        let _ = writeln!(std::io::stderr(), "skipped: {name} (run tests/parts/build.sh)");
    }
    found
}
