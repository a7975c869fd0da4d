//! How workers serve connections, and the worker of process mode, which takes its messages from the
//! reactor threads' rings.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Duration;

use super::context::Context;
use super::dispatch::Dispatcher;
use super::entry::{Incarnation, RequestLimit, drop_privileges, enter, ignore_others};
use super::farewell::{REST_SLEEP, farewell};
use super::handler::{EventHandler, Outcome, Payload, Role};
use super::long_message::{LongMessage, close_lost};
use super::server_loop::{ServerLoop, between_turns};
use super::serving::Serving;
use super::session::{CLOSE_NONE, PEER_OPEN, Session};
use super::shared::{Shared, WorkerState};
use super::start::Signals;
use crate::error::{Error, codes};
use crate::ipc::message::{Header, Kind, RESET, SILENT};
use crate::ipc::patience::{Patience, count_records};
use crate::log::{self, Level};
use crate::shm::ring::{Consumer, Record};

/// Messages taken from one reactor's ring before the next one's turn.
const DRAIN_BATCH: usize = 64;

impl Context {
    /// Serves one message: remembers the session so that its client is not left waiting if this process
    /// dies, until user code is done with it. After a call that ends the process it stays remembered.
    pub(super) fn receive(&self, header: &Header, payload: Payload<'_>) {
        let session_id = header.session_id;
        let sticky = Dispatcher::is_sticky(self.settings().dispatch_mode);
        let session = self.shared.sessions.get(session_id);
        let open = session.filter(|s| s.close_state() == CLOSE_NONE);
        let Some(session) = open.or(session.filter(|_| !sticky)) else {
            // The reference drops late data of a closed connection as well.
            return;
        };
        if self.settings().discard_timeout_request {
            // Where several workers serve a connection its end may be known before its data is served.
            let has_ended = open.is_none() || session.peer.load(Acquire) != PEER_OPEN;
            if has_ended && !sticky {
                let bytes = payload.bytes().len();
                return log::coded(
                    Level::Warning,
                    "Worker_discard_data()",
                    codes::SESSION_DISCARD_TIMEOUT_DATA,
                    format_args!(
                        "[2] ignore data[{bytes} bytes] received from session#{session_id}"
                    ),
                );
            }
        }
        let serving = self.begin_serving(session_id);
        let event = self.event(session, session_id, header.time_us, serving);
        let outcome = self.handler.on_receive(&event, payload);
        let record = &self.shared.lanes[self.lane];
        record.requests.add_single_writer(1);
        record.all_requests.add_single_writer(1);
        self.after_callback(serving, outcome);
    }

    /// What the length function says of the beginning of a package. Less than 0, so that nothing is cut
    /// wrongly, where it ends the process.
    pub(super) fn ask_length(&self, head: &[u8]) -> i64 {
        match self.handler.package_length(head) {
            Ok(length) => length,
            Err(outcome) => {
                self.note(outcome);
                -1
            }
        }
    }

    /// Serves an event without data.
    pub(super) fn serve_event(&self, kind: Kind, header: &Header) {
        let serving = self.begin_serving(header.session_id);
        self.serve_begun(kind, header, serving);
    }

    /// [`Self::serve_event`] of an event that is remembered already.
    pub(super) fn serve_begun(&self, kind: Kind, header: &Header, serving: Serving) {
        let outcome = self.call_for(kind, header, serving);
        self.after_callback(serving, outcome);
    }

    fn call_for(&self, kind: Kind, header: &Header, serving: Serving) -> Outcome {
        let session_id = header.session_id;
        let Some(session) = self.shared.sessions.get(session_id) else {
            return Outcome::Done;
        };
        if kind == Kind::Close {
            self.serve_close(session_id, session, header.flags);
            return Outcome::Done;
        }
        // Nothing comes after on_close. Where several workers serve a connection there is no order, and
        // each still hears of its connect once.
        let unordered = !Dispatcher::is_sticky(self.settings().dispatch_mode);
        if session.close_state() != CLOSE_NONE && !(unordered && kind == Kind::Connect) {
            return Outcome::Done;
        }
        let event = self.event(session, session_id, header.time_us, serving);
        match kind {
            Kind::Connect => self.handler.on_connect(&event),
            Kind::BufferFull => self.handler.on_buffer_full(&event),
            Kind::BufferEmpty => self.handler.on_buffer_empty(&event),
            _ => Outcome::Done,
        }
    }

    fn serve_close(&self, session_id: u64, session: &Session, how: u8) {
        if !self.postpones_close(session_id, session, how) {
            self.serve_close_now(session_id, session, how);
        }
    }

    pub(super) fn serve_close_now(&self, session_id: u64, session: &Session, how: u8) {
        let confirmed = how & RESET;
        let done = if how & SILENT != 0 {
            self.confirm(session_id, session, confirmed)
        } else {
            self.run_close(session_id, session, how, confirmed)
        };
        // One that is gone by now needs no confirmation.
        if let Err(error) = done
            && !matches!(error, Error::SessionNotExist { .. })
        {
            log::warning(format_args!(
                "connection {session_id} cannot be closed: {error}"
            ));
        }
    }

    /// Writes down where user code failed, for the manager's log line.
    pub(super) fn keep_fault(&self) {
        if matches!(self.role, Role::Master | Role::Manager) {
            // The lane is not theirs.
            return;
        }
        if let Some(place) = self.handler.fault_place() {
            let text = format!("{} in {}:{}", place.message, place.file, place.line);
            self.shared.lanes[self.lane].set_fault(&text);
        }
    }

    /// The last steps of a worker that stops in order: room for the successor, `on_worker_exit` and what is
    /// still going on (`finish`), then `on_worker_stop`: what it takes down is in use until here.
    pub(super) fn retire(&self, who: Incarnation, mut finish: impl FnMut()) -> i32 {
        if self.is_copy() {
            return self.end_status.get().unwrap_or(0);
        }
        let record = &self.shared.workers[who.worker_id as usize];
        record.set_state(WorkerState::Exit);
        if let Some(status) = self.end_status.get() {
            self.keep_fault();
            return status;
        }
        record.retired_epoch.store(who.epoch, Release);
        self.shared.manager_bell.force();
        finish();
        if self.end_status.get().is_none() {
            self.note(between_turns(|| self.handler.on_worker_stop(who.worker_id)));
        }
        if self.end_status.get().is_some() {
            self.keep_fault();
        }
        self.end_status.get().unwrap_or(0)
    }
}

/// A worker of process mode.
#[derive(Debug)]
struct Worker {
    context: Rc<Context>,
    who: Incarnation,
    inboxes: Vec<Consumer>,
    /// For each reactor the message that comes in parts.
    long: Vec<RefCell<LongMessage>>,
    server_loop: ServerLoop,
    limit: RequestLimit,
    patience: Patience,
}

/// Runs a worker of process mode until it stops; answers the exit status of its process.
pub(super) fn run(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    who: Incarnation,
    signals: Signals,
) -> Result<i32, Error> {
    ignore_others()?;
    drop_privileges(shared)?;
    let context = enter(shared, handler, who, None)?;
    let server_loop = ServerLoop::enter(signals, &shared.worker_bells[who.lane()])?;
    let to_workers = shared
        .to_workers
        .as_ref()
        .ok_or_else(|| Error::Corrupt("a ring worker was started in base mode".to_owned()))?;
    let inboxes = (0..shared.hosts.len())
        .map(|reactor| to_workers.consumer(reactor, who.worker_id as usize))
        .collect();
    let max_bytes = shared.framing.max_bytes as usize;
    let mut worker = Worker {
        context,
        who,
        inboxes,
        long: (0..shared.hosts.len())
            .map(|_| RefCell::new(LongMessage::new(max_bytes)))
            .collect(),
        server_loop,
        limit: RequestLimit::new(shared),
        patience: Patience::default(),
    };
    worker.run()
}

impl Worker {
    fn run(&mut self) -> Result<i32, Error> {
        let id = self.who.worker_id;
        self.context.note(self.context.handler.on_worker_start(id));
        self.context.set_busy(false);
        while self.goes_on() {
            let mut busy = false;
            for reactor in 0..self.inboxes.len() {
                busy |= self.drain(reactor);
            }
            busy |= if self.context.stop.get() {
                self.context.serve_rest()
            } else {
                self.context.serve_posts()
            };
            if self.server_loop.is_signalled() {
                self.context.on_signals(&self.server_loop);
            }
            self.context.check_stop(self.who, &self.limit);
            if !self.goes_on() {
                break;
            }
            if busy {
                self.server_loop.glance()?;
                self.context.note_end(&self.server_loop);
            } else {
                let rests = self.context.stop.get() && self.context.has_rest();
                self.sleep(rests.then_some(REST_SLEEP))?;
            }
        }
        let mut failed = None;
        let context = Rc::clone(&self.context);
        let status = context.retire(self.who, || {
            failed = farewell(&context, self.who, &self.server_loop).err();
        });
        failed.map_or(Ok(status), Err)
    }

    /// A worker that was told to stop first takes the rest of messages that it has begun to take: its
    /// successor could make nothing of it.
    fn goes_on(&self) -> bool {
        !self.context.stop.get()
            || (self.context.end_status.get().is_none()
                && (self.long.iter().any(|long| long.borrow().is_open())
                    || self.context.has_rest()))
    }

    /// Whether to take messages of this reactor.
    fn takes_from(&self, reactor: usize) -> bool {
        !self.context.is_full()
            && self.context.end_status.get().is_none()
            && (!self.context.stop.get() || self.long[reactor].borrow().is_open())
    }

    /// Waits for messages, at most so long, and serves user code's own events.
    fn sleep(&mut self, limit: Option<Duration>) -> Result<(), Error> {
        let shared = Arc::clone(&self.context.shared);
        let bell = &shared.worker_bells[self.who.lane()];
        if self.finds_messages() {
            return Ok(());
        }
        self.patience.waited(0);
        bell.prepare_sleep();
        let may_take =
            |(reactor, inbox): (usize, &Consumer)| !inbox.is_empty() && self.takes_from(reactor);
        let has_posts =
            self.context.has_posts() && !self.context.stop.get() && !self.context.is_full();
        // Those are taken full or not.
        let has_posts = has_posts || self.context.has_replies();
        let may_sleep = !has_posts && !self.inboxes.iter().enumerate().any(may_take);
        if may_sleep && (self.context.stop.get() || !self.context.is_asked_to_stop(self.who)) {
            let waited = self.server_loop.wait(limit, |_| {});
            // The bell is not read: edge-triggered, the next ring is an event all the same.
            bell.awake();
            waited?;
            self.server_loop.run_ready();
            self.context.note_end(&self.server_loop);
        } else {
            bell.awake();
        }
        Ok(())
    }

    /// Before a sleep: whether reactor threads have written something meanwhile.
    fn finds_messages(&mut self) -> bool {
        if self.context.stop.get() || self.context.is_full() {
            return false;
        }
        let inboxes = &self.inboxes;
        let count = |limit| count_records(inboxes, limit);
        self.patience.finds(count)
    }

    /// Takes messages of one reactor; answers whether there were some.
    fn drain(&mut self, reactor: usize) -> bool {
        let record = &self.context.shared.lanes[self.who.lane()];
        let inbox = &self.inboxes[reactor];
        let mut taken = 0;
        while taken < DRAIN_BATCH && self.takes_from(reactor) {
            match inbox.peek() {
                Ok(Some(record)) => self.take(reactor, record),
                Ok(None) => break,
                Err(corrupt) => {
                    log::error(format_args!(
                        "ring of reactor {reactor}: {corrupt}; it is emptied"
                    ));
                    inbox.skip_all();
                    taken += 1;
                    break;
                }
            }
            taken += 1;
            if (self.limit.is_reached(record.requests.get())
                && !self.long[reactor].borrow().is_open())
                || self.server_loop.is_signalled()
                || self.server_loop.wants_glance()
            {
                break;
            }
        }
        // Once for the batch: it costs a fence, and a host that is rung for every message gets room for
        // one only.
        if taken > 0 && inbox.take_waiting() {
            self.context.shared.host_bell(reactor).force();
        }
        taken > 0
    }

    fn take(&self, reactor: usize, record: Record<'_>) {
        let (header, kind) = match Header::read(record.bytes()) {
            Ok((header, kind, _)) => (header, kind),
            Err(error) => return log::error(format_args!("a message is dropped: {error}")),
        };
        match kind {
            Kind::Receive if header.is_whole() => {
                self.context.receive(&header, Payload::Ring(record));
            }
            Kind::Receive => self.take_part(reactor, &header, record),
            kind => {
                // The event is taken once it is remembered: a successor must not run it again.
                let serving = self.context.begin_serving(header.session_id);
                record.release();
                self.context.serve_begun(kind, &header, serving);
            }
        }
    }

    fn take_part(&self, reactor: usize, header: &Header, record: Record<'_>) {
        let mut long = self.long[reactor].borrow_mut();
        let taken = long.take(&self.context, header, record);
        let serving = taken.whole.is_some().then(|| long.take_serving()).flatten();
        drop(long);
        close_lost(&self.context, taken.lost);
        let Some(whole) = taken.whole else { return };
        self.context.receive(header, Payload::Buffer(&whole));
        if let Some(serving) = serving {
            self.context.end_serving(serving);
        }
    }
}
