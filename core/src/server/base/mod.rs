//! A worker of base mode: owns its connections and runs the callbacks in the same thread.

mod framed;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

use super::acceptor::{Accepted, Acceptor};
use super::connection::{Connection, ConnectionSet, Effect, Stage};
use super::context::{Context, announces};
use super::entry::{self, Incarnation, RequestLimit};
use super::farewell::REST_SLEEP;
use super::handler::{Event, EventHandler, Payload};
use super::local::Local;
use super::packages::PackageBuffer;
use super::server_loop::{ServerLoop, between_turns};
use super::session::{PEER_HALF_CLOSED, PEER_OPEN};
use super::shared::{Phase, Shared};
use super::start::{BELL_TOKEN, LISTENER_TOKEN, SIGNAL_TOKEN, Signals, reopens_log};
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::message::{BY_SERVER, Header, Kind, RESET};
use crate::log;
use crate::net::listener::Listener;
use crate::net::stream::ReadOutcome;
use crate::protocol::framing::Rule;
use crate::reactor::clock;
use crate::reactor::poller::{Interest, Ready};
use crate::shm::ring::Consumer;
use crate::sys::signal::Signal;

/// Connections read from before sockets are looked at again.
const READ_BATCH: usize = 64;
/// Stands for no limit of the time to end: a hundred years, in milliseconds.
const NO_LIMIT_MS: u64 = 100 * 365 * 86_400_000;
/// Ports of a server at most.
const LISTENERS_MAX: usize = 4096;

/// How this worker came to be.
pub(super) struct Start {
    pub who: Incarnation,
    pub listeners: Vec<Listener>,
    pub signals: Signals,
    /// The only process of the server: it is the master, too.
    pub single: bool,
}

struct BaseWorker {
    context: Rc<Context>,
    who: Incarnation,
    server_loop: ServerLoop,
    ready_events: Vec<Ready>,
    acceptor: Acceptor,
    ready: VecDeque<usize>,
    buffer: Vec<u8>,
    limit: RequestLimit,
    /// For connections that hold no bytes yet.
    spare: Option<Box<PackageBuffer>>,
    single: bool,
    /// Set when this worker takes no more work: when it must be over, monotonic milliseconds.
    end_by_ms: Option<u64>,
}

/// Runs a worker of base mode until it stops; answers the exit status of its process.
pub(super) fn run(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    start: Start,
) -> Result<i32, Error> {
    let who = start.who;
    let host = who.lane();
    let listeners = prepare_listeners(shared, start.listeners)?;
    if !start.single {
        entry::ignore_others()?;
        entry::drop_privileges(shared)?;
    }
    let local = Local {
        host,
        set: RefCell::new(ConnectionSet::new(Arc::clone(shared), host)),
        inboxes: (0..=shared.manager_producer())
            .map(|producer| shared.to_hosts.consumer(producer, host))
            .collect(),
        postponed: RefCell::default(),
        open_parts: RefCell::default(),
    };
    let context = entry::enter(shared, handler, who, Some(local))?;
    let server_loop = ServerLoop::enter(start.signals, &shared.worker_bells[host])?;
    let acceptor = Acceptor::new(Arc::clone(shared), listeners);
    acceptor.watch(&server_loop, LISTENER_TOKEN)?;
    let mut worker = BaseWorker {
        context,
        who,
        server_loop,
        ready_events: Vec::new(),
        acceptor,
        ready: VecDeque::new(),
        buffer: vec![0; shared.settings.input_chunk_bytes as usize],
        limit: RequestLimit::new(shared),
        spare: None,
        single: start.single,
        end_by_ms: None,
    };
    worker.run()
}

/// With `enable_reuse_port` every worker listens on a socket of its own.
fn prepare_listeners(shared: &Shared, inherited: Vec<Listener>) -> Result<Vec<Listener>, Error> {
    if !shared.settings.enable_reuse_port {
        return Ok(inherited);
    }
    inherited
        .into_iter()
        .zip(&shared.ports)
        .map(|(listener, port)| Acceptor::reopen(shared, listener, &port.host))
        .collect()
}

impl BaseWorker {
    fn run(&mut self) -> Result<i32, Error> {
        let id = self.who.worker_id;
        let context = Rc::clone(&self.context);
        if id == 0 && self.who.epoch == 1 {
            if self.single {
                context.shared.global.set_phase(Phase::Running);
            }
            context.note(between_turns(|| context.handler.on_start()));
        }
        context.note(context.handler.on_worker_start(id));
        context.set_busy(false);
        while !context.stop.get() {
            self.turn()?;
        }
        self.serve_rest()?;
        if self.single && context.end_status.get().is_none() {
            context.shared.global.set_phase(Phase::ShuttingDown);
            context.note(context.handler.on_before_shutdown());
        }
        let mut failed = None;
        let status = context.retire(self.who, || failed = self.finish().err());
        match failed {
            Some(error) => Err(error),
            None => Ok(status),
        }
    }

    /// Before it makes room for its successor.
    fn serve_rest(&mut self) -> Result<(), Error> {
        while self.context.has_rest() {
            self.set_now();
            let mut busy = self.drain_inboxes();
            busy |= self.context.serve_rest();
            self.pass_on_effects();
            self.local().set.borrow_mut().flush_dirty();
            self.bell().prepare_sleep();
            self.poll(Some(if busy { Duration::ZERO } else { REST_SLEEP }))?;
        }
        Ok(())
    }

    /// Takes no more connections, answers what has arrived, closes every connection behind it, within
    /// `max_wait_time`.
    fn finish(&mut self) -> Result<(), Error> {
        let context = Rc::clone(&self.context);
        let limit_ms = context.settings().max_wait_time_ms;
        let limit_ms = if limit_ms == 0 { NO_LIMIT_MS } else { limit_ms };
        self.end_by_ms = Some(clock::monotonic_ms() + limit_ms);
        let host = self.local().host as u32;
        // Nobody else takes them: the server ends, or these sockets are this worker's own.
        let last = context.is_shutting_down() || context.settings().enable_reuse_port;
        let rest = if last {
            self.acceptor.accept_rest(|_| host)
        } else {
            Vec::new()
        };
        if self.single {
            self.acceptor.remove_socket_files();
        }
        self.acceptor.stop();
        for connection in rest {
            self.adopt(connection);
        }
        let keys = self.local().set.borrow().open_keys();
        for key in keys {
            if let Some(c) = self.local().set.borrow_mut().get_mut(key) {
                c.readable = true;
            }
            self.list(key);
        }
        while context.end_status.get().is_none() && self.has_work() {
            context.note(between_turns(|| {
                context.handler.on_worker_exit(self.who.worker_id)
            }));
            if !self.has_work_to_finish() {
                break;
            }
            if self
                .end_by_ms
                .is_some_and(|end| clock::monotonic_ms() >= end)
            {
                log::warning(format_args!(
                    "worker {} ends after max_wait_time ({} ms) with {} connections that are not done",
                    self.who.worker_id,
                    limit_ms,
                    self.local().set.borrow().open_keys().len()
                ));
                break;
            }
            self.turn()?;
        }
        let keys = self.local().set.borrow().open_keys();
        for key in keys {
            self.local().set.borrow_mut().remove(key);
        }
        Ok(())
    }

    /// Whether there is anything that user code may want to be told of before the end.
    fn has_work(&self) -> bool {
        !self.local().set.borrow().is_drained()
            || self.context.in_hand.suspended() > 0
            || self.context.has_last()
            || self.server_loop.has_work(self.context.settings())
    }

    fn has_work_to_finish(&self) -> bool {
        !self.local().set.borrow().is_drained()
            || self.context.in_hand.suspended() > 0
            || self.context.has_last()
            || self.server_loop.has_work_to_finish(self.context.settings())
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.context.shared
    }

    fn local(&self) -> &Local {
        // Set by `run()` for every worker of base mode.
        match &self.context.local {
            Some(local) => local,
            None => unreachable!("a base worker has connections of its own"),
        }
    }

    fn bell(&self) -> &Doorbell {
        &self.context.shared.worker_bells[self.who.lane()]
    }

    fn turn(&mut self) -> Result<(), Error> {
        self.set_now();
        let mut busy = self.drain_inboxes();
        busy |= self.accept();
        if !self.context.is_full() {
            busy |= self.read_ready();
        }
        busy |= self.serve_posts();
        self.pass_on_effects();
        {
            let mut set = self.local().set.borrow_mut();
            set.flush_dirty();
            set.expire_deadlines();
        }
        self.pass_on_effects();
        if self.server_loop.is_signalled() {
            self.on_signals();
        }
        self.context.check_stop(self.who, &self.limit);
        let done = self.context.stop.get() && self.end_by_ms.is_none();
        if done { Ok(()) } else { self.wait(busy) }
    }

    fn set_now(&self) {
        let mut set = self.local().set.borrow_mut();
        set.set_now(clock::monotonic_ms(), clock::wall_us());
    }

    fn wait(&mut self, busy: bool) -> Result<(), Error> {
        // With nothing known to be left there is no point in asking the kernel first.
        let idle = self.ready.is_empty() || self.context.is_full();
        let sleeping = (!busy || idle) && self.prepare_sleep();
        let timeout = if sleeping {
            self.sleep_limit()
        } else {
            Some(Duration::ZERO)
        };
        self.poll(timeout)
    }

    fn poll(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        let mut events = std::mem::take(&mut self.ready_events);
        events.clear();
        self.server_loop
            .wait(timeout, |event| events.push(*event))?;
        self.bell().awake();
        self.server_loop.run_ready();
        self.context.note_end(&self.server_loop);
        self.set_now();
        for event in &events {
            self.on_ready(event);
        }
        self.ready_events = events;
        Ok(())
    }

    /// A worker that ends takes only what it has asked for itself, or has taken already.
    fn serve_posts(&self) -> bool {
        match self.end_by_ms {
            None => self.context.serve_posts(),
            Some(_) => self.context.serve_last(),
        }
    }

    fn prepare_sleep(&self) -> bool {
        self.bell().prepare_sleep();
        let takes = self.end_by_ms.is_none() && !self.context.is_full();
        let has_early = !self.context.is_full() && self.context.incoming.has_early();
        if self.context.has_replies() || has_early || (takes && self.context.has_posts()) {
            return false;
        }
        (self.ready.is_empty() || self.context.is_full())
            && !self.server_loop.is_signalled()
            && self.local().inboxes.iter().all(Consumer::is_empty)
            && !self.acceptor.is_ready()
    }

    fn sleep_limit(&self) -> Option<Duration> {
        let set = self.local().set.borrow();
        let retry = self.acceptor.retry_at_ms();
        let deadlines = [set.next_deadline_ms(), self.end_by_ms, retry];
        let next = deadlines.into_iter().flatten().min()?;
        let now = clock::monotonic_ms();
        Some(Duration::from_millis(next.saturating_sub(now).max(1)))
    }

    fn on_ready(&mut self, event: &Ready) {
        match event.token {
            // Edge-triggered: the next ring is an event although the counter was not read.
            BELL_TOKEN => {}
            SIGNAL_TOKEN => {}
            token if token <= LISTENER_TOKEN && token > LISTENER_TOKEN - LISTENERS_MAX => {
                self.acceptor.on_ready(LISTENER_TOKEN - token);
            }
            key => self.on_socket_ready(key, event),
        }
    }

    fn on_socket_ready(&mut self, key: usize, event: &Ready) {
        let mut set = self.local().set.borrow_mut();
        if event.writable {
            set.flush(key);
        }
        let readable = event.readable || event.read_closed || event.error;
        if let Some(c) = set.get_mut(key)
            && readable
        {
            c.readable = true;
            c.fin_pending |= event.read_closed || event.error;
            drop(set);
            self.list(key);
        }
    }

    fn list(&mut self, key: usize) {
        let mut set = self.local().set.borrow_mut();
        if let Some(c) = set.get_mut(key)
            && !c.listed
        {
            c.listed = true;
            drop(set);
            self.ready.push_back(key);
        }
    }

    fn on_signals(&mut self) {
        for signal in self.server_loop.take_signals() {
            match signal {
                Signal::TERM | Signal::INT => self.on_terminate(),
                Signal::USR1 | Signal::USR2 => log::warning(format_args!(
                    "reload is not possible in base mode with one worker: there is no manager process; use worker_num > 1 or restart"
                )),
                signal if reopens_log(signal) => log::reopen(),
                // Children of user code are its own business.
                _ => {}
            }
        }
    }

    fn on_terminate(&mut self) {
        if self.single && self.end_by_ms.is_some() {
            // Asked twice: whoever asks has no patience left.
            self.end_by_ms = Some(0);
        }
        self.context.stop.set(true);
    }

    // ---- accepting ----

    fn accept(&mut self) -> bool {
        if self.end_by_ms.is_some() || !self.acceptor.is_ready() {
            return false;
        }
        let host = self.local().host;
        let accepted = self.acceptor.accept(|_| host as u32);
        let any = !accepted.is_empty();
        for connection in accepted {
            self.adopt(connection);
        }
        any
    }

    fn adopt(&mut self, accepted: Accepted) {
        let Accepted {
            stream,
            session_id,
            session,
            port,
            ..
        } = accepted;
        let fd = stream.raw_fd();
        let key = self
            .local()
            .set
            .borrow_mut()
            .insert(stream, session_id, session, port);
        let both = Interest::READABLE | Interest::WRITABLE;
        let watched = self.server_loop.event_loop().register(fd, key, both);
        if let Err(error) = watched {
            log::error(format_args!(
                "connection {session_id} cannot be watched and is closed: {error}"
            ));
            return self.local().set.borrow_mut().remove(key);
        }
        session.worker.store(self.who.worker_id + 1, Relaxed);
        if announces(self.shared(), Event::Connect) {
            let header = self.header(session_id, Kind::Connect);
            self.context.serve_event(Kind::Connect, &header);
        }
    }

    fn header(&self, session_id: u64, kind: Kind) -> Header {
        Header {
            time_us: self.local().set.borrow().now_us(),
            ..Header::new(kind, session_id, 0)
        }
    }

    // ---- reading ----

    fn read_ready(&mut self) -> bool {
        let turns = self.ready.len().min(READ_BATCH);
        for _ in 0..turns {
            let Some(key) = self.ready.pop_front() else {
                break;
            };
            if let Some(c) = self.local().set.borrow_mut().get_mut(key) {
                c.listed = false;
            }
            self.read_connection(key);
            // A worker that was told to stop finishes through `finish()`.
            if (self.context.stop.get() && self.end_by_ms.is_none()) || self.context.is_full() {
                break;
            }
        }
        turns > 0
    }

    fn read_connection(&mut self, key: usize) {
        let framed = self.shared().framing.rule != Rule::Raw;
        let takes_input = self.with(key, |c| c.takes_input());
        if framed && takes_input == Some(true) {
            return self.read_framed(key);
        }
        let finishing = self.end_by_ms.is_some();
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = {
            let mut set = self.local().set.borrow_mut();
            let now_us = set.now_us();
            match set.get_mut(key) {
                Some(c) if c.readable && c.takes_input() => {
                    let read = c.stream.read(&mut buffer);
                    if matches!(read, ReadOutcome::Data(_)) {
                        c.session.last_recv_us.store(now_us, Relaxed);
                        c.session.last_dispatch_us.store(now_us, Relaxed);
                    }
                    read
                }
                Some(c) if c.readable => {
                    set.discard_input(key);
                    drop(set);
                    self.buffer = buffer;
                    return self.after_read(key, finishing);
                }
                _ => ReadOutcome::WouldBlock,
            }
        };
        match read {
            ReadOutcome::Data(n) => self.on_data(key, &buffer[..n], n == buffer.len()),
            ReadOutcome::WouldBlock => {
                if let Some(c) = self.local().set.borrow_mut().get_mut(key) {
                    c.readable = false;
                }
            }
            ReadOutcome::Eof => self.on_eof(key),
            ReadOutcome::Gone(errno) => self.local().set.borrow_mut().peer_gone(key, errno),
        }
        self.buffer = buffer;
        self.after_read(key, finishing);
    }

    /// Comes back for what is left; a worker that ends closes what has nothing left.
    fn after_read(&mut self, key: usize, finishing: bool) {
        let still = self.with(key, |c| c.readable || c.has_package());
        match still {
            Some(true) => self.list(key),
            Some(false) if finishing => self.start_close(key, BY_SERVER),
            _ => {}
        }
    }

    fn with<T>(&self, key: usize, look: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        self.local().set.borrow_mut().get_mut(key).map(look)
    }

    fn on_data(&mut self, key: usize, data: &[u8], full: bool) {
        let (session_id, port) = {
            let mut set = self.local().set.borrow_mut();
            let Some(c) = set.get_mut(key) else { return };
            c.readable = full || c.fin_pending;
            (c.session_id, c.port)
        };
        let mut header = self.header(session_id, Kind::Receive);
        header.port = port;
        header.len = data.len() as u32;
        let record = &self.shared().hosts[self.local().host];
        record.received_bytes.add_single_writer(data.len() as u64);
        record.dispatched.add_single_writer(1);
        self.context.receive(&header, Payload::Buffer(data));
    }

    fn on_eof(&mut self, key: usize) {
        if let Some(c) = self.local().set.borrow_mut().get_mut(key) {
            c.eof = true;
            c.readable = false;
            if c.session.peer.load(Relaxed) == PEER_OPEN {
                c.session.peer.store(PEER_HALF_CLOSED, Release);
            }
        }
        self.start_close(key, 0);
    }

    fn start_close(&mut self, key: usize, how: u8) {
        let session_id = {
            let mut set = self.local().set.borrow_mut();
            let Some(c) = set.get_mut(key) else { return };
            if c.close_sent || c.stage != Stage::Open {
                return;
            }
            c.close_sent = true;
            c.packages = None;
            c.session_id
        };
        let mut header = self.header(session_id, Kind::Close);
        header.flags = how;
        self.context.serve_event(Kind::Close, &header);
    }

    fn pass_on_effects(&mut self) {
        loop {
            let effects = self.local().set.borrow_mut().take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Gone { key } => self.start_close(key, 0),
                    Effect::Linger { key } => self.list(key),
                    Effect::BufferFull { key } => self.watermark(key, Kind::BufferFull),
                    Effect::BufferEmpty { key } => self.watermark(key, Kind::BufferEmpty),
                }
            }
        }
    }

    fn watermark(&mut self, key: usize, kind: Kind) {
        let event = match kind {
            Kind::BufferFull => Event::BufferFull,
            _ => Event::BufferEmpty,
        };
        let session_id = self
            .local()
            .set
            .borrow()
            .get(key)
            .map_or(0, |c| c.session_id);
        if session_id != 0 && self.shared().listens.to(event) {
            let header = self.header(session_id, kind);
            self.context.serve_event(kind, &header);
        }
    }

    // ---- from other processes ----

    fn drain_inboxes(&mut self) -> bool {
        let context = Rc::clone(&self.context);
        let local = self.local();
        let mut busy = local.drain(&context.shared, self.shared().manager_producer());
        for worker in 0..context.shared.workers.len() {
            let [former, current] = context.shared.lanes_in_order(worker);
            busy |= local.drain(&context.shared, former);
            // What a finishing worker sent stands before what its successor sends.
            if local.inboxes[former].is_empty() {
                busy |= local.drain(&context.shared, current);
            }
        }
        let postponed = local.postponed.take();
        for header in postponed {
            self.on_close_request(&header);
        }
        busy
    }

    fn on_close_request(&mut self, header: &Header) {
        let key = self.local().set.borrow().find(header.session_id);
        let Some(key) = key else { return };
        if header.has(RESET)
            && let Some(c) = self.local().set.borrow_mut().get_mut(key)
        {
            c.reset_wanted = true;
        }
        self.start_close(key, header.flags | BY_SERVER);
    }
}
