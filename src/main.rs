//! The program: settings, runtime, run, exit code.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use keymount::app::{self, App};
use keymount::config::{Check, Config, Environment, Fetch, Invocation, Usage};
use keymount::{cli, observe};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;
/// How long threads that read files may take at the end.
const LAST_THREADS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match Invocation::read(std::env::args_os(), &Environment) {
        Ok(Invocation::Serve(config)) => serve(*config),
        Ok(Invocation::Fetch(fetch)) => fetched(*fetch),
        Ok(Invocation::Check(check)) => checked(*check),
        Ok(Invocation::Demo { keep, bao }) => {
            finish(runtime().map(|runtime| runtime.block_on(cli::demo::run(keep, bao))))
        }
        Ok(Invocation::Prepare(prepare)) => {
            finish(runtime().map(|runtime| runtime.block_on(cli::prepare::run(&prepare))))
        }
        Ok(Invocation::Status { socket, json, watch }) => {
            finish(runtime().map(|runtime| runtime.block_on(cli::status::run(&socket, json, watch))))
        }
        Err(usage) => explain(&usage),
    }
}

fn serve(config: Config) -> ExitCode {
    observe::init_logs(config.log.level, config.log.format);
    app::harden();
    finish(runtime().map(|runtime| {
        let result = runtime.block_on(async {
            let app = App::start(config).await.map_err(|errors| errors.to_string())?;
            app.run(terminated()).await;
            Ok(())
        });
        // A thread that waits for a dead disk must not hold the exit until SIGKILL.
        runtime.shutdown_timeout(LAST_THREADS);
        result
    }))
}

fn checked(check: Check) -> ExitCode {
    observe::init_logs(check.rooms.log.level, check.rooms.log.format);
    app::harden();
    let done = runtime().map(|runtime| {
        let done = runtime.block_on(cli::check::run(check));
        runtime.shutdown_timeout(LAST_THREADS);
        done
    });
    match done {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(failure)) => {
            let _ = finish(Ok(Err(failure.text)));
            ExitCode::from(failure.code)
        }
        Err(error) => finish(Err(error)),
    }
}

fn fetched(fetch: Fetch) -> ExitCode {
    observe::init_logs(fetch.rooms.log.level, fetch.rooms.log.format);
    app::harden();
    let done = runtime().map(|runtime| {
        let done = runtime.block_on(cli::fetch::run(fetch));
        runtime.shutdown_timeout(LAST_THREADS);
        done
    });
    match done {
        Ok(Err(failure)) => {
            let _ = finish(Ok(Err(failure.text)));
            ExitCode::from(failure.code)
        }
        done => finish(done.map(|_| Ok(()))),
    }
}

/// One thread: mounts wait for backends, not for processors, and each hop between
/// threads cost a mount more than its own work (docs/performance.md). Files are read
/// on threads of their own.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(64).enable_all().build()
}

async fn terminated() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
}

#[expect(clippy::print_stderr, reason = "the last word of a process that failed")]
fn finish(result: std::io::Result<Result<(), String>>) -> ExitCode {
    match result.map_err(|error| error.to_string()).and_then(|result| result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("keymount: {text}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "mistakes are for the terminal")]
fn explain(usage: &Usage) -> ExitCode {
    if usage.mistake {
        eprint!("{}", usage.text);
        return ExitCode::from(USAGE);
    }
    // A reader that goes away early, as `head` does, has seen what it wanted.
    let _ = std::io::stdout().write_all(usage.text.as_bytes());
    ExitCode::SUCCESS
}
