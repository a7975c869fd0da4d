//! From sockets to workers: reading, choosing the worker, rings that are full.

use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::sync::atomic::fence;

use super::{READ_BATCH, ReactorThread, SMALL_READ_BYTES};
use crate::ipc::message::{BY_SERVER, FIRST, HEADER_BYTES, Header, Kind, LAST};
use crate::net::address::RawAddress;
use crate::net::stream::ReadOutcome;
use crate::protocol::framing::Rule;
use crate::server::dispatch::{DispatchKey, WorkerLoad};
use crate::server::reactor_thread::Outbox;
use crate::server::session::{PEER_HALF_CLOSED, PEER_OPEN};
use crate::server::shared::{Shared, WorkerState};

struct Load<'a> {
    shared: &'a Shared,
    outboxes: &'a [Outbox],
}

impl WorkerLoad for Load<'_> {
    fn is_idle(&self, worker_id: u32) -> bool {
        let index = worker_id as usize;
        self.is_free(worker_id) && self.outboxes[index].producer.used_bytes() == 0
    }

    fn is_free(&self, worker_id: u32) -> bool {
        self.shared.workers[worker_id as usize].state() == WorkerState::Idle
    }

    fn queued(&self, worker_id: u32) -> u64 {
        self.outboxes[worker_id as usize].producer.used_bytes()
    }
}

/// What reading from a connection came to.
pub(super) enum Read {
    /// There may be more.
    More,
    Blocked,
    /// No room in this worker's ring.
    Stalled(u32),
    Eof,
    Gone(i32),
}

impl ReactorThread {
    pub(super) fn read_ready(&mut self) -> bool {
        let turns = self.ready.len().min(READ_BATCH);
        for _ in 0..turns {
            let Some(key) = self.ready.pop_front() else {
                break;
            };
            if let Some(c) = self.set.get_mut(key) {
                c.listed = false;
                self.read_connection(key);
            }
        }
        turns > 0
    }

    fn read_connection(&mut self, key: usize) {
        let Some(c) = self.set.get(key) else { return };
        if !c.readable && !c.has_package() {
            return;
        }
        if !c.takes_input() {
            self.set.discard_input(key);
            if self.set.get(key).is_some_and(|c| c.readable) {
                self.list(key);
            }
            if self.shutting_down {
                self.start_close(key, BY_SERVER);
            }
            return;
        }
        let framing = self.shared.framing;
        let read = match framing.rule {
            Rule::Raw => {
                let worker = self.choose(key);
                self.read_into_ring(key, worker)
            }
            _ => self.read_packages(key, &framing),
        };
        match read {
            Read::More => self.list(key),
            Read::Blocked if self.shutting_down => self.start_close(key, BY_SERVER),
            Read::Blocked => {}
            Read::Stalled(worker) => {
                let outbox = &mut self.outboxes[worker as usize];
                outbox.stalled.push_back(key);
                outbox.producer.set_waiting(true);
                if let Some(c) = self.set.get_mut(key) {
                    c.listed = true;
                }
            }
            Read::Eof => {
                if let Some(c) = self.set.get_mut(key) {
                    c.eof = true;
                    c.readable = false;
                    let session = c.session;
                    let open = session.peer.load(Relaxed) == PEER_OPEN;
                    if open {
                        session.peer.store(PEER_HALF_CLOSED, Release);
                    }
                }
                self.start_close(key, 0);
            }
            Read::Gone(errno) => self.set.peer_gone(key, errno),
        }
    }

    /// Reads from the socket straight into the worker's ring.
    fn read_into_ring(&mut self, key: usize, worker: u32) -> Read {
        let outbox = &mut self.outboxes[worker as usize];
        if !outbox.is_clear() {
            return Read::Stalled(worker);
        }
        let largest = outbox.producer.max_record() - HEADER_BYTES;
        let chunk = (self.shared.settings.input_chunk_bytes as usize).min(largest);
        let mut reservation = match outbox.producer.try_reserve(HEADER_BYTES + chunk) {
            Some(reservation) => reservation,
            None => match outbox.producer.try_reserve(HEADER_BYTES + SMALL_READ_BYTES) {
                Some(reservation) => reservation,
                None => return Read::Stalled(worker),
            },
        };
        let Some(c) = self.set.get_mut(key) else {
            return Read::Blocked;
        };
        let room = &mut reservation.bytes_mut()[HEADER_BYTES..];
        let room_bytes = room.len();
        let n = match c.stream.read(room) {
            ReadOutcome::Data(n) => n,
            ReadOutcome::WouldBlock => {
                c.readable = false;
                return Read::Blocked;
            }
            ReadOutcome::Eof => return Read::Eof,
            ReadOutcome::Gone(errno) => return Read::Gone(errno),
        };
        // A short read of a stream socket means that it is empty (epoll(7)), unless its end stands
        // behind the data.
        let more = n == room_bytes || c.fin_pending;
        c.readable = more;
        c.used_workers |= 1 << (worker % 64);
        let now_us = self.set.now_us();
        let Some(c) = self.set.get_mut(key) else {
            return Read::Blocked;
        };
        c.session.last_recv_us.store(now_us, Relaxed);
        c.session.last_dispatch_us.store(now_us, Relaxed);
        let header = Header {
            time_us: now_us,
            source: self.id as u16,
            port: c.port,
            ..Header::new(Kind::Receive, c.session_id, n as u32)
        };
        reservation.bytes_mut()[..HEADER_BYTES].copy_from_slice(header.as_bytes());
        reservation.commit(HEADER_BYTES + n);
        let record = &self.shared.hosts[self.id];
        record.received_bytes.add_single_writer(n as u64);
        record.dispatched.add_single_writer(1);
        self.announce(worker as usize);
        if more { Read::More } else { Read::Blocked }
    }

    /// Remembers to ring a worker's bell when this batch is done: a worker that is woken for the first
    /// message of many would answer it and go back to sleep, and cost two switches for each message.
    pub(super) fn announce(&mut self, worker: usize) {
        let outbox = &mut self.outboxes[worker];
        if !outbox.unannounced {
            outbox.unannounced = true;
            self.unannounced.push(worker);
        }
    }

    pub(super) fn ring_workers(&mut self) {
        if self.unannounced.is_empty() {
            return;
        }
        // Before the look at the worker's epoch, which names the bell: its successor either sees the
        // messages or has its bell rung.
        fence(SeqCst);
        for worker in self.unannounced.drain(..) {
            self.outboxes[worker].unannounced = false;
            self.shared.worker_bell(worker).notify();
        }
    }

    pub(super) fn choose(&mut self, key: usize) -> u32 {
        let Some(c) = self.set.get(key) else { return 0 };
        let dispatch = DispatchKey {
            socket_fd: c.socket_fd,
            uid: c.session.uid.load(Relaxed),
            address_hash: address_hash(&c.session.address()),
        };
        let load = Load {
            shared: &self.shared,
            outboxes: &self.outboxes,
        };
        self.dispatcher.choose(&dispatch, &load)
    }

    /// Passes an event of a connection on to a worker, behind what it was sent before.
    pub(super) fn post(&mut self, worker: u32, key: usize, kind: Kind, how: u8) {
        let Some(c) = self.set.get(key) else { return };
        let header = Header {
            time_us: self.set.now_us(),
            flags: how | FIRST | LAST,
            source: self.id as u16,
            port: c.port,
            ..Header::new(kind, c.session_id, 0)
        };
        let outbox = &mut self.outboxes[worker as usize];
        if !outbox.is_clear() || !outbox.producer.try_push(&[header.as_bytes()]) {
            outbox.waiting.push_back(header);
            outbox.producer.set_waiting(true);
        }
        self.announce(worker as usize);
    }

    /// Sends what found a ring full before, now that there may be room.
    pub(super) fn retry_outboxes(&mut self) {
        for worker in 0..self.outboxes.len() {
            let outbox = &mut self.outboxes[worker];
            if outbox.is_clear() && outbox.stalled.is_empty() {
                continue;
            }
            let mut pushed = outbox.push_parts();
            while let Some(header) = outbox.waiting.front() {
                if outbox.long.is_some() || !outbox.producer.try_push(&[header.as_bytes()]) {
                    break;
                }
                pushed = true;
                outbox.waiting.pop_front();
            }
            if outbox.is_clear() && outbox.producer.free_for(outbox.wanted_bytes) {
                outbox.wanted_bytes = HEADER_BYTES + SMALL_READ_BYTES;
                let stalled = std::mem::take(&mut outbox.stalled);
                outbox.producer.set_waiting(false);
                self.ready.extend(stalled);
            } else {
                // The worker may have taken the wish when it made room for something smaller.
                outbox.producer.set_waiting(true);
            }
            if pushed {
                self.announce(worker);
            }
        }
    }
}

/// The IPv4 address itself, as the reference takes it; for others a mix of all words.
fn address_hash(address: &RawAddress) -> u32 {
    let (words, _) = address.bytes.as_chunks::<4>();
    let mut words = words.iter().map(|word| u32::from_be_bytes(*word));
    if address.family == RawAddress::INET {
        return words.next().unwrap_or(0);
    }
    words.fold(0, |hash, word| {
        hash.rotate_left(5) ^ word.wrapping_mul(0x9e37_79b1)
    })
}
