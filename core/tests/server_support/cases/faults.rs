//! Workers that die at any moment: nobody hangs, nothing crosses, nothing is left.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use swoole_core::sys::Pid;
use swoole_core::sys::process;
use swoole_core::sys::signal::Signal;

use super::super::client::{Client, End, is_reset};
use super::super::daemon::{Daemon, Kind, Plan};
use super::super::pattern::Pattern;
use super::{MANAGED, PROCESS, Tests, env_count};

const DIED: &str = "abnormal exit";

pub fn add(tests: &mut Tests) {
    tests.add(
        PROCESS,
        "messages_not_yet_taken_are_served_by_the_successor",
        successor,
    );
    tests.add(PROCESS, "idle_clients_of_a_dead_worker_stay", idle_clients);
    tests.add(
        PROCESS,
        "dying_in_on_close_frees_the_connection",
        dies_in_close,
    );
    tests.add(
        PROCESS,
        "dying_in_the_on_close_of_another_connection",
        dies_in_other_close,
    );
    tests.add(
        PROCESS,
        "dying_in_round_robin_leaves_nobody_hanging",
        dies_in_round_robin,
    );
    tests.add(
        PROCESS,
        "dying_in_the_middle_of_a_message_resets_its_connection",
        dies_in_send,
    );
    tests.add(MANAGED, "random_kills_under_load", random_kills);
    tests.add(
        MANAGED,
        "random_kills_with_large_messages",
        random_kills_large,
    );
}

/// Half an answer must not look like a whole one that ends with the connection.
fn dies_in_send(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).allow(DIED).start();
    server.wait_workers();
    for round in 1..=3 {
        let mut client = server.connect();
        let id = client.ask("id");
        let mut words = id.split(' ');
        let session = words.next().unwrap();
        client.tell(&format!("gatesend go{round}"));
        server.wait_count("at_gate ", round);
        // Nobody takes what it sends, so it comes to wait for room for the rest.
        server.freeze(server.pid());
        std::fs::write(server.folder().join(format!("go{round}")), "").unwrap();
        let sender = server.wait_count("sending ", round).pop().unwrap();
        let pid = sender.rsplit(' ').next().unwrap().parse().unwrap();
        server.eventually("it waits for room for the rest", || server.is_asleep(pid));
        server.signal(pid, Signal::KILL);
        server.wait_count("worker_error ", round);
        server.signal(server.pid(), Signal::CONT);
        let (end, bytes) = client.end();
        assert_eq!(end, End::Reset);
        assert!(bytes.len() < 1 << 20);
        server.wait_for(&format!("event {session} close"));
    }
    server.finish();
}

fn successor(kind: Kind) {
    let server = Plan::new(kind).workers(1).allow(DIED).start();
    server.wait_workers();
    let mut victim = server.connect();
    let mut others: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    assert_eq!(victim.ask("echo x"), "x");
    victim.tell("gate never");
    server.wait_for("at_gate never");
    // These wait in the ring.
    for (n, client) in others.iter_mut().enumerate() {
        client.tell(&format!("echo {n}"));
    }
    server.signal(server.worker_pid(0), Signal::KILL);
    assert!(victim.end().1.is_empty());
    for (n, client) in others.iter_mut().enumerate() {
        assert_eq!(client.line(), n.to_string());
        assert_eq!(client.ask("echo again"), "again");
    }
    drop((victim, others));
    server.finish();
}

fn idle_clients(kind: Kind) {
    let server = Plan::new(kind).allow(DIED).start();
    server.wait_workers();
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("echo x"), "x");
    }
    // An answer comes before its worker is done with the message. One more for each of the two workers, whose
    // descriptors follow on one another, and only these may still be in hand.
    let mut last = [server.connect(), server.connect()];
    for client in &mut last {
        assert_eq!(client.ask("echo x"), "x");
    }
    for worker in 0..2 {
        server.signal(server.worker_pid(worker), Signal::KILL);
    }
    server.wait_count("worker_start ", 4);
    for client in &mut clients {
        assert_eq!(client.ask("echo y"), "y");
    }
    drop(clients);
    server.finish();
}

/// Waits until the connection that asks is the only one. It may itself die with its worker.
fn wait_alone(server: &Daemon) {
    server.eventually("every other connection is gone", || {
        let mut client = server.connect();
        let asked = client.stream.write_all(b"stats\n");
        let answer = asked.and_then(|()| client.try_line()).unwrap_or_default();
        answer.contains(" connection_num=1 ") && answer.contains(" send_queued_bytes=0 ")
    });
}

fn dies_in_close(kind: Kind) {
    for how in ["kill", "exit"] {
        // It dies each time: two connections, two deaths.
        let plan = Plan::new(kind).with("close_dies", how).with("app", "echo");
        let mut server = plan.allow(DIED).allow("in a row within").start();
        server.wait_workers();
        let clients: Vec<Client> = (0..2).map(|_| server.connect()).collect();
        for mut client in clients {
            client.send(b"x");
            assert_eq!(client.read_exactly(1), b"x");
            client.finish_sending();
            assert!(client.end().1.is_empty());
        }
        server.wait_count("worker_error ", 2);
        server.eventually("its descriptor is given back", || {
            server.sockets(server.pid()) <= 1
        });
        server.signal(server.pid(), Signal::TERM);
        server.expect_exit(0);
    }
}

fn dies_in_other_close(kind: Kind) {
    let server = Plan::new(kind).workers(1).allow(DIED).start();
    server.wait_workers();
    let mut other = server.connect();
    let id = other.ask("id");
    let id = id.split(' ').next().unwrap();
    let mut client = server.connect();
    client.tell(&format!("dieclosing {id}"));
    assert!(client.end().1.is_empty());
    assert!(other.end().1.is_empty());
    drop((client, other));
    wait_alone(&server);
    server.finish();
}

fn dies_in_round_robin(kind: Kind) {
    let plan = Plan::new(kind).workers(3).set("dispatch_mode", 1);
    let server = plan.allow(DIED).start();
    server.wait_workers();
    for command in ["exit 3", "kill9"] {
        let mut client = server.connect();
        // Three workers serve this connection at once.
        client.ask("echo x");
        let gate = command.replace(' ', "");
        client.tell(&format!("gate {gate}"));
        server.wait_for(&format!("at_gate {gate}"));
        client.tell(&format!("gate {gate}"));
        server.wait_count(&format!("at_gate {gate}"), 2);
        client.tell(command);
        assert!(client.end().1.is_empty());
        std::fs::write(server.folder().join(gate), "").unwrap();
    }
    wait_alone(&server);
    server.finish();
}

/// What clients of a load have seen.
#[derive(Debug, Default)]
struct Seen {
    answered: AtomicU64,
    cut: AtomicU64,
    stop: AtomicBool,
}

/// Echoes of bytes that only this connection sends; each connection that is cut is followed by another.
fn echo_until_stopped(port: u16, seed: u64, sizes: &[usize], seen: &Seen) {
    let mut serial = seed << 32;
    while !seen.stop.load(Ordering::Relaxed) {
        serial += 1;
        let mut client = Client::connect(port);
        let pattern = Pattern::new(serial);
        let mut at = 0;
        while !seen.stop.load(Ordering::Relaxed) {
            let size = sizes[at % sizes.len()];
            if !echo_once(&mut client, &pattern, at, size) {
                seen.cut.fetch_add(1, Ordering::Relaxed);
                break;
            }
            at += size;
            seen.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Answers whether the connection lives on; what comes back must be right in any case.
fn echo_once(client: &mut Client, pattern: &Pattern, at: usize, size: usize) -> bool {
    let cut = |e: &std::io::Error| {
        assert!(is_reset(e), "neither an answer nor an end: {e}");
        false
    };
    if let Err(e) = client.stream.write_all(&pattern.bytes(at, size)) {
        return cut(&e);
    }
    let mut room = vec![0u8; size];
    let mut got = 0;
    while got < size {
        match client.stream.read(&mut room[got..]) {
            Ok(0) => return false,
            Ok(n) => {
                pattern.check(at + got, &room[got..got + n]).unwrap();
                got += n;
            }
            Err(e) => return cut(&e),
        }
    }
    true
}

fn random_kills(kind: Kind) {
    kill_under_load(
        kind,
        &[64, 1, 700, 64, 9_000],
        env_count("SWOOLE_RS_KILLS", 60, 1_000),
    );
}

fn random_kills_large(kind: Kind) {
    kill_under_load(
        kind,
        &[300_000, 64, 70_000],
        env_count("SWOOLE_RS_KILLS", 60, 1_000) / 3,
    );
}

fn kill_under_load(kind: Kind, sizes: &'static [usize], kills: usize) {
    let server = Plan::new(kind)
        .with("app", "echo")
        .workers(3)
        .allow(DIED)
        .allow("in a row within")
        .start();
    server.wait_workers();
    // Every thread has set up what it needs once it has served somebody.
    let mut clients: Vec<Client> = (0..12).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(b"x");
        assert_eq!(client.read_exactly(1), b"x");
    }
    drop(clients);
    wait_alone(&server);
    let descriptors = || -> Vec<usize> {
        let pids = server.processes();
        pids.iter()
            .map(|pid| server.descriptors(*pid).len())
            .collect()
    };
    server.eventually("no connection is left", || {
        server.sockets(server.pid()) <= 1
    });
    let before = descriptors();
    let seen = Arc::new(Seen::default());
    let threads: Vec<_> = (1..=12)
        .map(|seed| {
            let seen = Arc::clone(&seen);
            let port = server.port;
            std::thread::spawn(move || echo_until_stopped(port, seed, sizes, &seen))
        })
        .collect();
    let mut random = 0x2545_f491_4f6c_dd1d_u64 ^ u64::from(std::process::id());
    for kill in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Each death meets a server at work: there were answers since the last one.
        let answered = seen.answered.load(Ordering::Relaxed);
        let more = random >> 8 & 63;
        server.eventually("the server goes on answering", || {
            seen.answered.load(Ordering::Relaxed) > answered + more
        });
        // The last one of this worker may be dead and its successor not there yet, and in base mode
        // it may have no connections: then it is no loss, and its successor would be kept waiting.
        server.eventually("a worker is at work", || {
            random = random.rotate_left(9).wrapping_mul(5) | 1;
            let pid = server.worker_pid((random >> 20) as u32 % 3);
            let at_work = kind != Kind::Base || server.sockets(pid) > 1;
            at_work && process::kill(Pid::from_raw(pid), Signal::KILL).is_ok()
        });
        server.wait_count("worker_error ", kill + 1);
    }
    let answered = seen.answered.load(Ordering::Relaxed);
    server.eventually("the server answers after all", || {
        seen.answered.load(Ordering::Relaxed) > answered + 100
    });
    seen.stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    wait_alone(&server);
    server.eventually("as many workers as before", || {
        server.processes().len() == before.len()
    });
    server.eventually("no connection is left", || {
        server.sockets(server.pid()) <= 1
    });
    // In base mode the connection that asked last may be closing in its worker.
    let all = before.iter().sum::<usize>();
    server.eventually(&format!("descriptors as before, {before:?}"), || {
        descriptors().iter().sum::<usize>() <= all
    });
    let mut client = server.connect();
    client.send(b"!");
    assert_eq!(client.read_exactly(1), b"!");
    drop(client);
    server.finish();
}
