//! Packages: each arrives whole, once, in order, or its connection ends.

use std::io::Write;

use swoole_core::sys::Pid;
use swoole_core::sys::process;
use swoole_core::sys::signal::Signal;

use super::super::client::{Client, End};
use super::super::daemon::{Daemon, Kind, Plan};
use super::super::pattern::Pattern;
use super::super::serve::measured;
use super::{ALL, MANAGED, PROCESS, Tests, env_count};

/// More than any ring's record, and than all packages of these tests.
const MAX_BYTES: usize = 9 << 20;

pub fn add(tests: &mut Tests) {
    tests.add(ALL, "framing_eof_byte_by_byte", byte_by_byte);
    tests.add(ALL, "framing_eof_check_ends_with_the_mark", last_mark);
    tests.add(ALL, "framing_eof_goes_before_length", eof_before_length);
    tests.add(ALL, "framing_length_sizes", sizes);
    tests.add(PROCESS, "framing_with_every_dispatch_mode", modes);
    tests.add(ALL, "framing_refuses_what_is_too_long", too_long);
    tests.add(ALL, "framing_refuses_what_never_ends", no_mark);
    tests.add(ALL, "framing_refuses_a_negative_length", negative);
    tests.add(ALL, "framing_drops_what_is_not_whole", incomplete);
    tests.add(ALL, "framing_survives_a_close_among_packages", close_among);
    tests.add(ALL, "framing_serves_what_came_before_a_shutdown", shutdown);
    tests.add(PROCESS, "framing_waits_for_a_busy_worker", flood);
    tests.add(PROCESS, "framing_loses_nothing_at_max_request", max_request);
    tests.add(PROCESS, "framing_loses_nothing_at_a_reload", reload);
    tests.add(MANAGED, "framing_never_mixes_after_a_kill", kills);
}

fn length_plan(kind: Kind) -> Plan {
    let plan = Plan::new(kind).with("app", "measure");
    plan.set("open_length_check", true)
        .set("package_max_length", MAX_BYTES)
}

fn eof_plan(kind: Kind) -> Plan {
    let plan = Plan::new(kind).with("app", "measure");
    plan.set("open_eof_split", true).set("package_eof", "\r\n")
}

/// A package of type N with so many bytes behind its head.
fn package(seed: u64, body_bytes: usize) -> Vec<u8> {
    let mut package = (body_bytes as u32).to_be_bytes().to_vec();
    package.extend(Pattern::new(seed).bytes(0, body_bytes));
    if let Some(first) = package.get_mut(4) {
        *first = b'p';
    }
    package
}

fn command(text: &str) -> Vec<u8> {
    let mut package = (text.len() as u32 + 1).to_be_bytes().to_vec();
    package.push(b'!');
    package.extend(text.as_bytes());
    package
}

fn byte_by_byte(kind: Kind) {
    let server = eof_plan(kind).start();
    let mut client = server.connect();
    let packages: [&[u8]; 6] = [
        b"a\r\n",
        b"\r\n",
        b"bb\r\r\n",
        b"\n\r\n",
        b"\r\r\n",
        b"cc\r\n",
    ];
    for round in 0..3 {
        for byte in packages.concat() {
            client.send(&[byte]);
            if round == 0 {
                // Whether it is read alone or not must make no difference.
                std::thread::yield_now();
            }
        }
    }
    client.send(&packages.concat().repeat(100));
    for _ in 0..103 {
        for package in packages {
            assert_eq!(client.line(), measured(package));
        }
    }
    server.finish();
}

fn last_mark(kind: Kind) {
    let plan = Plan::new(kind).with("app", "measure");
    let server = plan
        .set("open_eof_check", true)
        .set("package_eof", "\r\n")
        .start();
    let mut client = server.connect();
    client.send(b"one\r\ntwo");
    client.send(b"\r\n");
    assert_eq!(client.line(), measured(b"one\r\ntwo\r\n"));
    server.finish();
}

fn eof_before_length(kind: Kind) {
    let server = eof_plan(kind).set("open_length_check", true).start();
    let mut client = server.connect();
    client.send(b"\0\0\0\x01x\r\n");
    assert_eq!(client.line(), measured(b"\0\0\0\x01x\r\n"));
    server.finish();
}

/// Sends packages of these sizes from a thread of its own and checks the answers.
fn exchange(server: &Daemon, seed: u64, bodies: &[usize]) {
    let mut client = server.connect();
    let mut sender = client.stream.try_clone().unwrap();
    let packages: Vec<Vec<u8>> = bodies.iter().map(|bytes| package(seed, *bytes)).collect();
    let wanted: Vec<String> = packages.iter().map(|package| measured(package)).collect();
    let sending = std::thread::spawn(move || {
        for package in packages {
            sender.write_all(&package).expect("the server reads");
        }
    });
    for wanted in wanted {
        assert_eq!(client.line(), wanted);
    }
    sending.join().unwrap();
}

const SIZES: &[usize] = &[
    0,
    1,
    7,
    4_000,
    4_096,
    65_531,
    65_532,
    65_533,
    100_000,
    131_000,
    131_024,
    131_072,
    200_000,
    262_144,
    1,
    1 << 20,
    0,
    8 << 20,
    3,
];

fn sizes(kind: Kind) {
    let server = length_plan(kind).start();
    std::thread::scope(|scope| {
        for seed in 0..3 {
            let server = &server;
            scope.spawn(move || exchange(server, seed, SIZES));
        }
    });
    let mut client = server.connect();
    for small in 1..300 {
        client.send(&package(9, small));
    }
    for small in 1..300 {
        assert_eq!(client.line(), measured(&package(9, small)));
    }
    client.send(&command("stats"));
    assert!(client.line().contains("dispatch_count="));
    server.finish();
}

fn modes(kind: Kind) {
    for mode in [1, 3, 4, 5] {
        let server = length_plan(kind).set("dispatch_mode", mode).start();
        let mut client = server.connect();
        for size in SIZES {
            client.send(&package(1, *size));
            assert_eq!(client.line(), measured(&package(1, *size)), "mode {mode}");
        }
        server.finish();
    }
}

fn refused(kind: Kind, plan: Plan, bad: &[u8], log: &str) {
    let plan = plan.with("trace", 1).allow("is closed:");
    let server = plan.start();
    let mut other = server.connect();
    let good: &[u8] = if log.contains("package_eof") {
        b"!id\r\n"
    } else {
        b"\0\0\0\x03!id"
    };
    other.send(good);
    assert!(!other.line().is_empty());
    let mut client = server.connect();
    client.send(good);
    let line = client.line();
    let id = line.split(' ').next().unwrap().to_owned();
    // The server may close before it has read all.
    let _ = client.stream.write_all(bad);
    let (end, rest) = client.end();
    assert_eq!((end, rest), (End::Fin, Vec::new()), "{kind:?}");
    server.wait_for(&format!("event {id} close"));
    server.wait_log(log);
    assert!(server.log().contains(&format!("connection {id} is closed")));
    other.send(good);
    assert!(!other.line().is_empty());
    server.finish();
}

fn too_long(kind: Kind) {
    let mut bad = (MAX_BYTES as u32).to_be_bytes().to_vec();
    bad.extend([0; 100_000]);
    let log = format!("packet length {} is too large", MAX_BYTES + 4);
    refused(kind, length_plan(kind), &bad, &log);
}

fn no_mark(kind: Kind) {
    // Small values count as 65536.
    let plan = eof_plan(kind).set("package_max_length", 1000);
    refused(kind, plan, &[b'x'; 65_536], "no package_eof in 65536 bytes");
}

fn negative(kind: Kind) {
    let plan = length_plan(kind)
        .set("package_length_type", "c")
        .set("package_length_offset", 3);
    refused(kind, plan, b"\0\0\0\xffrest", "malformed data");
}

fn incomplete(kind: Kind) {
    let server = length_plan(kind).start();
    for cut in [1, 3, 4, 5, 99_999] {
        let mut client = server.connect();
        client.send(&package(1, 10));
        client.send(&package(2, 100_000)[..cut]);
        client.finish_sending();
        let (end, rest) = client.end();
        let wanted = format!("{}\n", measured(&package(1, 10)));
        assert_eq!((end, rest), (End::Fin, wanted.into_bytes()));
    }
    server.finish();
}

fn close_among(kind: Kind) {
    let server = eof_plan(kind).start();
    let mut client = server.connect();
    client.send(b"a\r\n!close\r\nb\r\nc\r\n");
    let (end, rest) = client.end();
    let wanted = format!("{}\n", measured(b"a\r\n"));
    assert_eq!((end, rest), (End::Fin, wanted.into_bytes()));
    server.finish();
}

fn shutdown(kind: Kind) {
    let server = length_plan(kind).start();
    let mut client = server.connect();
    client.send(&package(0, 1));
    assert_eq!(client.line(), measured(&package(0, 1)));
    let sizes = [10, 1000, 100, 20_000, 1];
    for round in 0..20 {
        client.send(&package(round, sizes[round as usize % sizes.len()]));
    }
    client.send(&[0, 0, 0, 9, b'x']);
    server.signal(server.pid(), Signal::TERM);
    for round in 0..20 {
        let wanted = package(round, sizes[round as usize % sizes.len()]);
        assert_eq!(client.line(), measured(&wanted));
    }
    client.expect_fin();
    let mut server = server;
    server.expect_exit(0);
}

fn flood(kind: Kind) {
    let server = length_plan(kind).workers(1).start();
    let mut gate = server.connect();
    gate.send(&command("gate open"));
    server.wait_for("at_gate open");
    let bodies: Vec<usize> = (0..400)
        .map(|n| [3_000, 1, 90_000, 300_000][n % 4])
        .collect();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (server, bodies) = (&server, &bodies);
            scope.spawn(move || exchange(server, seed, bodies));
        }
        // The reactor threads go on while the worker does not: they let clients in.
        let quick: Vec<Client> = (0..20).map(|_| server.connect()).collect();
        std::fs::write(server.folder().join("open"), "").unwrap();
        drop(quick);
    });
    assert_eq!(gate.line(), "passed");
    server.finish();
}

fn max_request(kind: Kind) {
    let server = length_plan(kind).set("max_request", 7).start();
    let bodies: Vec<usize> = (0..60).map(|n| [10, 400_000, 1, 150_000][n % 4]).collect();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (server, bodies) = (&server, &bodies);
            scope.spawn(move || exchange(server, seed, bodies));
        }
    });
    assert!(server.lines("worker_stop ").len() > 4);
    server.finish();
}

fn reload(kind: Kind) {
    let server = length_plan(kind).start();
    server.wait_workers();
    let bodies: Vec<usize> = (0..120).map(|n| [10, 2 << 20, 1, 150_000][n % 4]).collect();
    std::thread::scope(|scope| {
        for seed in 0..3 {
            let (server, bodies) = (&server, &bodies);
            scope.spawn(move || exchange(server, seed, bodies));
        }
        for round in 1..=env_count("SWOOLE_RS_RELOADS", 5, 100) {
            server.signal(server.pid(), Signal::USR1);
            server.wait_count("worker_start ", 2 + 2 * round);
        }
    });
    server.finish();
}

/// Workers are killed while packages of many parts are on their way: every answer is right until the
/// connection ends.
fn kills(kind: Kind) {
    let plan = length_plan(kind)
        .allow("abnormal")
        .allow("killed")
        .allow("signal")
        .allow("in a row within");
    let server = plan.start();
    server.wait_workers();
    let wanted: Vec<Vec<u8>> = [1 << 20, 5, 3 << 20, 400_000]
        .iter()
        .enumerate()
        .map(|(seed, bytes)| package(seed as u64, *bytes))
        .collect();
    let answers: Vec<String> = wanted.iter().map(|package| measured(package)).collect();
    let done = std::sync::atomic::AtomicBool::new(false);
    let is_done = || done.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (server, wanted, answers) = (&server, &wanted, &answers);
            scope.spawn(move || {
                while !is_done() {
                    let mut client = server.connect();
                    let mut sender = client.stream.try_clone().unwrap();
                    std::thread::scope(|inner| {
                        inner.spawn(move || {
                            while wanted.iter().all(|p| sender.write_all(p).is_ok()) && !is_done() {
                            }
                            let _ = sender.shutdown(std::net::Shutdown::Write);
                        });
                        for answer in answers.iter().cycle() {
                            match client.try_line() {
                                Ok(line) => assert_eq!(line, *answer),
                                Err(_) => break,
                            }
                        }
                        let _ = client.stream.shutdown(std::net::Shutdown::Both);
                    });
                }
            });
        }
        for round in 0..env_count("SWOOLE_RS_KILLS", 12, 1_000) {
            let started = server.wait_count("worker_start ", 2 + round);
            let pid: i32 = started[round].rsplit(' ').next().unwrap().parse().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(
                20 + 7 * (round as u64 % 5),
            ));
            let _ = process::kill(Pid::from_raw(pid), Signal::KILL);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mut client = server.connect();
    client.send(&package(3, 1_000_000));
    assert_eq!(client.line(), measured(&package(3, 1_000_000)));
    client.send(&command("stats"));
    assert!(client.line().contains("connection_num="));
    server.finish();
}
