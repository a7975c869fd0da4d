//! Clients against peers in threads of the test.
#![allow(clippy::expect_used)]

use super::keep::{self, Name};
use super::*;
use crate::net::tls::tests::certificate;
use crate::net::tls::{Context, Role, Session, Settings};
use crate::protocol::framing::Rule;
use crate::protocol::proxy::Target;
use crate::protocol::socks5::Socks5;
use crate::protocol::{LengthField, LengthType, Marker};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::thread;

const LONG: f64 = 30.0;
const SHORT: f64 = 0.05;

fn listener() -> (TcpListener, i64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("address").port();
    (listener, i64::from(port))
}

fn connect(port: i64, timeout_s: f64) -> Result<Client, ClientError> {
    let mut client = Client::new(SockType::Tcp)?;
    client.connect("127.0.0.1", port, Timeouts::all(timeout_s), false, None)?;
    Ok(client)
}

fn pair(timeout_s: f64) -> (Client, TcpStream) {
    let (listener, port) = listener();
    let client = connect(port, timeout_s).expect("connect");
    (client, listener.accept().expect("accept").0)
}

fn recv(client: &mut Client, bytes: usize, flags: i32) -> Result<Vec<u8>, ClientError> {
    let mut memory = vec![0; bytes];
    let mut room = Room::of(&mut memory);
    client.recv(&mut room, flags)?;
    Ok(room.filled().to_vec())
}

const TIMED_OUT: ClientError = ClientError::Link(Fault::TimedOut);

#[test]
fn bytes_go_both_ways() {
    let (mut client, mut peer) = pair(LONG);
    assert_eq!(client.send(b"ping", 0), Ok(4));
    let mut got = [0; 4];
    peer.read_exact(&mut got).expect("read");
    assert_eq!(&got, b"ping");
    peer.write_all(b"pong").expect("write");
    assert_eq!(recv(&mut client, 100, libc::MSG_PEEK), Ok(b"pong".to_vec()));
    assert_eq!(recv(&mut client, 2, 0), Ok(b"po".to_vec()));
    assert_eq!(recv(&mut client, 2, libc::MSG_WAITALL), Ok(b"ng".to_vec()));
    assert!(client.is_alive() && !client.is_broken());
    drop(peer);
    assert_eq!(recv(&mut client, 2, 0), Ok(Vec::new()));
    assert!(!client.is_alive() && client.is_broken());
}

#[test]
fn more_than_the_kernel_holds_goes_both_ways() {
    let (mut client, mut peer) = pair(LONG);
    let echo = thread::spawn(move || {
        let mut all = vec![0; 8 << 20];
        peer.read_exact(&mut all).expect("read");
        peer.write_all(&all).expect("write");
    });
    let data: Vec<u8> = (0..8 << 20).map(|i: u32| (i % 251) as u8).collect();
    assert_eq!(client.send(&data, 0), Ok(data.len()));
    let got = recv(&mut client, data.len(), libc::MSG_WAITALL);
    assert!(got == Ok(data));
    echo.join().expect("echo");
}

#[test]
fn what_drips_ends_in_time_and_is_kept() {
    let (mut client, mut peer) = pair(SHORT);
    let drip = thread::spawn(move || {
        // Until the client is gone.
        while peer.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let all = recv(&mut client, 1 << 20, libc::MSG_WAITALL);
    assert_eq!(all, Err(TIMED_OUT));
    assert!(!client.buffered().is_empty());
    let kept = client.buffered().len();
    assert_eq!(recv(&mut client, 1 << 20, 0).map(|got| got.len()), Ok(kept));
    drop(client);
    drip.join().expect("drip");
}

#[test]
fn a_peer_that_does_not_read_ends_in_time() {
    let (mut client, _peer) = pair(SHORT);
    assert_eq!(client.send(&vec![0; 64 << 20], 0), Err(TIMED_OUT));
    assert_eq!(recv(&mut client, 1, 0), Err(TIMED_OUT));
    let again = recv(&mut client, 1, libc::MSG_DONTWAIT);
    assert_eq!(again, Err(Errno::EAGAIN.into()));
}

#[test]
fn a_reset_breaks_the_connection() {
    let (mut client, peer) = pair(LONG);
    socket::set_linger(&peer, 0).expect("linger");
    drop(peer);
    assert_eq!(recv(&mut client, 1, 0), Err(Errno::ECONNRESET.into()));
    assert!(client.is_broken());
    assert_eq!(client.send(b"x", 0), Err(Errno::EPIPE.into()));
}

/// Takes the next package, whichever way it comes.
fn package(client: &mut Client) -> Result<Option<Vec<u8>>, ClientError> {
    let deadline = client.read_deadline();
    match client.next_package(None)? {
        Package::Whole { len } => {
            let package = client.buffered()[..len].to_vec();
            client.consume(len);
            Ok(Some(package))
        }
        Package::Begun { len } => {
            let mut memory = vec![0; len];
            let whole = client.rest_of_package(&mut Room::of(&mut memory), deadline)?;
            Ok(whole.then_some(memory))
        }
        Package::End => Ok(None),
        Package::Ask => unreachable!("no length function here"),
    }
}

#[test]
fn packages_come_whole() {
    let (mut client, mut peer) = pair(LONG);
    let kind = LengthType::from_letter(b'n').expect("letter");
    client.set_framing(Framing {
        rule: Rule::Field(LengthField {
            kind,
            offset: 1,
            body_offset: 3,
        }),
        max_bytes: 70_000,
    });
    peer.write_all(b"a\0\x05hellob\0\0").expect("write");
    assert_eq!(package(&mut client), Ok(Some(b"a\0\x05hello".to_vec())));
    assert!(client.buffered().is_empty(), "nothing of the next is taken");
    assert_eq!(package(&mut client), Ok(Some(b"b\0\0".to_vec())));
    let mut large = vec![7; 65_538];
    large[..3].copy_from_slice(b"c\xff\xff");
    peer.write_all(&large).expect("write");
    assert!(package(&mut client) == Ok(Some(large)));
    peer.write_all(b"d\0\x05hel").expect("write");
    drop(peer);
    assert_eq!(package(&mut client), Ok(None));
}

#[test]
fn a_package_goes_on_where_time_was_over() {
    let (mut client, mut peer) = pair(SHORT);
    let marker = Marker::new(b"\n").expect("marker");
    client.set_framing(Framing {
        rule: Rule::EachMark(marker),
        max_bytes: 20,
    });
    peer.write_all(b"one\ntwo").expect("write");
    assert_eq!(package(&mut client), Ok(Some(b"one\n".to_vec())));
    assert!(!client.has_buffered_input());
    assert_eq!(package(&mut client), Err(TIMED_OUT));
    peer.write_all(b" more\n").expect("write");
    assert_eq!(package(&mut client), Ok(Some(b"two more\n".to_vec())));
    peer.write_all(&[b'x'; 20]).expect("write");
    let refused = package(&mut client).expect_err("no mark");
    assert_eq!(refused.code(), codes::PACKAGE_LENGTH_TOO_LARGE);
}

#[test]
fn refusals_say_why() {
    let (listener, port) = listener();
    drop(listener);
    let refused = connect(port, LONG).expect_err("nobody listens");
    assert_eq!(refused.code(), libc::ECONNREFUSED);
    let mut client = Client::new(SockType::Tcp).expect("socket");
    let mut code = |host: &str, port| {
        client
            .connect(host, port, Timeouts::default(), false, None)
            .expect_err("refused")
            .code()
    };
    assert_eq!(code("not a host", 1), codes::DNSLOOKUP_RESOLVE_FAILED);
    assert_eq!(code("127.0.0.1", 65_536), codes::BAD_PORT);
    let mut client = Client::new(SockType::UnixStream).expect("socket");
    let long = client.connect(&"x".repeat(200), 0, Timeouts::default(), false, None);
    assert_eq!(long.expect_err("long").code(), codes::NAME_TOO_LONG);
}

#[test]
fn connecting_without_waiting_is_finished_by_the_next_call() {
    let (listener, port) = listener();
    let mut client = Client::new(SockType::Tcp).expect("socket");
    let timeouts = Timeouts::all(LONG);
    assert_eq!(
        client.connect("127.0.0.1", port, timeouts, true, None),
        Ok(())
    );
    assert!(client.is_usable());
    assert_eq!(client.send(b"hello", 0), Ok(5));
    assert!(client.is_connected());
    let mut got = [0; 5];
    listener
        .accept()
        .expect("accept")
        .0
        .read_exact(&mut got)
        .expect("read");
    assert_eq!(&got, b"hello");
}

#[test]
fn connecting_at_once_makes_the_handshake_at_once() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("sock");
    let listener = UnixListener::bind(&path).expect("listen");
    let server = thread::spawn(move || {
        let fd = Rc::new(OwnedFd::from(listener.accept().expect("accept").0));
        let certificate = certificate("localhost");
        let context = Context::new(&certificate.settings(), Role::Server).expect("context");
        let session = Session::new(&context, Rc::clone(&fd), None, None).expect("session");
        let mut patience = Patience::fresh(&Poll, Some(Duration::from_secs(30)));
        drive::handshake(&mut patience, fd.as_fd(), &session).expect("handshake");
        let mut got = [0; 5];
        drive::recv(&mut patience, fd.as_fd(), &session, &mut Room::of(&mut got)).expect("read");
        got
    });
    let mut client = Client::new(SockType::UnixStream).expect("socket");
    client.enable_tls(Settings::default());
    let path = path.to_str().expect("path");
    let connected = client.connect(path, 0, Timeouts::all(LONG), true, None);
    assert_eq!(connected, Ok(()));
    assert_eq!(client.send(b"hello", 0), Ok(5));
    assert_eq!(&server.join().expect("server"), b"hello");
}

#[test]
fn a_tunnel_is_made_before_bytes_go() {
    let (listener, port) = listener();
    let proxy = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("accept");
        let mut greeting = [0; 3];
        peer.read_exact(&mut greeting).expect("greeting");
        peer.write_all(&[5, 0]).expect("method");
        let mut request = [0; 8];
        peer.read_exact(&mut request).expect("request");
        peer.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0, b'h', b'i'])
            .expect("reply");
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).expect("rest");
        rest
    });
    let target = Target {
        host: "t".to_owned(),
        port: 9,
    };
    let socks = Socks5::new(target, None).expect("fits");
    let proxy_port = u16::try_from(port).expect("port");
    let through = ("127.0.0.1".to_owned(), proxy_port, Handshake::Socks5(socks));
    let mut client = Client::new(SockType::Tcp).expect("socket");
    let timeouts = Timeouts::all(LONG);
    assert_eq!(
        client.connect("t", 9, timeouts, false, Some(through)),
        Ok(())
    );
    assert_eq!(recv(&mut client, 10, 0), Ok(b"hi".to_vec()));
    client.send(b"there", 0).expect("send");
    drop(client);
    assert_eq!(proxy.join().expect("proxy"), b"there");
}

#[test]
fn a_fixed_peer_is_the_only_one() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let port = server.local_addr().expect("address").port();
    let mut client = Client::new(SockType::Udp).expect("socket");
    let timeouts = Timeouts::all(LONG);
    assert_eq!(
        client.connect("127.0.0.1", i64::from(port), timeouts, true, None),
        Ok(())
    );
    let local = client.local_address().expect("address").port();
    // The kernel drops it, and tells.
    let _ = stranger.send_to(b"stranger", ("127.0.0.1", local));
    server
        .send_to(b"friend", ("127.0.0.1", local))
        .expect("send");
    assert_eq!(recv(&mut client, 100, 0), Ok(b"friend".to_vec()));
    assert_eq!(client.peer_address().map(|a| a.port()), Ok(port));
}

#[test]
fn kept_connections_are_taken_while_they_live() {
    let (listener, port) = listener();
    let name = Name {
        sock_type: SockType::Tcp,
        id: b"kept_connections_are_taken_while_they_live".to_vec(),
    };
    assert!(keep::take(&name).is_none());
    let clients = [connect(port, LONG), connect(port, LONG)];
    let mut fds = Vec::new();
    for client in clients {
        let client = client.expect("connect");
        fds.push(client.raw_fd());
        keep::keep(name.clone(), client);
    }
    let other = Name {
        sock_type: SockType::Udp,
        ..name.clone()
    };
    assert!(keep::take(&other).is_none());
    let (first, _) = listener.accept().expect("accept");
    let (second, _) = listener.accept().expect("accept");
    drop(first);
    let taken = keep::take(&name).expect("the second");
    assert_eq!(taken.raw_fd(), fds[1]);
    assert!(keep::take(&name).is_none());
    drop(second);
}

#[test]
fn only_what_a_file_has_can_be_sent() {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    let code = |offset, length, path: &Path| {
        open_range(path, offset, length).map_or_else(|error| error.code(), |_| 0)
    };
    assert_eq!(code(0, 0, file.path()), codes::FILE_EMPTY);
    file.write_all(b"0123456789").expect("write");
    let path = file.path();
    let part = |offset, length| {
        let (_, offset, count) = open_range(path, offset, length).expect("range");
        (offset, count)
    };
    assert_eq!(part(0, 0), (0, 10));
    assert_eq!(part(3, 0), (3, 7));
    assert_eq!(part(3, 7), (3, 7));
    for (offset, length) in [
        (10, 0),
        (3, 8),
        (-1, 0),
        (0, -1),
        (i64::MAX, 1),
        (1, i64::MAX),
    ] {
        assert_eq!(code(offset, length, path), codes::INVALID_PARAMS);
    }
    assert_eq!(code(0, 0, Path::new("/")), libc::EINVAL);
    assert_eq!(code(0, 0, Path::new("/no/such/file")), libc::ENOENT);

    let (mut client, mut peer) = pair(LONG);
    assert_eq!(client.send_file(path, 2, 5), Ok(()));
    let mut got = [0; 5];
    peer.read_exact(&mut got).expect("read");
    assert_eq!(&got, b"23456");
}
