//! A reactor thread: owns client sockets, reads and passes on, writes and closes. It never runs user
//! code and never blocks on a worker: a full ring leaves the bytes in the kernel.

mod framed;
mod input;
mod output;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::connection::ConnectionSet;
use super::dispatch::Dispatcher;
use super::handler::Event;
use super::mailbox::{Command, Mailbox};
use super::packages::PackageBuffer;
use super::shared::Shared;
use super::start::{self, BELL_TOKEN};
use crate::error::Error;
use crate::ipc::message::{BY_SERVER, HEADER_BYTES, Header, Kind};
use crate::ipc::patience::{Patience, count_records};
use crate::log;
use crate::net::stream::Stream;
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
    /// A message on its way in parts: nothing else enters the ring before its end.
    long: Option<framed::LongMessage>,
    /// Room that the next try needs.
    wanted_bytes: usize,
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
    /// For each worker the latest incarnation that a message came from.
    newest_epochs: Vec<u32>,
    ready: VecDeque<usize>,
    unannounced: Vec<usize>,
    /// For connections that hold nothing yet.
    spare: Option<Box<PackageBuffer>>,
    patience: Patience,
    shutting_down: bool,
    /// When closed sockets are no longer waited for, monotonic milliseconds.
    linger_until_ms: Option<u64>,
}

impl ReactorThread {
    /// To be called in the thread that runs it.
    pub fn new(id: usize, shared: Arc<Shared>, mailbox: Arc<Mailbox>) -> Result<Self, Error> {
        let poller = start::poller()?;
        start::watch(&poller, start::bell_fd(shared.host_bell(id)), BELL_TOKEN)?;
        let to_workers = shared.to_workers.as_ref().ok_or_else(|| {
            Error::Corrupt("a reactor thread was started in base mode".to_owned())
        })?;
        let outboxes = (0..shared.event_workers())
            .map(|worker| Outbox {
                producer: to_workers.producer(id, worker),
                waiting: VecDeque::new(),
                stalled: VecDeque::new(),
                long: None,
                wanted_bytes: HEADER_BYTES + SMALL_READ_BYTES,
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
            newest_epochs: vec![0; shared.workers.len()],
            ready: VecDeque::new(),
            unannounced: Vec::new(),
            spare: None,
            patience: Patience::default(),
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
            if busy || !self.finds_answers() {
                self.wait(busy)?;
            }
        }
    }

    /// Before a sleep: whether workers have written something meanwhile.
    fn finds_answers(&mut self) -> bool {
        let inboxes = &self.inboxes;
        let count = |limit| count_records(inboxes.iter().map(Rc::as_ref), limit);
        self.patience.finds(count)
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
        self.patience.waited(events.len());
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
            let wants = !outbox.is_clear() || !outbox.stalled.is_empty();
            wants && outbox.producer.free_for(outbox.wanted_bytes)
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
}
