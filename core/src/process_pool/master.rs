//! The master: starts the workers, notices their end, replaces them; reload; shutdown.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::time::{Duration, Instant};

use super::respawn::{End, Respawn};
use super::wiring::Wiring;
use super::{ASK_SHUTDOWN, Flow, Handler, Pool, Role, worker};
use crate::error::Error;
use crate::log;
use crate::reactor::{EventLoop, Interest, event_loop};
use crate::shm::atomic;
use crate::sys::process::{self, ExitStatus, Forked};
use crate::sys::signal::Signal;
use nix::unistd::Pid;
use std::os::fd::AsRawFd;

const BELL_TOKEN: usize = 0;
/// After a fork that failed.
const FORK_AGAIN: Duration = Duration::from_secs(1);
/// A second SIGTERM within this time is the same one: whole groups are told, and told again.
const SECOND_TERM: Duration = Duration::from_millis(500);
/// How often to look for workers that somebody else has reaped.
const LOST_CHECK: Duration = Duration::from_millis(100);

/// The processes of one worker id.
#[derive(Debug, Default)]
struct Slot {
    /// 0: none.
    pid: i32,
    started: Option<Instant>,
    /// When the next one is to be started.
    start_at: Option<Instant>,
    /// It was told to end; when it is killed, if ever.
    told: bool,
    kill_at: Option<Instant>,
    respawn: Respawn,
}

/// Workers are replaced one after the other.
#[derive(Debug)]
struct Reload {
    waiting: VecDeque<usize>,
    /// Which one ends now.
    current: Option<(usize, i32)>,
}

struct Master<'a> {
    pool: &'a Pool,
    handler: &'a dyn Handler,
    wiring: Wiring,
    slots: Vec<Slot>,
    /// Processes that left the pool and may still run.
    detached: HashSet<i32>,
    reload: Option<Reload>,
    looked_for_lost: Instant,
    is_over: bool,
}

pub(super) fn run(pool: &Pool, handler: &dyn Handler) -> Result<(), Error> {
    let signals = [
        Signal::TERM,
        Signal::INT,
        Signal::USR1,
        Signal::USR2,
        Signal::IO,
        Signal::WINCH,
        Signal::rtmin(),
        Signal::CHLD,
    ];
    let mut master = Master {
        pool,
        handler,
        wiring: Wiring::new(&signals),
        slots: (0..pool.worker_num()).map(|_| Slot::default()).collect(),
        detached: HashSet::new(),
        reload: None,
        looked_for_lost: Instant::now(),
        is_over: false,
    };
    let was_running = event_loop::existing().is_some_and(|event_loop| event_loop.is_running());
    master.wire()?;
    pool.control.asked.store(0, Release);
    pool.control.open.store(0, Release);
    for record in &pool.workers {
        record.pid.store(0, Release);
        record.detached_pid.store(0, Release);
    }
    pool.master_pid.set(process::getpid().as_raw());
    pool.role.set(Role::Master);
    pool.running.set(true);
    log::set_identity(log::Flag::Master, 0);
    let result = master.work();
    master.end_workers();
    pool.role.set(Role::Outside);
    pool.running.set(false);
    if let Some(event_loop) = event_loop::existing() {
        // Unknown if user code has ended the loop that it was registered with.
        let _ = event_loop.deregister(pool.bell.as_raw_fd());
        event_loop.set_running(was_running);
    }
    master.wiring.restore();
    log::set_identity(log::Flag::User, 0);
    result
}

impl Master<'_> {
    fn wire(&mut self) -> Result<Rc<EventLoop>, Error> {
        let (event_loop, is_new) = self.wiring.event_loop()?;
        if is_new {
            event_loop.set_running(true);
            event_loop
                .register(self.pool.bell.as_raw_fd(), BELL_TOKEN, Interest::READABLE)
                .map_err(|error| Error::os("epoll_ctl", "the bell of a process pool", &error))?;
        }
        Ok(event_loop)
    }

    fn work(&mut self) -> Result<(), Error> {
        if self.handler.on_start() == Flow::End {
            self.is_over = true;
            return Ok(());
        }
        let now = Instant::now();
        self.slots.iter_mut().for_each(|s| s.start_at = Some(now));
        while self.goes_on()? {
            self.hear_workers();
            self.start_due();
            self.let_workers_begin();
            self.step_reload();
            self.kill_overdue();
            if !self.pool.running.get() {
                break;
            }
            self.turn()?;
            // A signal may have cut the wait short: all that came are known before the dead are replaced,
            // since a whole group may have been told to end.
            self.look(Some(Duration::ZERO))?;
            self.reap();
            let came = Rc::clone(&self.wiring.came);
            if came.reload.take() {
                self.begin_reload();
            }
            if came.stop.take() {
                self.pool.running.set(false);
            }
        }
        Ok(())
    }

    fn goes_on(&mut self) -> Result<bool, Error> {
        self.is_over |= self.wire()?.ended().is_some();
        Ok(self.pool.running.get() && !self.is_over)
    }

    /// Waits for whatever comes next.
    fn turn(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let next = self.next_deadline();
        self.look(next.map(|at| at.saturating_duration_since(now)))
    }

    /// One turn of the loop.
    fn look(&mut self, limit: Option<Duration>) -> Result<(), Error> {
        let event_loop = self.wire()?;
        let turned = self.wiring.turn(&event_loop, limit, |_| {});
        // The pool is what runs here.
        event_loop.take_exit();
        self.pool.bell.clear();
        if self.wiring.came.reopen.take() {
            super::reopen_log();
            self.tell_all(Signal::WINCH);
        }
        turned.map_err(|error| Error::os("epoll_wait", "the master of a process pool", &error))
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.slots
            .iter()
            .flat_map(|slot| [slot.start_at, slot.kill_at])
            .flatten()
            .min()
    }

    // ---- starting ----

    fn start_due(&mut self) {
        let now = Instant::now();
        for index in 0..self.slots.len() {
            let due = self.slots.get(index).and_then(|slot| slot.start_at);
            if due.is_some_and(|at| at <= now) {
                self.start(index);
            }
        }
    }

    fn start(&mut self, index: usize) {
        let worker_id = index as u32;
        let forked = self.handler.fork();
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        match forked {
            Ok(Forked::Child) => worker::run(self.pool, self.handler, worker_id),
            Ok(Forked::Parent(pid)) => {
                slot.pid = pid.as_raw();
                slot.started = Some(Instant::now());
                slot.start_at = None;
                slot.told = false;
                slot.kill_at = None;
                if let Some(record) = self.pool.workers.get(index) {
                    record.pid.store(pid.as_raw(), Release);
                }
            }
            Err(error) => {
                log::error(format_args!(
                    "worker#{worker_id} of the process pool cannot be started, next try in {} s: {error}",
                    FORK_AGAIN.as_secs()
                ));
                slot.start_at = Some(Instant::now() + FORK_AGAIN);
            }
        }
    }

    /// User code of a worker finds all the others by their numbers, and never a process id of 0, which
    /// means this process's whole group to kill(2).
    fn let_workers_begin(&self) {
        if self.pool.control.open.swap(1, AcqRel) == 0 {
            atomic::futex_wake(&self.pool.control.open, i32::MAX);
        }
    }

    // ---- what workers tell ----

    fn hear_workers(&mut self) {
        if self.pool.control.asked.swap(0, AcqRel) & ASK_SHUTDOWN != 0 {
            self.pool.running.set(false);
            return;
        }
        for (slot, record) in self.slots.iter_mut().zip(&self.pool.workers) {
            let pid = record.detached_pid.swap(0, AcqRel);
            if pid != 0 && pid == slot.pid {
                release(slot, &mut self.detached, self.pool.running.get());
            }
        }
    }

    // ---- the end of workers ----

    fn reap(&mut self) {
        // Detached ones that ended already are to be known as such.
        self.hear_workers();
        loop {
            match process::wait_any() {
                Ok(Some((pid, status))) => self.on_end(pid.as_raw(), &status),
                Ok(None) => break,
                Err(error) => return log::error(format_args!("waiting for workers: {error}")),
            }
        }
        let now = Instant::now();
        if now.saturating_duration_since(self.looked_for_lost) > LOST_CHECK {
            self.looked_for_lost = now;
            self.find_lost();
        }
    }

    fn on_end(&mut self, pid: i32, status: &ExitStatus) {
        let Some(index) = self.slots.iter().position(|slot| slot.pid == pid) else {
            if !self.detached.remove(&pid) && self.pool.running.get() {
                log::warning(format_args!(
                    "received an exit signal from an unknown child process[pid={pid}]"
                ));
            }
            return;
        };
        let end = self.slots.get(index).map(|slot| End::of(status, slot.told));
        let is_ending = !self.pool.running.get();
        if status.raw != 0 && (end == Some(End::Fault) || !is_ending) {
            let told = self.slots.get(index).is_some_and(|slot| slot.told);
            if !(told && end == Some(End::Asked)) {
                report(index, pid, status);
            }
        }
        self.ended(index, end.unwrap_or(End::Well));
    }

    /// Somebody else has reaped them: user code that waits for children of its own.
    fn find_lost(&mut self) {
        for index in 0..self.slots.len() {
            let pid = self.slots.get(index).map_or(0, |slot| slot.pid);
            if pid != 0 && !process::is_alive(Pid::from_raw(pid)) {
                self.ended(index, End::Well);
            }
        }
    }

    fn ended(&mut self, index: usize, end: End) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let lived = slot.started.map_or(Duration::ZERO, |at| at.elapsed());
        slot.pid = 0;
        slot.kill_at = None;
        let wait = slot.respawn.ended(end, lived);
        if !self.pool.running.get() || self.is_over {
            return;
        }
        slot.start_at = Some(Instant::now() + wait.pause);
        if let Some(hint) = wait.hint {
            log::warning(format_args!(
                "worker#{index} of the process pool ended {} times in a row right after its start, the next start is in {} ms: {hint}",
                wait.times,
                wait.pause.as_millis()
            ));
        }
    }

    // ---- ending workers ----

    fn tell(&mut self, index: usize, now: Instant) {
        let kill_at = self
            .pool
            .settings()
            .max_wait
            .and_then(|wait| now.checked_add(wait));
        let Some(slot) = self.slots.get_mut(index).filter(|slot| slot.pid != 0) else {
            return;
        };
        slot.told = true;
        slot.kill_at = slot.kill_at.or(kill_at);
        if let Err(error) = process::kill(Pid::from_raw(slot.pid), Signal::TERM) {
            log::warning(format_args!(
                "worker#{index} cannot be told to end: {error}"
            ));
        }
    }

    fn tell_all(&self, signal: Signal) {
        for slot in self.slots.iter().filter(|slot| slot.pid != 0) {
            // It may have ended just now.
            let _ = process::kill(Pid::from_raw(slot.pid), signal);
        }
    }

    fn kill_overdue(&mut self) {
        let now = Instant::now();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.kill_at.is_none_or(|at| at > now) || slot.pid == 0 {
                continue;
            }
            let limit = self.pool.settings().max_wait.unwrap_or_default().as_secs();
            log::warning(format_args!(
                "force kill worker process(pid={}, id={index}): it did not end within max_wait_time, {limit} s",
                slot.pid
            ));
            slot.kill_at = None;
            // It may have ended just now.
            let _ = process::kill(Pid::from_raw(slot.pid), Signal::KILL);
        }
    }

    // ---- reload ----

    fn begin_reload(&mut self) {
        if self.reload.is_some() {
            return log::debug("the process pool is being reloaded already");
        }
        let waiting =
            (0..self.slots.len()).filter(|i| self.slots.get(*i).is_some_and(|s| s.pid != 0));
        self.reload = Some(Reload {
            waiting: waiting.collect(),
            current: None,
        });
        log::debug("the workers of the process pool are replaced, one after the other");
    }

    fn step_reload(&mut self) {
        let Some(reload) = &mut self.reload else {
            return;
        };
        let pid_of = |index: usize| self.slots.get(index).map_or(0, |slot| slot.pid);
        if let Some((index, pid)) = reload.current {
            let is_replaced = pid_of(index) != 0 && pid_of(index) != pid;
            if !is_replaced {
                return;
            }
            reload.current = None;
        }
        let Some(index) = reload.waiting.pop_front() else {
            self.reload = None;
            return log::debug("the process pool is reloaded");
        };
        reload.current = Some((index, pid_of(index)));
        self.tell(index, Instant::now());
    }

    // ---- shutdown ----

    fn end_workers(&mut self) {
        self.pool.running.set(false);
        self.reload = None;
        self.slots.iter_mut().for_each(|slot| slot.start_at = None);
        if !self.is_over {
            self.handler.on_shutdown();
        }
        self.hear_workers();
        self.reap();
        let began = Instant::now();
        (0..self.slots.len()).for_each(|index| self.tell(index, began));
        self.wiring.came.stop.set(false);
        while self.slots.iter().any(|slot| slot.pid != 0) {
            if let Err(error) = self.turn() {
                log::error(format_args!("{error}"));
                break;
            }
            self.hear_workers();
            self.reap();
            if self.wiring.came.stop.take() && began.elapsed() > SECOND_TERM {
                log::warning("told a second time to end: workers that still run are killed");
                self.tell_all(Signal::KILL);
            }
            self.kill_overdue();
        }
    }
}

/// A process that left the pool: its slot is free, for another one if the pool goes on.
fn release(slot: &mut Slot, detached: &mut HashSet<i32>, goes_on: bool) {
    detached.insert(slot.pid);
    slot.pid = 0;
    slot.kill_at = None;
    slot.start_at = goes_on.then(Instant::now);
}

fn report(index: usize, pid: i32, status: &ExitStatus) {
    // As the reference words it, down to the place: scripts look for it in the log.
    log::warning(format_args!(
        "Worker::report_error(): worker(pid={pid}, id={index}) abnormal exit, status={}, signal={}",
        status.code, status.signal
    ));
}
