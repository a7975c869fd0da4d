//! The load generator against small servers of the test's own: one that echoes and some that do
//! what a broken server would do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use swoole_bench::interrupt::Interrupt;
use swoole_bench::load::{Load, LoadConfig};

const LIMIT: Duration = Duration::from_secs(60);

/// A server that answers each connection with what `answer` makes of the bytes read.
fn serve(answer: fn(&[u8]) -> Option<Vec<u8>>) -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let SocketAddr::V4(addr) = listener.local_addr().unwrap() else {
        unreachable!("bound to an IPv4 address");
    };
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || converse(stream, answer));
        }
    });
    addr
}

fn converse(mut stream: TcpStream, answer: fn(&[u8]) -> Option<Vec<u8>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        let Some(bytes) = answer(&buffer[..n]) else {
            return;
        };
        if stream.write_all(&bytes).is_err() {
            return;
        }
    }
}

fn config(
    addr: SocketAddrV4,
    connections: usize,
    size_bytes: usize,
    pipeline: usize,
) -> LoadConfig {
    LoadConfig {
        addr,
        connections,
        size_bytes,
        pipeline,
    }
}

#[test]
fn once_each_answers_every_connection() {
    let addr = serve(|bytes| Some(bytes.to_vec()));
    for (size, pipeline) in [(1, 1), (64, 1), (64, 4), (300_000, 2)] {
        let config = config(addr, 20, size, pipeline);
        let mut load = Load::connect(&config, &Interrupt::default()).unwrap();
        let report = load.once_each(LIMIT).unwrap();
        assert_eq!((report.requests, report.errors), (20, 0), "{config:?}");
        assert!(report.p50_us > 0.0 && report.p99_us >= report.p50_us);
    }
}

#[test]
fn a_run_and_what_is_left_of_it_are_verified() {
    let addr = serve(|bytes| Some(bytes.to_vec()));
    let mut load = Load::connect(&config(addr, 5, 1000, 3), &Interrupt::default()).unwrap();
    let report = load.run(Duration::from_millis(50)).unwrap();
    load.drain(LIMIT).unwrap();
    assert_eq!(report.errors, 0, "{:?}", report.first_error);
    let again = load.once_each(LIMIT).unwrap();
    assert_eq!(again.requests, 5);
}

#[test]
fn a_changed_byte_is_an_error() {
    let addr = serve(|bytes| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut()? ^= 1;
        Some(bytes)
    });
    let mut load = Load::connect(&config(addr, 2, 64, 1), &Interrupt::default()).unwrap();
    let report = load.once_each(LIMIT).unwrap();
    assert_eq!((report.requests, report.errors), (0, 2));
    let error = report.first_error.unwrap();
    assert!(error.contains("differs at byte 63"), "{error}");
}

#[test]
fn an_answer_too_long_is_an_error() {
    let addr = serve(|bytes| Some([bytes, b"!"].concat()));
    let mut load = Load::connect(&config(addr, 1, 64, 1), &Interrupt::default()).unwrap();
    let report = load.run(LIMIT).unwrap();
    assert_eq!(report.errors, 1);
    let error = report.first_error.unwrap();
    assert!(error.contains("more bytes"), "{error}");
}

#[test]
fn a_closed_connection_is_an_error_and_ends_the_run() {
    let addr = serve(|_| None);
    let mut load = Load::connect(&config(addr, 3, 64, 1), &Interrupt::default()).unwrap();
    let report = load.run(LIMIT).unwrap();
    assert_eq!((report.requests, report.errors), (0, 3));
}

#[test]
fn refused_where_nobody_listens_or_off_the_machine() {
    // Bound but not listening: nobody else can take the port meanwhile.
    let closed = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    closed.bind(&any.into()).unwrap();
    let addr = closed.local_addr().unwrap().as_socket_ipv4().unwrap();
    assert!(Load::connect(&config(addr, 1, 64, 1), &Interrupt::default()).is_err());

    let elsewhere = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 9501);
    let error = Load::connect(&config(elsewhere, 1, 64, 1), &Interrupt::default()).unwrap_err();
    assert!(error.to_string().contains("127.0.0.0/8"), "{error}");
}
