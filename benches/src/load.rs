//! A closed-loop echo load: each connection keeps a fixed number of requests under way and sends
//! the next one when an answer is complete. One thread, edge-triggered epoll, one read and one
//! write per small request: the generator shares the machine with the server and must cost little.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::interrupt::Interrupt;
use crate::pattern::Pattern;

/// Connections that may wait for their handshake at a time: well below the server's backlog.
const CONNECTING_MAX: usize = 128;
/// Connections of one source address. The kernel hands out some 28,000 ports per address.
const PER_SOURCE_ADDRESS: usize = 20_000;
const CONNECT_LIMIT: Duration = Duration::from_secs(60);
/// How long a wait in the kernel may last before the interrupt flag is looked at.
const POLL_LIMIT: Duration = Duration::from_millis(100);
/// No answer on any connection for so long ends a run.
const STALL_LIMIT: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 256 * 1024;
/// Up to so many bytes are put together for one write; the rest follows with the next.
const WRITE_BYTES: usize = 256 * 1024;
/// A run keeps `connections * pipeline` messages under way; this bounds what they hold.
const UNDER_WAY_BYTES_MAX: u64 = 8 << 30;

#[derive(Clone, Debug, PartialEq)]
pub struct LoadConfig {
    /// Only 127.0.0.0/8 is taken.
    pub addr: SocketAddrV4,
    pub connections: usize,
    pub size_bytes: usize,
    /// Requests under way per connection, at least 1.
    pub pipeline: usize,
}

/// What one run saw. Latencies are from the moment a request was handed to the kernel to the
/// moment the last byte of its answer was verified.
#[derive(Clone, Debug)]
pub struct LoadReport {
    pub requests: u64,
    /// Connections lost, each to a wrong byte, an answer too long, or a closed socket.
    pub errors: u64,
    pub first_error: Option<String>,
    pub elapsed: Duration,
    pub p50_us: f64,
    pub p99_us: f64,
}

impl LoadReport {
    pub fn requests_per_s(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    alive: bool,
    /// Bytes asked to be sent, sent, and received: positions in the connection's stream.
    target: u64,
    sent: u64,
    received: u64,
}

#[derive(Debug)]
pub struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    pattern: Pattern,
    pipeline: usize,
    /// When message `n` of connection `c` was sent, in ns since `epoch`, at `[c * pipeline + n % pipeline]`.
    started_ns: Vec<u64>,
    epoch: Instant,
    latencies_ns: Histogram<u64>,
    requests: u64,
    errors: u64,
    first_error: Option<String>,
    /// Whether an answer is followed by the next request.
    refill: bool,
    read_buffer: Vec<u8>,
    write_buffer: Vec<u8>,
    interrupt: Interrupt,
}

impl Load {
    /// Opens all connections; none has sent anything yet.
    pub fn connect(config: &LoadConfig, interrupt: &Interrupt) -> Result<Load> {
        check(config)?;
        let mut load = Load {
            poll: Poll::new().context("creating epoll")?,
            connections: Vec::with_capacity(config.connections),
            pattern: Pattern::new(config.size_bytes)?,
            pipeline: config.pipeline,
            started_ns: vec![0; config.connections * config.pipeline],
            epoch: Instant::now(),
            latencies_ns: Histogram::new_with_bounds(1, 60_000_000_000, 3)?,
            requests: 0,
            errors: 0,
            first_error: None,
            refill: false,
            read_buffer: vec![0; READ_BYTES],
            write_buffer: vec![0; WRITE_BYTES],
            interrupt: interrupt.clone(),
        };
        load.open_all(config)?;
        Ok(load)
    }

    fn open_all(&mut self, config: &LoadConfig) -> Result<()> {
        let deadline = Instant::now() + CONNECT_LIMIT;
        let mut events = Events::with_capacity(CONNECTING_MAX);
        let mut connecting = 0;
        while self.connections.len() < config.connections || connecting > 0 {
            while connecting < CONNECTING_MAX && self.connections.len() < config.connections {
                self.open_one(config.addr)?;
                connecting += 1;
            }
            self.interrupt.check()?;
            if Instant::now() > deadline {
                bail!(
                    "only {} of {} connections were made within {} s",
                    self.connections.len() - connecting,
                    config.connections,
                    CONNECT_LIMIT.as_secs()
                );
            }
            poll_once(&mut self.poll, &mut events, POLL_LIMIT)?;
            for event in &events {
                let index = event.token().0;
                let connection = &mut self.connections[index];
                if !connection.alive && is_connected(connection, event, index)? {
                    connecting -= 1;
                }
            }
        }
        Ok(())
    }

    fn open_one(&mut self, addr: SocketAddrV4) -> Result<()> {
        let index = self.connections.len();
        let mut stream = begin_connect(addr, index / PER_SOURCE_ADDRESS)
            .with_context(|| format!("opening connection {index} to {addr}"))?;
        self.poll.registry().register(
            &mut stream,
            Token(index),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        self.connections.push(Connection {
            stream,
            alive: false,
            target: 0,
            sent: 0,
            received: 0,
        });
        Ok(())
    }

    /// Runs the closed loop for `duration`. Requests under way at the end stay under way: the
    /// next run, or `drain`, takes their answers.
    pub fn run(&mut self, duration: Duration) -> Result<LoadReport> {
        self.latencies_ns.reset();
        self.requests = 0;
        self.refill = true;
        let start = Instant::now();
        self.send_where_idle(self.pipeline as u64);
        self.turn_until(start + duration, |load| load.alive() == 0)?;
        Ok(self.report(start.elapsed()))
    }

    /// One request and its answer on each connection.
    pub fn once_each(&mut self, limit: Duration) -> Result<LoadReport> {
        self.latencies_ns.reset();
        self.requests = 0;
        self.refill = false;
        let start = Instant::now();
        self.send_where_idle(1);
        self.drain(limit)?;
        Ok(self.report(start.elapsed()))
    }

    /// Sends nothing new and waits for the answers to what is under way.
    pub fn drain(&mut self, limit: Duration) -> Result<()> {
        self.refill = false;
        self.turn_until(Instant::now() + limit, |load| load.waiting() == 0)?;
        match self.waiting() {
            0 => Ok(()),
            n => bail!(
                "{n} connections still wait for an answer after {} s",
                limit.as_secs()
            ),
        }
    }

    pub fn report(&self, elapsed: Duration) -> LoadReport {
        let quantile_us = |q| self.latencies_ns.value_at_quantile(q) as f64 / 1000.0;
        LoadReport {
            requests: self.requests,
            errors: self.errors,
            first_error: self.first_error.clone(),
            elapsed,
            p50_us: quantile_us(0.50),
            p99_us: quantile_us(0.99),
        }
    }

    fn alive(&self) -> usize {
        self.connections.iter().filter(|c| c.alive).count()
    }

    fn waiting(&self) -> usize {
        let open = self.connections.iter().filter(|c| c.alive);
        open.filter(|c| c.received < c.target).count()
    }

    /// Tops each connection up to `messages` under way.
    fn send_where_idle(&mut self, messages: u64) {
        let size = self.pattern.size_bytes() as u64;
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            let target = (connection.received / size + messages) * size;
            if connection.alive && connection.target < target {
                self.send_up_to(index, target);
            }
        }
    }

    /// Turns the event loop until `deadline` or until `done` says so (asked when a wait brought
    /// few events, as it looks at all connections).
    fn turn_until(&mut self, deadline: Instant, done: impl Fn(&Load) -> bool) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut last_answer = Instant::now();
        let mut turns = 0_u32;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Ok(());
            }
            turns = turns.wrapping_add(1);
            // A look at 10,000 connections costs some 10 us: not in each of the many short turns.
            if (events.is_empty() || !self.refill || turns.is_multiple_of(4096)) && done(self) {
                return Ok(());
            }
            self.interrupt.check()?;
            let before = self.requests + self.errors;
            poll_once(&mut self.poll, &mut events, POLL_LIMIT.min(deadline - now))?;
            for event in &events {
                self.ready(event);
            }
            if self.requests + self.errors != before {
                last_answer = now;
            } else if now - last_answer > STALL_LIMIT {
                bail!(
                    "no connection got an answer for {} s",
                    STALL_LIMIT.as_secs()
                );
            }
        }
    }

    fn ready(&mut self, event: &Event) {
        let index = event.token().0;
        if !self.connections[index].alive {
            return;
        }
        let outcome = self
            .write_rest(index)
            .and_then(|()| self.read_answers(index));
        if let Err(error) = outcome {
            self.lose(index, &error);
        }
    }

    fn lose(&mut self, index: usize, error: &anyhow::Error) {
        let connection = &mut self.connections[index];
        connection.alive = false;
        // A descriptor that cannot be taken out of epoll is of no more interest either way.
        let _ = self.poll.registry().deregister(&mut connection.stream);
        self.errors += 1;
        self.first_error
            .get_or_insert_with(|| format!("connection {index}: {error:#}"));
    }

    fn send_up_to(&mut self, index: usize, target: u64) {
        let size = self.pattern.size_bytes() as u64;
        let now_ns = self.epoch.elapsed().as_nanos() as u64;
        let first = self.connections[index].target / size;
        for message in first..target / size {
            let slot = index * self.pipeline + (message as usize % self.pipeline);
            self.started_ns[slot] = now_ns;
        }
        self.connections[index].target = target;
        if let Err(error) = self.write_rest(index) {
            self.lose(index, &error);
        }
    }

    /// Writes what is still to be sent until all is, or the socket takes no more.
    fn write_rest(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        while connection.sent < connection.target {
            let len = (connection.target - connection.sent).min(WRITE_BYTES as u64) as usize;
            let part = &mut self.write_buffer[..len];
            self.pattern.fill(index as u64, connection.sent, part);
            match connection.stream.write(part) {
                Ok(n) => connection.sent += n as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("sending"),
            }
        }
        Ok(())
    }

    /// Reads and verifies what came in, and sends the next requests for complete answers.
    fn read_answers(&mut self, index: usize) -> Result<()> {
        loop {
            let connection = &mut self.connections[index];
            let n = match connection.stream.read(&mut self.read_buffer) {
                Ok(0) => bail!("closed by the server"),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("receiving"),
            };
            let from = connection.received;
            let got = &self.read_buffer[..n];
            if from + n as u64 > connection.sent {
                bail!("more bytes came back than were sent");
            }
            if let Err(at) = self.pattern.verify(index as u64, from, got) {
                bail!("the answer differs at byte {}", from + at as u64);
            }
            connection.received += n as u64;
            let (received, outstanding) =
                (connection.received, connection.target - connection.received);
            self.complete(index, from, received);
            // A read that did not fill the buffer emptied the socket, and new bytes make a new edge.
            if n < READ_BYTES || outstanding == 0 {
                return Ok(());
            }
        }
    }

    /// Records the messages whose last byte lies in `from..to` and sends as many new ones.
    fn complete(&mut self, index: usize, from: u64, to: u64) {
        let size = self.pattern.size_bytes() as u64;
        let (first, last) = (from / size, to / size);
        if first == last {
            return;
        }
        let now_ns = self.epoch.elapsed().as_nanos() as u64;
        for message in first..last {
            let slot = index * self.pipeline + (message as usize % self.pipeline);
            let took_ns = now_ns.saturating_sub(self.started_ns[slot]);
            self.latencies_ns.saturating_record(took_ns);
        }
        self.requests += last - first;
        if self.refill {
            self.send_up_to(index, (last + self.pipeline as u64) * size);
        }
    }
}

fn check(config: &LoadConfig) -> Result<()> {
    if !config.addr.ip().is_loopback() {
        bail!(
            "{} is not in 127.0.0.0/8: the load stays on this machine",
            config.addr.ip()
        );
    }
    if config.connections == 0 || config.pipeline == 0 {
        bail!("at least 1 connection and a pipeline of 1 are needed");
    }
    let under_way = config.connections as u64 * config.pipeline as u64 * config.size_bytes as u64;
    if under_way > UNDER_WAY_BYTES_MAX {
        bail!("connections x pipeline x size is {under_way} bytes, at most {UNDER_WAY_BYTES_MAX}");
    }
    Ok(())
}

/// Starts a non-blocking connect. Beyond the first group the source is an address of its own, as
/// one address runs out of ports.
fn begin_connect(addr: SocketAddrV4, group: usize) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if group > 0 {
        let last = u8::try_from(group + 1).context("too many connections")?;
        let source = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), 0);
        socket.bind(&SockAddr::from(source))?;
    }
    match socket.connect(&SockAddr::from(addr)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => {}
        Err(error) => return Err(error).context("connect"),
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// Marks the connection alive once its handshake is done; an error if it failed.
fn is_connected(connection: &mut Connection, event: &Event, index: usize) -> Result<bool> {
    if let Some(error) = connection.stream.take_error()? {
        bail!("connection {index} failed: {error}");
    }
    if !event.is_writable() {
        return Ok(false);
    }
    connection.alive = connection.stream.peer_addr().is_ok();
    Ok(connection.alive)
}

fn poll_once(poll: &mut Poll, events: &mut Events, limit: Duration) -> Result<()> {
    match poll.poll(events, Some(limit)) {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        outcome => outcome.context("waiting for events"),
    }
}
