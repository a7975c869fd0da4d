//! Sockets against each other, with a waiter that blocks: what waits is ready in time, or never.
#![allow(clippy::expect_used)]

use super::*;
use crate::net::client::Poll;
use crate::protocol::framing::Rule;
use crate::protocol::proxy::Target;
use crate::protocol::{LengthType, Marker};
use std::io::Write;

const TCP: Kind = Kind {
    domain: libc::AF_INET,
    kind: libc::SOCK_STREAM,
    protocol: 0,
};
const SHORT: Option<Duration> = Some(Duration::from_millis(10));
const LONG: Option<Duration> = Some(Duration::from_secs(30));
const TIMED_OUT: Failure = Failure::Fault(Fault::TimedOut);

fn localhost(port: u16) -> Address {
    std::net::SocketAddr::from(([127, 0, 0, 1], port)).into()
}

fn target() -> Target {
    Target {
        host: String::new(),
        port: 0,
    }
}

fn listener() -> (Socket, u16) {
    let listener = Socket::new(TCP).expect("socket");
    listener.bind(&localhost(0)).expect("bind");
    listener.listen(10).expect("listen");
    let port = listener.local_address().expect("address").port();
    (listener, port)
}

fn pair() -> (Socket, Socket) {
    let (listener, port) = listener();
    let client = Socket::new(TCP).expect("socket");
    let connected = client.connect(&Poll, &localhost(port), 30.0, target());
    connected.expect("connect");
    let peer = listener.accept(&Poll, LONG).expect("accept");
    (client, peer)
}

fn send(socket: &Socket, bytes: &[u8]) {
    let mut operation = socket.begin(&Poll, LONG).expect("begin");
    assert_eq!(operation.send_all(bytes), (bytes.len(), Ok(())));
}

fn package(socket: &Socket, limit: Option<Duration>) -> Result<Vec<u8>, Failure> {
    let mut operation = socket.begin(&Poll, limit)?;
    match socket.next_package(&mut operation)? {
        Package::Whole { len } => Ok(socket.take(len, <[u8]>::to_vec)),
        Package::Begun { len } => {
            let mut memory = vec![0; len];
            let mut room = Room::of(&mut memory);
            let whole = socket.rest_of_package(&mut operation, &mut room)?;
            Ok(if whole { memory } else { Vec::new() })
        }
        Package::Ask | Package::End => Ok(Vec::new()),
    }
}

fn by_length() -> Rules {
    Rules {
        has_length: true,
        length_type: LengthType::from_letter(b'n'),
        body_offset: 2,
        ..Rules::default()
    }
}

#[test]
fn bytes_go_both_ways() {
    let (client, peer) = pair();
    assert!(client.is_connected() && peer.is_connected());
    send(&client, b"hello");
    let mut memory = [0; 10];
    let mut operation = peer.begin(&Poll, LONG).expect("begin");
    assert_eq!(operation.recv(&mut Room::of(&mut memory[..3])), Ok(3));
    assert_eq!(peer.peek(&mut Room::of(&mut memory)), Ok(2));
    let (mut one, mut two) = ([0; 1], [0; 5]);
    let mut rooms = [Room::of(&mut one), Room::of(&mut two)];
    assert_eq!(operation.recv_vector(&mut rooms), Ok(2));
    assert_eq!(
        (rooms[0].filled(), rooms[1].filled()),
        (&b"l"[..], &b"o"[..])
    );
    let mut operation = client.begin(&Poll, LONG).expect("begin");
    let sent = operation.send_vector_all(&[b"one", b"", b"two"]);
    assert_eq!(sent, (6, Ok(())));
    assert_eq!(operation.send_vector(&[b"one", b"two"], 4), Ok(2));
    let mut room = Room::of(&mut memory[..8]);
    let mut operation = peer.begin(&Poll, LONG).expect("begin");
    assert_eq!(operation.recv_all(&mut room), Ok(true));
    assert_eq!(room.filled(), b"onetwowo");
}

#[test]
fn an_operation_that_waits_too_long_ends() {
    let (client, _peer) = pair();
    let mut operation = client.begin(&Poll, SHORT).expect("begin");
    let mut memory = [0; 1];
    let got = operation.recv(&mut Room::of(&mut memory));
    assert_eq!(got, Err(Fault::TimedOut));
    let (listener, _) = listener();
    let accepted = listener.accept(&Poll, SHORT);
    assert_eq!(accepted.err(), Some(TIMED_OUT));
}

#[test]
fn limits_are_kept_unless_given() {
    let (client, _peer) = pair();
    client.set_timeouts(|timeouts| timeouts.read = 7.0);
    client.set_timeouts(|timeouts| timeouts.read = 0.0);
    let limit = |own| client.limit(own, Interest::Read);
    assert_eq!(limit(0.0), Some(Duration::from_secs(7)));
    assert_eq!(limit(2.0), Some(Duration::from_secs(2)));
    assert_eq!(limit(-1.0), None);
    client.set_timeouts(|timeouts| timeouts.read = -1.0);
    assert_eq!(limit(0.0), None);
}

#[test]
fn packages_in_parts_are_whole_in_the_end() {
    let (client, peer) = pair();
    client.set_rules(by_length());
    assert_eq!(package(&client, SHORT), Err(TIMED_OUT));
    for part in [&b"\0"[..], b"\x05he", b"ll"] {
        send(&peer, part);
        assert_eq!(package(&client, SHORT), Err(TIMED_OUT));
    }
    // What follows is read with it, and kept.
    send(&peer, b"o\0\x03abc\0");
    assert_eq!(package(&client, LONG), Ok(b"\0\x05hello".to_vec()));
    assert_eq!(package(&client, LONG), Ok(b"\0\x03abc".to_vec()));
    send(&peer, b"\x09half");
    drop(peer);
    assert_eq!(package(&client, LONG), Ok(Vec::new()));
}

#[test]
fn malformed_packages_say_so() {
    let (client, peer) = pair();
    client.set_rules(Rules {
        max_bytes: 10,
        ..by_length()
    });
    send(&peer, b"\0\x09");
    let failure = package(&client, LONG).expect_err("too long");
    assert_eq!(
        failure.code(),
        crate::error::codes::PACKAGE_LENGTH_TOO_LARGE
    );
    assert!(failure.text().contains("11 is too large"));
}

#[test]
fn lines_end_with_either_mark_or_at_the_limit() {
    let (client, peer) = pair();
    send(&peer, b"one\ntwo\r\nrest");
    let mut operation = client.begin(&Poll, LONG).expect("begin");
    assert_eq!(client.line_end(100), None);
    assert_eq!(client.fill(&mut operation), Ok(true));
    for (line, max_bytes) in [("one\n", 100), ("two\r", 100), ("\n", 100), ("re", 2)] {
        let end = client.line_end(max_bytes).expect("a line");
        assert_eq!(client.take(end, <[u8]>::to_vec), line.as_bytes());
    }
    assert_eq!(client.line_end(100), None);
    assert_eq!(client.buffered(), b"st");
}

#[test]
fn rules_make_a_framing() {
    let rules = Rules::default();
    assert_eq!(rules.framing().rule, Rule::Raw);
    let marked = Rules {
        has_mark: true,
        mark: Marker::new(b"!"),
        ..Rules::default()
    };
    assert!(matches!(marked.framing().rule, Rule::EachMark(_)));
    let both = Rules {
        has_length: true,
        ..marked
    };
    assert!(matches!(both.framing().rule, Rule::Field(_)));
    for (source, rule) in [
        (LengthSource::Function, Rule::Function),
        (LengthSource::Mqtt, Rule::Mqtt),
        (LengthSource::FastCgi, Rule::FastCgi),
    ] {
        let rules = Rules {
            source,
            ..both.clone()
        };
        assert_eq!(rules.framing().rule, rule);
    }
}

#[test]
fn a_file_or_a_part_of_it_is_sent() {
    let (client, peer) = pair();
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(b"0123456789").expect("write");
    let send = |offset, length| client.send_file(&Poll, file.path(), offset, length);
    assert_eq!(send(0, 0), Ok(()));
    assert_eq!(send(7, 2), Ok(()));
    assert_eq!(send(10, 0), Ok(()));
    let mut memory = [0; 12];
    let mut room = Room::of(&mut memory);
    let mut operation = peer.begin(&Poll, LONG).expect("begin");
    assert_eq!(operation.recv_all(&mut room), Ok(true));
    assert_eq!(room.filled(), b"012345678978");
    let shorter = send(10, 1).expect_err("no such byte");
    assert_eq!(shorter.text(), "sendfile return zero");
    assert_eq!(send(-1, 0), Err(Errno::EINVAL.into()));
    let missing = client.send_file(&Poll, std::path::Path::new("/no/such"), 0, 0);
    let missing = missing.expect_err("no file");
    assert_eq!(missing.code(), libc::ENOENT);
}

#[test]
fn who_holds_the_descriptor_keeps_it_open() {
    let (client, peer) = pair();
    let held = client.start_close(Phase::Closing);
    assert_eq!(client.raw_fd(), -1);
    assert!(held.is_some() && client.descriptor().is_err());
    assert_eq!(client.phase(), Phase::Closing);
    // The connection has ended all the same.
    let mut memory = [0; 1];
    let mut operation = peer.begin(&Poll, LONG).expect("begin");
    assert_eq!(operation.recv(&mut Room::of(&mut memory)), Ok(0));
    client.finish_close();
    assert_eq!(client.phase(), Phase::Closed);
    assert_eq!(client.shutdown(libc::SHUT_RDWR), Err(Errno::ENOTCONN));
}

#[test]
fn shutting_twice_is_an_error() {
    let (client, _peer) = pair();
    assert_eq!(client.shutdown(libc::SHUT_WR), Ok(()));
    assert_eq!(client.shutdown(libc::SHUT_WR), Err(Errno::ENOTCONN));
    assert_eq!(client.shutdown(9), Err(Errno::EINVAL));
    assert_eq!(client.shutdown(libc::SHUT_RD), Ok(()));
    assert!(!client.is_connected());
}

#[test]
fn the_file_of_a_unix_socket_goes_with_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("socket");
    let socket = Socket::new(Kind::of(SockType::UnixDgram)).expect("socket");
    let name = path.to_str().expect("name");
    let address = Address::resolve(SockType::UnixDgram, name, 0).expect("address");
    socket.bind(&address).expect("bind");
    assert!(path.exists());
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn a_proxy_of_the_other_ip_version_gets_a_fitting_socket() {
    let socket = Socket::new(TCP).expect("socket");
    let same = socket.match_family(std::net::Ipv4Addr::LOCALHOST.into());
    assert!(matches!(same, Ok(None)));
    let former = socket.match_family(std::net::Ipv6Addr::LOCALHOST.into());
    assert!(matches!(former, Ok(Some(_))));
    assert_eq!(socket.sock_type(), Some(SockType::Tcp6));
}
