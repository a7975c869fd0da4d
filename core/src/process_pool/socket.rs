//! Clients of a pool's socket. Each sends one frame, gets an answer of the same form if there is one, and
//! is done. Whoever is slow is waited for by the event loop, not by the worker.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use slab::Slab;

use super::frame::Frame;
use super::source::SOURCE_TOKEN;
use crate::error::Error;
use crate::log;
use crate::net::{Accepted, Listener, ReadOutcome, Stream, WriteOutcome};
use crate::reactor::{EventLoop, Interest};

/// Clients at the same time.
const CLIENTS_MAX: usize = 1024;
/// A client that sends or reads nothing for so long is cut off.
const SILENCE: Duration = Duration::from_secs(60);
/// How often to look for such.
const SWEEP: Duration = Duration::from_secs(1);
/// After the process ran out of descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 64 << 10;
/// More than that of what a client sent behind its frame is not read away before the connection is closed.
const DISCARD_BYTES: usize = 256 << 10;

struct Client {
    stream: Stream,
    phase: Phase,
    /// When something came or went last.
    active: Instant,
    is_noted: bool,
}

enum Phase {
    Reading(Frame),
    /// User code has its message.
    InHand,
    Writing {
        bytes: Vec<u8>,
        sent: usize,
    },
}

/// What came of looking at a client.
enum Step {
    Wait,
    Message(Vec<u8>),
    Done,
}

/// See the module.
pub struct SocketSource {
    listener: Rc<Listener>,
    max_bytes: usize,
    clients: Slab<Client>,
    /// Those that may go on.
    noted: VecDeque<usize>,
    in_hand: Option<usize>,
    may_accept: bool,
    accept_again: Option<Instant>,
    swept: Instant,
    is_stopped: bool,
    scratch: Vec<u8>,
}

impl SocketSource {
    pub fn new(listener: Rc<Listener>, max_bytes: usize) -> SocketSource {
        SocketSource {
            listener,
            max_bytes,
            clients: Slab::new(),
            noted: VecDeque::new(),
            in_hand: None,
            may_accept: true,
            accept_again: None,
            swept: Instant::now(),
            is_stopped: false,
            scratch: vec![0; READ_BYTES],
        }
    }

    pub fn register(&mut self, event_loop: &EventLoop) -> io::Result<()> {
        if !self.is_stopped {
            event_loop.register(self.listener.as_raw_fd(), SOURCE_TOKEN, Interest::READABLE)?;
        }
        for (key, client) in &self.clients {
            register(event_loop, key, &client.stream)?;
        }
        Ok(())
    }

    pub fn note(&mut self, token: usize) {
        match token.checked_sub(SOURCE_TOKEN + 1) {
            None => self.may_accept = true,
            Some(key) => {
                if let Some(client) = self.clients.get_mut(key)
                    && !std::mem::replace(&mut client.is_noted, true)
                {
                    self.noted.push_back(key);
                }
            }
        }
    }

    pub fn look_at_all(&mut self) {
        self.may_accept = true;
        let keys: Vec<usize> = self.clients.iter().map(|(key, _)| key).collect();
        keys.into_iter()
            .for_each(|key| self.note(key + SOURCE_TOKEN + 1));
    }

    pub fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let accept = self
            .accept_again
            .map(|at| at.saturating_duration_since(now));
        let sweep = (!self.clients.is_empty()).then_some(SWEEP);
        [accept, sweep].into_iter().flatten().min()
    }

    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
    }

    /// Lets nobody in any more. Those who wait to be let in are the other workers'.
    pub fn stop(&mut self) {
        self.is_stopped = true;
        if let Some(event_loop) = crate::reactor::event_loop::existing() {
            // Unknown if the loop was never used.
            let _ = event_loop.deregister(self.listener.as_raw_fd());
        }
    }

    /// The next whole message.
    pub fn take(&mut self, event_loop: &EventLoop) -> Result<Option<Vec<u8>>, Error> {
        self.sweep(event_loop);
        loop {
            while let Some(key) = self.noted.pop_front() {
                if let Some(message) = self.look_at(event_loop, key) {
                    return Ok(Some(message));
                }
            }
            if !self.accept(event_loop)? {
                return Ok(None);
            }
        }
    }

    /// Lets one client in. One at a time: those that this worker is too busy for are the others'.
    fn accept(&mut self, event_loop: &EventLoop) -> Result<bool, Error> {
        if self.accept_again.is_some_and(|at| at <= Instant::now()) {
            self.accept_again = None;
            self.may_accept = true;
        }
        let may = self.may_accept && self.accept_again.is_none() && !self.is_stopped;
        if !may || self.clients.len() >= CLIENTS_MAX {
            return Ok(false);
        }
        match self.listener.accept()? {
            Accepted::Connection(fd, _) => {
                let client = Client {
                    stream: Stream::new(fd),
                    phase: Phase::Reading(Frame::new(self.max_bytes)),
                    active: Instant::now(),
                    is_noted: false,
                };
                let key = self.clients.insert(client);
                let client = self.clients.get(key);
                if let Some(client) = client
                    && let Err(error) = register(event_loop, key, &client.stream)
                {
                    self.clients.remove(key);
                    log::warning(format_args!("a client cannot be served: {error}"));
                    return Ok(true);
                }
                self.note(key + SOURCE_TOKEN + 1);
            }
            Accepted::TryAgain => {}
            Accepted::WouldBlock => self.may_accept = false,
            Accepted::Exhausted { errno } => {
                self.may_accept = false;
                self.accept_again = Some(Instant::now() + EXHAUSTED_PAUSE);
                let why = crate::error::describe(errno);
                log::warning(format_args!(
                    "clients wait to be let in: {why}; raise the limit of open files (ulimit -n)"
                ));
            }
        }
        Ok(self.may_accept)
    }

    fn look_at(&mut self, event_loop: &EventLoop, key: usize) -> Option<Vec<u8>> {
        let client = self.clients.get_mut(key)?;
        client.is_noted = false;
        let step = match &mut client.phase {
            Phase::Reading(_) => client.read(&mut self.scratch),
            Phase::Writing { .. } => client.write(),
            Phase::InHand => Step::Wait,
        };
        match step {
            Step::Wait => None,
            Step::Done => {
                self.close(event_loop, key);
                None
            }
            Step::Message(message) => {
                self.in_hand = Some(key);
                Some(message)
            }
        }
    }

    /// Answers the client whose message was taken last; with nothing: that is all it gets.
    pub fn answer(&mut self, event_loop: &EventLoop, reply: &[u8]) {
        let Some(key) = self.in_hand.take() else {
            return;
        };
        let Some(client) = self.clients.get_mut(key) else {
            return;
        };
        if !reply.is_empty() {
            let mut bytes = Vec::with_capacity(reply.len() + super::frame::HEAD_BYTES);
            bytes.extend_from_slice(&(reply.len() as u32).to_be_bytes());
            bytes.extend_from_slice(reply);
            client.active = Instant::now();
            client.phase = Phase::Writing { bytes, sent: 0 };
            if matches!(client.write(), Step::Wait) {
                return;
            }
        }
        self.close(event_loop, key);
    }

    fn close(&mut self, event_loop: &EventLoop, key: usize) {
        let Some(client) = self.clients.try_remove(key) else {
            return;
        };
        // Unknown to a loop that user code has put in the place of ours.
        let _ = event_loop.deregister(client.stream.raw_fd());
        client.stream.shutdown_write();
        // What is left unread would have the kernel send RST, which may overtake the answer.
        let _ = client.stream.discard_input(DISCARD_BYTES);
    }

    /// Cuts off those that have been silent for too long.
    fn sweep(&mut self, event_loop: &EventLoop) {
        if self.clients.is_empty() || self.swept.elapsed() < SWEEP {
            return;
        }
        self.swept = Instant::now();
        let silent = |client: &Client| {
            !matches!(client.phase, Phase::InHand) && client.active.elapsed() > SILENCE
        };
        let keys: Vec<usize> = self
            .clients
            .iter()
            .filter(|(_, client)| silent(client))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            log::info("a client that was silent for too long was cut off");
            self.close(event_loop, key);
        }
    }
}

fn register(event_loop: &EventLoop, key: usize, stream: &Stream) -> io::Result<()> {
    let both = Interest::READABLE | Interest::WRITABLE;
    event_loop.register(stream.raw_fd(), key + SOURCE_TOKEN + 1, both)
}

impl Client {
    fn read(&mut self, scratch: &mut [u8]) -> Step {
        let Phase::Reading(frame) = &mut self.phase else {
            return Step::Wait;
        };
        loop {
            let wanted = frame.missing().clamp(1, scratch.len());
            let Some(place) = scratch.get_mut(..wanted) else {
                return Step::Done;
            };
            let count = match self.stream.read(place) {
                ReadOutcome::Data(count) => count,
                ReadOutcome::WouldBlock => return Step::Wait,
                ReadOutcome::Eof | ReadOutcome::Gone(_) => return Step::Done,
            };
            self.active = Instant::now();
            match frame.push(place.get(..count).unwrap_or_default()) {
                Ok(false) => {}
                Ok(true) => break,
                Err(length) => {
                    log::notice(format_args!(
                        "a client was cut off that announced a message of {} bytes: from 1 to max_package_size are accepted",
                        length.0
                    ));
                    return Step::Done;
                }
            }
        }
        match std::mem::replace(&mut self.phase, Phase::InHand) {
            Phase::Reading(frame) => Step::Message(frame.into_body()),
            _ => Step::Done,
        }
    }

    fn write(&mut self) -> Step {
        let Phase::Writing { bytes, sent } = &mut self.phase else {
            return Step::Wait;
        };
        while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                WriteOutcome::Wrote(count) => {
                    *sent += count;
                    self.active = Instant::now();
                }
                WriteOutcome::WouldBlock => return Step::Wait,
                WriteOutcome::Gone(_) => return Step::Done,
            }
        }
        Step::Done
    }
}
