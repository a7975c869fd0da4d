//! The connections of one host (a reactor thread, or a worker in base mode): sending, flushing and the
//! end of a socket. Reading and dispatch differ between hosts and stand with them.
//!
//! The end of a connection, as its host sees it:
//!
//! ```text
//! Open --(close confirmed)--> Draining --(all sent, session freed, FIN)--> Lingering --(peer's FIN or time)--> gone
//! ```
//!
//! Lingering reads and discards: closing a socket with unread input makes the kernel answer with RST,
//! and that may destroy what the peer has not read yet (RFC 1122, section 4.2.2.13).

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};

use slab::Slab;

use super::packages::PackageBuffer;
use super::room;
use super::session::{CLOSE_NONE, PEER_GONE, Session};
use super::shared::Shared;
use crate::log;
use crate::net::send_queue::{BufferPool, FlushOutcome, SendQueue};
use crate::net::stream::{ReadOutcome, Stream, WriteOutcome};
use crate::reactor::timers::{TimerId, Timers};
use crate::sys::Errno;

/// How long a closed connection's peer may take to close its side, in milliseconds.
const LINGER_MS: u64 = 5_000;
/// How long a closed connection may make no progress with data still to send, in milliseconds.
const STALL_MS: u64 = 120_000;
/// Lingering sockets kept at most; beyond, the next is closed at once.
const LINGER_MAX: usize = 4_096;
/// From this size on a message is written straight from where it lies when nothing is queued.
const DIRECT_WRITE_BYTES: usize = 4_096;
/// Free send buffers (16 KiB each) kept for the next messages.
const POOL_BUFFERS: usize = 64;
/// From this size on a queue is shown to the senders at once, not only with the next flush.
const PUBLISH_BYTES: u64 = 64 * 1024;
/// Input discarded from a lingering socket in one go.
const DISCARD_BYTES: usize = 64 * 1024;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Open,
    /// Closed by the workers; what is queued is still sent.
    Draining,
    /// Everything is sent, the session is freed, the peer has not closed yet.
    Lingering,
}

/// One socket.
#[derive(Debug)]
pub struct Connection {
    pub stream: Stream,
    pub session_id: u64,
    pub session: &'static Session,
    pub stage: Stage,
    pub socket_fd: i32,
    pub port: u16,
    /// The kernel said readable, and nothing has read until it blocked since.
    pub readable: bool,
    /// The kernel announced the peer's FIN: read on until it comes, also after a short read.
    pub fin_pending: bool,
    /// The peer's FIN has been read.
    pub eof: bool,
    /// The workers were told that the connection ends.
    pub close_sent: bool,
    /// Confirmations of the end that are still to come.
    pub awaiting: u32,
    /// Workers that got a message, a bit each (modulo 64).
    pub used_workers: u64,
    /// Stands in the host's list of connections to read from.
    pub listed: bool,
    /// What it sent of packages that are not passed on; `None` without framing, and without bytes.
    pub packages: Option<Box<PackageBuffer>>,
    queue: SendQueue,
    above_high: bool,
    dirty: bool,
    /// Somebody asked for RST while the workers were still being told.
    pub reset_wanted: bool,
    /// The peer is to see the end as soon as all is sent: the worker that served it is dead.
    fin_wanted: bool,
    timer: Option<TimerId>,
    /// Bytes unsent when the timer was set.
    stalled_at_bytes: u64,
}

impl Connection {
    /// Whether what arrives is still for the workers; else it is read and dropped.
    #[must_use]
    pub fn takes_input(&self) -> bool {
        self.stage == Stage::Open && !self.close_sent && self.session.close_state() == CLOSE_NONE
    }

    /// Whether a whole package is here that could not be passed on.
    #[must_use]
    pub fn has_package(&self) -> bool {
        let waiting = self.packages.as_deref();
        waiting.is_some_and(PackageBuffer::is_waiting) && self.takes_input()
    }
}

/// What a host must tell the workers after sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    BufferFull {
        key: usize,
    },
    BufferEmpty {
        key: usize,
    },
    /// The peer is gone while the connection was open.
    Gone {
        key: usize,
    },
    /// The connection lingers, and what arrives must be read.
    Linger {
        key: usize,
    },
}

/// All connections of a host.
#[derive(Debug)]
pub struct ConnectionSet {
    shared: Arc<Shared>,
    host: usize,
    slab: Slab<Connection>,
    pool: BufferPool,
    dirty: Vec<usize>,
    effects: Vec<Effect>,
    /// When to look at connections that drain or linger.
    timers: Timers<usize>,
    lingering: usize,
    queued_bytes: u64,
    now_ms: u64,
    now_us: u64,
}

impl ConnectionSet {
    #[must_use]
    pub fn new(shared: Arc<Shared>, host: usize) -> Self {
        Self {
            shared,
            host,
            slab: Slab::new(),
            pool: BufferPool::new(POOL_BUFFERS),
            dirty: Vec::new(),
            effects: Vec::new(),
            timers: Timers::new(),
            lingering: 0,
            queued_bytes: 0,
            now_ms: 0,
            now_us: 0,
        }
    }

    /// Times of this turn of the loop: monotonic milliseconds and wall clock microseconds.
    pub fn set_now(&mut self, now_ms: u64, now_us: u64) {
        self.now_ms = now_ms;
        self.now_us = now_us;
    }

    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Takes a socket whose session is already in the table.
    pub fn insert(
        &mut self,
        stream: Stream,
        session_id: u64,
        session: &'static Session,
        port: u16,
    ) -> usize {
        let socket_fd = stream.raw_fd();
        let key = self.slab.insert(Connection {
            stream,
            session_id,
            session,
            stage: Stage::Open,
            socket_fd,
            port,
            readable: false,
            fin_pending: false,
            eof: false,
            close_sent: false,
            awaiting: 0,
            used_workers: 0,
            listed: false,
            packages: None,
            queue: SendQueue::new(),
            above_high: false,
            dirty: false,
            reset_wanted: false,
            fin_wanted: false,
            timer: None,
            stalled_at_bytes: 0,
        });
        session.key.store(key as u32, Release);
        key
    }

    #[must_use]
    pub fn get(&self, key: usize) -> Option<&Connection> {
        self.slab.get(key)
    }

    pub fn get_mut(&mut self, key: usize) -> Option<&mut Connection> {
        self.slab.get_mut(key)
    }

    /// The connection of a session, if it is this host's and still has its session.
    #[must_use]
    pub fn find(&self, session_id: u64) -> Option<usize> {
        let session = self.shared.sessions.get(session_id)?;
        let key = session.key.load(Relaxed) as usize;
        let connection = self.slab.get(key)?;
        (connection.session_id == session_id).then_some(key)
    }

    /// Connections that still have their session.
    pub fn open_keys(&self) -> Vec<usize> {
        self.slab
            .iter()
            .filter(|(_, c)| c.session_id != 0)
            .map(|(key, _)| key)
            .collect()
    }

    /// Every session's end has come, and every byte was handed to the kernel.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.slab.iter().all(|(_, c)| c.stage == Stage::Lingering)
    }

    /// Queues bytes for a connection; they leave with the next [`Self::flush_dirty`]. Large ones are
    /// written at once when nothing stands before them.
    pub fn send(&mut self, key: usize, bytes: &[u8]) {
        self.send_from(key, bytes, DIRECT_WRITE_BYTES);
    }

    /// As [`Self::send`], written at once whatever its size when nothing stands before it: for a sender
    /// that has nothing else to add.
    pub fn send_now(&mut self, key: usize, bytes: &[u8]) {
        self.send_from(key, bytes, 0);
    }

    fn send_from(&mut self, key: usize, bytes: &[u8], direct_bytes: usize) {
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        if c.session.peer.load(Relaxed) == PEER_GONE {
            return;
        }
        let mut rest = bytes;
        if c.queue.is_empty() && bytes.len() >= direct_bytes {
            match c.stream.write(bytes) {
                WriteOutcome::Wrote(n) => {
                    rest = &bytes[n..];
                    self.shared.hosts[self.host]
                        .sent_bytes
                        .add_single_writer(n as u64);
                    c.session.last_send_us.store(self.now_us, Relaxed);
                }
                WriteOutcome::WouldBlock => {}
                WriteOutcome::Gone(errno) => return self.peer_gone(key, errno),
            }
            if rest.is_empty() {
                return;
            }
        }
        c.queue.push(&mut self.pool, rest);
        self.queued_bytes += rest.len() as u64;
        let queued = c.queue.bytes() as u64;
        if queued >= PUBLISH_BYTES {
            // Senders must see what piles up before the next flush.
            c.session.send_queued_bytes.store(queued, Relaxed);
            self.shared.hosts[self.host]
                .queued_bytes
                .set(self.queued_bytes);
        }
        if !c.dirty {
            c.dirty = true;
            self.dirty.push(key);
        }
    }

    /// Sends what [`Self::send`] queued since the last call, one write for each connection.
    pub fn flush_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for key in dirty.drain(..) {
            if let Some(c) = self.slab.get_mut(key) {
                c.dirty = false;
                self.flush(key);
            }
        }
        self.dirty = dirty;
        self.publish_queued();
    }

    /// Hands queued bytes to the kernel until it takes no more.
    pub fn flush(&mut self, key: usize) {
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        let flushed = c.queue.flush(&mut self.pool, &c.stream);
        let after = c.queue.bytes() as u64;
        if flushed.written_bytes > 0 {
            let written = flushed.written_bytes as u64;
            self.queued_bytes -= written;
            self.shared.hosts[self.host]
                .sent_bytes
                .add_single_writer(written);
            // A lingering connection's session belongs to somebody else by now.
            if c.session_id != 0 {
                c.session.last_send_us.store(self.now_us, Relaxed);
            }
        }
        if c.session_id != 0 {
            c.session.send_queued_bytes.store(after, Relaxed);
            room::tell(&self.shared, c.session, after);
        }
        match flushed.outcome {
            FlushOutcome::Gone(errno) => self.peer_gone(key, errno),
            FlushOutcome::Done | FlushOutcome::Blocked => self.after_flush(key, after),
        }
    }

    fn after_flush(&mut self, key: usize, queued: u64) {
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        if c.stage == Stage::Draining {
            if queued == 0 {
                self.finish_sending(key);
            }
            return;
        }
        if queued == 0 && c.fin_wanted {
            c.fin_wanted = false;
            c.stream.shutdown_write();
        }
        let settings = &self.shared.settings;
        if c.close_sent {
            // Nothing comes after on_close.
            return;
        }
        if !c.above_high && queued >= settings.high_watermark_bytes {
            c.above_high = true;
            self.effects.push(Effect::BufferFull { key });
        } else if c.above_high && queued <= settings.low_watermark_bytes {
            c.above_high = false;
            self.effects.push(Effect::BufferEmpty { key });
        }
    }

    /// What happened while sending, for the host to pass on.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    #[must_use]
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// The peer cannot be reached any more: what is queued for it is dropped.
    pub fn peer_gone(&mut self, key: usize, errno: i32) {
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        self.queued_bytes -= c.queue.bytes() as u64;
        c.queue.clear(&mut self.pool);
        c.readable = false;
        if c.session_id == 0 {
            return self.remove(key);
        }
        c.session.send_queued_bytes.store(0, Relaxed);
        room::tell(&self.shared, c.session, 0);
        c.session.close_errno.store(errno, Relaxed);
        c.session.peer.store(PEER_GONE, Release);
        match c.stage {
            Stage::Open => self.effects.push(Effect::Gone { key }),
            Stage::Draining | Stage::Lingering => self.remove(key),
        }
    }

    /// A message to this session will never be whole: its connection is reset, once user code was told.
    pub fn cut_short(&mut self, session_id: u64) {
        let Some(key) = self.find(session_id) else {
            return;
        };
        log::notice(format_args!(
            "connection {session_id} is reset: a message to it was cut in the middle, as its sender died or found no room"
        ));
        match self.slab.get_mut(key) {
            Some(c) if c.stage == Stage::Open => {
                c.reset_wanted = true;
                self.peer_gone(key, Errno::ECONNRESET as i32);
            }
            _ => self.confirm_close(key, true),
        }
    }

    /// The workers are done with a connection: send what is queued, then close. With `reset` drop it
    /// and answer with RST.
    pub fn confirm_close(&mut self, key: usize, reset: bool) {
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        if reset || c.reset_wanted {
            return self.reset(key);
        }
        if c.session.peer.load(Relaxed) == PEER_GONE {
            return self.remove(key);
        }
        if c.stage != Stage::Open {
            return;
        }
        c.stage = Stage::Draining;
        c.packages = None;
        self.flush(key);
        if self
            .slab
            .get(key)
            .is_some_and(|c| c.stage == Stage::Draining)
        {
            self.set_timer(key, STALL_MS);
        }
    }

    /// The peer of a worker that died is not to wait for the worker's successor: what is queued is sent,
    /// then FIN.
    pub fn end_early(&mut self, key: usize) {
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        if c.stage == Stage::Open {
            // One whose message was cut must not look as if it had come to its end.
            c.fin_wanted = !c.reset_wanted;
            c.close_sent = false;
            c.awaiting = 0;
            self.flush(key);
        }
    }

    fn set_timer(&mut self, key: usize, after_ms: u64) {
        if let Some(c) = self.slab.get_mut(key) {
            c.stalled_at_bytes = c.queue.bytes() as u64;
            if let Some(former) = c
                .timer
                .replace(self.timers.insert(self.now_ms + after_ms, key))
            {
                self.timers.cancel(former);
            }
        }
    }

    /// All is sent: free the session, send FIN, and wait for the peer's.
    fn finish_sending(&mut self, key: usize) {
        self.free_session(key);
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        c.stream.shutdown_write();
        if c.eof || self.lingering >= LINGER_MAX {
            return self.remove(key);
        }
        c.stage = Stage::Lingering;
        c.readable = true;
        self.lingering += 1;
        self.set_timer(key, LINGER_MS);
        self.effects.push(Effect::Linger { key });
    }

    /// Reads and drops what the peer of a closed connection still sends.
    pub fn discard_input(&mut self, key: usize) {
        let mut sink = [0u8; 4096];
        let mut discarded = 0;
        while discarded < DISCARD_BYTES {
            let Some(c) = self.slab.get_mut(key) else {
                return;
            };
            match c.stream.read(&mut sink) {
                ReadOutcome::Data(n) => discarded += n,
                ReadOutcome::WouldBlock => {
                    c.readable = false;
                    return;
                }
                ReadOutcome::Eof => {
                    c.eof = true;
                    c.readable = false;
                    if c.stage == Stage::Lingering {
                        self.remove(key);
                    }
                    return;
                }
                ReadOutcome::Gone(errno) => return self.peer_gone(key, errno),
            }
        }
        // More is waiting: the caller sees it by `readable`, and comes back.
    }

    /// Closes what lingered or stalled for too long.
    pub fn expire_deadlines(&mut self) {
        while let Some((_, key)) = self.timers.pop_due(self.now_ms) {
            let Some(c) = self.slab.get_mut(key) else {
                continue;
            };
            c.timer = None;
            match c.stage {
                Stage::Lingering => self.remove(key),
                Stage::Draining => self.check_stall(key),
                Stage::Open => {}
            }
        }
    }

    fn check_stall(&mut self, key: usize) {
        let Some(c) = self.slab.get(key) else {
            return;
        };
        let unsent = c.queue.bytes() as u64;
        if unsent < c.stalled_at_bytes {
            return self.set_timer(key, STALL_MS);
        }
        log::notice(format_args!(
            "connection {} is closed with {unsent} bytes unsent: the peer has read nothing for {} s",
            c.session_id,
            STALL_MS / 1000
        ));
        self.reset(key);
    }

    /// When [`Self::expire_deadlines`] has something to do next, monotonic milliseconds.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.timers.next_deadline()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    fn free_session(&mut self, key: usize) {
        let Some(c) = self.slab.get_mut(key) else {
            return;
        };
        if c.session_id != 0 && self.shared.sessions.free(c.session_id) {
            self.shared.hosts[self.host].closed.add_single_writer(1);
        }
        c.session_id = 0;
    }

    /// Closes the socket now.
    pub fn remove(&mut self, key: usize) {
        self.free_session(key);
        drop(self.take(key));
    }

    /// Closes the socket with RST; what is queued is dropped.
    fn reset(&mut self, key: usize) {
        self.free_session(key);
        if let Some(c) = self.take(key) {
            c.stream.reset();
        }
    }

    fn take(&mut self, key: usize) -> Option<Connection> {
        let mut c = self.slab.try_remove(key)?;
        if let Some(timer) = c.timer.take() {
            self.timers.cancel(timer);
        }
        if c.stage == Stage::Lingering {
            self.lingering -= 1;
        }
        self.queued_bytes -= c.queue.bytes() as u64;
        c.queue.clear(&mut self.pool);
        self.publish_queued();
        if self.slab.is_empty() {
            self.slab.shrink_to_fit();
        }
        Some(c)
    }

    fn publish_queued(&self) {
        self.shared.hosts[self.host]
            .queued_bytes
            .set(self.queued_bytes);
    }
}
