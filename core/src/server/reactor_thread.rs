//! A reactor thread: owns client sockets, reads and passes on, writes and closes. It never runs user
//! code and never blocks on a worker: a full ring leaves the bytes in the kernel.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::sync::atomic::fence;
use std::time::Duration;

use super::connection::{ConnectionSet, Effect, Stage};
use super::dispatch::{DispatchKey, Dispatcher, WorkerLoad};
use super::handler::Event;
use super::mailbox::{Command, Mailbox};
use super::session::{PEER_HALF_CLOSED, PEER_OPEN};
use super::shared::{Shared, WorkerState};
use super::start::{self, BELL_TOKEN};
use crate::error::Error;
use crate::ipc::message::{BY_SERVER, FIRST, HEADER_BYTES, Header, Kind, LAST, RESET, SILENT};
use crate::log;
use crate::net::address::RawAddress;
use crate::net::stream::{ReadOutcome, Stream};
use crate::reactor::clock;
use crate::reactor::poller::{Poller, Ready, Token};
use crate::shm::ring::{Consumer, Producer};

/// Messages taken from one ring before the others get their turn.
const DRAIN_BATCH: usize = 256;
/// Rounds of [`DRAIN_BATCH`] that take everything a full ring can hold, for a dead worker's.
const DEAD_DRAIN_ROUNDS: usize = 64;
/// Connections read from before rings and sockets are looked at again.
const READ_BATCH: usize = 64;
/// Events that may wait for a stuck worker before watermarks of connections are no longer passed on.
const WATERMARKS_MAX: usize = 16_384;
/// How long a shutdown waits for peers to close their side, in milliseconds.
const SHUTDOWN_LINGER_MS: u64 = 500;
/// What is read at once when there is no room for a whole chunk.
const SMALL_READ_BYTES: usize = 4_096;

/// The way to one worker.
#[derive(Debug)]
struct Outbox {
    producer: Producer,
    /// Events that found the ring full, in order. At most four for each connection: connect, full,
    /// empty, close.
    waiting: VecDeque<Header>,
    /// Connections with input that found the ring full.
    stalled: VecDeque<usize>,
    /// Messages were pushed since its bell was rung.
    unannounced: bool,
}

/// A message that came in parts and is not whole yet.
#[derive(Clone, Copy, Debug)]
struct OpenParts {
    session_id: u64,
    epoch: u32,
}

#[derive(Debug)]
pub struct ReactorThread {
    id: usize,
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    poller: Poller,
    ready_events: Vec<Ready>,
    set: ConnectionSet,
    dispatcher: Dispatcher,
    outboxes: Vec<Outbox>,
    inboxes: Vec<Rc<Consumer>>,
    open_parts: Vec<Option<OpenParts>>,
    ready: VecDeque<usize>,
    unannounced: Vec<usize>,
    shutting_down: bool,
    /// When closed sockets are no longer waited for, monotonic milliseconds.
    linger_until_ms: Option<u64>,
}

struct Load<'a> {
    shared: &'a Shared,
    outboxes: &'a [Outbox],
}

impl WorkerLoad for Load<'_> {
    fn is_idle(&self, worker_id: u32) -> bool {
        let index = worker_id as usize;
        self.shared.workers[index].state() == WorkerState::Idle
            && self.outboxes[index].producer.used_bytes() == 0
    }
}

impl ReactorThread {
    /// To be called in the thread that runs it.
    pub fn new(id: usize, shared: Arc<Shared>, mailbox: Arc<Mailbox>) -> Result<Self, Error> {
        let poller = start::poller()?;
        start::watch(&poller, start::bell_fd(shared.host_bell(id)), BELL_TOKEN)?;
        let to_workers = shared.to_workers.as_ref().ok_or_else(|| {
            Error::Corrupt("a reactor thread was started in base mode".to_owned())
        })?;
        let outboxes = (0..shared.workers.len())
            .map(|worker| Outbox {
                producer: to_workers.producer(id, worker),
                waiting: VecDeque::new(),
                stalled: VecDeque::new(),
                unannounced: false,
            })
            .collect();
        let producers = shared.manager_producer() + 1;
        let inboxes = (0..producers)
            .map(|p| Rc::new(shared.to_hosts.consumer(p, id)))
            .collect();
        Ok(Self {
            id,
            mailbox,
            poller,
            ready_events: Vec::new(),
            set: ConnectionSet::new(Arc::clone(&shared), id),
            dispatcher: Dispatcher::new(
                shared.settings.dispatch_mode,
                shared.settings.worker_num,
                id as u32,
            ),
            outboxes,
            inboxes,
            open_parts: vec![None; producers],
            ready: VecDeque::new(),
            unannounced: Vec::new(),
            shutting_down: false,
            linger_until_ms: None,
            shared,
        })
    }

    /// Runs until the master says stop, or until the shutdown has nothing left to do.
    pub fn run(&mut self) -> Result<(), Error> {
        loop {
            self.set.set_now(clock::monotonic_ms(), clock::wall_us());
            let mut busy = self.drain_inboxes();
            if self.take_commands() {
                return Ok(());
            }
            self.retry_outboxes();
            busy |= self.read_ready();
            self.pass_on_effects();
            self.ring_workers();
            self.set.flush_dirty();
            self.pass_on_effects();
            self.ring_workers();
            self.set.expire_deadlines();
            if self.shutting_down && self.is_finished() {
                return Ok(());
            }
            self.wait(busy)?;
        }
    }

    fn wait(&mut self, busy: bool) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let bell = shared.host_bell(self.id);
        let timeout = if busy {
            Some(Duration::ZERO)
        } else {
            bell.prepare_sleep();
            if self.has_work() {
                Some(Duration::ZERO)
            } else {
                self.sleep_limit()
            }
        };
        start::wait(&mut self.poller, timeout)?;
        bell.awake();
        let mut events = std::mem::take(&mut self.ready_events);
        events.clear();
        events.extend(self.poller.events());
        if !events.is_empty() {
            self.set.set_now(clock::monotonic_ms(), clock::wall_us());
        }
        for event in &events {
            self.on_ready(event);
        }
        self.ready_events = events;
        Ok(())
    }

    /// For the shutdown: every session has ended, and peers had a moment to take in the FIN.
    fn is_finished(&mut self) -> bool {
        let now = clock::monotonic_ms();
        if !self.set.is_drained() {
            return false;
        }
        let linger_until = *self.linger_until_ms.get_or_insert(now + SHUTDOWN_LINGER_MS);
        self.set.is_empty() || now >= linger_until
    }

    fn sleep_limit(&self) -> Option<Duration> {
        let now = clock::monotonic_ms();
        let deadlines = [self.set.next_deadline_ms(), self.linger_until_ms];
        let next = deadlines.into_iter().flatten().min()?;
        Some(Duration::from_millis(next.saturating_sub(now).max(1)))
    }

    fn has_work(&self) -> bool {
        let room = |outbox: &Outbox| {
            let wants = !outbox.waiting.is_empty() || !outbox.stalled.is_empty();
            wants && outbox.producer.free_for(HEADER_BYTES + SMALL_READ_BYTES)
        };
        !self.ready.is_empty()
            || !self.mailbox.is_empty()
            || self.inboxes.iter().any(|inbox| !inbox.is_empty())
            || self.outboxes.iter().any(room)
    }

    fn on_ready(&mut self, event: &Ready) {
        if event.token == BELL_TOKEN {
            // Edge-triggered: the next ring is an event although the counter was not read.
            return;
        }
        let key = event.token;
        if event.writable {
            self.set.flush(key);
        }
        if (event.readable || event.read_closed || event.error)
            && let Some(c) = self.set.get_mut(key)
        {
            c.readable = true;
            c.fin_pending |= event.read_closed || event.error;
            self.list(key);
        }
    }

    fn list(&mut self, key: usize) {
        if let Some(c) = self.set.get_mut(key)
            && !c.listed
        {
            c.listed = true;
            self.ready.push_back(key);
        }
    }

    // ---- from the master ----

    /// Answers whether to stop at once.
    fn take_commands(&mut self) -> bool {
        if self.mailbox.is_empty() {
            return false;
        }
        for command in self.mailbox.take() {
            match command {
                Command::Connection {
                    stream,
                    session_id,
                    port,
                } => self.adopt(stream, session_id, port),
                Command::ShutDown => self.begin_shutdown(),
                Command::Stop => return true,
            }
        }
        false
    }

    fn adopt(&mut self, stream: Stream, session_id: u64, port: u16) {
        let Some(session) = self.shared.sessions.get(session_id) else {
            return;
        };
        let fd = stream.raw_fd();
        let key = self.set.insert(stream, session_id, session, port);
        if let Err(error) = self.poller.register_both(fd, Token(key)) {
            log::error(format_args!(
                "connection {session_id} cannot be watched and is closed: {error}"
            ));
            return self.set.remove(key);
        }
        let sticky = Dispatcher::is_sticky(self.shared.settings.dispatch_mode);
        if sticky {
            let worker = self.choose(key);
            session.worker.store(worker + 1, Relaxed);
        }
        let announced = sticky || self.shared.settings.enable_unsafe_event;
        if announced && self.shared.listens.to(Event::Connect) {
            let worker = self.choose(key);
            if let Some(c) = self.set.get_mut(key) {
                // The session must not be freed before this worker has seen its beginning.
                c.used_workers |= 1 << (worker % 64);
            }
            self.post(worker, key, Kind::Connect, 0);
        }
        if self.shutting_down {
            self.start_close(key, BY_SERVER);
        }
    }

    /// Takes what has arrived, then closes every connection behind it.
    fn begin_shutdown(&mut self) {
        self.shutting_down = true;
        for key in self.set.open_keys() {
            if let Some(c) = self.set.get_mut(key) {
                c.readable = true;
            }
            self.list(key);
        }
    }

    // ---- from sockets to workers ----

    fn read_ready(&mut self) -> bool {
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
        if !c.readable {
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
        let worker = self.choose(key);
        match self.read_into_ring(key, worker) {
            Read::More => self.list(key),
            Read::Blocked if self.shutting_down => self.start_close(key, BY_SERVER),
            Read::Blocked => {}
            Read::Stalled => {
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
        if !outbox.waiting.is_empty() {
            return Read::Stalled;
        }
        let largest = outbox.producer.max_record() - HEADER_BYTES;
        let chunk = (self.shared.settings.input_chunk_bytes as usize).min(largest);
        let mut reservation = match outbox.producer.try_reserve(HEADER_BYTES + chunk) {
            Some(reservation) => reservation,
            None => match outbox.producer.try_reserve(HEADER_BYTES + SMALL_READ_BYTES) {
                Some(reservation) => reservation,
                None => return Read::Stalled,
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
    fn announce(&mut self, worker: usize) {
        let outbox = &mut self.outboxes[worker];
        if !outbox.unannounced {
            outbox.unannounced = true;
            self.unannounced.push(worker);
        }
    }

    fn ring_workers(&mut self) {
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

    fn choose(&mut self, key: usize) -> u32 {
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
    fn post(&mut self, worker: u32, key: usize, kind: Kind, how: u8) {
        let Some(c) = self.set.get(key) else { return };
        let header = Header {
            time_us: self.set.now_us(),
            flags: how | FIRST | LAST,
            source: self.id as u16,
            port: c.port,
            ..Header::new(kind, c.session_id, 0)
        };
        let outbox = &mut self.outboxes[worker as usize];
        if !outbox.waiting.is_empty() || !outbox.producer.try_push(&[header.as_bytes()]) {
            outbox.waiting.push_back(header);
            outbox.producer.set_waiting(true);
        }
        self.announce(worker as usize);
    }

    /// Sends what found a ring full before, now that there may be room.
    fn retry_outboxes(&mut self) {
        for worker in 0..self.outboxes.len() {
            let outbox = &mut self.outboxes[worker];
            if outbox.waiting.is_empty() && outbox.stalled.is_empty() {
                continue;
            }
            let mut pushed = false;
            while let Some(header) = outbox.waiting.front() {
                if !outbox.producer.try_push(&[header.as_bytes()]) {
                    break;
                }
                pushed = true;
                outbox.waiting.pop_front();
            }
            if outbox.waiting.is_empty()
                && outbox.producer.free_for(HEADER_BYTES + SMALL_READ_BYTES)
            {
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

    // ---- the end of a connection ----

    /// Tells every worker that has messages of this connection that it ends; the last one's
    /// confirmation closes the socket.
    fn start_close(&mut self, key: usize, how: u8) {
        let settings = &self.shared.settings;
        let sticky = Dispatcher::is_sticky(settings.dispatch_mode);
        let announced = sticky || settings.enable_unsafe_event;
        let worker_num = settings.worker_num;
        let Some(c) = self.set.get_mut(key) else {
            return;
        };
        if c.close_sent || c.stage != Stage::Open {
            return;
        }
        c.close_sent = true;
        let used = c.used_workers;
        let told = announced.then(|| self.choose(key));
        let others = (0..worker_num).filter(|w| used & (1 << (w % 64)) != 0 && Some(*w) != told);
        let mut awaiting = 0;
        if let Some(worker) = told {
            awaiting += 1;
            self.post(worker, key, Kind::Close, how);
        }
        for worker in others {
            awaiting += 1;
            self.post(worker, key, Kind::Close, how | SILENT);
        }
        if let Some(c) = self.set.get_mut(key) {
            c.awaiting = awaiting;
        }
        if awaiting == 0 {
            self.set.confirm_close(key, how & RESET != 0);
        }
    }

    fn pass_on_effects(&mut self) {
        while self.set.has_effects() {
            for effect in self.set.take_effects() {
                match effect {
                    Effect::Gone { key } => self.start_close(key, 0),
                    Effect::Linger { key } => self.list(key),
                    Effect::BufferFull { key } => self.post_watermark(key, Event::BufferFull),
                    Effect::BufferEmpty { key } => self.post_watermark(key, Event::BufferEmpty),
                }
            }
        }
    }

    fn post_watermark(&mut self, key: usize, event: Event) {
        let told = self.set.get(key).is_some_and(|c| !c.close_sent);
        if !told || !self.shared.listens.to(event) {
            return;
        }
        let kind = match event {
            Event::BufferFull => Kind::BufferFull,
            _ => Kind::BufferEmpty,
        };
        let worker = self.choose(key);
        if self.outboxes[worker as usize].waiting.len() < WATERMARKS_MAX {
            self.post(worker, key, kind, 0);
        }
    }

    // ---- from workers to sockets ----

    fn drain_inboxes(&mut self) -> bool {
        let mut busy = self.drain_inbox(self.shared.manager_producer(), DRAIN_BATCH);
        for worker in 0..self.shared.workers.len() {
            let [former, current] = self.shared.lanes_in_order(worker);
            busy |= self.drain_inbox(former, DRAIN_BATCH);
            // What a finishing worker sent stands before what its successor sends.
            if self.inboxes[former].is_empty() {
                busy |= self.drain_inbox(current, DRAIN_BATCH);
            }
        }
        busy
    }

    fn drain_inbox(&mut self, source: usize, limit: usize) -> bool {
        let mut taken = 0;
        while taken < limit {
            // The record borrows its inbox while the rest of this thread works on it.
            let inbox = Rc::clone(&self.inboxes[source]);
            let got = match inbox.peek() {
                Ok(Some(record)) => {
                    match Header::read(record.bytes()) {
                        Ok((header, kind, data)) => self.on_message(source, &header, kind, data),
                        Err(error) => log::error(format_args!(
                            "reactor {}: a message is dropped: {error}",
                            self.id
                        )),
                    }
                    record.release();
                    true
                }
                Ok(None) => false,
                Err(corrupt) => {
                    log::error(format_args!(
                        "reactor {}: ring {source}: {corrupt}; it is emptied",
                        self.id
                    ));
                    inbox.skip_all();
                    true
                }
            };
            if !got {
                break;
            }
            taken += 1;
        }
        // Once for the batch: it costs a fence.
        if taken > 0 && self.inboxes[source].take_waiting() {
            self.shared.producer_bell(source).force();
        }
        taken > 0
    }

    fn on_message(&mut self, source: usize, header: &Header, kind: Kind, data: &[u8]) {
        self.check_parts(source, header);
        if kind == Kind::WorkerDied {
            return self.on_worker_died(header);
        }
        // A session that ended meanwhile: what is sent to it is dropped.
        let Some(key) = self.set.find(header.session_id) else {
            return;
        };
        match kind {
            Kind::Send => self.set.send(key, data),
            Kind::CloseConfirm => self.on_confirm(key, header.flags),
            Kind::CloseRequest => self.on_close_request(key, header.flags),
            Kind::CloseSession => {
                self.set.end_early(key);
                self.start_close(key, BY_SERVER);
            }
            _ => {}
        }
    }

    fn on_close_request(&mut self, key: usize, how: u8) {
        if let Some(c) = self.set.get_mut(key) {
            c.reset_wanted |= how & RESET != 0;
        }
        self.start_close(key, how | BY_SERVER);
    }

    fn on_confirm(&mut self, key: usize, how: u8) {
        let Some(c) = self.set.get_mut(key) else {
            return;
        };
        c.awaiting = c.awaiting.saturating_sub(1);
        if how & (BY_SERVER | RESET) != 0 || c.awaiting == 0 {
            self.set.confirm_close(key, how & RESET != 0);
        }
    }

    /// Notices a message whose sender died between its parts: what follows would be taken for the rest
    /// of it, so its connection is reset.
    fn check_parts(&mut self, source: usize, header: &Header) {
        if let Some(open) = self.open_parts[source] {
            let continues = header.kind == Kind::Send as u8
                && !header.has(FIRST)
                && (header.session_id, header.epoch) == (open.session_id, open.epoch);
            if !continues {
                self.cut_short(source);
            }
        }
        if header.kind == Kind::Send as u8 {
            let last = header.has(LAST);
            self.open_parts[source] = (!last).then_some(OpenParts {
                session_id: header.session_id,
                epoch: header.epoch,
            });
        }
    }

    fn cut_short(&mut self, source: usize) {
        if let Some(open) = self.open_parts[source].take()
            && let Some(key) = self.set.find(open.session_id)
        {
            log::notice(format_args!(
                "connection {} is reset: a message to it was cut in the middle, as its sender died or found no room",
                open.session_id
            ));
            self.set.confirm_close(key, true);
        }
    }

    /// The manager says that a worker is dead: take what it still sent, then look at what it left open.
    fn on_worker_died(&mut self, header: &Header) {
        let source = header.source as usize;
        if source >= self.inboxes.len() - 1 {
            return;
        }
        for _ in 0..DEAD_DRAIN_ROUNDS {
            if !self.drain_inbox(source, DRAIN_BATCH) {
                break;
            }
        }
        if self.open_parts[source].is_some_and(|open| open.epoch == header.epoch) {
            self.cut_short(source);
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

/// What reading from a connection came to.
enum Read {
    /// There may be more.
    More,
    Blocked,
    /// No room in the worker's ring.
    Stalled,
    Eof,
    Gone(i32),
}
