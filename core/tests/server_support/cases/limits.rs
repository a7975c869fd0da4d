//! More clients than there may be.

use super::super::client::Client;
use super::super::daemon::{Kind, Plan};
use super::sending::stat;
use super::{ALL, Tests};

pub fn add(tests: &mut Tests) {
    tests.add(ALL, "max_conn_refuses_and_counts", max_conn);
    tests.add(ALL, "descriptor_exhaustion_pauses_and_recovers", exhaustion);
    tests.add(ALL, "port_in_use_is_an_error", port_in_use);
}

fn max_conn(kind: Kind) {
    let plan = Plan::new(kind).set("max_conn", 10).allow("max_conn");
    let server = plan.start();
    let mut clients: Vec<Client> = (0..10).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("echo in"), "in");
    }
    for _ in 0..5 {
        let mut client = server.connect();
        let (_, rest) = client.end();
        assert!(rest.is_empty());
    }
    assert_eq!(stat(&mut clients[0], "connection_num"), 10);
    assert_eq!(stat(&mut clients[0], "abort_count"), 5);
    // A place that becomes free is given away again.
    drop(clients.pop());
    server.eventually("a new client gets in", || {
        let Ok(mut client) = Client::try_connect(server.port) else {
            return false;
        };
        let answered = std::io::Write::write_all(&mut client.stream, b"echo new\n")
            .and_then(|()| client.try_line());
        answered.is_ok_and(|line| line == "new")
    });
    drop(clients);
    server.finish();
}

fn exhaustion(kind: Kind) {
    let plan = Plan::new(kind).nofile(120).set("max_conn", 1_000);
    let server = plan.allow("max_conn").allow("no new connections").start();
    server.wait_workers();
    // Closed by the server and kept open by the client: these hold descriptors but no session.
    let mut clients: Vec<Client> = Vec::new();
    server.eventually("descriptors run out", || {
        let mut client = server.connect();
        client.tell("close");
        clients.push(client);
        server.log().contains("no new connections")
    });
    drop(clients);
    server.eventually("clients are served again", || {
        let mut client = server.connect();
        let asked = std::io::Write::write_all(&mut client.stream, b"echo back\n");
        asked
            .and_then(|()| client.try_line())
            .is_ok_and(|line| line == "back")
    });
    server.finish();
}

fn port_in_use(kind: Kind) {
    let server = Plan::new(kind).start();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let mode = if kind == Kind::Process {
        "process"
    } else {
        "base"
    };
    command.args([
        "serve",
        &format!("mode={mode}"),
        &format!("port={}", server.port),
    ]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("in use"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    server.finish();
}
