//! Task workers, messages between workers, and processes of user code.

use std::collections::HashSet;

use swoole_core::sys::signal::Signal;

use super::super::daemon::{Daemon, Kind, Plan};
use super::super::pattern::Pattern;
use super::super::serve::measured;
use super::{MANAGED, PROCESS, Tests, env_count};

pub(super) const DIED: &str = "abnormal exit";

pub fn add(tests: &mut Tests) {
    tests.add(MANAGED, "tasks_are_done_and_answered", answered);
    tests.add(MANAGED, "tasks_go_to_whoever_is_idle", idle_first);
    tests.add(MANAGED, "tasks_of_any_size", any_size);
    tests.add(
        MANAGED,
        "a_dead_task_worker_loses_one_task",
        dead_task_worker,
    );
    tests.add(MANAGED, "tasks_survive_kills_of_task_workers", kill_storm);
    tests.add(MANAGED, "more_tasks_than_there_is_room_for", flood);
    tests.add(MANAGED, "task_max_request_replaces_quietly", max_request);
    tests.add(MANAGED, "reload_of_task_workers_alone_and_of_all", reload);
    tests.add(MANAGED, "accepted_tasks_are_done_before_the_end", drained);
    tests.add(MANAGED, "messages_between_workers", messages);
    tests.add(MANAGED, "a_task_worker_sends_to_connections", sends);
    tests.add(MANAGED, "tasks_by_message_queue", message_queue);
    tests.add(MANAGED, "a_task_that_takes_too_long_is_given_up", timeout);
    tests.add(MANAGED, "tasks_are_counted", counted);
    tests.add(
        MANAGED,
        "user_processes_live_and_are_replaced",
        user_processes,
    );
    tests.add(
        MANAGED,
        "user_processes_survive_the_opening_of_the_log",
        log_of_users,
    );
    tests.add(
        MANAGED,
        "a_fault_of_a_user_process_is_reported",
        fault_of_user,
    );
    tests.add(
        PROCESS,
        "base_mode_with_one_worker_has_a_manager",
        one_worker,
    );
}

pub(super) fn plan(kind: Kind) -> Plan {
    // Said where all of them are busy when a task comes.
    Plan::new(kind)
        .set("task_worker_num", 2)
        .allow("No idle task worker")
}

pub(super) fn started(plan: Plan) -> Daemon {
    started_with(plan, 4)
}

pub(super) fn started_with(plan: Plan, processes: usize) -> Daemon {
    let server = plan.start();
    server.wait_count("worker_start ", processes);
    server
}

fn answered(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    assert_eq!(client.ask("ask echo hello"), "hello");
    assert_eq!(client.ask("askall a b c d e f g h"), "a b c d e f g h");
    assert_eq!(client.ask("askof 1 pid").split(' ').next(), Some("3"));
    assert_eq!(client.ask("askof 0 pid").split(' ').next(), Some("2"));
    assert!(client.ask("task echo later").starts_with("task "));
    let line = server.wait_for("finish ");
    assert!(line.ends_with(" later"), "{line}");
    client.ask("task twice");
    let lines = server.wait_count("finish ", 3);
    assert!(lines[1].ends_with("one") && lines[2].ends_with("two"));
    server.finish();
}

fn idle_first(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    client.ask("task gate open");
    server.wait_for("task_at_gate ");
    // One is busy: all go to the other one.
    let pids: HashSet<String> = (0..20).map(|_| client.ask("ask pid")).collect();
    assert_eq!(pids.len(), 1);
    // A task for the busy one waits for it, and holds nobody up.
    let busy = server.wait_for("task_at_gate ");
    let busy: u32 = busy.rsplit(' ').next().unwrap().parse().unwrap();
    client.ask("askfor 1 echo x");
    client.tell(&format!("askof {} echo after", busy - 2));
    std::fs::write(server.folder().join("open"), "").unwrap();
    assert_eq!(client.line(), "after");
    server.finish();
}

fn any_size(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    for bytes in [0, 1, 8_000, 65_536, 262_144, 1_000_000, 20_000_000] {
        assert_eq!(client.ask(&format!("askbig {bytes}")), "true", "{bytes}");
    }
    let wanted = measured(&Pattern::new(5).bytes(0, 5_000_000));
    assert_eq!(client.ask("ask big 5000000"), wanted);
    client.ask("task big 5000000");
    assert!(server.wait_for("finish ").ends_with(&wanted));
    server.finish();
}

fn dead_task_worker(kind: Kind) {
    let server = started(plan(kind).allow(DIED));
    let mut client = server.connect();
    // Who waits is told, long before its time is over.
    assert_eq!(client.ask("ask kill9"), "lost");
    assert_eq!(client.ask("ask exit 3"), "lost");
    client.ask("task kill9");
    server.wait_count("worker_error ", 3);
    server.wait_count("worker_start ", 7);
    assert_eq!(client.ask("ask echo still"), "still");
    let log = server.log();
    let told = log.lines().filter(|l| l.contains("serving task"));
    assert_eq!(told.count(), 3, "{log}");
    assert!(log.contains("exit() in a task in /app/task.php:7"));
    // Those that had not begun are served by the successor.
    client.ask("tasks 1 gate open");
    client.ask("tasks 1 gate open");
    server.wait_count("task_at_gate ", 2);
    client.ask("tasks 5 echo waiting");
    server.signal(server.worker_pid(2), Signal::KILL);
    server.signal(server.worker_pid(3), Signal::KILL);
    let lines = server.wait_count("finish ", 5);
    assert!(lines.iter().all(|line| line.ends_with("waiting")));
    server.finish();
}

fn kill_storm(kind: Kind) {
    let plan = plan(kind).allow(DIED).allow("in a row within");
    // A large task whose receiver has died before it was there.
    let server = started(plan.allow("that took its beginning is dead"));
    let kills = env_count("SWOOLE_RS_KILLS", 10, 200);
    let mut client = server.connect();
    let (mut lost, mut right) = (0, 0);
    for round in 0..kills {
        client.tell("askbig 700000");
        if round % 3 != 0 {
            std::thread::sleep(std::time::Duration::from_micros(round as u64 * 300 % 4000));
        }
        let pid = server.worker_pid(2 + round as u32 % 2);
        let _ = swoole_core::sys::process::kill(swoole_core::sys::Pid::from_raw(pid), Signal::KILL);
        match client.line().as_str() {
            "true" => right += 1,
            _ => lost += 1,
        }
    }
    assert_eq!(right + lost, kills);
    assert_eq!(client.ask("ask echo alive"), "alive");
    assert_eq!(client.ask("askall 1 2 3 4 5 6"), "1 2 3 4 5 6");
    server.finish();
}

fn flood(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    // Far more than the queue holds, and results that come back while it is filled.
    let text = "y".repeat(900);
    assert_eq!(client.ask(&format!("tasks 3000 echo {text}")), "tasks 3000");
    let lines = server.wait_count("finish ", 3000);
    let ids: HashSet<&str> = lines.iter().filter_map(|l| l.split(' ').nth(1)).collect();
    assert_eq!(ids.len(), 3000);
    server.finish();
}

fn max_request(kind: Kind) {
    let plan = plan(kind)
        .set("task_max_request", 5)
        .set("task_max_request_grace", 0);
    let server = started(plan);
    let mut client = server.connect();
    assert_eq!(client.ask("tasks 100 echo x"), "tasks 100");
    server.wait_count("finish ", 100);
    server.eventually("they are replaced", || {
        server.lines("worker_start ").len() >= 4 + 19
    });
    assert!(server.lines("worker_error ").is_empty());
    server.finish();
}

fn reload(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    let tasks = |server: &Daemon| [2, 3].map(|id| server.worker_pid(id));
    let workers = [0, 1].map(|id| server.worker_pid(id));
    let before = tasks(&server);
    assert_eq!(client.ask("reloadtasks"), "ok");
    server.wait_for("after_reload");
    server.eventually("task workers are new", || {
        tasks(&server).iter().all(|pid| !before.contains(pid))
    });
    assert_eq!([0, 1].map(|id| server.worker_pid(id)), workers);
    assert_eq!(client.ask("ask echo new"), "new");
    server.signal(
        if kind == Kind::Process {
            server.manager_pid()
        } else {
            server.pid()
        },
        Signal::USR1,
    );
    server.wait_count("after_reload", 2);
    server.eventually("all are new", || {
        [0, 1]
            .iter()
            .all(|id| !workers.contains(&server.worker_pid(*id)))
    });
    assert_eq!(server.connect().ask("ask echo newer"), "newer");
    server.finish();
}

fn drained(kind: Kind) {
    let mut server = started(plan(kind).set("max_wait_time", 30));
    let mut client = server.connect();
    client.ask("tasks 2 gate open");
    server.wait_count("task_at_gate ", 2);
    client.ask("tasks 20 print left");
    server.signal(server.pid(), Signal::TERM);
    // The workers are gone by then; nobody waits for results.
    server.wait_count("worker_stop ", 2);
    std::fs::write(server.folder().join("open"), "").unwrap();
    server.expect_exit(0);
    let done = server.lines("task ");
    assert_eq!(
        done.iter().filter(|line| line.ends_with("left")).count(),
        20
    );
    assert!(!server.log().contains("no task worker has begun"));
}

fn messages(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    let me: u32 = client.ask("id").split(' ').nth(1).unwrap().parse().unwrap();
    for to in (0..4).filter(|to| *to != me) {
        assert_eq!(client.ask(&format!("message {to} hello{to}")), "ok");
        let line = format!("message from={me} at={to} hello{to}");
        assert_eq!(server.wait_for(&line), line);
    }
    let other = 1 - me;
    assert_eq!(client.ask(&format!("message {other} 3000000")), "ok");
    let wanted = measured(&Pattern::new(3).bytes(0, 3_000_000));
    server.wait_for(&format!("message from={me} at={other} {wanted}"));
    assert!(client.ask("message 4 x").starts_with("error "));
    server.finish();
}

fn sends(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    let id = client.ask("id");
    let session = id.split(' ').next().unwrap();
    client.tell(&format!("task send {session}"));
    let mut lines = [client.line(), client.line()];
    lines.sort();
    assert!(
        lines[0] == "from task" && lines[1].starts_with("task "),
        "{lines:?}"
    );
    server.finish();
}

fn message_queue(kind: Kind) {
    for mode in [2, 3] {
        let server = started(plan(kind).set("task_ipc_mode", mode));
        let mut client = server.connect();
        assert_eq!(client.ask("ask echo queued"), "queued");
        assert_eq!(client.ask("askbig 1000000"), "true");
        assert_eq!(client.ask("askall 1 2 3 4 5 6"), "1 2 3 4 5 6");
        if mode == 2 {
            assert_eq!(client.ask("askof 1 pid").split(' ').next(), Some("3"));
        }
        let me: u32 = client.ask("id").split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(client.ask("message 2 hello"), "ok");
        server.wait_for(&format!("message from={me} at=2 hello"));
        assert!(client.ask("stats").contains("task_queue_num="));
        server.finish();
    }
}

fn timeout(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    assert_eq!(client.ask("askfor 20 gate open"), "timeout");
    std::fs::write(server.folder().join("open"), "").unwrap();
    // The late result disturbs nobody.
    assert_eq!(client.ask("ask echo next"), "next");
    assert_eq!(client.ask("askall 1 2 3"), "1 2 3");
    server.finish();
}

fn counted(kind: Kind) {
    let server = started(plan(kind));
    let mut client = server.connect();
    client.ask("ask echo x");
    server.eventually("all is quiet", || {
        let stats = client.ask("stats");
        [
            "task_worker_num=2",
            "task_idle_worker_num=2",
            "tasking_num=0",
            "task_count=1",
            " worker_num=2",
        ]
        .iter()
        .all(|part| stats.contains(part))
    });
    client.ask("task gate open");
    server.wait_for("task_at_gate");
    server.eventually("one is busy", || {
        client.ask("stats").contains("task_idle_worker_num=1")
    });
    std::fs::write(server.folder().join("open"), "").unwrap();
    server.wait_for("finish ");
    server.finish();
}

fn user_processes(kind: Kind) {
    let server = started(plan(kind).with("users", 2).allow(DIED));
    let mut starts = server.wait_count("user_start ", 2);
    starts.sort();
    assert!(starts[0].starts_with("user_start 0 4 "), "{starts:?}");
    server.wait_count("user_sent true true", 2);
    server.wait_count("message from=4 at=0 user0", 1);
    server.eventually("its task is done", || {
        server
            .lines("task ")
            .iter()
            .any(|line| line.ends_with("user0"))
    });
    let pid: i32 = starts[0].rsplit(' ').next().unwrap().parse().unwrap();
    server.signal(pid, Signal::KILL);
    let again = server.wait_count("user_start 0 4 ", 2);
    // Of a signal that ends scripts, too, while the server goes on.
    let pid: i32 = again[1].rsplit(' ').next().unwrap().parse().unwrap();
    server.signal(pid, Signal::TERM);
    server.wait_count("user_start 0 4 ", 3);
    assert!(server.connect().ask("stats").contains("user_worker_num=2"));
    server.finish();
}

fn log_of_users(kind: Kind) {
    let server = started(plan(kind).with("users", 2));
    server.wait_count("user_start ", 2);
    let path = server.folder().join("server.log");
    for signal in [Signal::rtmin(), Signal::WINCH] {
        let moved = format!("moved{}.log", signal.number());
        std::fs::rename(&path, server.folder().join(moved)).unwrap();
        server.signal(server.pid(), signal);
        for user in 0..2 {
            let ask = server.folder().join(format!("user{user}_logs"));
            server.eventually("its lines go to the new file", || {
                // Its signal may still be on its way.
                std::fs::write(&ask, "").unwrap();
                server
                    .log()
                    .contains(&format!("user process {user} is here"))
            });
        }
    }
    assert_eq!(server.lines("user_start ").len(), 2);
    server.finish();
}

fn fault_of_user(kind: Kind) {
    let server = started(plan(kind).with("users", 1).allow(DIED));
    server.wait_count("user_start ", 1);
    std::fs::write(server.folder().join("user0_fails"), "").unwrap();
    server.wait_log("status=255, signal=0; a fault of user code in /app/user.php:5");
    server.wait_count("user_start ", 2);
    server.finish();
}

fn one_worker(_: Kind) {
    let server = Plan::new(Kind::Single).set("task_worker_num", 1).start();
    server.wait_count("worker_start ", 2);
    server.wait_for("manager_start ");
    assert_eq!(server.connect().ask("ask echo one"), "one");
    server.finish();
}
