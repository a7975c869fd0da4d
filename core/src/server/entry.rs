//! How a process becomes a worker, a task worker or one of user code.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use super::affinity::share_of;
use super::context::{Context, set_current};
use super::handler::{EventHandler, Role};
use super::incoming::Incoming;
use super::local::Local;
use super::mail::{Mail, Patience};
use super::outbox::Outbox;
use super::posts::To;
use super::server_loop::ServerLoop;
use super::serving::InHand;
use super::shared::{Shared, WorkerState};
use super::start;
use crate::error::Error;
use crate::log;
use crate::options::Settings;
use crate::reactor::clock;
use crate::sys::signal::{self, Signal};
use crate::sys::{forks, process};

/// Which incarnation of which worker a process is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incarnation {
    pub worker_id: u32,
    pub epoch: u32,
}

impl Incarnation {
    pub fn lane(self) -> usize {
        self.worker_id as usize * 2 + (self.epoch as usize & 1)
    }
}

/// Makes this process a worker: identity, CPU, its records, and the context of its methods.
pub(super) fn enter(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    who: Incarnation,
    local: Option<Local>,
) -> Result<Rc<Context>, Error> {
    let id = who.worker_id;
    let slot = id as usize;
    let settings = &shared.settings;
    let is_task_worker = slot >= shared.event_workers();
    let (role, flag) = if slot >= shared.core_workers() {
        (Role::UserProcess { worker_id: id }, log::Flag::User)
    } else if is_task_worker {
        (Role::TaskWorker { worker_id: id }, log::Flag::TaskWorker)
    } else {
        (Role::Worker { worker_id: id }, log::Flag::Worker)
    };
    log::set_identity(flag, id);
    if settings.open_cpu_affinity {
        let cpus = share_of(
            id as usize,
            process::cpu_count(),
            &settings.cpu_affinity_ignore,
        );
        if let Err(error) = process::set_affinity(&cpus) {
            log::warning(format_args!(
                "worker {id} cannot be bound to CPU {cpus:?}: {error}"
            ));
        }
    }
    let record = &shared.workers[id as usize];
    record.pid.store(process::getpid().as_raw(), Relaxed);
    record.started_ms.store(clock::monotonic_ms(), Relaxed);
    // A task worker is free until it takes a task.
    record.set_state(if is_task_worker {
        WorkerState::Idle
    } else {
        WorkerState::Starting
    });
    shared.lanes[who.lane()].reset();
    let context = Rc::new(Context {
        role,
        shared: Arc::clone(shared),
        handler: Rc::clone(handler),
        outbox: Some(RefCell::new(Outbox::new(shared, who.lane(), who.epoch))),
        local,
        lane: who.lane(),
        born_in: forks::generation(),
        stop: Cell::new(false),
        end_status: Cell::new(None),
        in_hand: InHand::default(),
        mail: Mail::new(shared, who.lane(), who.epoch, patience(role, settings)),
        incoming: Incoming::new(sources(role, shared, who)),
        known_sessions: RefCell::default(),
    });
    set_current(Some(Rc::clone(&context)));
    handler.process_started(role);
    Ok(context)
}

/// What a process does where there is no room for its message to another one. One that runs user code to
/// its end before it looks at its bell waits.
fn patience(role: Role, settings: &Settings) -> Patience {
    match role {
        Role::TaskWorker { .. } if !settings.task.enable_coroutine => {
            let limit_ms = settings.process.socket.write_timeout_ms;
            Patience::Wait(limit_ms.map(Duration::from_millis))
        }
        Role::UserProcess { .. } => {
            Patience::Wait(Some(Duration::from_millis(settings.send_timeout_ms)))
        }
        _ => Patience::Backlog,
    }
}

/// Where a process takes messages of others from, the most urgent first.
fn sources(role: Role, shared: &Shared, who: Incarnation) -> Vec<To> {
    let own = To::Worker(who.worker_id as usize);
    match role {
        _ if shared.posts.is_none() => Vec::new(),
        Role::Worker { .. } => {
            let replies = To::Lane(who.lane());
            shared.empty_replies(who.lane());
            vec![replies, own]
        }
        Role::TaskWorker { .. } => vec![own, To::AnyTaskWorker],
        _ => Vec::new(),
    }
}

/// The signals of a forked worker: SIGTERM asks it to finish, the terminal's SIGINT is the master's
/// business.
pub(super) fn ignore_others() -> Result<(), Error> {
    for ignored in [Signal::INT, Signal::USR1, Signal::USR2] {
        signal::ignore(ignored)?;
    }
    signal::restore_default(Signal::CHLD)?;
    Ok(())
}

/// Lets the worker's privileges go, as the options say.
pub(super) fn drop_privileges(shared: &Shared) -> Result<(), Error> {
    let settings = &shared.settings;
    crate::sys::credentials::switch_identity(
        settings.user.as_deref(),
        settings.group.as_deref(),
        settings.chroot.as_deref(),
    )?;
    // After that: changing the user clears it (prctl(2), PR_SET_PDEATHSIG).
    start::follow_parent(shared.global.manager_pid.load(Relaxed))
}

/// Counts requests towards `max_request`, with this worker's random share on top so that workers do
/// not all leave at once.
#[derive(Debug)]
pub(super) struct RequestLimit {
    limit: Option<u64>,
}

impl RequestLimit {
    pub fn new(shared: &Shared) -> Self {
        let settings = &shared.settings;
        Self::with(settings.max_request, settings.max_request_grace)
    }

    /// Of a task worker.
    pub fn of_tasks(shared: &Shared) -> Self {
        let task = &shared.settings.task;
        Self::with(task.max_request, task.max_request_grace)
    }

    fn with(max_request: u32, grace: u32) -> Self {
        // The time is of this very process: its siblings draw other numbers.
        let random = RandomState::new().hash_one((process::getpid().as_raw(), clock::wall_us()));
        let limit = u64::from(max_request) + random % (u64::from(grace) + 1);
        Self {
            limit: (max_request > 0).then_some(limit),
        }
    }

    pub fn is_reached(&self, requests: u64) -> bool {
        self.limit.is_some_and(|limit| requests >= limit)
    }
}

/// What every worker that the manager may stop looks at between messages.
impl Context {
    pub(super) fn is_asked_to_stop(&self, who: Incarnation) -> bool {
        let record = &self.shared.workers[who.worker_id as usize];
        record.stop_epoch.load(Acquire) == who.epoch
    }

    /// Takes note of the manager's wish, and of the limit of requests.
    pub(super) fn check_stop(&self, who: Incarnation, limit: &RequestLimit) {
        let served = self.shared.lanes[who.lane()].requests.get();
        if self.is_asked_to_stop(who) || limit.is_reached(served) {
            self.stop.set(true);
        }
    }

    /// Of a worker that the manager has forked.
    pub(super) fn on_signals(&self, server_loop: &ServerLoop) {
        for signal in server_loop.take_signals() {
            if signal == Signal::TERM {
                self.stop.set(true);
            } else if start::reopens_log(signal) {
                log::reopen();
            }
        }
    }
}
