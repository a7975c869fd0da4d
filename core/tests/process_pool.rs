//! Pools of processes without PHP: a master and its workers with scripted callbacks. Each test runs in a
//! process of its own, which becomes the master; what callbacks see comes back through a pipe. A plain
//! `main` runs the tests one by one; its first argument, if any, selects those whose names contain it.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use swoole_core::process_pool::{Flow, Handler, Ipc, ListenAt, Pool};
use swoole_core::sys::message_queue::Wait;
use swoole_core::sys::pipe::{self, Kind, Patience};
use swoole_core::sys::process::{self, Forked};
use swoole_core::sys::{Pid, Signal, signal};

/// A test that hangs ends the whole run after so long.
const LIMIT_S: u32 = 120;
const PATIENCE: Duration = Duration::from_secs(30);

type Start = fn(&Scripted<'_>, u32) -> Flow;
type Message = fn(&Scripted<'_>, &[u8]) -> Flow;

/// What user code would be.
struct Scripted<'a> {
    pool: &'a Pool,
    /// Where it tells what it sees.
    told: &'a OwnedFd,
    start: Start,
    message: Message,
    worker: Cell<u32>,
}

impl Scripted<'_> {
    fn tell(&self, text: &str) {
        pipe::send(
            self.told,
            text.as_bytes(),
            Patience::Limited(Some(PATIENCE)),
        )
        .expect("tell");
    }
}

impl Handler for Scripted<'_> {
    fn on_start(&self) -> Flow {
        self.tell("start");
        Flow::Go
    }

    fn on_shutdown(&self) {
        self.tell("shutdown");
    }

    fn on_worker_start(&self, worker_id: u32) -> Flow {
        self.worker.set(worker_id);
        (self.start)(self, worker_id)
    }

    fn on_worker_stop(&self, worker_id: u32) {
        self.tell(&format!("stop {worker_id}"));
    }

    fn on_worker_exit(&self, _: u32) {
        self.tell("exit");
    }

    fn on_message(&self, message: &[u8]) -> Flow {
        (self.message)(self, message)
    }

    fn end(&self, status: i32) -> ! {
        process::exit_now(status)
    }
}

/// A master in a process of its own.
struct Running {
    pid: Pid,
    told: OwnedFd,
}

impl Running {
    fn start(pool: &Pool, start: Start, message: Message) -> Running {
        let (told, tells) = pipe::pair(Kind::Datagram).expect("pipe");
        match process::fork().expect("fork") {
            Forked::Parent(pid) => Running { pid, told },
            Forked::Child => {
                let handler = Scripted {
                    pool,
                    told: &tells,
                    start,
                    message,
                    worker: Cell::new(u32::MAX),
                };
                let done = pool.run(&handler);
                handler.tell(if done.is_ok() { "over" } else { "failed" });
                process::exit_now(0);
            }
        }
    }

    fn next(&self) -> String {
        let mut buffer = [0; 1000];
        let patience = Patience::Limited(Some(PATIENCE));
        let len = pipe::receive(&self.told, &mut buffer, patience).expect("something is told");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    }

    fn expect(&self, texts: &[&str]) {
        let mut got: Vec<String> = texts.iter().map(|_| self.next()).collect();
        let mut wanted: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        got.sort();
        wanted.sort();
        assert_eq!(got, wanted);
    }

    fn signal(&self, signal: Signal) {
        process::kill(self.pid, signal).expect("signal");
    }

    fn expect_end(self) {
        let status = process::wait_for(self.pid).expect("wait").expect("child");
        assert_eq!((status.code, status.signal), (0, 0));
    }
}

fn say_up(user: &Scripted<'_>, worker_id: u32) -> Flow {
    user.tell(&format!("up {worker_id}"));
    Flow::Go
}

fn pool(worker_num: u32, ipc: Ipc) -> Pool {
    let pool = Pool::new(worker_num, ipc, 0).expect("pool");
    pool.change_settings(|settings| {
        settings.takes_messages = ipc != Ipc::None;
        settings.max_wait = Some(PATIENCE);
    });
    pool
}

/// Workers, which have told that they are up, catch SIGTERM from when they take messages on: before, it ends
/// them without their callback.
fn wait_until_caught(pool: &Pool) {
    let until = Instant::now() + PATIENCE;
    for worker_id in 0..pool.worker_num() {
        let catches = || {
            let pid = pool.worker_pid(worker_id)?;
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let caught = status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:"))?;
            let caught = u64::from_str_radix(caught.trim(), 16).ok()?;
            Some(caught & (1 << (Signal::TERM.number() - 1)) != 0)
        };
        while catches() != Some(true) {
            assert!(
                Instant::now() < until,
                "worker {worker_id} does not catch SIGTERM"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn callbacks_come_in_order() {
    let pool = pool(2, Ipc::Pipes);
    let run = Running::start(&pool, say_up, |_, _| Flow::Go);
    run.expect(&["start"]);
    run.expect(&["up 0", "up 1"]);
    wait_until_caught(&pool);
    run.signal(Signal::TERM);
    run.expect(&["shutdown"]);
    run.expect(&["stop 0", "stop 1"]);
    run.expect(&["over"]);
    run.expect_end();
}

fn a_worker_that_ends_is_replaced() {
    let pool = pool(1, Ipc::Pipes);
    pool.send_message(0, b"crash").expect("send");
    pool.send_message(0, b"leave").expect("send");
    pool.send_message(0, b"stop").expect("send");
    pool.send_message(0, b"end").expect("send");
    let run = Running::start(&pool, say_up, |user, message| {
        match message {
            b"crash" => process::exit_now(9),
            b"leave" => return Flow::End,
            b"stop" => user.pool.stop(),
            _ => assert!(user.pool.shutdown()),
        }
        Flow::Go
    });
    for text in [
        "start", "up 0", "up 0", "stop 0", "up 0", "stop 0", "up 0", "shutdown", "stop 0",
    ] {
        run.expect(&[text]);
    }
    run.expect(&["over"]);
    run.expect_end();
}

fn the_bus_takes_long_messages() {
    let pool = pool(2, Ipc::Pipes);
    pool.change_settings(|settings| settings.bus = true);
    let run = Running::start(
        &pool,
        |user, worker_id| {
            if worker_id == 1 {
                for len in [0, 1, 100_000, 5_000_000] {
                    user.pool.send_message(0, &vec![7; len]).expect("send");
                }
            }
            Flow::Go
        },
        |user, message| {
            user.tell(&message.len().to_string());
            assert!(message.iter().all(|byte| *byte == 7));
            Flow::Go
        },
    );
    for text in ["start", "0", "1", "100000", "5000000"] {
        run.expect(&[text]);
    }
    wait_until_caught(&pool);
    run.signal(Signal::INT);
    run.expect(&["shutdown"]);
    run.expect(&["stop 0", "stop 1"]);
    run.expect(&["over"]);
    run.expect_end();
}

fn a_queue_is_shared() {
    let pool = pool(2, Ipc::Queue);
    let run = Running::start(&pool, say_up, |user, message| {
        user.tell(&String::from_utf8_lossy(message));
        Flow::Go
    });
    run.expect(&["start"]);
    run.expect(&["up 0", "up 1"]);
    let queue = pool.queue().expect("queue");
    for index in 0..100 {
        let text = format!("message {index}");
        queue
            .push(1 + index, text.as_bytes(), Wait::Yes)
            .expect("push");
    }
    let mut got: Vec<String> = (0..100).map(|_| run.next()).collect();
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 100);
    wait_until_caught(&pool);
    run.signal(Signal::TERM);
    run.expect(&["shutdown"]);
    run.expect(&["stop 0", "stop 1"]);
    run.expect(&["over"]);
    run.expect_end();
}

fn clients_get_answers() {
    let pool = pool(2, Ipc::Socket);
    let file = std::env::temp_dir().join(format!("pool-{}.sock", std::process::id()));
    let path = file.to_str().expect("path");
    pool.listen(ListenAt::Tcp("127.0.0.1", 0), 10)
        .expect("a port that is given up again");
    pool.listen(ListenAt::Unix(path), 10).expect("listen");
    let run = Running::start(&pool, say_up, |user, message| {
        user.pool.reply(b"got ").expect("reply");
        user.pool.reply(message).expect("reply");
        Flow::Go
    });
    run.expect(&["start"]);
    run.expect(&["up 0", "up 1"]);
    let idle = UnixStream::connect(&file).expect("connect");
    for _ in 0..20 {
        let mut client = UnixStream::connect(&file).expect("connect");
        client.set_read_timeout(Some(PATIENCE)).expect("timeout");
        client.write_all(b"\0\0").expect("write");
        client.write_all(b"\0\x05hello").expect("write");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).expect("read");
        assert_eq!(answer, b"\0\0\0\x09got hello");
    }
    let mut garbage = UnixStream::connect(&file).expect("connect");
    garbage.write_all(b"\xff\xff\xff\xff").expect("write");
    assert_eq!(garbage.read(&mut [0; 10]).expect("read"), 0);
    wait_until_caught(&pool);
    run.signal(Signal::TERM);
    run.expect(&["shutdown"]);
    run.expect(&["stop 0", "stop 1"]);
    run.expect(&["over"]);
    drop(idle);
    run.expect_end();
    assert!(
        file.exists(),
        "the file is of the process that listened first"
    );
    drop(pool);
    assert!(!file.exists());
    assert!(TcpStream::connect("127.0.0.1:1").is_err());
}

fn a_reload_replaces_all() {
    let pool = pool(3, Ipc::Pipes);
    let run = Running::start(&pool, say_up, |_, _| Flow::Go);
    run.expect(&["start"]);
    run.expect(&["up 0", "up 1", "up 2"]);
    wait_until_caught(&pool);
    run.signal(Signal::USR1);
    run.expect(&["stop 0", "up 0", "stop 1", "up 1", "stop 2", "up 2"]);
    wait_until_caught(&pool);
    run.signal(Signal::TERM);
    run.expect(&["shutdown"]);
    run.expect(&["stop 0", "stop 1", "stop 2"]);
    run.expect(&["over"]);
    run.expect_end();
}

fn what_does_not_end_is_killed() {
    let pool = pool(1, Ipc::None);
    pool.change_settings(|settings| settings.max_wait = Some(Duration::from_millis(50)));
    let run = Running::start(
        &pool,
        |user, _| {
            signal::ignore(Signal::TERM).expect("ignore");
            user.tell("up");
            loop {
                std::thread::sleep(PATIENCE);
            }
        },
        |_, _| Flow::Go,
    );
    run.expect(&["start"]);
    run.expect(&["up"]);
    run.signal(Signal::TERM);
    run.expect(&["shutdown"]);
    run.expect(&["over"]);
    run.expect_end();
}

fn a_detached_worker_outlives_the_pool() {
    let pool = pool(1, Ipc::Pipes);
    pool.send_message(0, b"detach").expect("send");
    pool.send_message(0, b"end").expect("send");
    let run = Running::start(&pool, say_up, |user, message| {
        if message == b"end" {
            assert!(user.pool.shutdown());
            return Flow::Go;
        }
        let master = Pid::from_raw(user.pool.master_pid());
        assert!(user.pool.detach() && !user.pool.detach());
        while process::getppid() == master {
            std::thread::sleep(Duration::from_millis(1));
        }
        user.tell("still here");
        Flow::Go
    });
    for text in [
        "start",
        "up 0",
        "up 0",
        "shutdown",
        "stop 0",
        "over",
        "still here",
        "stop 0",
    ] {
        run.expect(&[text]);
    }
    run.expect_end();
}

fn workers_die_with_their_master() {
    let pool = pool(2, Ipc::None);
    let run = Running::start(
        &pool,
        |user, _| {
            signal::ignore(Signal::TERM).expect("ignore");
            user.tell(&std::process::id().to_string());
            loop {
                std::thread::sleep(PATIENCE);
            }
        },
        |_, _| Flow::Go,
    );
    run.expect(&["start"]);
    let pids: Vec<i32> = (0..2).map(|_| run.next().parse().expect("pid")).collect();
    run.signal(Signal::KILL);
    process::wait_for(run.pid).expect("wait");
    let until = Instant::now() + PATIENCE;
    for pid in pids {
        // As a zombie it may stay until somebody reaps it.
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        while !matches!(state().rsplit(')').next(), Some(rest) if rest.is_empty() || rest.starts_with(" Z"))
        {
            assert!(Instant::now() < until, "worker {pid} lives");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

const TESTS: &[(&str, fn())] = &[
    ("callbacks_come_in_order", callbacks_come_in_order),
    (
        "a_worker_that_ends_is_replaced",
        a_worker_that_ends_is_replaced,
    ),
    ("the_bus_takes_long_messages", the_bus_takes_long_messages),
    ("a_queue_is_shared", a_queue_is_shared),
    ("clients_get_answers", clients_get_answers),
    ("a_reload_replaces_all", a_reload_replaces_all),
    ("what_does_not_end_is_killed", what_does_not_end_is_killed),
    (
        "a_detached_worker_outlives_the_pool",
        a_detached_worker_outlives_the_pool,
    ),
    (
        "workers_die_with_their_master",
        workers_die_with_their_master,
    ),
];

fn main() {
    nix::unistd::alarm::set(LIMIT_S);
    let wanted = std::env::args()
        .nth(1)
        .filter(|argument| !argument.starts_with('-'));
    for (name, test) in TESTS {
        if wanted.as_ref().is_none_or(|wanted| name.contains(wanted)) {
            test();
            println!("test {name} ... ok");
        }
    }
}
