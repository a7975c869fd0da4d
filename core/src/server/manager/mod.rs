//! The manager: forks the workers, notices their end, replaces and reloads them. Single-threaded, so it
//! may fork at any time. In base mode the first process of the server is the manager.

mod reload;
mod served;
mod workers;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

use super::context::{Context, set_current};
use super::entry::Incarnation;
use super::handler::{EventHandler, Role};
use super::incoming::Incoming;
use super::mail::{Mail, Patience};
use super::outbox::Outbox;
use super::server_loop::{ServerLoop, between_turns};
use super::serving::InHand;
use super::shared::{Ask, Phase, Shared};
use super::start::{self, Signals};
use crate::error::Error;
use crate::ipc::message::Header;
use crate::log;
use crate::net::listener::Listener;
use crate::reactor::clock;
use crate::sys::Pid;
use crate::sys::process::ExitStatus;
use crate::sys::signal::{self, Signal};
use crate::sys::{forks, process};

/// A worker that ends sooner than this after its start is in trouble, in milliseconds.
const QUICK_DEATH_MS: u64 = 1_000;
/// The first pause before such a worker is started again; doubles each time, in milliseconds.
const RESPAWN_PAUSE_MS: u64 = 100;
const RESPAWN_PAUSE_MAX_MS: u64 = 5_000;
/// What a worker may take beyond `max_wait_time` before it is killed, in milliseconds.
const KILL_GRACE_MS: u64 = 500;
/// Signals of one request (a terminal sends to all processes, service managers as well) come closer
/// together than this, in milliseconds; a later one is a second request.
pub(super) const HURRY_AFTER_MS: u64 = 500;
/// A process of user code that dies of SIGTERM may be the first to hear of the end of the server: service managers
/// tell one process after the other. For so many milliseconds it is not taken for an accident.
const TERM_MS: u64 = 500;
/// How soon to try again when a ring to a host was full, in milliseconds.
const RETRY_MS: u64 = 10;

/// How the manager's part of a process ended.
pub(super) enum Ended {
    /// This is a forked child: run this worker.
    Become(Incarnation, Signals),
    Done {
        status: i32,
    },
}

/// An incarnation that made room for its successor and is finishing.
#[derive(Clone, Copy, Debug)]
struct Old {
    pid: i32,
    epoch: u32,
    kill_at_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct Slot {
    /// 0 while there is none.
    pid: i32,
    epoch: u32,
    spawned_ms: u64,
    quick_deaths: u32,
    spawn_at_ms: Option<u64>,
    /// Set once it was told to stop.
    kill_at_ms: Option<u64>,
    stopping: bool,
    old: Option<Old>,
}

impl Slot {
    /// Whether the next incarnation's rings are free: they are those of the one before the last.
    fn has_free_lane(&self) -> bool {
        self.old.is_none_or(|old| old.epoch & 1 == self.epoch & 1)
    }
}

/// A process of user code that died of SIGTERM before anything was heard of an end.
#[derive(Clone, Copy, Debug)]
struct Terminated {
    index: usize,
    epoch: u32,
    pid: i32,
    status: ExitStatus,
    judge_at_ms: u64,
}

/// A reload in progress.
#[derive(Debug, Default)]
struct Reload {
    active: bool,
    /// Workers still to be told to stop, one after the other.
    waiting: VecDeque<usize>,
    /// Workers that were told and are not replaced yet, with the epoch to be replaced.
    replacing: Vec<(usize, u32)>,
}

pub(super) struct Manager {
    shared: Arc<Shared>,
    handler: Rc<dyn EventHandler>,
    context: Rc<Context>,
    signals: Signals,
    server_loop: ServerLoop,
    slots: Vec<Slot>,
    reload: Reload,
    /// Messages to hosts that found the ring full.
    untold: VecDeque<(usize, Header)>,
    /// This process is the first of the server (base mode).
    is_main: bool,
    /// Base mode: what the workers inherit.
    listeners: Rc<RefCell<Vec<Listener>>>,
    shutting_down: bool,
    /// An end was asked for, which the master may still be preparing.
    end_asked: bool,
    terminated: Vec<Terminated>,
    /// When the shutdown was asked for, monotonic milliseconds.
    asked_ms: u64,
}

enum Step {
    Go,
    Become(Incarnation),
}

/// Runs the manager in this process until the server is down.
pub(super) fn run(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    signals: Signals,
    is_main: bool,
    listeners: Rc<RefCell<Vec<Listener>>>,
) -> Result<Ended, Error> {
    log::set_identity(log::Flag::Manager, 0);
    if !is_main {
        // The terminal's Ctrl-C goes to every process; what follows from it is the master's business.
        signal::ignore(Signal::INT)?;
    }
    let pid = process::getpid().as_raw();
    shared.global.manager_pid.store(pid, Release);
    let producer = shared.manager_producer();
    let context = Rc::new(Context {
        role: Role::Manager,
        shared: Arc::clone(shared),
        handler: Rc::clone(handler),
        outbox: Some(RefCell::new(Outbox::new(shared, producer, 0))),
        local: None,
        lane: 0,
        born_in: forks::generation(),
        stop: Cell::new(false),
        end_status: Cell::new(None),
        in_hand: InHand::default(),
        mail: Mail::new(shared, shared.manager_producer(), 1, Patience::Backlog),
        incoming: Incoming::default(),
        known_sessions: RefCell::default(),
    });
    set_current(Some(Rc::clone(&context)));
    handler.process_started(Role::Manager);
    let server_loop = ServerLoop::enter(Rc::clone(&signals), &shared.manager_bell)?;
    let mut manager = Manager {
        shared: Arc::clone(shared),
        handler: Rc::clone(handler),
        context,
        signals,
        server_loop,
        slots: (0..shared.workers.len()).map(|_| Slot::default()).collect(),
        reload: Reload::default(),
        untold: VecDeque::new(),
        is_main,
        listeners,
        shutting_down: false,
        end_asked: false,
        terminated: Vec::new(),
        asked_ms: 0,
    };
    let step = manager.serve()?;
    let Manager {
        signals, context, ..
    } = manager;
    Ok(match step {
        Step::Become(who) => Ended::Become(who, signals),
        Step::Go => Ended::Done {
            status: context.end_status.get().unwrap_or(0),
        },
    })
}

impl Manager {
    fn serve(&mut self) -> Result<Step, Error> {
        for index in 0..self.slots.len() {
            if let Step::Become(who) = self.spawn(index)? {
                return Ok(Step::Become(who));
            }
        }
        if self.is_main {
            self.shared.global.set_phase(Phase::Running);
        }
        self.context.note(self.handler.on_manager_start());
        while !self.context.is_copy() {
            self.on_signals();
            self.on_asked();
            self.check_callbacks();
            self.judge_terminated();
            if let Step::Become(who) = self.replace_retired()? {
                return Ok(Step::Become(who));
            }
            if let Step::Become(who) = self.spawn_due()? {
                return Ok(Step::Become(who));
            }
            self.stop_task_workers();
            self.kill_due();
            self.advance_reload();
            self.tell_untold();
            self.context.mail.flush();
            if self.shutting_down && self.slots.iter().all(|s| s.pid == 0 && s.old.is_none()) {
                break;
            }
            self.wait()?;
        }
        let context = Rc::clone(&self.context);
        if !context.is_copy() {
            context.tell_left_tasks();
            context.note(between_turns(|| self.handler.on_manager_stop()));
        }
        Ok(Step::Go)
    }

    fn wait(&mut self) -> Result<(), Error> {
        let now = clock::monotonic_ms();
        let retry = (!self.untold.is_empty()).then_some(now + RETRY_MS);
        let next = self
            .slots
            .iter()
            .flat_map(|s| {
                let spawn_at_ms = s
                    .spawn_at_ms
                    .filter(|_| s.has_free_lane() && self.untold.is_empty());
                [
                    spawn_at_ms,
                    s.kill_at_ms,
                    s.old.and_then(|old| old.kill_at_ms),
                ]
            })
            .chain([retry])
            .chain(self.terminated.iter().map(|t| Some(t.judge_at_ms)))
            .flatten()
            .min();
        let timeout = next.map(|at| Duration::from_millis(at.saturating_sub(now)));
        self.server_loop.wait(timeout, |_| {})?;
        self.server_loop.run_ready();
        self.context.note_end(&self.server_loop);
        start::clear_bell(&self.shared.manager_bell);
        Ok(())
    }

    /// A callback of the manager that ends its process ends the server.
    fn check_callbacks(&mut self) {
        if self.context.end_status.get().is_some() && !self.shutting_down {
            self.ask_shutdown();
            if !self.is_main {
                // The master stops everything else; this process must not wait for user code again.
                self.begin_shutdown();
            }
        }
    }

    // ---- what others want ----

    fn on_signals(&mut self) {
        for signal in self.server_loop.take_signals() {
            match signal {
                Signal::TERM | Signal::INT => self.on_terminate(),
                Signal::USR1 => self.begin_reload(),
                Signal::USR2 => self.reload_task_workers(),
                Signal::CHLD => self.reap(),
                signal if start::reopens_log(signal) => {
                    log::reopen();
                    // Processes of user code look there; they hear of the signal only if they want to.
                    self.shared.global.log_requests.fetch_add(1, Relaxed);
                    self.signal_workers(signal);
                }
                _ => {}
            }
        }
    }

    fn on_asked(&mut self) {
        let asked = self.shared.global.take_asked();
        if asked(Ask::ShutDown) {
            self.ask_shutdown();
        }
        if asked(Ask::Hurry) {
            self.ask_shutdown();
            self.hurry();
        }
        if asked(Ask::Reload) {
            self.begin_reload();
        }
        if asked(Ask::ReloadTaskWorkers) {
            self.reload_task_workers();
        }
    }

    fn on_terminate(&mut self) {
        let again = self.shutting_down && clock::monotonic_ms() - self.asked_ms >= HURRY_AFTER_MS;
        if again {
            self.hurry();
        } else {
            self.ask_shutdown();
        }
    }

    /// The order of a shutdown is the master's: it stops accepting, has everything finished that is in
    /// flight, and only then lets the workers be stopped. Asking again changes nothing.
    fn ask_shutdown(&mut self) {
        if self.shutting_down {
            return;
        }
        self.end_asked = true;
        if self.is_main || self.shared.global.phase() == Phase::StoppingWorkers {
            return self.begin_shutdown();
        }
        self.shared.global.shutdown_asked.store(1, Release);
        self.shared.master_bell.force();
    }

    /// Asked for a second time by a person: whoever asks has no patience left.
    fn hurry(&mut self) {
        let now = clock::monotonic_ms();
        for slot in &mut self.slots {
            slot.kill_at_ms = Some(now);
            if let Some(old) = &mut slot.old {
                old.kill_at_ms = Some(now);
            }
        }
    }

    fn begin_shutdown(&mut self) {
        self.shutting_down = true;
        self.end_asked = true;
        self.asked_ms = clock::monotonic_ms();
        if self.is_main {
            self.shared.global.set_phase(Phase::ShuttingDown);
            // The workers take whom the kernel has let in already; nobody else gets in.
            for listener in self.listeners.borrow_mut().drain(..) {
                listener.remove_socket_file();
            }
            self.context.note(self.handler.on_before_shutdown());
        }
        self.reload = Reload::default();
        let kill_at_ms = self.kill_time();
        for index in 0..self.slots.len() {
            self.slots[index].spawn_at_ms = None;
            if let Some(old) = &mut self.slots[index].old {
                old.kill_at_ms = old.kill_at_ms.or(kill_at_ms);
            }
            // Workers may wait for results of tasks.
            if !self.is_task_worker(index) {
                self.stop(index);
            }
        }
    }

    /// Whether the server is about to end. Until the shutdown begins here, workers are replaced as ever: others
    /// wait for what they do.
    fn is_ending(&self) -> bool {
        self.end_asked || self.shared.global.phase() >= Phase::ShuttingDown
    }

    fn is_user_process(&self, index: usize) -> bool {
        index >= self.shared.core_workers()
    }

    fn is_task_worker(&self, index: usize) -> bool {
        (self.shared.event_workers()..self.shared.core_workers()).contains(&index)
    }

    /// In a shutdown: ends the task workers when the workers are gone. They do what was accepted, within
    /// what is left of `max_wait_time`.
    fn stop_task_workers(&mut self) {
        let gone = |slot: &Slot| slot.pid == 0 && slot.old.is_none();
        let workers = self.slots.iter().take(self.shared.event_workers());
        if !self.shutting_down || !workers.clone().all(gone) {
            return;
        }
        let limit_ms = self.shared.settings.max_wait_time_ms;
        let end_ms = (self.asked_ms + limit_ms).max(clock::monotonic_ms()) + KILL_GRACE_MS;
        for index in self.shared.event_workers()..self.shared.core_workers() {
            if !self.slots[index].stopping {
                self.stop(index);
                self.slots[index].kill_at_ms = (limit_ms > 0).then_some(end_ms);
            }
        }
    }

    fn signal_workers(&self, signal: Signal) {
        for pid in self.slots.iter().map(|s| s.pid).filter(|pid| *pid > 0) {
            // One that has just ended is reaped in a moment.
            let _ = process::kill(Pid::from_raw(pid), signal);
        }
    }

    /// When something that begins to stop now must be over.
    fn kill_time(&self) -> Option<u64> {
        let limit_ms = self.shared.settings.max_wait_time_ms;
        // A worker uses the whole time for its connections and for user code's events, and ends by itself.
        (limit_ms > 0).then(|| clock::monotonic_ms() + limit_ms + KILL_GRACE_MS)
    }

    /// Tells a worker to stop, once.
    fn stop(&mut self, index: usize) {
        let kill_at_ms = self.kill_time();
        let slot = &mut self.slots[index];
        if slot.pid == 0 || slot.stopping {
            return;
        }
        slot.stopping = true;
        slot.kill_at_ms = kill_at_ms;
        if let Err(error) = process::kill(Pid::from_raw(slot.pid), Signal::TERM) {
            log::warning(format_args!(
                "process {index} (pid {}) cannot be told to stop: {error}",
                slot.pid
            ));
        }
    }

    fn kill_due(&mut self) {
        let now = clock::monotonic_ms();
        let due = |at: &Option<u64>| at.is_some_and(|at| at <= now);
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.pid > 0 && due(&slot.kill_at_ms) {
                slot.kill_at_ms = None;
                kill_late(index, slot.pid);
            }
            if let Some(old) = &mut slot.old
                && due(&old.kill_at_ms)
            {
                old.kill_at_ms = None;
                kill_late(index, old.pid);
            }
        }
    }
}

/// It did not stop within `max_wait_time`. In the reference's words.
fn kill_late(index: usize, pid: i32) {
    log::warning(format_args!(
        "ReloadTask::kill_all(): force kill worker process(pid={pid}, id={index})"
    ));
    // One that has just ended is reaped in a moment.
    let _ = process::kill(Pid::from_raw(pid), Signal::KILL);
}
