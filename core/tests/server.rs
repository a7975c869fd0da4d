//! The whole server without PHP: processes, reactor threads, rings and sockets, driven from outside.
//!
//! Each test starts this very binary as `serve KEY=VALUE...`, which becomes a server with a scripted
//! handler (see `server_support/serve.rs`), and talks to it with plain sockets. Nothing here depends on
//! how fast the machine is: deadlines only end a test that hangs.
//!
//! `SWOOLE_RS_KILLS` and `SWOOLE_RS_RELOADS` set how many worker deaths and reloads the long tests make;
//! `SWOOLE_SOAK=1` means 1,000 and 100.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

mod server_support;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        server_support::serve::main(&arguments[1..]);
    }
    let mut options = libtest_mimic::Arguments::from_args();
    // Each test is a handful of processes: more at a time only wait for each other.
    options.test_threads = options.test_threads.or(Some(4));
    libtest_mimic::run(&options, server_support::cases::all()).exit();
}
