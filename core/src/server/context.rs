//! The running server as one process sees it: what the methods of `Swoole\Server` do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::Mode;
use super::dispatch::Dispatcher;
use super::handler::{ConnectionEvent, Event, EventHandler, Outcome, Role};
use super::incoming::Incoming;
use super::local::Local;
use super::mail::Mail;
use super::outbox::Outbox;
use super::server_loop::ServerLoop;
use super::serving::{InHand, Serving};
use super::session::{CLOSE_DONE, CLOSE_NONE, CLOSE_RUNNING, Known, PEER_GONE, Session};
use super::shared::{Ask, Phase, Shared, WorkerState};
use crate::error::Error;
use crate::ipc::message::{BY_SERVER, Kind, RESET};
use crate::options::Settings;
use crate::sys::signal::Signal;
use crate::sys::{forks, process};

thread_local! {
    static CURRENT: RefCell<Option<Rc<Context>>> = const { RefCell::new(None) };
}

/// The running server, in the main thread of each of its processes; `None` before and after.
#[must_use]
pub fn current() -> Option<Rc<Context>> {
    CURRENT.with_borrow(Clone::clone)
}

pub(super) fn set_current(context: Option<Rc<Context>>) {
    CURRENT.set(context);
}

/// Whether user code is told of connects or closes.
pub(super) fn announces(shared: &Shared, event: Event) -> bool {
    let settings = &shared.settings;
    let sticky = Dispatcher::is_sticky(settings.dispatch_mode);
    (sticky || settings.enable_unsafe_event) && shared.listens.to(event)
}

pub struct Context {
    pub(super) role: Role,
    pub(super) shared: Arc<Shared>,
    pub(super) handler: Rc<dyn EventHandler>,
    pub(super) outbox: Option<RefCell<Outbox>>,
    pub(super) local: Option<Local>,
    /// This worker's lane; 0 in other processes.
    pub(super) lane: usize,
    /// The process it was made in (see [`forks::generation`]).
    pub(super) born_in: u64,
    /// This worker was told to stop: by itself, or by a callback that ended the process.
    pub(super) stop: Cell<bool>,
    pub(super) end_status: Cell<Option<i32>>,
    pub(super) in_hand: InHand,
    /// To workers and task workers.
    pub(super) mail: Mail,
    /// From them.
    pub(super) incoming: Incoming,
    /// Where [`Context::client_list`] is.
    pub(super) known_sessions: RefCell<Known>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Context {
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    #[must_use]
    pub fn mode(&self) -> Mode {
        self.shared.mode
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// `None` outside of workers and task workers.
    #[must_use]
    pub fn worker_id(&self) -> Option<u32> {
        match self.role {
            Role::Worker { worker_id } | Role::TaskWorker { worker_id } => Some(worker_id),
            Role::Master | Role::Manager | Role::UserProcess { .. } => None,
        }
    }

    /// Whether this process serves connections.
    #[must_use]
    pub fn is_event_worker(&self) -> bool {
        matches!(self.role, Role::Worker { .. })
    }

    #[must_use]
    pub fn is_task_worker(&self) -> bool {
        matches!(self.role, Role::TaskWorker { .. })
    }

    #[must_use]
    pub fn master_pid(&self) -> i32 {
        self.shared.global.master_pid.load(Relaxed)
    }

    #[must_use]
    pub fn manager_pid(&self) -> i32 {
        self.shared.global.manager_pid.load(Relaxed)
    }

    #[must_use]
    pub fn worker_pid(&self, worker_id: u32) -> Option<i32> {
        let record = self.shared.workers.get(worker_id as usize)?;
        Some(record.pid.load(Relaxed))
    }

    #[must_use]
    pub fn worker_status(&self, worker_id: u32) -> Option<WorkerState> {
        let record = self.shared.workers.get(worker_id as usize)?;
        // The record of one that leaves is its successor's by now.
        if self.worker_id() == Some(worker_id) && self.stop.get() {
            return Some(WorkerState::Exit);
        }
        match record.state() {
            WorkerState::Starting => Some(WorkerState::Idle),
            state => Some(state),
        }
    }

    fn session(&self, session_id: u64) -> Result<&'static Session, Error> {
        let found = self.shared.sessions.get(session_id);
        found
            .filter(|session| session.is_adopted())
            .ok_or(Error::SessionNotExist { session_id })
    }

    #[must_use]
    pub fn exists(&self, session_id: u64) -> bool {
        self.session(session_id)
            .is_ok_and(|s| s.close_state() != CLOSE_DONE && s.peer.load(Relaxed) != PEER_GONE)
    }

    // ---- sending ----

    /// Sends bytes to a connection. `Ok` means that they are queued in full, in order, behind what was
    /// sent before.
    pub fn send(&self, session_id: u64, data: &[u8]) -> Result<(), Error> {
        if self.role == Role::Master {
            return Err(Error::SendInMaster);
        }
        let settings = &self.shared.settings;
        if data.is_empty() {
            return Err(Error::InvalidParams(
                "there is nothing to send: the data is empty".to_owned(),
            ));
        }
        if data.len() as u64 > settings.buffer_output_bytes {
            return Err(Error::DataTooLarge {
                len: data.len() as u64,
                max: settings.buffer_output_bytes,
                hint: Error::SENDFILE_HINT,
            });
        }
        let session = self.session(session_id)?;
        if session.close_state() == CLOSE_DONE || session.peer.load(Acquire) == PEER_GONE {
            return Err(Error::SessionClosed { session_id });
        }
        self.check_room(session_id, session, data.len() as u64)?;
        self.deliver(session_id, session, data)?;
        if self.worker_id().is_some() {
            let record = &self.shared.lanes[self.lane];
            record.responses.add_single_writer(1);
            record.all_responses.add_single_writer(1);
        }
        Ok(())
    }

    /// Refuses what would pile up: a peer that does not read may hold `socket_buffer_size` bytes, all
    /// peers together `max_output_buffer_total`. A single message of any allowed size always passes
    /// when nothing is queued for its peer.
    fn check_room(&self, session_id: u64, session: &Session, len: u64) -> Result<(), Error> {
        let settings = &self.shared.settings;
        let queued_bytes = session.send_queued_bytes.load(Relaxed);
        if queued_bytes == 0 {
            return self.check_total(len);
        }
        let on_the_way = match (&self.outbox, session.host()) {
            (Some(outbox), Some(host)) if self.local_host() != Some(host as usize) => {
                outbox.borrow().used_bytes(host as usize)
            }
            _ => 0,
        };
        if queued_bytes + on_the_way + len > settings.socket_buffer_bytes {
            return Err(Error::OutputBufferOverflow {
                session_id,
                queued_bytes,
                limit_bytes: settings.socket_buffer_bytes,
            });
        }
        self.check_total(len)
    }

    fn check_total(&self, len: u64) -> Result<(), Error> {
        let limit_bytes = self.shared.settings.output_total_limit_bytes;
        let queued_bytes = self.shared.queued_bytes();
        if queued_bytes + len > limit_bytes {
            return Err(Error::OutputQueueTotal {
                queued_bytes,
                limit_bytes,
            });
        }
        Ok(())
    }

    fn local_host(&self) -> Option<usize> {
        self.local.as_ref().map(|local| local.host)
    }

    fn deliver(&self, session_id: u64, session: &Session, data: &[u8]) -> Result<(), Error> {
        let host = session
            .host()
            .ok_or(Error::SessionNotExist { session_id })? as usize;
        if let Some(local) = &self.local
            && local.host == host
        {
            let mut set = local.set.borrow_mut();
            let key = set
                .find(session_id)
                .ok_or(Error::SessionNotExist { session_id })?;
            set.send_now(key, data);
            return Ok(());
        }
        let mut outbox = self.outbox()?.borrow_mut();
        let sent = outbox.send(host, session_id, data, || {
            self.while_waiting(session_id, host)
        });
        sent.map_err(|failure| {
            if failure.begun {
                // A message cut in the middle must not be continued by another one.
                outbox.request_close(host, session_id);
            }
            failure.error
        })
    }

    /// What goes on while this process waits for room: in base mode it takes what others send through it,
    /// or two workers would wait for each other. Answers whether waiting still makes sense.
    fn while_waiting(&self, session_id: u64, host: usize) -> bool {
        if let Some(local) = &self.local {
            local.take_in(&self.shared);
        }
        self.take_in_posts();
        let session = self.shared.sessions.get(session_id);
        session.and_then(Session::host) == Some(host as u32)
    }

    fn outbox(&self) -> Result<&RefCell<Outbox>, Error> {
        self.outbox.as_ref().ok_or_else(|| {
            Error::WrongProcess("this needs a worker or the manager process; in the master there is no way to the connections".to_owned())
        })
    }

    // ---- closing ----

    /// Closes a connection: `on_close` runs, then everything sent before reaches the peer, then FIN.
    /// With `reset` what is queued is dropped and the peer gets RST.
    pub fn close(&self, session_id: u64, reset: bool) -> Result<(), Error> {
        let session = self.session(session_id)?;
        let how = BY_SERVER | if reset { RESET } else { 0 };
        match session.close_state() {
            CLOSE_NONE => {}
            // The host drops what is queued at once; a close that is under way goes on and finds it gone.
            _ if reset => return self.confirm(session_id, session, how),
            CLOSE_RUNNING => return Err(Error::SessionClosing { session_id }),
            _ => return Err(Error::SessionClosed { session_id }),
        }
        let host = session
            .host()
            .ok_or(Error::SessionNotExist { session_id })? as usize;
        if self.serves(session, host) {
            return self.run_close(session_id, session, how, how);
        }
        self.tell(host, session_id, Kind::CloseRequest, how)
    }

    fn tell(&self, host: usize, session_id: u64, kind: Kind, how: u8) -> Result<(), Error> {
        let mut outbox = self.outbox()?.borrow_mut();
        outbox.tell(host, session_id, kind, how, || {
            self.while_waiting(session_id, host)
        })
    }

    /// Whether `on_close` of this session runs in this process.
    fn serves(&self, session: &Session, host: usize) -> bool {
        let Role::Worker { worker_id } = self.role else {
            return false;
        };
        match self.shared.mode {
            Mode::Base => self.local_host() == Some(host),
            Mode::Process if Dispatcher::is_sticky(self.settings().dispatch_mode) => {
                session.worker.load(Relaxed) == worker_id + 1
            }
            Mode::Process => true,
        }
    }

    /// Runs `on_close` once, then tells the host. `how` says who closes, for the callback; `confirmed` is
    /// what the host is told: only a worker that closes on its own may say BY_SERVER, which ends the
    /// connection whatever other workers still have of it.
    pub(super) fn run_close(
        &self,
        session_id: u64,
        session: &Session,
        how: u8,
        confirmed: u8,
    ) -> Result<(), Error> {
        if !session.begin_close(session_id) {
            return self.finish_foreign_close(session_id, session, confirmed);
        }
        let serving = self.begin_serving(session_id);
        let mut outcome = Outcome::Done;
        if announces(&self.shared, Event::Close) {
            let mut event = self.event(session, session_id, 0, Serving::default());
            if how & BY_SERVER != 0 {
                event.reactor_id = -1;
            }
            outcome = self.handler.on_close(&event);
            self.note(outcome);
        }
        session.finish_close(session_id);
        let told = self.confirm(session_id, session, confirmed);
        // What of it goes on in a coroutine has nothing to answer any more.
        if outcome == Outcome::Suspended {
            outcome = Outcome::Done;
        }
        self.after_callback(serving, outcome);
        told
    }

    /// A close that another process began, or began and did not live to confirm.
    fn finish_foreign_close(
        &self,
        session_id: u64,
        session: &Session,
        confirmed: u8,
    ) -> Result<(), Error> {
        if Dispatcher::is_sticky(self.settings().dispatch_mode) {
            // All of it happens in this worker: a close that still runs is one of a dead predecessor.
            session.finish_close(session_id);
        }
        self.confirm(session_id, session, confirmed)
    }

    /// The workers are done with a connection.
    pub(super) fn confirm(&self, session_id: u64, session: &Session, how: u8) -> Result<(), Error> {
        let host = session
            .host()
            .ok_or(Error::SessionNotExist { session_id })? as usize;
        if let Some(local) = &self.local
            && local.host == host
        {
            let mut set = local.set.borrow_mut();
            if let Some(key) = set.find(session_id) {
                set.confirm_close(key, how & RESET != 0);
            }
            return Ok(());
        }
        self.tell(host, session_id, Kind::CloseConfirm, how)
    }

    pub(super) fn event(
        &self,
        session: &Session,
        session_id: u64,
        time_us: u64,
        serving: Serving,
    ) -> ConnectionEvent {
        let host = session.host().unwrap_or(0) as usize;
        ConnectionEvent {
            session_id,
            reactor_id: self.shared.reactor_id(host) as i32,
            port: session.port.load(Relaxed) as u16,
            dispatch_time_s: time_us as f64 / 1e6,
            serving,
        }
    }

    /// Keeps what a callback wants of its process.
    pub(super) fn note(&self, outcome: Outcome) {
        if let Outcome::EndProcess { status } = outcome {
            self.stop.set(true);
            self.end_status.set(Some(status));
        } else if self.is_copy() {
            self.stop.set(true);
            self.end_status.set(Some(0));
        }
    }

    /// Whether this process is a child that user code forked in a callback. It must not go on with the
    /// role's work, which is its parent's, and leaves the shared state alone: it ends.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.born_in != forks::generation()
    }

    /// Whether user code that the event loop ran wants the process to end.
    pub(super) fn note_end(&self, server_loop: &ServerLoop) {
        if server_loop.has_exited() {
            self.stop.set(true);
        }
        if let Some(status) = server_loop.event_loop().ended()
            && self.end_status.get().is_none()
        {
            self.note(Outcome::EndProcess { status });
        }
        if self.is_copy() && self.end_status.get().is_none() {
            self.note(Outcome::Done);
        }
    }

    // ---- marks ----

    /// Binds a connection to a user id, once. With dispatch mode 5 the id decides on the worker.
    pub fn bind(&self, session_id: u64, uid: i64) -> Result<(), Error> {
        let session = self.session(session_id)?;
        let set = session.uid.compare_exchange(0, uid, AcqRel, Relaxed);
        set.map(|_| ()).map_err(|bound| Error::AlreadyBound {
            session_id,
            uid: bound,
        })
    }

    /// Keeps a connection from being ended by the heartbeat.
    pub fn protect(&self, session_id: u64, on: bool) -> Result<(), Error> {
        self.session(session_id)?
            .protected
            .store(u32::from(on), Relaxed);
        Ok(())
    }

    // ---- processes ----

    /// Asks the manager for a reload of the workers.
    pub fn reload(&self, only_task_workers: bool) -> Result<(), Error> {
        self.ask_manager(if only_task_workers {
            Ask::ReloadTaskWorkers
        } else {
            Ask::Reload
        })
    }

    /// Asks for a graceful end of the server.
    pub fn shutdown(&self) -> Result<(), Error> {
        if self.manager_pid() <= 0 || self.role == Role::Master {
            // The process that would be asked is this one.
            return Ok(process::kill(process::getpid(), Signal::TERM)?);
        }
        self.ask_manager(Ask::ShutDown)
    }

    /// Through shared memory and not by a signal: a worker that runs as another user may not send one.
    fn ask_manager(&self, ask: Ask) -> Result<(), Error> {
        if self.manager_pid() <= 0 {
            return Err(Error::OperationNotSupport(
                "reload needs a manager process: base mode with one worker has none".to_owned(),
            ));
        }
        self.shared.global.ask(ask);
        self.shared.manager_bell.force();
        Ok(())
    }

    /// Has a worker (`None`: this one) finish what it has and make room for a new one.
    pub fn stop_worker(&self, worker_id: Option<u32>) -> Result<(), Error> {
        let own = self.worker_id();
        let Some(id) = worker_id.or(own) else {
            return Err(Error::WrongProcess(
                "stop() without a worker id is for worker processes".to_owned(),
            ));
        };
        if Some(id) == own {
            self.stop.set(true);
            return Ok(());
        }
        let core = self.shared.core_workers();
        let record = self.shared.workers.get(id as usize);
        let Some(record) = record.filter(|_| (id as usize) < core) else {
            return Err(Error::InvalidWorkerId {
                given: i64::from(id),
                last: core as u32 - 1,
            });
        };
        record.stop_epoch.store(record.epoch.load(Acquire), Release);
        self.shared.worker_bell(id as usize).force();
        Ok(())
    }

    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.shared.global.phase() >= Phase::ShuttingDown
    }
}
