//! Every way a connection ends, as the client and the server see it.

use std::io::Write;

use super::super::client::{Client, End};
use super::super::daemon::{Daemon, Kind, Plan};
use super::super::pattern::Pattern;
use super::{ALL, MANAGED, Tests};

/// What a stale session id is refused with.
const NOT_EXIST: &str = "error 1005";

pub fn add(tests: &mut Tests) {
    tests.add(ALL, "client_closes", client_closes);
    tests.add(ALL, "send_then_close", send_then_close);
    tests.add(
        ALL,
        "send_then_close_64_mib_slow_reader",
        send_then_close_large,
    );
    tests.add(ALL, "close_with_reset", close_with_reset);
    tests.add(ALL, "half_closed_client_gets_its_answer", half_closed);
    tests.add(ALL, "client_resets", client_resets);
    tests.add(
        ALL,
        "client_resets_while_it_is_sent_to",
        client_resets_mid_answer,
    );
    tests.add(ALL, "client_vanishes_mid_send", client_vanishes);
    tests.add(ALL, "close_twice_and_stale_ids", close_twice);
    tests.add(
        MANAGED,
        "close_from_another_worker",
        close_from_other_worker,
    );
    tests.add(
        ALL,
        "input_after_close_does_not_destroy_the_answer",
        input_after_close,
    );
    tests.add(ALL, "descriptors_are_given_back", descriptors_given_back);
    tests.add(ALL, "close_in_all_orders_at_once", close_storm);
}

fn session(client: &mut Client) -> String {
    client.ask("id").split(' ').next().unwrap().to_owned()
}

fn pattern_of(id: &str) -> Pattern {
    Pattern::new(id.parse().unwrap())
}

/// Waits until a session is gone from the table.
fn wait_freed(server: &Daemon, id: &str) {
    let mut other = server.connect();
    server.eventually("the session is freed", || {
        other.ask(&format!("info {id}")) == NOT_EXIST
    });
}

/// Waits until the server knows of no connection but the one that asks.
fn wait_alone(server: &Daemon) {
    let mut other = server.connect();
    server.eventually("every other connection is gone", || {
        let stats = other.ask("stats");
        stats.contains(" connection_num=1 ") && stats.contains(" send_queued_bytes=0 ")
    });
}

fn client_closes(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).start();
    let mut client = server.connect();
    let id = session(&mut client);
    drop(client);
    server.wait_for(&format!("event {id} close "));
    wait_freed(&server, &id);
    server.finish();
}

fn send_then_close(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).start();
    for len in [1, 1024, 65_537, 1 << 20] {
        let mut client = server.connect();
        client.read_slowly();
        let id = session(&mut client);
        client.tell(&format!("sendclose {len}"));
        server.wait_for(&format!("closed {id} ok"));
        client.expect_pattern(&pattern_of(&id), 0, len);
        client.expect_fin();
        assert_eq!(server.lines(&format!("event {id} close ")).len(), 1);
    }
    wait_alone(&server);
    server.finish();
}

fn send_then_close_large(kind: Kind) {
    const LEN: usize = 64 << 20;
    let server = Plan::new(kind).set("socket_buffer_size", 128 << 20).start();
    let mut client = server.connect();
    client.read_slowly();
    let id = session(&mut client);
    client.tell(&format!("sendclose {LEN}"));
    server.wait_for(&format!("closed {id} ok"));
    // Nothing is read before the server has closed.
    client.expect_pattern(&pattern_of(&id), 0, LEN);
    client.expect_fin();
    drop(client);
    wait_alone(&server);
    server.finish();
}

fn close_with_reset(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).start();
    for len in [0, 10 << 20] {
        let mut client = server.connect();
        client.read_slowly();
        let id = session(&mut client);
        client.tell(&format!("sendreset {len}"));
        server.wait_for(&format!("closed {id} ok"));
        server.wait_for(&format!("event {id} close "));
        wait_freed(&server, &id);
        let (end, rest) = client.end();
        assert_eq!(end, End::Reset);
        assert!(rest.len() <= len);
    }
    // Overflow of the socket buffer is not what this is about.
    server.finish();
}

fn half_closed(kind: Kind) {
    let server = Plan::new(kind).set("socket_buffer_size", 16 << 20).start();
    for len in [0, 1, 1 << 20, 8 << 20] {
        let mut client = server.connect();
        client.read_slowly();
        let id = session(&mut client);
        client.tell(&format!("send {len}"));
        client.finish_sending();
        client.expect_pattern(&pattern_of(&id), 0, len);
        client.expect_fin();
    }
    // Many requests, then FIN in the same breath.
    let mut client = server.connect();
    let requests: String = (0..5_000).map(|n| format!("echo {n}\n")).collect();
    let mut sender = client.stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        sender.write_all(requests.as_bytes()).unwrap();
        sender.shutdown(std::net::Shutdown::Write).unwrap();
    });
    for n in 0..5_000 {
        assert_eq!(client.line(), n.to_string());
    }
    client.expect_fin();
    writer.join().unwrap();
    wait_alone(&server);
    server.finish();
}

fn client_resets(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).start();
    for _ in 0..20 {
        let mut client = server.connect();
        let id = session(&mut client);
        client.reset();
        server.wait_for(&format!("event {id} close "));
    }
    wait_alone(&server);
    server.finish();
}

fn client_resets_mid_answer(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).start();
    for _ in 0..5 {
        let mut client = server.connect();
        client.read_slowly();
        let id = session(&mut client);
        // The rest may be refused once the server knows that the client is gone.
        client.tell("flood 65536 50");
        client.expect_first_byte();
        client.reset();
        server.wait_for(&format!("flooded {id} "));
        server.wait_for(&format!("event {id} close "));
    }
    wait_alone(&server);
    server.finish();
}

fn client_vanishes(kind: Kind) {
    let server = Plan::new(kind)
        .with("trace", 1)
        .with("app", "silent")
        .start();
    server.wait_workers();
    for n in 0..10 {
        let client = server.connect();
        let mut stream = client.stream.try_clone().unwrap();
        let id = n + 1;
        stream.write_all(&vec![b'x'; 300_000]).unwrap();
        drop(stream);
        if n % 2 == 0 {
            client.reset();
        } else {
            drop(client);
        }
        server.wait_for(&format!("event {id} close "));
    }
    let pids = server.processes();
    let events = server.wait_count("event ", 20);
    assert!(events.iter().filter(|e| e.contains(" close ")).count() == 10);
    assert_eq!(pids, server.processes(), "nobody died of it");
    server.finish();
}

fn close_twice(kind: Kind) {
    let server = Plan::new(kind).start();
    let mut client = server.connect();
    let id = session(&mut client);
    client.tell("closetwice");
    let line = server.wait_for("closed_twice ");
    // Closed (process mode, base mode with data) or gone already.
    let second = line.rsplit(", ").next().unwrap();
    assert!(line.starts_with("closed_twice ok, "), "{line}");
    assert!(["error 1004", NOT_EXIST].contains(&second), "{line}");
    client.expect_fin();
    let mut other = server.connect();
    wait_freed(&server, &id);
    for stale in [id.as_str(), "0", "123456", "18446744073709551615"] {
        assert_eq!(other.ask(&format!("closeother {stale}")), NOT_EXIST);
        assert_eq!(other.ask(&format!("resetother {stale}")), NOT_EXIST);
        assert_eq!(other.ask(&format!("exists {stale}")), "false");
        other.tell(&format!("sendother {stale} 1"));
        let error = server.wait_for(&format!("send_error {stale} "));
        assert!(error.contains(" 1005 after 0"), "{error}");
        assert_eq!(other.line(), "sent");
    }
    let mut client = server.connect();
    let id = session(&mut client);
    client.tell("close");
    server.wait_for(&format!("closed {id} ok"));
    let after = server.wait_for(&format!("send_after_close {id} error "));
    assert!(
        after.ends_with(" 1004") || after.ends_with(" 1005"),
        "{after}"
    );
    drop((client, other));
    server.finish();
}

/// Two clients of different workers.
fn two_workers(server: &Daemon) -> (Client, Client) {
    server.wait_workers();
    let mut first = server.connect();
    let worker = |c: &mut Client| c.ask("id").split(' ').nth(1).unwrap().to_owned();
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

fn close_from_other_worker(kind: Kind) {
    let server = Plan::new(kind).with("trace", 1).start();
    for (command, end) in [("closeother", End::Fin), ("resetother", End::Reset)] {
        let (mut first, mut second) = two_workers(&server);
        let id = session(&mut second);
        let owner = second.ask("id").split(' ').nth(1).unwrap().to_owned();
        assert_eq!(first.ask(&format!("{command} {id}")), "ok");
        assert_eq!(second.end(), (end, Vec::new()));
        let event = server.wait_for(&format!("event {id} close "));
        assert!(event.contains(&format!("worker={owner} ")), "{event}");
        assert!(event.ends_with("reactor=-1"), "{event}");
        wait_freed(&server, &id);
    }
    server.finish();
}

fn input_after_close(kind: Kind) {
    const LEN: usize = 4 << 20;
    let server = Plan::new(kind).start();
    for fin in [true, false] {
        let mut client = server.connect();
        client.read_slowly();
        let id = session(&mut client);
        client.tell(&format!("sendclose {LEN}"));
        server.wait_for(&format!("closed {id} ok"));
        // All of this comes after the close, and nobody will read it.
        let mut sender = client.stream.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            sender.write_all(&vec![b'z'; 2 << 20]).unwrap();
            if fin {
                sender.shutdown(std::net::Shutdown::Write).unwrap();
            }
        });
        client.expect_pattern(&pattern_of(&id), 0, LEN);
        client.expect_fin();
        writer.join().unwrap();
    }
    wait_alone(&server);
    server.finish();
}

fn descriptors_given_back(kind: Kind) {
    let server = Plan::new(kind).set("socket_buffer_size", 16 << 20).start();
    server.wait_workers();
    // Every thread has set up what it needs once it has served somebody.
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask("id");
    }
    drop(clients);
    wait_alone(&server);
    let pids = server.processes();
    let count = || -> Vec<usize> { pids.iter().map(|pid| server.sockets(*pid)).collect() };
    let all = || -> Vec<usize> {
        pids.iter()
            .map(|pid| server.descriptors(*pid).len())
            .collect()
    };
    // In process mode the master alone has the listening socket, in base mode every process has it.
    let listening = if kind == Kind::Process { 1 } else { pids.len() };
    server.eventually("the asking connection is gone", || {
        count().iter().sum::<usize>() == listening
    });
    let before = all();
    for n in 0..200 {
        let mut client = server.connect();
        match n % 5 {
            0 => drop(client),
            1 => client.reset(),
            2 => client.tell("close"),
            3 => {
                client.tell("sendreset 100000");
                client.end();
            }
            _ => {
                client.tell("sendclose 100000");
                client.end();
            }
        }
    }
    wait_alone(&server);
    server.eventually("as many descriptors as before", || all() == before);
    server.finish();
}

fn close_storm(kind: Kind) {
    let server = Plan::new(kind).workers(3).start();
    let threads: Vec<_> = (0..6u64)
        .map(|thread| {
            let port = server.port;
            std::thread::spawn(move || {
                for n in 0..150 {
                    let mut client = Client::connect(port);
                    let choice = (n * 7 + thread * 3) % 6;
                    match choice {
                        0 => client.tell("echo x"),
                        1 => {
                            client.tell("sendclose 5000");
                            assert_eq!(client.end().1.len(), 5000);
                        }
                        2 => {
                            client.tell("send 100000");
                            client.reset();
                        }
                        3 => {
                            client.tell("closetwice");
                            client.finish_sending();
                            client.expect_fin();
                        }
                        4 => {
                            client.tell("sendreset 10");
                            client.end();
                        }
                        _ => {
                            client.tell("send 20000");
                            client.finish_sending();
                            assert_eq!(client.end().1.len(), 20_000);
                        }
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    wait_alone(&server);
    server.finish();
}
