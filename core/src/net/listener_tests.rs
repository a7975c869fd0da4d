#![allow(clippy::expect_used)]

use super::super::stream::{KeepAlive, ReadOutcome, Stream, WriteOutcome};
use super::*;
use crate::sys::socket::{Interest, get_option, poll_one};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

fn tcp() -> Listener {
    let listener = Listener::bind(SockType::Tcp, "127.0.0.1", 0).expect("bind");
    listener
        .listen(16, &ListenOptions::default())
        .expect("listen");
    listener
}

fn client_of(listener: &Listener) -> TcpStream {
    TcpStream::connect(("127.0.0.1", listener.local_addr().port())).expect("connect")
}

fn accept(listener: &Listener) -> (Stream, Address) {
    poll_one(listener, Interest::Read, -1).expect("poll");
    match listener.accept().expect("accept") {
        Accepted::Connection(fd, peer) => (Stream::new(fd), peer),
        other => panic!("{other:?}"),
    }
}

fn wait_readable(stream: &Stream) {
    poll_one(stream, Interest::Read, -1).expect("poll");
}

fn refusal(sock_type: SockType, host: &str, port: i64) -> String {
    let bound = Listener::bind(sock_type, host, port);
    bound.expect_err("refused").to_string()
}

#[test]
fn port_0_resolves_and_clients_are_accepted_with_their_address() {
    let listener = tcp();
    assert_ne!(listener.local_addr().port(), 0);
    assert!(matches!(listener.accept(), Ok(Accepted::WouldBlock)));
    let client = client_of(&listener);
    let (stream, peer) = accept(&listener);
    let local = client.local_addr().expect("address");
    assert_eq!(peer, Address::from(local));
    assert_eq!(stream.peer_addr(), Ok(peer));
    assert_eq!(
        stream.local_addr().expect("address"),
        *listener.local_addr()
    );
}

#[test]
fn a_port_in_use_is_one_clear_sentence() {
    let first = tcp();
    let port = first.local_addr().port();
    assert_eq!(
        refusal(SockType::Tcp, "127.0.0.1", port.into()),
        format!(
            "cannot listen on 127.0.0.1:{port}: the port is in use; \
             stop the other program or choose another port"
        )
    );
}

#[test]
fn a_foreign_address_is_one_clear_sentence() {
    // 192.0.2.0/24 is kept for documentation, so no machine has it.
    let text = refusal(SockType::Tcp, "192.0.2.1", 0);
    assert!(
        text.contains("192.0.2.1:0: this machine has no such address"),
        "{text}"
    );
}

#[test]
fn a_shared_port_can_be_bound_twice() {
    let options = BindOptions { reuse_port: true };
    let bind = |port| Listener::bind_with(SockType::Tcp, "127.0.0.1", port, options).expect("bind");
    let first = bind(0);
    let second = bind(first.local_addr().port().into());
    for listener in [&first, &second] {
        listener
            .listen(0, &ListenOptions::default())
            .expect("listen");
    }
}

#[test]
fn accepted_connections_inherit_the_options() {
    let listener = Listener::bind(SockType::Tcp, "127.0.0.1", 0).expect("bind");
    let options = ListenOptions {
        fastopen: true,
        socket: SocketOptions {
            nodelay: true,
            keepalive: Some(KeepAlive {
                idle_s: 77,
                interval_s: 11,
                count: 3,
            }),
            user_timeout_ms: 5000,
            recv_buffer_bytes: Some(100_000),
            send_buffer_bytes: Some(50_000),
        },
        ..ListenOptions::default()
    };
    listener.listen(16, &options).expect("listen");
    let _client = client_of(&listener);
    let (stream, _) = accept(&listener);
    let get = |level, name| get_option(&stream, level, name).expect("option");
    assert_eq!(get(libc::IPPROTO_TCP, libc::TCP_NODELAY), 1);
    assert_eq!(get(libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
    assert_eq!(get(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), 77);
    assert_eq!(get(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL), 11);
    assert_eq!(get(libc::IPPROTO_TCP, libc::TCP_KEEPCNT), 3);
    assert_eq!(get(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT), 5000);
    assert_eq!(get(libc::SOL_SOCKET, libc::SO_RCVBUF), 200_000);
    assert_eq!(get(libc::SOL_SOCKET, libc::SO_SNDBUF), 100_000);
}

#[test]
fn deferred_accept_is_set() {
    let listener = Listener::bind(SockType::Tcp, "127.0.0.1", 0).expect("bind");
    let options = ListenOptions {
        defer_accept_s: 3,
        ..ListenOptions::default()
    };
    listener.listen(16, &options).expect("listen");
    let set = get_option(&listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT);
    assert!(set.expect("option") >= 3, "the kernel rounds up");
}

#[test]
fn ipv6_clients_are_accepted() {
    let Ok(listener) = Listener::bind(SockType::Tcp6, "::1", 0) else {
        return; // a machine without IPv6
    };
    listener
        .listen(16, &ListenOptions::default())
        .expect("listen");
    let _client = TcpStream::connect(("::1", listener.local_addr().port())).expect("connect");
    let (_stream, peer) = accept(&listener);
    assert_eq!(peer.ip(), "::1");
    assert_eq!(peer.to_raw().ip(), "::1");
}

#[test]
fn datagram_sockets_are_bound_and_not_listened_on() {
    let listener = Listener::bind(SockType::Udp, "127.0.0.1", 0).expect("bind");
    assert_ne!(listener.local_addr().port(), 0);
    listener
        .listen(16, &ListenOptions::default())
        .expect("listen");
}

#[test]
fn a_socket_file_is_replaced_only_when_nobody_listens() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("server.sock");
    let name = path.to_str().expect("name");
    let bind = || Listener::bind(SockType::UnixStream, name, 0);
    let first = bind().expect("bind");
    first.listen(16, &ListenOptions::default()).expect("listen");
    let _client = UnixStream::connect(&path).expect("connect");
    let (_stream, peer) = accept(&first);
    assert_eq!((peer.ip().as_str(), peer.port()), ("", 0));
    assert!(refusal(SockType::UnixStream, name, 0).contains("in use"));

    drop(first);
    assert!(path.exists(), "dropping leaves the file");
    let second = bind().expect("the stale file is replaced");
    assert!(second.remove_socket_file());
    assert!(!second.remove_socket_file());

    std::fs::write(&path, "not a socket").expect("file");
    assert!(refusal(SockType::UnixStream, name, 0).contains("in use"));
    assert!(path.exists(), "other files are left alone");
}

#[test]
fn a_socket_file_of_a_successor_is_left_alone() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("server.sock");
    let name = path.to_str().expect("name");
    let first = Listener::bind(SockType::UnixStream, name, 0).expect("bind");
    // Kept under another name, so that its inode is not used again.
    std::fs::rename(&path, dir.path().join("old.sock")).expect("rename");
    let second = Listener::bind(SockType::UnixStream, name, 0).expect("bind");
    assert!(!first.remove_socket_file());
    assert!(second.remove_socket_file());
    let text = refusal(SockType::UnixStream, "/nowhere/at/all.sock", 0);
    assert!(
        text.contains("unix:/nowhere/at/all.sock: the folder does not exist"),
        "{text}"
    );
}

#[test]
fn a_client_that_left_the_backlog_does_not_break_the_listener() {
    let listener = tcp();
    Stream::from(client_of(&listener)).reset();
    let _second = client_of(&listener);
    let mut seen = 0;
    // Linux hands the dead one out too, or drops it: both are fine, an error is not.
    while seen < 3 {
        match listener.accept().expect("accept") {
            Accepted::Connection(..) | Accepted::TryAgain => seen += 1,
            Accepted::WouldBlock if seen > 0 => break,
            Accepted::WouldBlock => {}
            Accepted::Exhausted { .. } => panic!("exhausted"),
        }
    }
}

#[test]
fn a_socket_that_does_not_listen_is_an_error() {
    let listener = Listener::bind(SockType::Tcp, "127.0.0.1", 0).expect("bind");
    let error = listener.accept().expect_err("not listening");
    assert_eq!(error.errno(), libc::EINVAL);
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[test]
fn bytes_pass_both_ways_and_the_end_shows() {
    let listener = tcp();
    let mut client = client_of(&listener);
    let (stream, _) = accept(&listener);
    let mut buffer = [0; 64];
    assert_eq!(stream.read(&mut buffer), ReadOutcome::WouldBlock);
    client.write_all(b"hello").expect("write");
    wait_readable(&stream);
    assert_eq!(stream.read(&mut buffer), ReadOutcome::Data(5));
    assert_eq!(stream.write(b"ab"), WriteOutcome::Wrote(2));
    let slices = [IoSlice::new(b"cd"), IoSlice::new(b"e")];
    assert_eq!(stream.writev(&slices), WriteOutcome::Wrote(3));
    client
        .shutdown(std::net::Shutdown::Write)
        .expect("shutdown");
    wait_readable(&stream);
    assert_eq!(stream.read(&mut buffer), ReadOutcome::Eof);
    // The peer only closed its side: it still reads.
    assert_eq!(stream.write(b"f"), WriteOutcome::Wrote(1));
    stream.shutdown_write();
    let mut text = String::new();
    client.read_to_string(&mut text).expect("read");
    assert_eq!(text, "abcdef");
    assert_eq!(stream.write(b"g"), WriteOutcome::Gone(libc::EPIPE));
}

#[test]
fn a_reset_is_seen_as_gone_on_either_side() {
    let listener = tcp();
    let mut client = client_of(&listener);
    let (stream, _) = accept(&listener);
    stream.reset();
    let error = client.read(&mut [0]).expect_err("reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let client = client_of(&listener);
    let (stream, _) = accept(&listener);
    Stream::from(client).reset();
    wait_readable(&stream);
    assert_eq!(stream.read(&mut [0]), ReadOutcome::Gone(libc::ECONNRESET));
    assert_eq!(stream.take_error(), 0);
    assert_eq!(stream.write(b"x"), WriteOutcome::Gone(libc::EPIPE));
}

#[test]
fn input_is_discarded_up_to_a_limit() {
    let (ours, mut peer) = UnixStream::pair().expect("pair");
    ours.set_nonblocking(true).expect("nonblocking");
    let stream = Stream::from(ours);
    assert_eq!(stream.discard_input(100), ReadOutcome::WouldBlock);
    peer.write_all(&[0; 20_000]).expect("write");
    assert_eq!(stream.discard_input(8192), ReadOutcome::Data(8192));
    assert_eq!(
        stream.discard_input(1 << 20),
        ReadOutcome::Data(20_000 - 8192)
    );
    drop(peer);
    assert_eq!(stream.discard_input(1), ReadOutcome::Eof);
}
