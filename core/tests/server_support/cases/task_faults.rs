//! Results and messages where something is full, stops, or is gone.

use swoole_core::ipc::{self, message::Header};
use swoole_core::sys::message_queue::{MessageQueue, Wait};
use swoole_core::sys::signal::Signal;

use super::super::client::Client;
use super::super::daemon::{Daemon, Kind};
use super::super::pattern::Pattern;
use super::super::serve::measured;
use super::tasks::{DIED, plan, started, started_with};
use super::{BASE, MANAGED, PROCESS, Tests};

pub fn add(tests: &mut Tests) {
    tests.add(MANAGED, "the_first_result_of_a_task_counts", first_counts);
    tests.add(MANAGED, "large_results_go_side_by_side", side_by_side);
    tests.add(PROCESS, "tasks_of_an_earlier_server", earlier_server);
    tests.add(MANAGED, "a_stop_loses_no_message", stop_loses_none);
    tests.add(
        MANAGED,
        "a_message_that_a_dead_task_worker_began",
        cut_message,
    );
    tests.add(MANAGED, "who_waits_for_room_at_a_dead_worker", dead_asker);
    tests.add(MANAGED, "a_task_that_a_dead_worker_began", cut_task);
    tests.add(MANAGED, "a_full_task_worker_is_not_woken", full_task_worker);
    tests.add(
        BASE,
        "closes_are_served_after_a_wait_for_the_queue",
        full_queue,
    );
    tests.add(PROCESS, "a_task_whose_file_is_gone", lost_file);
    tests.add(PROCESS, "the_queue_of_tasks_is_removed", removed_queue);
    tests.add(MANAGED, "a_full_worker_takes_what_it_waits_for", full);
}

fn full(kind: Kind) {
    let plan = plan(kind).set("worker_max_concurrency", 1);
    let server = started_with(plan.workers(1).set("max_wait_time", 30), 3);
    let mut client = server.connect();
    assert_eq!(client.ask("co echo waited"), "waited");
    // One that stops gets what it waits for, too.
    client.tell("co gate open");
    server.wait_for("task_at_gate ");
    server.signal(server.worker_pid(0), Signal::TERM);
    std::fs::write(server.folder().join("open"), "").unwrap();
    assert!(client.line().ends_with(" passed"));
    server.finish();
}

fn first_counts(kind: Kind) {
    let server = started(plan(kind).allow(DIED));
    let mut client = server.connect();
    let open = |name: &str| std::fs::write(server.folder().join(name), "").unwrap();
    // Both of its results are sent when the other task goes on.
    client.tell("askeach twice|gate one");
    server.wait_for("task_twice");
    open("one");
    let answers = client.line();
    assert!(
        answers.starts_with("0=one 1=") && answers.ends_with(" passed"),
        "{answers}"
    );
    // It dies after it has answered.
    client.tell("askeach finishdie good|gate two");
    server.wait_for("worker_error ");
    open("two");
    let answers = client.line();
    assert!(
        answers.starts_with("0=good 1=") && answers.ends_with(" passed"),
        "{answers}"
    );
    server.finish();
}

fn side_by_side(kind: Kind) {
    // With coroutines a task worker keeps what finds no room, and goes on.
    let plan = plan(kind).set("task_enable_coroutine", true);
    let server = started_with(plan.set("task_worker_num", 1), 3);
    let mut client = server.connect();
    client.tell("task big 5000000\nask big 5000000");
    let wanted = measured(&Pattern::new(5).bytes(0, 5_000_000));
    let mut lines = [client.line(), client.line()];
    lines.sort();
    assert_eq!(lines[0], wanted);
    assert!(server.wait_for("finish ").ends_with(&wanted));
    server.finish();
}

fn earlier_server(kind: Kind) {
    let key = std::process::id() as i32 | 1 << 24;
    let queue = MessageQueue::open(key).unwrap();
    // Of a worker that this server does not have; of one that it has, which waits; and no task at all.
    for (source, flags) in [(30, 4), (0, 4), (0, 0)] {
        let data = b"echo old";
        let header = Header {
            source,
            epoch: 1,
            port: flags,
            ..Header::new(ipc::message::Kind::Task, 0, data.len() as u32)
        };
        let bytes = [header.as_bytes(), data].concat();
        queue.push(1, &bytes, Wait::No).unwrap();
    }
    let other = Header::new(ipc::message::Kind::Finish, 0, 0);
    queue.push(1, other.as_bytes(), Wait::No).unwrap();
    let plan = plan(kind)
        .set("task_ipc_mode", 2)
        .set("message_queue_key", key);
    let server = started(plan.allow("it is no task"));
    let mut client = server.connect();
    server.wait_count("finish_error 0", 3);
    assert_eq!(client.ask("ask echo new"), "new");
    assert!(server.lines("finish 0").is_empty());
    server.finish();
    queue.remove().unwrap();
}

/// A client, the number of its worker and its session.
fn client_of(server: &Daemon) -> (Client, usize, u64) {
    let mut client = server.connect();
    let id = client.ask("id");
    let mut words = id.split(' ').map(|word| word.parse().unwrap());
    let (session, worker) = (words.next().unwrap(), words.next().unwrap());
    (client, worker as usize, session)
}

/// Clients and their sessions: of worker 0 at least so many, and of worker 1.
fn clients_of_both(server: &Daemon, first: usize) -> [Vec<(Client, u64)>; 2] {
    let mut of = [Vec::new(), Vec::new()];
    // In base mode the kernel chooses: another client at the same time gets in elsewhere, sooner or later.
    for _ in 0..1_000 {
        let (client, worker, session) = client_of(server);
        of[worker].push((client, session));
        if of[0].len() >= first && !of[1].is_empty() {
            return of;
        }
    }
    panic!("nearly all of 1000 clients came to one worker");
}

fn stop_loses_none(kind: Kind) {
    // Those that are stopped have not served any connection.
    let server = started(plan(kind).set("max_wait_time", 30).allow("in a row within"));
    let [mut stopped, mut other] = clients_of_both(&server, 1);
    let (stopped, other) = (&mut stopped[0].0, &mut other[0].0);
    // It takes them out while it waits for a task.
    stopped.tell("ask gate open");
    server.wait_for("task_at_gate ");
    for _ in 0..10 {
        assert_eq!(other.ask("message 0 early"), "ok");
    }
    let first = server.worker_pid(0);
    server.signal(first, Signal::TERM);
    std::fs::write(server.folder().join("open"), "").unwrap();
    server.wait_count("message from=1 at=0 early", 10);
    server.eventually("there is another one", || server.worker_pid(0) != first);
    // A stop in the middle of a large one.
    for round in 1..=8 {
        let pid = server.worker_pid(0);
        assert_eq!(other.ask("message 0 3000000"), "ok");
        server.signal(pid, Signal::TERM);
        server.wait_count("message from=1 at=0 3000000", round);
        server.eventually("there is another one", || server.worker_pid(0) != pid);
    }
    server.finish();
}

fn cut_message(kind: Kind) {
    let server = started(plan(kind).with("trace", 1).allow(DIED));
    let touch = |name: String| std::fs::write(server.folder().join(name), "").unwrap();
    for round in 1..=5 {
        let mut client = server.connect();
        let id = client.ask("id");
        let session = id.split(' ').next().unwrap();
        client.tell(&format!("task sendbig {session} go{round}"));
        server.wait_count("task_at_gate ", round);
        // Who owns the connection takes nothing until the sender is dead.
        if kind == Kind::Process {
            server.freeze(server.pid());
        } else {
            client.tell(&format!("gate open{round}"));
            server.wait_count("at_gate ", round);
        }
        touch(format!("go{round}"));
        let sender = server.wait_count("task_sending ", round).pop().unwrap();
        let pid = sender.rsplit(' ').next().unwrap().parse().unwrap();
        server.eventually("it waits for room for the rest", || server.is_asleep(pid));
        server.signal(pid, Signal::KILL);
        server.wait_count("worker_error ", round);
        server.signal(server.pid(), Signal::CONT);
        touch(format!("open{round}"));
        let (_, bytes) = client.end();
        assert!(bytes.len() < 1 << 20);
        server.wait_for(&format!("event {session} close"));
    }
    server.finish();
}

fn cut_task(kind: Kind) {
    let plan = plan(kind).set("task_worker_num", 1).allow(DIED);
    let mut server = started_with(plan.allow("is lost: the process that sent"), 3);
    for round in 1..=3 {
        let mut client = server.connect();
        let id = client.ask("id");
        let pid = id.split(' ').nth(2).unwrap().parse().unwrap();
        client.ask(&format!("task gate go{round}"));
        server.wait_count("task_at_gate ", round);
        // As much of it as there is room for is there, and the sender keeps the rest.
        assert_eq!(client.ask("taskbig 5000000"), "true");
        server.signal(pid, Signal::KILL);
        server.wait_count("worker_error ", round);
        std::fs::write(server.folder().join(format!("go{round}")), "").unwrap();
        server.eventually("it is given up", || {
            let log = server.log();
            log.matches("is lost: the process that sent").count() == round
        });
        server.wait_count("worker_start ", 3 + round);
        assert_eq!(server.connect().ask("ask echo next"), "next");
    }
    server.eventually("no task is left", || {
        server.connect().ask("stats").contains("tasking_num=0")
    });
    server.signal(server.pid(), Signal::TERM);
    server.expect_exit(0);
    let log = server.log();
    assert!(!log.contains("serving task"), "{log}");
}

fn dead_asker(kind: Kind) {
    let plan = plan(kind).set("task_worker_num", 1).allow(DIED);
    let server = started_with(plan, 3);
    let mut client = server.connect();
    let id = client.ask("id");
    let pid = id.split(' ').nth(2).unwrap().parse().unwrap();
    client.tell("co gatebig go");
    server.wait_for("task_at_gate ");
    // It takes nothing while the result comes, of which there is more than room.
    client.tell("gate never");
    server.wait_for("at_gate ");
    std::fs::write(server.folder().join("go"), "").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    server.signal(pid, Signal::KILL);
    server.wait_for("worker_error ");
    assert_eq!(server.connect().ask("askfor 5000 echo next"), "next");
    assert!(
        server
            .wait_for("finish_error ")
            .contains("finish_error 0: ")
    );
    server.finish();
}

fn full_task_worker(kind: Kind) {
    let plan = plan(kind)
        .set("task_enable_coroutine", true)
        .set("worker_max_concurrency", 1)
        .set("max_wait_time", 30);
    let mut server = started(plan);
    let mut client = server.connect();
    client.ask("task suspend 4000");
    server.wait_for("task_suspended ");
    for _ in 0..30 {
        assert_eq!(client.ask("askfor 2000 echo other"), "other");
    }
    // What was accepted is done at the end, full or not.
    client.ask("tasks 2 suspend 300");
    client.ask("tasks 3 print left");
    server.signal(server.pid(), Signal::TERM);
    server.expect_exit(0);
    let done = server.lines("task ");
    assert_eq!(done.iter().filter(|l| l.ends_with("left")).count(), 3);
}

fn lost_file(kind: Kind) {
    let plan = plan(kind)
        .set("task_ipc_mode", 3)
        .set("task_tmpdir", ".")
        .allow("is lost");
    let server = started(plan);
    let mut client = server.connect();
    client.ask("tasks 2 gate open");
    server.wait_count("task_at_gate ", 2);
    client.tell(&format!("ask echo {}", "x".repeat(10_000)));
    let file = || {
        let mut files = std::fs::read_dir(server.folder()).unwrap();
        files.find_map(|file| {
            let path = file.unwrap().path();
            path.to_string_lossy()
                .contains("swoole.task.")
                .then_some(path)
        })
    };
    server.eventually("there is a file", || file().is_some());
    std::fs::remove_file(file().unwrap()).unwrap();
    std::fs::write(server.folder().join("open"), "").unwrap();
    assert_eq!(client.line(), "lost");
    assert_eq!(client.ask("ask echo next"), "next");
    server.finish();
}

fn full_queue(kind: Kind) {
    let plan = plan(kind)
        .set("task_ipc_mode", 3)
        .set("send_timeout", 60)
        .set("max_wait_time", 30);
    let server = started(plan);
    // Two connections of one worker, and one of the other.
    let [one, other] = &mut clients_of_both(&server, 2);
    let other = &mut other[0].0;
    other.ask("tasks 2 gate open");
    server.wait_count("task_at_gate ", 2);
    // More than the queue takes, and nothing comes back.
    let text = "x".repeat(8_000);
    let [(waiting, waits), (closed, closes), ..] = &mut one[..] else {
        unreachable!("there are two");
    };
    waiting.tell(&format!("tasks 5 silent {text}"));
    server.eventually("the queue is full", || {
        let stats = other.ask("stats");
        let mut stats = stats.split(' ');
        let bytes = stats.find_map(|stat| stat.strip_prefix("task_queue_bytes="));
        bytes.unwrap().parse::<usize>().unwrap() > 8_000
    });
    assert_eq!(other.ask(&format!("closeother {closes}")), "ok");
    // What comes behind that by the same ring was taken in, so that was, too.
    assert_eq!(other.ask(&format!("sendother {waits} 1000000")), "sent");
    waiting.expect_pattern(&Pattern::new(*waits), 0, 1_000_000);
    std::fs::write(server.folder().join("open"), "").unwrap();
    assert_eq!(waiting.line(), "tasks 5");
    closed.expect_fin();
    server.finish();
}

fn removed_queue(kind: Kind) {
    let key = std::process::id() as i32 | 1 << 25;
    let plan = plan(kind)
        .set("task_ipc_mode", 2)
        .set("message_queue_key", key)
        .allow("cannot be read")
        .allow(DIED)
        .allow("in a row within");
    let server = started(plan);
    MessageQueue::open(key).unwrap().remove().unwrap();
    server.eventually("it is told that they end at once", || {
        server.log().contains("in a row within")
    });
    // The pauses between the starts grow.
    assert!(server.lines("worker_start ").len() < 20);
    server.finish();
}
