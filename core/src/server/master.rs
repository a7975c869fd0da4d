//! The master of process mode: its main thread accepts and handles signals, its reactor threads own the
//! connections. It never forks again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::AcqRel;
use std::thread::JoinHandle;
use std::time::Duration;

use super::acceptor::{Accepted, Acceptor};
use super::affinity::share_of;
use super::context::{Context, set_current};
use super::handler::{EventHandler, Role};
use super::incoming::Incoming;
use super::mail::{Mail, Patience};
use super::mailbox::{Command, Farewell, Mailbox};
use super::manager::HURRY_AFTER_MS;
use super::reactor_thread::ReactorThread;
use super::server_loop::{ServerLoop, between_turns};
use super::serving::InHand;
use super::shared::{Ask, Phase, Shared};
use super::start::{BELL_TOKEN, LISTENER_TOKEN, SIGNAL_TOKEN, Signals, reopens_log};
use crate::error::Error;
use crate::log;
use crate::net::listener::Listener;
use crate::reactor::clock;
use crate::sys::Pid;
use crate::sys::signal::{self, Signal};
use crate::sys::thread::LockingThread;
use crate::sys::{forks, process, reaped};

/// What the manager may take beyond `max_wait_time` for its own end, in milliseconds.
const MANAGER_GRACE_MS: u64 = 2_000;

struct Master {
    shared: Arc<Shared>,
    handler: Rc<dyn EventHandler>,
    context: Rc<Context>,
    server_loop: ServerLoop,
    acceptor: Acceptor,
    mailboxes: Vec<Arc<Mailbox>>,
    threads: Vec<JoinHandle<Result<(), Error>>>,
    manager: Pid,
    manager_alive: bool,
    /// SIGTERM, SIGINT, or a callback that ended the process.
    stop: bool,
    /// When SIGTERM or SIGINT came first, monotonic milliseconds.
    signalled_ms: Option<u64>,
    /// Asked for a second time: no more waiting.
    hurry: bool,
}

/// Runs the master until the server is down; answers the exit status.
pub(super) fn run(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    listeners: Vec<Listener>,
    signals: Signals,
    manager: Pid,
) -> Result<i32, Error> {
    shared
        .global
        .manager_pid
        .store(manager.as_raw(), std::sync::atomic::Ordering::Release);
    let master = Master::new(shared, handler, listeners, signals, manager);
    let mut master = match master {
        Ok(master) => master,
        Err(error) => {
            // Nothing may stay behind: the manager's death ends the workers.
            let _ = process::kill(manager, Signal::KILL);
            let _ = process::wait_for(manager);
            return Err(error);
        }
    };
    master.serve()
}

impl Master {
    fn new(
        shared: &Arc<Shared>,
        handler: &Rc<dyn EventHandler>,
        listeners: Vec<Listener>,
        signals: Signals,
        manager: Pid,
    ) -> Result<Self, Error> {
        let context = Rc::new(Context {
            role: Role::Master,
            shared: Arc::clone(shared),
            handler: Rc::clone(handler),
            outbox: None::<RefCell<_>>,
            local: None,
            lane: 0,
            born_in: forks::generation(),
            stop: Cell::new(false),
            end_status: Cell::new(None),
            in_hand: InHand::default(),
            mail: Mail::new(shared, shared.master_producer(), 1, Patience::Backlog),
            incoming: Incoming::default(),
            known_sessions: RefCell::default(),
        });
        set_current(Some(Rc::clone(&context)));
        let server_loop = ServerLoop::enter(signals, &shared.master_bell)?;
        let acceptor = Acceptor::new(Arc::clone(shared), listeners);
        acceptor.watch(&server_loop, LISTENER_TOKEN)?;
        let mut master = Self {
            shared: Arc::clone(shared),
            handler: Rc::clone(handler),
            context,
            server_loop,
            acceptor,
            mailboxes: Vec::new(),
            threads: Vec::new(),
            manager,
            manager_alive: true,
            stop: false,
            signalled_ms: None,
            hurry: false,
        };
        master.start_threads()?;
        Ok(master)
    }

    fn start_threads(&mut self) -> Result<(), Error> {
        // Signals are the main thread's.
        let _mask = signal::block_all()?;
        for id in 0..self.shared.hosts.len() {
            let shared = Arc::clone(&self.shared);
            let mailbox = Arc::new(Mailbox::new(Arc::clone(&shared), id));
            self.mailboxes.push(Arc::clone(&mailbox));
            let counted = LockingThread::announce();
            let thread = std::thread::Builder::new()
                .name(format!("reactor-{id}"))
                .spawn(move || {
                    let _counted = counted;
                    run_reactor(id, &shared, &mailbox)
                })
                .map_err(|error| Error::os("start a reactor thread", "", &error))?;
            self.threads.push(thread);
        }
        Ok(())
    }

    fn serve(&mut self) -> Result<i32, Error> {
        self.handler.process_started(Role::Master);
        self.shared.global.set_phase(Phase::Running);
        self.context.note(between_turns(|| self.handler.on_start()));
        while !self.stop && self.context.end_status.get().is_none() {
            self.turn(None)?;
            self.accept();
            if self.mailboxes.iter().any(|mailbox| mailbox.has_ended()) {
                log::error(format_args!("a reactor thread has ended: the server stops"));
                self.context.end_status.set(Some(1));
            }
        }
        if !self.context.is_copy() {
            self.shut_down()?;
        }
        Ok(self.context.end_status.get().unwrap_or(0))
    }

    /// Waits for the next event and handles signals.
    fn turn(&mut self, limit_ms: Option<u64>) -> Result<(), Error> {
        let now = clock::monotonic_ms();
        let retry = self
            .acceptor
            .retry_at_ms()
            .map(|at| at.saturating_sub(now).max(1));
        let timeout = if self.acceptor.is_ready() {
            Some(0)
        } else {
            retry
        };
        let timeout = [timeout, limit_ms].into_iter().flatten().min();
        let acceptor = &mut self.acceptor;
        self.server_loop
            .wait(timeout.map(Duration::from_millis), |event| {
                match event.token {
                    // Edge-triggered: the next ring is an event although the counter was not read.
                    BELL_TOKEN | SIGNAL_TOKEN => {}
                    token => acceptor.on_ready(LISTENER_TOKEN - token),
                }
            })?;
        self.server_loop.run_ready();
        self.context.note_end(&self.server_loop);
        self.context.mail.flush();
        self.on_signals();
        if self.shared.global.shutdown_asked.swap(0, AcqRel) != 0 || self.context.stop.get() {
            self.stop = true;
        }
        Ok(())
    }

    fn accept(&mut self) {
        let reactors = self.shared.hosts.len() as u32;
        if self.acceptor.is_ready() {
            let accepted = self.acceptor.accept(|fd| fd.unsigned_abs() % reactors);
            self.hand_over(accepted);
        }
    }

    fn hand_over(&self, accepted: Vec<Accepted>) {
        for connection in accepted {
            self.mailboxes[connection.host as usize].post(Command::Connection {
                stream: connection.stream,
                session_id: connection.session_id,
                port: connection.port,
            });
        }
    }

    fn on_signals(&mut self) {
        for signal in self.server_loop.take_signals() {
            match signal {
                Signal::TERM | Signal::INT => {
                    let now = clock::monotonic_ms();
                    let since = *self.signalled_ms.get_or_insert(now);
                    self.hurry |= now - since >= HURRY_AFTER_MS;
                    self.stop = true;
                }
                Signal::CHLD => self.reap(),
                Signal::USR1 | Signal::USR2 => self.tell_manager(signal),
                signal if reopens_log(signal) => {
                    log::reopen();
                    self.tell_manager(signal);
                }
                _ => {}
            }
        }
    }

    fn tell_manager(&self, signal: Signal) {
        if self.manager_alive
            && let Err(error) = process::kill(self.manager, signal)
        {
            log::error(format_args!(
                "the manager (pid {}) cannot be told: {error}",
                self.manager
            ));
        }
    }

    fn reap(&mut self) {
        loop {
            match process::wait_any() {
                Ok(Some((pid, status))) if pid == self.manager => {
                    self.manager_alive = false;
                    if self.shared.global.phase() == Phase::StoppingWorkers && status.raw == 0 {
                        continue;
                    }
                    log::error(format_args!(
                        "the manager (pid {pid}) ended with status={}, signal={}: its workers end with it, the server stops",
                        status.code, status.signal
                    ));
                    self.stop = true;
                    self.hurry = true;
                    let status = if status.code != 0 { status.code } else { 1 };
                    self.context.end_status.set(Some(status));
                }
                // An orphan, where the master is the first process of a container, or a child of user
                // code, which may ask for it.
                Ok(Some((pid, status))) => reaped::keep(pid, status),
                Ok(None) => return,
                Err(error) => return log::error(format_args!("waiting for the manager: {error}")),
            }
        }
    }

    // ---- the end ----

    /// Stops accepting, has everything finished that is in flight, ends the manager and its workers.
    fn shut_down(&mut self) -> Result<(), Error> {
        let limit_ms = self.shared.settings.max_wait_time_ms;
        let deadline = (limit_ms > 0).then(|| clock::monotonic_ms() + limit_ms);
        let failed = self.context.end_status.get();
        if !self.hurry && failed.is_none() {
            self.context.note(self.handler.on_before_shutdown());
        }
        self.shared.global.set_phase(Phase::ShuttingDown);
        let reactors = self.shared.hosts.len() as u32;
        let rest = self.acceptor.accept_rest(|fd| fd.unsigned_abs() % reactors);
        self.hand_over(rest);
        self.acceptor.remove_socket_files();
        self.acceptor.stop();
        self.tell_reactors(|| Command::ShutDown);
        while !self.is_drained() && !self.hurry {
            let now = clock::monotonic_ms();
            if deadline.is_some_and(|deadline| now >= deadline) {
                log::warning(format_args!(
                    "{} connections were not done within max_wait_time ({limit_ms} ms) and are cut",
                    self.context.connection_count()
                ));
                break;
            }
            self.turn(deadline.map(|deadline| deadline - now))?;
        }
        self.tell_reactors(|| Command::Stop);
        self.shared.global.set_phase(Phase::StoppingWorkers);
        self.end_manager(limit_ms)?;
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::error(format_args!("a reactor thread ended: {error}")),
                Err(_) => log::error(format_args!("a reactor thread panicked")),
            }
        }
        if failed.is_none() {
            self.context
                .note(between_turns(|| self.handler.on_shutdown()));
        }
        Ok(())
    }

    fn tell_reactors(&self, command: impl Fn() -> Command) {
        for mailbox in &self.mailboxes {
            mailbox.post(command());
        }
    }

    /// A reactor thread that has ended has nothing left to finish, however it ended.
    fn is_drained(&self) -> bool {
        self.mailboxes.iter().all(|mailbox| mailbox.has_ended())
    }

    fn end_manager(&mut self, limit_ms: u64) -> Result<(), Error> {
        self.tell_manager(Signal::TERM);
        let start = clock::monotonic_ms();
        let mut limit = (limit_ms > 0).then_some(limit_ms + MANAGER_GRACE_MS);
        let mut hurried = false;
        while self.manager_alive {
            if self.hurry && !hurried {
                // Not by a second signal: it would melt into the first one.
                hurried = true;
                limit = Some(MANAGER_GRACE_MS);
                self.shared.global.ask(Ask::Hurry);
                self.shared.manager_bell.force();
            }
            let waited = clock::monotonic_ms() - start;
            if limit.is_some_and(|limit| waited >= limit) {
                log::error(format_args!(
                    "the manager (pid {}) did not end and is killed, its workers with it",
                    self.manager
                ));
                let _ = process::kill(self.manager, Signal::KILL);
                let _ = process::wait_for(self.manager);
                self.manager_alive = false;
                break;
            }
            self.turn(limit.map(|limit| limit - waited))?;
        }
        Ok(())
    }
}

fn run_reactor(id: usize, shared: &Arc<Shared>, mailbox: &Arc<Mailbox>) -> Result<(), Error> {
    let _farewell = Farewell(mailbox);
    let settings = &shared.settings;
    if settings.open_cpu_affinity {
        let cpus = share_of(id, process::cpu_count(), &settings.cpu_affinity_ignore);
        if let Err(error) = process::set_affinity(&cpus) {
            log::warning(format_args!(
                "reactor {id} cannot be bound to CPU {cpus:?}: {error}"
            ));
        }
    }
    ReactorThread::new(id, Arc::clone(shared), Arc::clone(mailbox))?.run()
}
