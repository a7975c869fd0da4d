//! The life of workers: starting them, noticing their end, cleaning up after them.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::served::Served;
use super::{
    Manager, Old, QUICK_DEATH_MS, RESPAWN_PAUSE_MAX_MS, RESPAWN_PAUSE_MS, Slot, Step, TERM_MS,
    Terminated,
};
use crate::error::Error;
use crate::ipc::message::{Header, Kind};
use crate::log;
use crate::reactor::clock;
use crate::server::Mode;
use crate::server::entry::Incarnation;
use crate::server::handler::WorkerFault;
use crate::server::lane::LaneRecord;
use crate::server::posts::TaskKey;
use crate::server::shared::WorkerState;
use crate::sys::process::{self, ExitStatus, Forked};
use crate::sys::signal::Signal;
use crate::sys::{Pid, reaped};

fn is_term(status: &ExitStatus) -> bool {
    status.signal == Signal::TERM.number()
}

impl Manager {
    pub(super) fn spawn(&mut self, index: usize) -> Result<Step, Error> {
        let who = Incarnation {
            worker_id: index as u32,
            epoch: self.slots[index].epoch + 1,
        };
        let record = &self.shared.workers[index];
        record.epoch.store(who.epoch, Release);
        let lane = self.lane(index, who.epoch);
        lane.incarnation.store(who.epoch, Release);
        let slot = &mut self.slots[index];
        match process::fork() {
            Ok(Forked::Child) => {
                reaped::forget();
                if let Err(error) = self.signals.borrow().reset_after_fork() {
                    // This is not the process that called start(): nothing may return there.
                    log::error(format_args!("process {index} cannot start: {error}"));
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
                    "process {index} cannot be started, next try in {again_ms} ms: {error}"
                ));
                slot.epoch = who.epoch;
                lane.incarnation.store(0, Release);
                slot.spawn_at_ms = Some(clock::monotonic_ms() + again_ms);
            }
        }
        Ok(Step::Go)
    }

    pub(super) fn spawn_due(&mut self) -> Result<Step, Error> {
        // What hosts must know of the dead stands before what successors send.
        if !self.untold.is_empty() {
            return Ok(Step::Go);
        }
        for index in 0..self.slots.len() {
            let due = self.slots[index]
                .spawn_at_ms
                .is_some_and(|at| at <= clock::monotonic_ms());
            if due && self.is_user_process(index) && self.is_ending() {
                self.slots[index].spawn_at_ms = None;
            } else if due
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
    pub(super) fn replace_retired(&mut self) -> Result<Step, Error> {
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            let retired = self.shared.workers[index].retired_epoch.load(Acquire) == slot.epoch;
            let waits = self.reload.active && !self.shared.settings.reload_async;
            let last = self.shutting_down || (self.is_user_process(index) && self.is_ending());
            if slot.pid == 0 || !retired || last || slot.old.is_some() || waits {
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

    pub(super) fn reap(&mut self) {
        loop {
            match process::wait_any() {
                Ok(Some((pid, status))) => self.on_exit(pid.as_raw(), &status),
                Ok(None) => return,
                Err(error) => return log::error(format_args!("waiting for workers: {error}")),
            }
        }
    }

    pub(super) fn on_exit(&mut self, pid: i32, status: &ExitStatus) {
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
            if self.is_user_process(index) && is_term(status) {
                self.terminated.push(Terminated {
                    index,
                    epoch,
                    pid,
                    status: *status,
                    judge_at_ms: clock::monotonic_ms() + TERM_MS,
                });
                return;
            }
            let idle = self.bury(index, epoch, pid, status);
            self.schedule(index, idle);
        } else {
            // A child of user code, which may ask for it, or an orphan of another process.
            reaped::keep(Pid::from_raw(pid), *status);
        }
    }

    /// Deals with processes of user code that died of SIGTERM, once it is known whether the server ends or enough
    /// time has passed.
    pub(super) fn judge_terminated(&mut self) {
        let now = clock::monotonic_ms();
        let is_ending = self.is_ending();
        let judged = |t: &mut Terminated| is_ending || t.judge_at_ms <= now;
        let judged: Vec<Terminated> = self.terminated.extract_if(.., judged).collect();
        for t in judged {
            let idle = self.bury(t.index, t.epoch, t.pid, &t.status);
            self.schedule(t.index, idle);
        }
    }

    /// Cleans up after an incarnation, and reports it where it did not end as it should. Answers whether
    /// it ended on its own without having served anything.
    pub(super) fn bury(&mut self, index: usize, epoch: u32, pid: i32, status: &ExitStatus) -> bool {
        // Later ones too: the successor may have retired before this one's end was noticed.
        let retired = self.shared.workers[index].retired_epoch.load(Acquire) >= epoch;
        let served = self.clean_up(index, epoch);
        // One that had started and was killed from outside tells nothing of how its successor will do.
        let is_killed = [Signal::KILL.number(), Signal::TERM.number()].contains(&status.signal)
            && self.shared.workers[index].state() != WorkerState::Starting;
        let idle = !is_killed && served.is_empty() && self.lane(index, epoch).requests.get() == 0;
        if status.raw == 0 && retired && served.is_empty() {
            return idle;
        }
        if self.was_told_to_end(index, status) {
            return idle;
        }
        let fault = self.lane(index, epoch).take_fault();
        if status.raw != 0 || !served.is_empty() || !retired {
            Self::report(index, pid, status, &served, fault.as_deref());
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

    /// A process of user code ends by the signal itself, unless it has a handler.
    fn was_told_to_end(&self, index: usize, status: &ExitStatus) -> bool {
        self.is_user_process(index) && self.is_ending() && is_term(status)
    }

    /// What a process is called in the log.
    pub(super) fn name(&self, index: usize) -> String {
        let shared = &self.shared;
        let kind = if index < shared.event_workers() {
            "worker"
        } else if index < shared.core_workers() {
            "task worker"
        } else {
            "user process"
        };
        format!("{kind} {index}")
    }

    /// In the reference's words, which people have rules for, and then what it does not tell.
    fn report(index: usize, pid: i32, status: &ExitStatus, served: &Served, fault: Option<&str>) {
        let (code, signal) = (status.code, status.signal);
        let served = served.describe();
        let fault = fault.map_or(String::new(), |fault| format!("; {fault}"));
        log::warning(format_args!(
            "Worker::report_error(): worker(pid={pid}, id={index}) abnormal exit, status={code}, \
             signal={signal}{served}{fault}"
        ));
    }

    /// Lets nothing that belonged to a dead incarnation linger; answers what it had taken.
    fn clean_up(&mut self, index: usize, epoch: u32) -> Served {
        let who = Incarnation {
            worker_id: index as u32,
            epoch,
        };
        let lane = self.lane(index, epoch);
        lane.incarnation.store(0, Release);
        let (taken, more) = lane.take_served();
        let unsent = lane.unsent.swap(0, Relaxed);
        let mut served = Served {
            unsent,
            ..Served::default()
        };
        if index >= self.shared.event_workers() {
            served.tasks = taken.into_iter().map(TaskKey::unpack).collect();
            self.tell_askers(who, &served.tasks);
        } else if more {
            // It had more in hand than it could write down.
            served.sessions = self.shared.sessions.of_worker(index as u32);
        } else {
            served.sessions = taken;
        }
        let is_host = index < self.shared.event_workers();
        if is_host {
            self.shared.empty_replies(who.lane());
        }
        if self.shared.mode == Mode::Base {
            self.tell_owners(who);
        }
        match self.shared.mode {
            Mode::Base if is_host => self.free_connections(who.lane()),
            Mode::Base => {}
            Mode::Process => self.close_served(who, &served.sessions),
        }
        self.wake_all();
        served
    }

    /// It may have put a message somewhere and not rung, or been woken for one that others can take, too.
    fn wake_all(&self) {
        if self.shared.posts.is_some() && !self.shutting_down {
            for bell in &self.shared.worker_bells {
                bell.force();
            }
        }
    }

    pub(super) fn lane(&self, index: usize, epoch: u32) -> &'static LaneRecord {
        &self.shared.lanes[index * 2 + (epoch as usize & 1)]
    }

    /// In base mode the connections died with their worker.
    pub(super) fn free_connections(&self, host: usize) {
        self.shared.sessions.free_host(host as u32);
        let record = &self.shared.hosts[host];
        record.closed.set(record.accepted.get());
        record.queued_bytes.set(0);
        // It may have taken a flag and not rung.
        for bell in &self.shared.worker_bells {
            bell.force();
        }
    }

    fn worker_died(who: Incarnation) -> Header {
        Header {
            source: who.lane() as u16,
            epoch: who.epoch,
            ..Header::new(Kind::WorkerDied, 0, 0)
        }
    }

    /// Tells the workers of base mode, which own connections, that a process is dead that may have sent them
    /// the beginning of a message. One that has no room for it notices when the lane's next incarnation sends.
    fn tell_owners(&self, who: Incarnation) {
        let Some(outbox) = &self.context.outbox else {
            return;
        };
        let mut outbox = outbox.borrow_mut();
        for (host, lane) in self.shared.lanes.iter().enumerate() {
            let is_host = host < self.shared.hosts.len();
            if is_host && lane.incarnation.load(Acquire) != 0 {
                let _ = outbox.try_tell(host, &Self::worker_died(who));
            }
        }
    }

    pub(super) fn close_served(&mut self, who: Incarnation, served: &[u64]) {
        for host in 0..self.shared.hosts.len() {
            self.untold.push_back((host, Self::worker_died(who)));
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

    pub(super) fn tell_untold(&mut self) {
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
    pub(super) fn schedule(&mut self, index: usize, idle: bool) {
        if self.shutting_down || (self.is_user_process(index) && self.is_ending()) {
            return;
        }
        let now = clock::monotonic_ms();
        let name = self.name(index);
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
            let hint = if index < self.shared.core_workers() {
                "most often onWorkerStart fails"
            } else {
                "or does its callback return? It is started again whenever it ends"
            };
            log::error(format_args!(
                "{name} has ended {} times in a row within {QUICK_DEATH_MS} ms of its start; the next start is in {pause_ms} ms: look at the errors above, {hint}",
                slot.quick_deaths
            ));
        }
        slot.spawn_at_ms = Some(now + pause_ms);
    }
}
