//! Which callbacks run where and in which order, and that every byte is answered.

use super::super::client::{Client, DEADLINE};
use super::super::daemon::{Kind, Plan};
use super::super::pattern::Pattern;
use super::{ALL, PROCESS, Tests};

pub fn add(tests: &mut Tests) {
    tests.add(ALL, "echo_answers", echo_answers);
    tests.add(
        ALL,
        "connect_receive_close_in_one_worker",
        connect_receive_close,
    );
    tests.add(
        PROCESS,
        "unsafe_events_are_off_by_default",
        unsafe_events_off,
    );
    tests.add(PROCESS, "unsafe_events_on", unsafe_events_on);
    tests.add(PROCESS, "round_robin_takes_turns", round_robin);
    tests.add(PROCESS, "fd_modulo_keeps_the_worker", fd_modulo);
    tests.add(PROCESS, "idle_first_avoids_a_busy_worker", idle_first);
    tests.add(ALL, "large_messages", large_messages);
    tests.add(ALL, "pipelined_clients", pipelined);
    tests.add(ALL, "two_thousand_clients", two_thousand);
}

fn echo_answers(kind: Kind) {
    let server = Plan::new(kind).start();
    let mut client = server.connect();
    assert_eq!(client.ask("echo hello"), "hello");
    drop(client);
    server.finish();
}

fn connect_receive_close(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).start();
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    let mut ids = Vec::new();
    for client in &mut clients {
        let id = client.ask("id");
        ids.push(id.split(' ').next().unwrap().to_owned());
        assert_eq!(client.ask("echo again"), "again");
    }
    drop(clients);
    for id in ids {
        let events = server.wait_count(&format!("event {id} "), 4);
        let fields =
            |line: &String| -> Vec<String> { line.split(' ').skip(2).map(str::to_owned).collect() };
        let names: Vec<String> = events.iter().map(|e| fields(e)[0].clone()).collect();
        assert_eq!(names, ["connect", "receive", "receive", "close"]);
        for event in &events {
            assert_eq!(fields(event)[1..], fields(&events[0])[1..], "{events:?}");
        }
    }
    server.finish();
}

fn unsafe_events_off(kind: Kind) {
    for mode in [1, 3] {
        let plan = Plan::new(kind).with("trace", 1).set("dispatch_mode", mode);
        let server = plan.start();
        let mut client = server.connect();
        assert_eq!(client.ask("echo a"), "a");
        client.tell("close");
        client.expect_fin();
        let mut client = server.connect();
        assert_eq!(client.ask("echo b"), "b");
        drop(client);
        server.connect().ask("echo c");
        let others: Vec<String> = server.lines("event ");
        assert!(others.iter().all(|e| e.contains(" receive ")), "{others:?}");
        server.finish();
    }
}

fn unsafe_events_on(kind: Kind) {
    for mode in [1, 3] {
        let server = Plan::new(kind)
            .with("trace", 1)
            .set("dispatch_mode", mode)
            .set("enable_unsafe_event", true)
            .start();
        let mut client = server.connect();
        assert_eq!(client.ask("echo a"), "a");
        drop(client);
        let events = server.wait_count("event 1 ", 3);
        for name in ["connect", "receive", "close"] {
            let found = events.iter().filter(|e| e.contains(&format!(" {name} ")));
            assert_eq!(found.count(), 1, "{events:?}");
        }
        server.finish();
    }
}

fn round_robin(kind: Kind) {
    let plan = Plan::new(kind).workers(3).set("dispatch_mode", 1);
    let server = plan.set("reactor_num", 1).start();
    let mut client = server.connect();
    let worker = |line: String| -> u32 { line.split(' ').nth(1).unwrap().parse().unwrap() };
    let first = worker(client.ask("id"));
    for turn in 1..9 {
        assert_eq!(worker(client.ask("id")), (first + turn) % 3);
    }
    drop(client);
    server.finish();
}

fn fd_modulo(kind: Kind) {
    let server = Plan::new(kind).workers(4).start();
    let mut clients: Vec<Client> = (0..16).map(|_| server.connect()).collect();
    let ids: Vec<String> = clients.iter_mut().map(|c| c.ask("id")).collect();
    let mut workers: Vec<&str> = ids.iter().map(|i| i.split(' ').nth(1).unwrap()).collect();
    for (client, id) in clients.iter_mut().zip(&ids) {
        assert_eq!(&client.ask("id"), id);
    }
    workers.sort_unstable();
    workers.dedup();
    assert_eq!(workers.len(), 4, "all workers have work: {ids:?}");
    drop(clients);
    server.finish();
}

fn idle_first(kind: Kind) {
    let server = Plan::new(kind).workers(3).set("dispatch_mode", 3).start();
    server.wait_workers();
    let mut busy = server.connect();
    busy.tell("gate go");
    server.wait_for("at_gate go");
    // With a worker held, everything else still goes on.
    let mut client = server.connect();
    for n in 0..50 {
        assert_eq!(client.ask(&format!("echo {n}")), n.to_string());
    }
    std::fs::write(server.folder().join("go"), "").unwrap();
    assert_eq!(busy.line(), "passed");
    drop((busy, client));
    server.finish();
}

fn large_messages(kind: Kind) {
    let server = Plan::new(kind).with("app", "echo").start();
    for (seed, len) in [(1, 65_537), (2, 1 << 20), (3, (8 << 20) + 13)] {
        let client = server.connect();
        echo_stream(client, seed, len, 1 << 18);
    }
    server.finish();
}

/// Sends bytes of a pattern in pieces of this size while reading them back.
fn echo_stream(client: Client, seed: u64, len: usize, piece: usize) {
    use std::io::Write;
    let mut sender = client.stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        let pattern = Pattern::new(seed);
        let mut sent = 0;
        while sent < len {
            let part = pattern.bytes(sent, piece.min(len - sent));
            sender.write_all(&part).unwrap();
            sent += part.len();
        }
    });
    let mut client = client;
    client.expect_pattern(&Pattern::new(seed), 0, len);
    writer.join().unwrap();
    client.finish_sending();
    client.expect_fin();
}

fn pipelined(kind: Kind) {
    let server = Plan::new(kind).with("app", "echo").workers(3).start();
    let threads: Vec<_> = (0..8)
        .map(|seed| {
            let client = server.connect();
            std::thread::spawn(move || echo_stream(client, seed, 500_000, 100 + seed as usize))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    server.finish();
}

fn two_thousand(kind: Kind) {
    const CLIENTS: usize = 2_000;
    let plan = Plan::new(kind).with("app", "echo").workers(4);
    let server = plan.set("max_conn", 4_000).start();
    let before = server.sockets(server.pid());
    let mut clients: Vec<(Pattern, Client)> = (0..CLIENTS)
        .map(|n| (Pattern::new(n as u64), server.connect()))
        .collect();
    for round in 0..3 {
        for (pattern, client) in &mut clients {
            client.send(&pattern.bytes(round * 100, 100));
        }
        for (pattern, client) in &mut clients {
            client.expect_pattern(pattern, round * 100, 100);
        }
    }
    drop(clients);
    let end = std::time::Instant::now() + DEADLINE;
    while server.sockets(server.pid()) > before {
        assert!(std::time::Instant::now() < end, "descriptors are left");
        std::thread::yield_now();
    }
    server.finish();
}
