//! The manager: forks the workers, notices their end, replaces and reloads them. Single-threaded, so it
//! may fork at any time. In base mode the first process of the server is the manager.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use super::Mode;
use super::context::{Context, set_current};
use super::handler::{EventHandler, Role, WorkerFault};
use super::outbox::Outbox;
use super::shared::{Ask, LaneRecord, Phase, Shared};
use super::start::{self, BELL_TOKEN, SIGNAL_TOKEN};
use super::worker::Incarnation;
use crate::error::Error;
use crate::ipc::message::{Header, Kind};
use crate::log;
use crate::net::listener::Listener;
use crate::reactor::clock;
use crate::reactor::poller::Poller;
use crate::sys::Pid;
use crate::sys::process::{self, ExitStatus, Forked};
use crate::sys::signal::{self, Signal, SignalInbox};

/// A worker that ends sooner than this after its start is in trouble, in milliseconds.
const QUICK_DEATH_MS: u64 = 1_000;
/// The first pause before such a worker is started again; doubles each time, in milliseconds.
const RESPAWN_PAUSE_MS: u64 = 100;
const RESPAWN_PAUSE_MAX_MS: u64 = 5_000;
/// Signals of one request (a terminal sends to all processes, service managers as well) come closer
/// together than this, in milliseconds; a later one is a second request.
pub(super) const HURRY_AFTER_MS: u64 = 500;
/// How soon to try again when a ring to a host was full, in milliseconds.
const RETRY_MS: u64 = 10;

/// How the manager's part of a process ended.
pub(super) enum Ended {
    /// This is a forked child: run this worker.
    Become(Incarnation, SignalInbox),
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
    signals: SignalInbox,
    poller: Poller,
    slots: Vec<Slot>,
    reload: Reload,
    /// Messages to hosts that found the ring full.
    untold: VecDeque<(usize, Header)>,
    /// This process is the first of the server (base mode).
    is_main: bool,
    /// Base mode: what the workers inherit.
    listeners: Rc<RefCell<Vec<Listener>>>,
    shutting_down: bool,
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
    signals: SignalInbox,
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
        stop: Cell::new(false),
        end_status: Cell::new(None),
    });
    set_current(Some(Rc::clone(&context)));
    handler.process_started(Role::Manager);
    let poller = start::poller()?;
    start::watch(&poller, start::bell_fd(&shared.manager_bell), BELL_TOKEN)?;
    start::watch(&poller, signals.fd(), SIGNAL_TOKEN)?;
    let mut manager = Manager {
        shared: Arc::clone(shared),
        handler: Rc::clone(handler),
        context,
        signals,
        poller,
        slots: (0..shared.workers.len()).map(|_| Slot::default()).collect(),
        reload: Reload::default(),
        untold: VecDeque::new(),
        is_main,
        listeners,
        shutting_down: false,
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
        loop {
            self.on_signals();
            self.on_asked();
            self.check_callbacks();
            if let Step::Become(who) = self.replace_retired()? {
                return Ok(Step::Become(who));
            }
            if let Step::Become(who) = self.spawn_due()? {
                return Ok(Step::Become(who));
            }
            self.kill_due();
            self.advance_reload();
            self.tell_untold();
            if self.shutting_down && self.slots.iter().all(|s| s.pid == 0 && s.old.is_none()) {
                break;
            }
            self.wait()?;
        }
        let context = Rc::clone(&self.context);
        context.note(self.handler.on_manager_stop());
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
            .flatten()
            .min();
        let timeout = next.map(|at| Duration::from_millis(at.saturating_sub(now)));
        start::wait(&mut self.poller, timeout)?;
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
        for signal in self.signals.drain() {
            match signal {
                Signal::TERM | Signal::INT => self.on_terminate(),
                Signal::USR1 => self.begin_reload(),
                Signal::USR2 => self.reload_task_workers(),
                Signal::CHLD => self.reap(),
                signal if signal == Signal::rtmin() => {
                    log::reopen();
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
            self.stop(index);
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
        // A base worker uses the whole time for its connections, and ends by itself.
        let grace_ms = if self.shared.mode == Mode::Base {
            500
        } else {
            0
        };
        (limit_ms > 0).then(|| clock::monotonic_ms() + limit_ms + grace_ms)
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
                "worker {index} (pid {}) cannot be told to stop: {error}",
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

    // ---- starting workers ----

    fn spawn(&mut self, index: usize) -> Result<Step, Error> {
        let slot = &mut self.slots[index];
        let who = Incarnation {
            worker_id: index as u32,
            epoch: slot.epoch + 1,
        };
        let record = &self.shared.workers[index];
        record.epoch.store(who.epoch, Release);
        match process::fork() {
            Ok(Forked::Child) => {
                if let Err(error) = self.signals.reset_after_fork() {
                    // This is not the process that called start(): nothing may return there.
                    log::error(format_args!("worker {index} cannot start: {error}"));
                    process::exit_now(1);
                }
                return Ok(Step::Become(who));
            }
            Ok(Forked::Parent(pid)) => {
                record.pid.store(pid.as_raw(), Relaxed);
                slot.pid = pid.as_raw();
                slot.epoch = who.epoch;
                slot.spawned_ms = clock::monotonic_ms();
                slot.spawn_at_ms = None;
                slot.kill_at_ms = None;
                slot.stopping = false;
            }
            Err(error) => {
                // Memory or processes ran out: the next try may find some.
                let again_ms = RESPAWN_PAUSE_MAX_MS;
                log::error(format_args!(
                    "worker {index} cannot be started, next try in {again_ms} ms: {error}"
                ));
                slot.epoch = who.epoch;
                slot.spawn_at_ms = Some(clock::monotonic_ms() + again_ms);
            }
        }
        Ok(Step::Go)
    }

    fn spawn_due(&mut self) -> Result<Step, Error> {
        // What hosts must know of the dead stands before what successors send.
        if !self.untold.is_empty() {
            return Ok(Step::Go);
        }
        for index in 0..self.slots.len() {
            let due = self.slots[index]
                .spawn_at_ms
                .is_some_and(|at| at <= clock::monotonic_ms());
            if due
                && self.slots[index].has_free_lane()
                && let Step::Become(who) = self.spawn(index)?
            {
                return Ok(Step::Become(who));
            }
        }
        Ok(Step::Go)
    }

    /// Starts the successors of workers that stopped taking work. The lane of the successor is free
    /// once the incarnation before the last is gone.
    fn replace_retired(&mut self) -> Result<Step, Error> {
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            let retired = self.shared.workers[index].retired_epoch.load(Acquire) == slot.epoch;
            let waits = self.reload.active && !self.shared.settings.reload_async;
            if slot.pid == 0 || !retired || self.shutting_down || slot.old.is_some() || waits {
                continue;
            }
            let kill_at_ms = slot.kill_at_ms.or_else(|| self.kill_time());
            let slot = &mut self.slots[index];
            slot.old = Some(Old {
                pid: slot.pid,
                epoch: slot.epoch,
                kill_at_ms,
            });
            slot.pid = 0;
            slot.quick_deaths = 0;
            if let Step::Become(who) = self.spawn(index)? {
                return Ok(Step::Become(who));
            }
        }
        Ok(Step::Go)
    }

    // ---- the end of workers ----

    fn reap(&mut self) {
        loop {
            match process::wait_any() {
                Ok(Some((pid, status))) => self.on_exit(pid.as_raw(), &status),
                Ok(None) => return,
                Err(error) => return log::error(format_args!("waiting for workers: {error}")),
            }
        }
    }

    fn on_exit(&mut self, pid: i32, status: &ExitStatus) {
        let is_old = |slot: &Slot| slot.old.is_some_and(|old| old.pid == pid);
        if let Some(index) = self.slots.iter().position(is_old) {
            let Some(old) = self.slots[index].old.take() else {
                return;
            };
            self.bury(index, old.epoch, pid, status);
        } else if let Some(index) = self.slots.iter().position(|slot| slot.pid == pid) {
            let slot = &mut self.slots[index];
            let epoch = slot.epoch;
            slot.pid = 0;
            self.shared.workers[index].pid.store(0, Relaxed);
            let idle = self.bury(index, epoch, pid, status);
            self.schedule(index, idle);
        }
        // Else a child of user code, or an orphan of another process: it is reaped, that is all.
    }

    /// Cleans up after an incarnation, and reports it where it did not end as it should. Answers whether
    /// it ended without having served anything.
    fn bury(&mut self, index: usize, epoch: u32, pid: i32, status: &ExitStatus) -> bool {
        // Later ones too: the successor may have retired before this one's end was noticed.
        let retired = self.shared.workers[index].retired_epoch.load(Acquire) >= epoch;
        let served = self.clean_up(index, epoch);
        let idle = served.is_empty() && self.lane(index, epoch).requests.get() == 0;
        if status.raw == 0 && retired && served.is_empty() {
            return idle;
        }
        let fault = self.lane(index, epoch).take_fault();
        if status.raw != 0 || !served.is_empty() || !retired {
            self.report(index, pid, status, &served, fault.as_deref());
        }
        if status.raw != 0 {
            let fault = WorkerFault {
                worker_id: index as u32,
                pid,
                exit_code: status.code,
                signal: status.signal,
                status: status.raw,
            };
            self.context.note(self.handler.on_worker_error(&fault));
        }
        idle
    }

    fn report(
        &self,
        index: usize,
        pid: i32,
        status: &ExitStatus,
        served: &[u64],
        fault: Option<&str>,
    ) {
        let how = match Signal::new(status.signal) {
            Some(signal) => format!("signal={} ({signal})", status.signal),
            None => format!("status={}", status.code),
        };
        let sessions = match served {
            [] => String::new(),
            [one] => format!("; it was serving connection {one}, which is closed"),
            many => format!("; it was serving connections {many:?}, which are closed"),
        };
        let fault = fault.map_or(String::new(), |fault| format!("; {fault}"));
        log::warning(format_args!(
            "worker {index} (pid {pid}) exited abnormally: {how}{sessions}{fault}"
        ));
    }

    /// Lets nothing that belonged to a dead incarnation linger; answers the sessions whose message it
    /// had taken.
    fn clean_up(&mut self, index: usize, epoch: u32) -> Vec<u64> {
        let who = Incarnation {
            worker_id: index as u32,
            epoch,
        };
        let served = self.lane(index, epoch).take_served();
        match self.shared.mode {
            Mode::Base => self.free_connections(who.lane()),
            Mode::Process => self.close_served(who, &served),
        }
        served
    }

    fn lane(&self, index: usize, epoch: u32) -> &'static LaneRecord {
        &self.shared.lanes[index * 2 + (epoch as usize & 1)]
    }

    /// In base mode the connections died with their worker.
    fn free_connections(&self, host: usize) {
        let lost = self.shared.sessions.free_host(host as u32);
        let record = &self.shared.hosts[host];
        self.shared.global.connections.fetch_sub(lost, Relaxed);
        record.closed.add_single_writer(lost);
        record.queued_bytes.set(0);
        // It may have taken a flag and not rung.
        for bell in &self.shared.worker_bells {
            bell.force();
        }
    }

    fn close_served(&mut self, who: Incarnation, served: &[u64]) {
        for host in 0..self.shared.hosts.len() {
            let header = Header {
                source: who.lane() as u16,
                epoch: who.epoch,
                ..Header::new(Kind::WorkerDied, 0, 0)
            };
            self.untold.push_back((host, header));
        }
        for session_id in served {
            let host = self.shared.sessions.get(*session_id).and_then(|s| s.host());
            if let Some(host) = host {
                let header = Header::new(Kind::CloseSession, *session_id, 0);
                self.untold.push_back((host as usize, header));
            }
        }
        self.tell_untold();
    }

    fn tell_untold(&mut self) {
        let Some(outbox) = &self.context.outbox else {
            return;
        };
        let mut outbox = outbox.borrow_mut();
        while let Some((host, header)) = self.untold.front() {
            if !outbox.try_tell(*host, header) {
                return;
            }
            self.untold.pop_front();
        }
    }

    /// Has a worker that ended replaced, with a growing pause if it keeps dying at its start.
    /// `idle`: it had served nothing, so it did not die of a message.
    fn schedule(&mut self, index: usize, idle: bool) {
        if self.shutting_down {
            return;
        }
        let now = clock::monotonic_ms();
        let slot = &mut self.slots[index];
        let stopped = slot.stopping;
        let quick = idle && !stopped && now - slot.spawned_ms < QUICK_DEATH_MS;
        slot.quick_deaths = if quick { slot.quick_deaths + 1 } else { 0 };
        let doublings = slot.quick_deaths.saturating_sub(2).min(16);
        let pause_ms = match slot.quick_deaths {
            0 | 1 => 0,
            _ => (RESPAWN_PAUSE_MS << doublings).min(RESPAWN_PAUSE_MAX_MS),
        };
        if pause_ms > 0 {
            log::error(format_args!(
                "worker {index} has ended {} times in a row within {QUICK_DEATH_MS} ms of its start; the next start is in {pause_ms} ms: look at the errors above, most often onWorkerStart fails",
                slot.quick_deaths
            ));
        }
        slot.spawn_at_ms = Some(now + pause_ms);
    }

    // ---- reload ----

    fn reload_task_workers(&self) {
        log::warning(format_args!(
            "cannot reload task workers: the server has none (task_worker_num is 0)"
        ));
    }

    fn begin_reload(&mut self) {
        if self.shutting_down {
            return;
        }
        if self.reload.active {
            return log::notice(format_args!(
                "the server is reloading already; this request is taken as part of it"
            ));
        }
        log::info(format_args!("the server is reloading its workers"));
        self.reload.active = true;
        self.context.note(self.handler.on_before_reload());
        self.reload.waiting = (0..self.slots.len()).collect();
        self.advance_reload();
    }

    /// Tells the next workers to stop: all at once with `reload_async`, else one after the other.
    fn advance_reload(&mut self) {
        if !self.reload.active {
            return;
        }
        let slots = &self.slots;
        self.reload
            .replacing
            .retain(|(index, epoch)| slots[*index].epoch == *epoch);
        let at_once = self.shared.settings.reload_async;
        while at_once || self.reload.replacing.is_empty() {
            let Some(index) = self.reload.waiting.pop_front() else {
                break;
            };
            if self.slots[index].pid > 0 {
                self.reload.replacing.push((index, self.slots[index].epoch));
                self.stop(index);
            }
        }
        if self.reload.waiting.is_empty() && self.reload.replacing.is_empty() {
            self.reload.active = false;
            self.context.note(self.handler.on_after_reload());
        }
    }
}

fn kill_late(index: usize, pid: i32) {
    log::warning(format_args!(
        "worker {index} (pid {pid}) did not stop within max_wait_time and is killed"
    ));
    // One that has just ended is reaped in a moment.
    let _ = process::kill(Pid::from_raw(pid), Signal::KILL);
}
