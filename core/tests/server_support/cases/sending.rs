//! Limits of sending, and what senders are told.

use super::super::client::{Client, End};
use super::super::daemon::{Daemon, Kind, Plan};
use super::super::pattern::Pattern;
use super::{ALL, BASE, MANAGED, PROCESS, Tests};

const OVERFLOW: &str = "code=1009";

pub fn add(tests: &mut Tests) {
    tests.add(ALL, "overflow_is_told_and_nothing_is_lost", overflow);
    tests.add(ALL, "watermarks", watermarks);
    tests.add(ALL, "limit_of_all_connections", total_limit);
    tests.add(ALL, "a_slow_reader_slows_nobody", slow_reader);
    tests.add(ALL, "bad_sizes_are_refused", bad_sizes);
    tests.add(PROCESS, "the_master_cannot_send", send_in_master);
    tests.add(MANAGED, "send_to_another_workers_connection", send_across);
    tests.add(
        BASE,
        "workers_send_to_each_other_at_once",
        send_across_both_ways,
    );
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let found = line
        .split(' ')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {name} in {line}"))
}

pub fn stat(client: &mut Client, name: &str) -> u64 {
    field(&client.ask("stats"), name).parse().unwrap()
}

fn session(client: &mut Client) -> String {
    client.ask("id").split(' ').next().unwrap().to_owned()
}

fn overflow(kind: Kind) {
    let server = Plan::new(kind).set("socket_buffer_size", 1 << 20).start();
    let mut client = server.connect();
    client.read_slowly();
    let id = session(&mut client);
    client.tell("flood 65536 1000");
    let line = server.wait_for(&format!("flooded {id} "));
    assert_eq!(
        &line[line.find("code=").unwrap()..][..9],
        OVERFLOW,
        "{line}"
    );
    let accepted: usize = field(&line, "accepted").parse().unwrap();
    // It says how much waits, and so do the statistics and the connection.
    let mut other = server.connect();
    let mut queued = 0;
    server.eventually("the queue is counted", || {
        queued = stat(&mut other, "send_queued_bytes");
        let info = other.ask(&format!("info {id}"));
        queued > 0 && info.contains(&format!("send_queued_bytes: {queued},"))
    });
    assert!(queued <= 1 << 20, "{queued}");
    // Every byte that was accepted arrives, and then there is room again.
    let mut got = 0;
    while got < accepted {
        got += client.read_any(accepted - got);
    }
    assert_eq!(client.ask("echo more"), "more");
    server.eventually("nothing waits", || {
        stat(&mut other, "send_queued_bytes") == 0
    });
    drop(client);
    drop(other);
    server.finish();
}

fn watermarks(kind: Kind) {
    let server = Plan::new(kind)
        .set("socket_buffer_size", 32 << 20)
        .set("buffer_high_watermark", 4 << 20)
        .set("buffer_low_watermark", 1 << 20)
        .start();
    let mut client = server.connect();
    client.read_slowly();
    let id = session(&mut client);
    for round in 1..=2 {
        client.tell(&format!("send {}", 16 << 20));
        server.wait_count(&format!("buffer_full {id}"), round);
        assert_eq!(server.lines(&format!("buffer_empty {id}")).len(), round - 1);
        client.expect_pattern(&Pattern::new(id.parse().unwrap()), 0, 16 << 20);
        server.wait_count(&format!("buffer_empty {id}"), round);
        assert_eq!(server.lines(&format!("buffer_full {id}")).len(), round);
    }
    drop(client);
    server.finish();
}

fn total_limit(kind: Kind) {
    let server = Plan::new(kind)
        .with("trace", 1)
        .set("socket_buffer_size", 16 << 20)
        .set("max_output_buffer_total", 32 << 20)
        .start();
    let (mut clients, mut ids) = (Vec::new(), Vec::new());
    let refused = loop {
        let mut client = server.connect();
        client.read_slowly();
        let id = session(&mut client);
        client.tell("flood 65536 128");
        let line = server.wait_for(&format!("flooded {id} "));
        clients.push(client);
        ids.push(id);
        if line.contains(OVERFLOW) {
            break line;
        }
        assert!(clients.len() < 40, "no limit");
    };
    assert!(refused.contains("max_output_buffer_total"), "{refused}");
    assert!(clients.len() >= 4, "refused too early: {}", clients.len());
    drop(clients);
    // Before that even an answer of a few bytes is refused.
    for id in ids {
        server.wait_for(&format!("event {id} close "));
    }
    let mut client = server.connect();
    server.eventually("there is room again", || {
        stat(&mut client, "send_queued_bytes") == 0
    });
    drop(client);
    server.finish();
}

fn slow_reader(kind: Kind) {
    let server = Plan::new(kind).start();
    let mut slow: Vec<Client> = (0..6).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.read_slowly();
        let id = session(client);
        client.tell("flood 65536 1000");
        server.wait_for(&format!("flooded {id} "));
    }
    // Nobody reads the megabytes above, and all of this is answered.
    let mut quick: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for n in 0..50 {
        for client in &mut quick {
            assert_eq!(client.ask(&format!("echo {n}")), n.to_string());
        }
    }
    drop((slow, quick));
    server.finish();
}

fn bad_sizes(kind: Kind) {
    let server = Plan::new(kind).set("buffer_output_size", 100_000).start();
    let mut client = server.connect();
    assert_eq!(client.ask("sendnothing"), "error 505");
    assert_eq!(client.ask("sendbig 100001"), "error 1203");
    let mut other = server.connect();
    other.tell("sendbig 100000");
    assert_eq!(other.read_exactly(100_000), vec![0; 100_000]);
    assert_eq!(other.line(), "ok");
    drop((client, other));
    server.finish();
}

fn send_in_master(kind: Kind) {
    let server = Plan::new(kind).start();
    assert_eq!(server.wait_for("send_at_start "), "send_at_start 9009");
    server.finish();
}

/// Clients of two workers.
fn two_workers(server: &Daemon) -> (Client, Client) {
    server.wait_workers();
    let worker = |c: &mut Client| c.ask("id").split(' ').nth(1).unwrap().to_owned();
    let mut first = server.connect();
    let one = worker(&mut first);
    let mut others = Vec::new();
    loop {
        let mut second = server.connect();
        if worker(&mut second) != one {
            return (first, second);
        }
        others.push(second);
        assert!(others.len() < 2_000, "all connections are worker {one}'s");
    }
}

fn send_across(kind: Kind) {
    let server = Plan::new(kind).start();
    let (mut first, mut second) = two_workers(&server);
    let id = session(&mut second);
    for len in [1, 70_000, 3 << 20] {
        let mut reader = second;
        first.tell(&format!("sendother {id} {len}"));
        reader.expect_pattern(&Pattern::new(id.parse().unwrap()), 0, len);
        assert_eq!(first.line(), "sent");
        second = reader;
    }
    drop((first, second));
    server.finish();
}

fn send_across_both_ways(kind: Kind) {
    const LEN: usize = 7 << 20;
    let server = Plan::new(kind).start();
    let (mut first, mut second) = two_workers(&server);
    let (one, two) = (session(&mut first), session(&mut second));
    first.tell(&format!("sendother {two} {LEN}"));
    second.tell(&format!("sendother {one} {LEN}"));
    for (mut client, id) in [(first, one), (second, two)] {
        // Its own "sent" stands before or behind the other's bytes: only whole messages.
        let all = client.read_exactly(LEN + "sent\n".len());
        let at = all.windows(5).position(|w| w == b"sent\n").unwrap();
        let rest = [&all[..at], &all[at + 5..]].concat();
        Pattern::new(id.parse().unwrap()).check(0, &rest).unwrap();
        client.finish_sending();
        assert_eq!(client.end(), (End::Fin, Vec::new()));
    }
    server.finish();
}
