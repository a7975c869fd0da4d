//! What all processes of a server share: records in shared memory, rings and bells, all made before the
//! first fork and found again by each child at the same place.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{
    AtomicI32, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::handler::Event;
use super::lane::LaneRecord;
use super::posts::{Posts, open_task_queue};
use super::session::{Session, SessionTable};
use super::{Mode, PortInfo};
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::exchange::{Exchange, ring_capacity};
use crate::options::Settings;
use crate::protocol::framing::Framing;
use crate::reactor::clock;
use crate::shm::counters::{Counter, Padded};
use crate::shm::region::Layout;
use crate::shm_record;
use crate::sys::message_queue::MessageQueue;

/// Address space for the rings to and from connections of one server, in bytes.
const RING_BUDGET_BYTES: usize = 176 * 1024 * 1024;
/// The phases of a server, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Starting = 0,
    Running = 1,
    /// No more connections; what is in flight is finished.
    ShuttingDown = 2,
    /// Nothing is in flight any more (or the time is over): the workers end.
    StoppingWorkers = 3,
}

shm_record! {
    /// One for the server.
    pub struct Global {
        /// Writer: master, before the forks.
        pub master_pid: AtomicI32,
        /// Writer: whoever forks the manager.
        pub manager_pid: AtomicI32,
        /// Writer: master.
        phase: AtomicU32,
        /// How often the log's file was to be opened again. Writer: the manager.
        pub log_requests: AtomicU32,
        /// The last session id given out. Writers: acceptors.
        pub session_round: AtomicU64,
        /// Seconds since the epoch. Writer: master.
        pub start_time_s: AtomicU64,
        /// Connections refused because of `max_conn`. Writers: acceptors.
        pub refused: AtomicU64,
        /// What processes ask of the manager, a bit each (see [`Ask`]). Writers: all; the manager clears.
        asked: AtomicU32,
        /// The master is asked to shut down. Writer: the manager.
        pub shutdown_asked: AtomicU32,
        /// Tasks that were accepted. Writers: all.
        pub tasks: AtomicU64,
        /// Tasks that a task worker has begun. Writers: task workers.
        pub tasks_taken: AtomicU64,
        /// Which task worker is asked first. Writers: all.
        pub task_round: AtomicU32,
        /// When the log said last that no task worker is idle, in seconds. Writers: all.
        pub no_idle_s: AtomicU32,
    }
}

/// What any process may ask of the manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Reload = 1,
    ReloadTaskWorkers = 2,
    ShutDown = 4,
    /// The master's: kill what has not ended.
    Hurry = 8,
}

impl Global {
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Acquire) {
            0 => Phase::Starting,
            1 => Phase::Running,
            2 => Phase::ShuttingDown,
            _ => Phase::StoppingWorkers,
        }
    }

    pub fn ask(&self, ask: Ask) {
        self.asked.fetch_or(ask as u32, AcqRel);
    }

    /// Takes what was asked.
    pub fn take_asked(&self) -> impl Fn(Ask) -> bool + use<> {
        let asked = self.asked.swap(0, AcqRel);
        move |ask| asked & ask as u32 != 0
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u32, Release);
    }
}

shm_record! {
    /// One for each host. Writer: the host, and for `accepted` the acceptor.
    pub struct HostRecord {
        pub accepted: Counter,
        pub closed: Counter,
        pub received_bytes: Counter,
        pub sent_bytes: Counter,
        pub dispatched: Counter,
        /// Bytes accepted for sending and not yet taken by the kernel.
        pub queued_bytes: Counter,
    }
}

/// What a worker is doing, with the reference's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// In a callback for a message.
    Busy = 1,
    Idle = 2,
    Exit = 3,
    /// Not serving yet: told to users as idle, as the reference does, but nobody to give work first.
    Starting = 4,
}

shm_record! {
    /// One for each worker. Writers: the manager for pid and epoch, the worker for the rest.
    pub struct WorkerRecord {
        pub pid: AtomicI32,
        /// Which incarnation serves; counts from 1.
        pub epoch: AtomicU32,
        state: AtomicU32,
        /// The last incarnation that stopped taking work on its own.
        pub retired_epoch: AtomicU32,
        /// The incarnation that is asked to stop. Writers: all.
        pub stop_epoch: AtomicU32,
        _reserved2: AtomicU32,
        pub started_ms: AtomicU64,
    }
}

impl WorkerRecord {
    #[must_use]
    pub fn state(&self) -> WorkerState {
        match self.state.load(Relaxed) {
            2 => WorkerState::Idle,
            3 => WorkerState::Exit,
            4 => WorkerState::Starting,
            _ => WorkerState::Busy,
        }
    }

    #[inline]
    pub fn set_state(&self, state: WorkerState) {
        self.state.store(state as u32, Relaxed);
    }
}

/// The events that user code listens to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listens(u32);

impl Listens {
    #[must_use]
    pub fn collect(listens: impl Fn(Event) -> bool) -> Self {
        let on = [
            Event::Connect,
            Event::Close,
            Event::BufferFull,
            Event::BufferEmpty,
            Event::PipeMessage,
        ];
        let bits = on
            .iter()
            .filter(|e| listens(**e))
            .map(|e| 1u32 << *e as u32);
        Self(bits.fold(0, |all, bit| all | bit))
    }

    #[inline]
    #[must_use]
    pub fn to(self, event: Event) -> bool {
        self.0 & (1u32 << event as u32) != 0
    }
}

/// The shared state as one process sees it. Plain fields are copies from before the fork.
#[derive(Debug)]
pub struct Shared {
    pub mode: Mode,
    pub settings: Settings,
    /// How the bytes of clients become messages.
    pub framing: Framing,
    pub ports: Vec<PortInfo>,
    pub listens: Listens,
    pub global: &'static Global,
    pub hosts: &'static [HostRecord],
    /// Event workers, then task workers, then processes of user code.
    pub workers: &'static [WorkerRecord],
    /// Two for each of them.
    pub lanes: &'static [LaneRecord],
    pub sessions: SessionTable,
    /// Reactor threads to workers; `None` in base mode.
    pub to_workers: Option<Exchange>,
    /// Worker lanes and the manager to hosts.
    pub to_hosts: Exchange,
    /// Between workers and task workers, where there is reason for it.
    pub posts: Option<Posts>,
    /// Tasks, with `task_ipc_mode` 2 and 3.
    pub task_queue: Option<MessageQueue>,
    /// Tells tasks of this run from those that an earlier one has left in that queue.
    pub run: u16,
    /// One for each host; in base mode the same as the workers'.
    pub host_bells: Vec<Doorbell>,
    /// Two for each of `workers`, one a lane.
    pub worker_bells: Vec<Doorbell>,
    pub manager_bell: Doorbell,
    pub master_bell: Doorbell,
}

impl Shared {
    pub fn create(
        mode: Mode,
        settings: Settings,
        ports: Vec<PortInfo>,
        listens: Listens,
        user_processes: u32,
    ) -> Result<Self, Error> {
        let event_workers = settings.worker_num as usize;
        let core = event_workers + settings.task.worker_num as usize;
        let workers = core + user_processes as usize;
        let lanes = workers * 2;
        let hosts = match mode {
            Mode::Process => settings.reactor_num as usize,
            Mode::Base => event_workers * 2,
        };
        let producers = lanes + 1;
        let rings = ring_count(mode, hosts, event_workers, producers);
        let capacity = ring_capacity(rings, RING_BUDGET_BYTES);
        let mut layout = Layout::new();
        let global = layout.array::<Global>(1);
        let host_records = layout.array::<HostRecord>(hosts);
        let worker_records = layout.array::<WorkerRecord>(workers);
        let lane_records = layout.array::<LaneRecord>(lanes);
        let bells = layout.array::<Padded<AtomicU32>>(hosts + lanes + 2);
        let slots = layout.array::<Session>(SessionTable::slots_for(settings.max_conn));
        let to_workers = (mode == Mode::Process)
            .then(|| Exchange::layout(&mut layout, hosts, event_workers, capacity));
        let to_hosts = Exchange::layout(&mut layout, producers, hosts, capacity);
        let has_posts = core > event_workers || listens.to(Event::PipeMessage);
        let posts =
            has_posts.then(|| Posts::layout(&mut layout, core, event_workers, producers + 1));
        let built = layout.build("swoole")?;
        let global = &built.get(global)[0];
        let bell_records = built.get(bells);
        let bell = |index: usize| -> Result<Doorbell, Error> {
            let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
            let sleeping: &'static AtomicU32 = &bell_records[index];
            Ok(Doorbell::new(EventFd::from_flags(flags)?, sleeping))
        };
        let worker_bells = (0..lanes)
            .map(|lane| bell(hosts + lane))
            .collect::<Result<Vec<_>, _>>()?;
        let host_bells = match mode {
            Mode::Process => (0..hosts).map(bell).collect::<Result<Vec<_>, _>>()?,
            Mode::Base => Vec::new(),
        };
        let task_queue = open_task_queue(&settings)?;
        Ok(Self {
            mode,
            framing: settings.framing.framing(),
            settings,
            ports,
            listens,
            global,
            hosts: built.get(host_records),
            workers: built.get(worker_records),
            lanes: built.get(lane_records),
            sessions: SessionTable::new(built.get(slots), &global.session_round),
            to_workers: to_workers.map(|slot| Exchange::open(&built, &slot)),
            to_hosts: Exchange::open(&built, &to_hosts),
            posts: posts.map(|slot| Posts::open(&built, &slot)).transpose()?,
            task_queue,
            run: RandomState::new().hash_one(clock::wall_us()) as u16,
            host_bells,
            worker_bells,
            manager_bell: bell(hosts + lanes)?,
            master_bell: bell(hosts + lanes + 1)?,
        })
    }

    /// How many of `workers` serve connections.
    #[inline]
    #[must_use]
    pub fn event_workers(&self) -> usize {
        self.settings.worker_num as usize
    }

    /// How many of `workers` serve connections or tasks.
    #[inline]
    #[must_use]
    pub fn core_workers(&self) -> usize {
        self.event_workers() + self.settings.task.worker_num as usize
    }

    /// The records of the task workers.
    #[must_use]
    pub fn task_workers(&self) -> &'static [WorkerRecord] {
        let workers = self.workers;
        workers
            .get(self.event_workers()..self.core_workers())
            .unwrap_or_default()
    }

    /// The bell of a host.
    #[inline]
    #[must_use]
    pub fn host_bell(&self, host: usize) -> &Doorbell {
        match self.mode {
            Mode::Process => &self.host_bells[host],
            Mode::Base => &self.worker_bells[host],
        }
    }

    /// The bell of a worker's serving incarnation.
    #[inline]
    #[must_use]
    pub fn worker_bell(&self, worker_id: usize) -> &Doorbell {
        let lane = self.workers[worker_id].epoch.load(Acquire) as usize & 1;
        &self.worker_bells[worker_id * 2 + lane]
    }

    /// The lanes of a worker, the one of the incarnation that may be finishing first: what it sent stands
    /// before what its successor sends.
    #[must_use]
    pub fn lanes_in_order(&self, worker_id: usize) -> [usize; 2] {
        let lane = self.workers[worker_id].epoch.load(Acquire) as usize & 1;
        [worker_id * 2 + (lane ^ 1), worker_id * 2 + lane]
    }

    /// The manager's place among the producers of `to_hosts`.
    #[must_use]
    pub fn manager_producer(&self) -> usize {
        self.workers.len() * 2
    }

    /// The master's place among those who send messages to workers.
    #[must_use]
    pub fn master_producer(&self) -> usize {
        self.manager_producer() + 1
    }

    /// The bell of a producer: of a lane, of the manager, or of the master.
    #[must_use]
    pub fn producer_bell(&self, producer: usize) -> &Doorbell {
        match self.worker_bells.get(producer) {
            Some(bell) => bell,
            None if producer == self.master_producer() => &self.master_bell,
            None => &self.manager_bell,
        }
    }

    /// What PHP callbacks get as the reactor id of a host.
    #[inline]
    #[must_use]
    pub fn reactor_id(&self, host: usize) -> u32 {
        match self.mode {
            Mode::Process => host as u32,
            Mode::Base => host as u32 / 2,
        }
    }

    /// Open connections: what the hosts got less what they closed. Each of these numbers has one writer,
    /// and a host that died is set right by the manager, so that no kill can make the sum drift.
    #[must_use]
    pub fn connections(&self) -> u64 {
        let sum = |number: fn(&HostRecord) -> u64| self.hosts.iter().map(number).sum::<u64>();
        let closed = sum(|host| host.closed.get());
        sum(|host| host.accepted.get()).saturating_sub(closed)
    }

    /// Bytes queued for all peers of all hosts.
    #[must_use]
    pub fn queued_bytes(&self) -> u64 {
        self.hosts.iter().map(|host| host.queued_bytes.get()).sum()
    }
}

/// Rings to and from connections.
fn ring_count(mode: Mode, hosts: usize, event_workers: usize, producers: usize) -> usize {
    match mode {
        Mode::Process => hosts * event_workers + producers * hosts,
        Mode::Base => producers * hosts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::posts;

    /// 8 reactor threads, 32 workers and 32 task workers.
    #[test]
    fn the_memory_of_a_large_server_is_bounded() {
        const LIMIT: usize = 256 << 20;
        let lanes = 64 * 2;
        let rings = ring_count(Mode::Process, 8, 32, lanes + 1);
        let connections = rings * ring_capacity(rings, RING_BUDGET_BYTES);
        let messages = posts::bytes(64, 32);
        assert!(
            connections + messages <= LIMIT,
            "{connections} + {messages}"
        );
    }
}
