//! Workers that end and are replaced, reloads, and the end of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use swoole_core::sys::Pid;
use swoole_core::sys::process;
use swoole_core::sys::signal::Signal;

use super::super::client::{Client, End};
use super::super::daemon::{Daemon, Kind, Plan};
use super::{ALL, BASE, MANAGED, PROCESS, Tests, env_count};

/// What the log says of a worker that dies.
const DIED: &str = "abnormal exit";

pub fn add(tests: &mut Tests) {
    tests.add(
        MANAGED,
        "a_dead_worker_is_reported_and_replaced",
        dead_worker,
    );
    tests.add(
        MANAGED,
        "a_worker_that_dies_at_start_is_started_with_pauses",
        dies_at_start,
    );
    tests.add(MANAGED, "reload_by_signal_and_by_call", reload);
    tests.add(PROCESS, "reloads_under_load_at_once", |kind| {
        reload_load(kind, true)
    });
    tests.add(PROCESS, "reloads_under_load_one_by_one", |kind| {
        reload_load(kind, false)
    });
    tests.add(MANAGED, "reload_storm_ends", reload_storm);
    tests.add(MANAGED, "max_request_replaces_workers_quietly", max_request);
    tests.add(
        BASE,
        "max_request_replaces_the_only_worker",
        max_request_of_one,
    );
    tests.add(MANAGED, "stop_worker_and_sigterm_to_a_worker", stop_worker);
    tests.add(ALL, "signals_that_only_log", logging_signals);
    tests.add(
        MANAGED,
        "a_stuck_worker_is_killed_after_max_wait_time",
        stuck_worker,
    );
    tests.add(ALL, "kill_of_the_first_process_ends_all", kill_first);
    tests.add(PROCESS, "kill_of_the_manager_ends_the_server", kill_manager);
    tests.add(ALL, "graceful_stop_answers_what_is_in_flight", |kind| {
        graceful(kind, Signal::TERM)
    });
    tests.add(ALL, "graceful_stop_by_sigint", |kind| {
        graceful(kind, Signal::INT)
    });
    tests.add(ALL, "graceful_stop_of_the_whole_group", graceful_group);
    tests.add(
        MANAGED,
        "user_processes_end_with_the_whole_group",
        group_with_users,
    );
    tests.add(ALL, "shutdown_by_call", shutdown_call);
    tests.add(MANAGED, "a_second_sigterm_hurries", second_term);
    tests.add(ALL, "pid_file_is_written_and_removed", pid_file);
    tests.add(ALL, "events_of_a_life_in_order", life);
}

fn dead_worker(kind: Kind) {
    let server = Plan::new(kind).allow(DIED).start();
    server.wait_workers();
    let deaths = [
        ("exit 7", "code=7 signal=0", "status=7"),
        ("exit 0", "", "status=0"),
        ("segv", "code=0 signal=11", "signal=11"),
        ("abort", "code=0 signal=6", "signal=6"),
        ("kill9", "code=0 signal=9", "signal=9"),
    ];
    let mut starts = 2;
    let mut errors = 0;
    for (command, told, logged) in deaths {
        let mut client = server.connect();
        let id = client.ask("id");
        let mut words = id.split(' ');
        let (session, worker) = (words.next().unwrap(), words.next().unwrap());
        let pid = words.next().unwrap();
        client.tell(command);
        // Nobody is left hanging.
        assert!(client.end().1.is_empty());
        starts += 1;
        server.wait_count("worker_start ", starts);
        if !told.is_empty() {
            errors += 1;
            let lines = server.wait_count("worker_error ", errors);
            assert_eq!(
                lines[errors - 1],
                format!("worker_error {worker} {pid} {told}")
            );
        }
        server.eventually("one line says all", || {
            server.log().lines().any(|line| {
                line.contains(&format!("worker(pid={pid}, id={worker}) {DIED}"))
                    && line.contains(logged)
                    && line.contains(&format!("connection {session}"))
                    && (told.is_empty() == (command == "exit 0"))
            })
        });
    }
    assert!(
        server
            .log()
            .contains("exit() was called in /app/server.php:42")
    );
    assert_eq!(server.lines("worker_error ").len(), errors);
    assert_eq!(server.connect().ask("echo still"), "still");
    server.finish();
}

fn dies_at_start(kind: Kind) {
    let server = Plan::new(kind)
        .with("start_dies", "1:5")
        .allow(DIED)
        .allow("in a row within")
        .start();
    // Five failures, the later ones with pauses; then the sixth incarnation stays, and no more forks.
    let starts = server.wait_count("worker_start 1 ", 6);
    server.wait_log("times in a row within");
    let mut pids: Vec<&str> = starts
        .iter()
        .map(|s| s.rsplit(' ').next().unwrap())
        .collect();
    pids.dedup();
    assert_eq!(pids.len(), 6);
    // The other worker served all the time, and this one does now.
    for _ in 0..8 {
        assert_eq!(server.connect().ask("echo x"), "x");
    }
    assert_eq!(server.lines("worker_start 1 ").len(), 6);
    server.finish();
}

fn reload(kind: Kind) {
    let server = Plan::new(kind).start();
    server.wait_workers();
    server.signal(server.pid(), Signal::USR1);
    server.wait_count("after_reload", 1);
    server.wait_count("worker_start ", 4);
    let mut client = server.connect();
    assert_eq!(client.ask("reload"), "ok");
    server.wait_count("after_reload", 2);
    server.wait_count("worker_start ", 6);
    server.wait_count("worker_stop ", 4);
    assert_eq!(server.lines("before_reload").len(), 2);
    assert!(server.lines("worker_error").is_empty());
    drop(client);
    assert_eq!(server.connect().ask("echo new"), "new");
    server.finish();
}

/// Clients that ask, in turns and in pipelines, until told to stop. Every answer comes once, in order.
fn load(port: u16, clients: usize, stop: &Arc<AtomicBool>) -> Vec<std::thread::JoinHandle<u64>> {
    (0..clients)
        .map(|n| {
            let stop = Arc::clone(stop);
            let depth = [1, 2, 16][n % 3];
            std::thread::spawn(move || {
                let mut client = Client::connect(port);
                let (mut asked, mut answered) = (0u64, 0u64);
                while !stop.load(Ordering::Relaxed) || answered < asked {
                    while asked < answered + depth && !stop.load(Ordering::Relaxed) {
                        client.tell(&format!("echo {n}-{asked}"));
                        asked += 1;
                    }
                    if answered < asked {
                        assert_eq!(client.line(), format!("{n}-{answered}"));
                        answered += 1;
                    }
                }
                client.finish_sending();
                client.expect_fin();
                answered
            })
        })
        .collect()
}

fn reload_load(kind: Kind, at_once: bool) {
    let reloads = env_count("SWOOLE_RS_RELOADS", 20, 100);
    let server = Plan::new(kind).set("reload_async", at_once).start();
    server.wait_workers();
    let stop = Arc::new(AtomicBool::new(false));
    let threads = load(server.port, 9, &stop);
    for n in 1..=reloads {
        server.signal(server.pid(), Signal::USR1);
        server.wait_count("after_reload", n);
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        assert!(thread.join().unwrap() > 0);
    }
    assert!(server.lines("worker_error").is_empty());
    // The last ones may still be at it; and none is stopped twice.
    let stops = server.wait_count("worker_stop ", reloads * 2).len();
    assert_eq!(stops, reloads * 2);
    server.finish();
}

fn reload_storm(kind: Kind) {
    let server = Plan::new(kind).workers(4).start();
    for _ in 0..200 {
        server.signal(server.pid(), Signal::USR1);
    }
    server.wait_for("after_reload");
    server.eventually("every reload that began has ended", || {
        server.lines("after_reload").len() == server.lines("before_reload").len()
    });
    // A signal may still be on its way, and one more reload with it: its workers close what they have.
    server.eventually("a client is answered", || {
        let Ok(mut client) = Client::try_connect(server.port) else {
            return false;
        };
        let asked = std::io::Write::write_all(&mut client.stream, b"echo x\n");
        asked
            .and_then(|()| client.try_line())
            .is_ok_and(|line| line == "x")
    });
    assert!(server.lines("worker_error").is_empty());
    server.finish();
}

fn max_request(kind: Kind) {
    let server = Plan::new(kind)
        .set("max_request", 5)
        .set("max_request_grace", 3)
        .start();
    // In base mode the connections of a worker end with it, once they are answered.
    for n in 0..200 {
        let mut client = server.connect();
        assert_eq!(client.ask(&format!("echo {n}")), n.to_string());
    }
    let starts = server.lines("worker_start ").len();
    assert!(starts >= 2 + 200 / 8 - 2, "{starts} starts");
    assert!(starts <= 2 + 200 / 5 + 2, "{starts} starts");
    assert!(server.lines("worker_error").is_empty());
    server.finish();
}

fn max_request_of_one(kind: Kind) {
    let server = Plan::new(kind)
        .workers(1)
        .set("max_request", 5)
        .set("max_request_grace", 0)
        .start();
    for n in 0..50 {
        let mut client = server.connect();
        assert_eq!(client.ask(&format!("echo {n}")), n.to_string());
    }
    let mut client = server.connect();
    // The first process is still both.
    let first = server.pid();
    assert_eq!(client.ask("pids"), format!("{first} {first}"));
    server.wait_count("worker_start ", 1 + 50 / 8);
    assert!(server.lines("worker_error").is_empty());
    server.finish();
}

fn stop_worker(kind: Kind) {
    let server = Plan::new(kind).start();
    server.wait_workers();
    let mut client = server.connect();
    assert_eq!(client.ask("stop"), "ok");
    server.wait_count("worker_start ", 3);
    let mut client = server.connect();
    assert_eq!(client.ask("stop 0"), "ok");
    server.wait_count("worker_start ", 4);
    let mut client = server.connect();
    assert_eq!(client.ask("stop 77"), "error 505");
    server.signal(server.worker_pid(1), Signal::TERM);
    server.wait_count("worker_start ", 5);
    server.wait_count("worker_stop ", 3);
    drop(client);
    assert_eq!(server.connect().ask("echo x"), "x");
    assert!(server.lines("worker_error").is_empty());
    server.finish();
}

fn logging_signals(kind: Kind) {
    let plan = Plan::new(kind).allow("cannot reload task workers");
    let server = plan.allow("reload is not possible").start();
    server.wait_workers();
    assert_eq!(server.connect().ask("echo x"), "x");
    server.signal(server.pid(), Signal::USR2);
    server.eventually("it says why not", || {
        let log = server.log();
        log.contains("cannot reload task workers") || log.contains("reload is not possible")
    });
    let path = server.folder().join("server.log");
    let moved = server.folder().join("moved.log");
    std::fs::rename(&path, &moved).unwrap();
    server.signal(server.pid(), Signal::rtmin());
    server.eventually("the log file is opened again", || path.exists());
    assert_eq!(server.connect().ask("echo x"), "x");
    server.finish();
}

fn stuck_worker(kind: Kind) {
    let plan = Plan::new(kind).set("max_wait_time", 1).allow(DIED);
    let server = plan.allow("force kill worker process").start();
    server.wait_workers();
    let mut client = server.connect();
    client.tell("hang");
    let line = server.wait_for("hanging ");
    let pid = line.rsplit(' ').next().unwrap();
    server.signal(server.pid(), Signal::USR1);
    // The client of the worker that is killed hears of it.
    assert!(client.end().1.is_empty());
    server.wait_for("after_reload");
    let error = server.wait_for("worker_error ");
    assert!(
        error.contains(pid) && error.ends_with("signal=9"),
        "{error}"
    );
    assert_eq!(server.connect().ask("echo x"), "x");
    server.finish();
}

fn kill_first(kind: Kind) {
    let mut server = Plan::new(kind).start();
    server.wait_workers();
    let mut client = server.connect();
    assert_eq!(client.ask("echo x"), "x");
    server.signal(server.pid(), Signal::KILL);
    server.wait_exit();
    client.end();
    server.expect_gone();
}

fn kill_manager(kind: Kind) {
    let mut server = Plan::new(kind).allow("the manager").start();
    server.wait_workers();
    let mut client = server.connect();
    assert_eq!(client.ask("echo x"), "x");
    server.signal(server.manager_pid(), Signal::KILL);
    let status = server.wait_exit();
    assert!(!status.success() && status.code().is_some(), "{status}");
    client.end();
    server.expect_gone();
}

/// A server with requests in flight: one that waits at a gate, more behind it, and an idle connection.
fn in_flight(server: &Daemon) -> (Client, Client) {
    server.wait_workers();
    let idle = server.connect();
    let mut busy = server.connect();
    busy.tell("gate go\necho one\necho two");
    server.wait_for("at_gate go");
    busy.tell("echo three");
    (busy, idle)
}

fn expect_answers(server: &Daemon, mut busy: Client, mut idle: Client) {
    std::fs::write(server.folder().join("go"), "").unwrap();
    for answer in ["passed", "one", "two", "three"] {
        assert_eq!(busy.line(), answer);
    }
    busy.expect_fin();
    idle.expect_fin();
}

fn graceful(kind: Kind, signal: Signal) {
    let mut server = Plan::new(kind).set("max_wait_time", 60).start();
    let (busy, idle) = in_flight(&server);
    server.signal(server.pid(), signal);
    if kind == Kind::Process {
        server.wait_for("before_shutdown");
    }
    expect_answers(&server, busy, idle);
    server.expect_exit(0);
}

fn graceful_group(kind: Kind) {
    let mut server = Plan::new(kind).set("max_wait_time", 60).start();
    server.wait_workers();
    let (busy, idle) = in_flight(&server);
    // A service manager tells all processes.
    for pid in server.processes() {
        // Some may have ended because of the others.
        let _ = process::kill(Pid::from_raw(pid), Signal::TERM);
    }
    expect_answers(&server, busy, idle);
    server.expect_exit(0);
}

fn group_with_users(kind: Kind) {
    for users_first in [true, false] {
        let plan = Plan::new(kind).set("max_wait_time", 60).with("users", 2);
        // To whom they send a task.
        let mut server = plan.allow("No idle task worker").start();
        let (busy, idle) = in_flight(&server);
        let starts = server.wait_count("user_start ", 2);
        let users: Vec<i32> = starts
            .iter()
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        // One after the other, as a service manager tells them, in any order.
        let mut pids = server.processes();
        pids.sort_by_key(|pid| users.contains(pid) != users_first);
        for pid in pids {
            // Some may have ended because of the others.
            let _ = process::kill(Pid::from_raw(pid), Signal::TERM);
        }
        // The rest is held up by what is in flight.
        server.eventually("user processes are gone", || {
            let left = server.processes();
            !users.iter().any(|pid| left.contains(pid))
        });
        expect_answers(&server, busy, idle);
        server.expect_exit(0);
        assert_eq!(server.lines("user_start ").len(), 2);
        assert!(server.lines("worker_error").is_empty());
    }
}

fn shutdown_call(kind: Kind) {
    let mut server = Plan::new(kind).start();
    let mut client = server.connect();
    assert_eq!(client.ask("shutdown"), "ok");
    client.expect_fin();
    server.expect_exit(0);
}

fn second_term(kind: Kind) {
    let mut server = Plan::new(kind)
        .set("max_wait_time", 3600)
        .allow(DIED)
        .allow("force kill worker process")
        .allow("cut")
        .start();
    server.wait_workers();
    let mut client = server.connect();
    client.tell("hang");
    server.wait_for("hanging ");
    server.signal(server.pid(), Signal::TERM);
    server.wait_for("before_shutdown");
    // Signals close together are one request; somebody impatient asks again and again.
    let pid = server.pid();
    let done = AtomicBool::new(false);
    let asker = &done;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !asker.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_millis(300));
                let _ = process::kill(Pid::from_raw(pid), Signal::TERM);
            }
        });
        let ended = client.end();
        done.store(true, Ordering::Relaxed);
        assert!(matches!(ended.0, End::Fin | End::Reset));
    });
    let status = server.wait_exit();
    assert!(status.code().is_some(), "{status}");
    server.expect_gone();
}

fn pid_file(kind: Kind) {
    let mut server = Plan::new(kind).set("pid_file", "server.pid").start();
    let path = server.folder().join("server.pid");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.trim(), server.pid().to_string());
    server.signal(server.pid(), Signal::TERM);
    server.expect_exit(0);
    assert!(!path.exists());
}

fn life(kind: Kind) {
    let mut server = Plan::new(kind).start();
    server.wait_workers();
    if kind != Kind::Single {
        server.manager_pid();
    }
    server.signal(server.pid(), Signal::TERM);
    server.expect_exit(0);
    let workers = server.workers as usize;
    let counts = [
        ("start", 1),
        ("before_shutdown", 1),
        ("worker_start ", workers),
        ("worker_stop ", workers),
        ("manager_stop", usize::from(kind != Kind::Single)),
        ("shutdown", 1),
    ];
    for (beginning, count) in counts {
        let lines = server.lines(beginning);
        assert_eq!(lines.len(), count, "{beginning}: {lines:?}");
    }
    assert!(server.lines("worker_error").is_empty());
}
