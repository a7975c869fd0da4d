//! What all processes of a server share: records in shared memory, rings and bells, all made before the
//! first fork and found again by each child at the same place.

use std::sync::atomic::{
    AtomicI32, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::handler::Event;
use super::session::{Session, SessionTable};
use super::{Mode, PortInfo};
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::exchange::{Exchange, ring_capacity};
use crate::options::Settings;
use crate::protocol::framing::Framing;
use crate::shm::counters::{Counter, Padded};
use crate::shm::region::Layout;
use crate::shm_record;

/// Address space for the rings of one server, in bytes.
const RING_BUDGET_BYTES: usize = 192 * 1024 * 1024;
/// Room for the text of a worker's last fault, in words of 8 bytes.
const FAULT_WORDS: usize = 32;
/// Messages that a worker may have in hand and still have every session remembered. With more, all of the
/// worker's connections are closed if it dies.
pub const SERVING_MAX: usize = SERVING_ROWS * SERVING_ROWS;
const SERVING_ROWS: usize = 32;

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
        _reserved: AtomicU32,
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
    Busy = 1,
    Idle = 2,
    Exit = 3,
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
            _ => WorkerState::Busy,
        }
    }

    #[inline]
    pub fn set_state(&self, state: WorkerState) {
        self.state.store(state as u32, Relaxed);
    }
}

shm_record! {
    /// One for each lane of each worker, so that an incarnation that finishes and its successor do not
    /// write to the same words. Writer: the incarnation of the lane.
    pub struct LaneRecord {
        /// Of this incarnation.
        pub requests: Counter,
        /// Of this incarnation.
        pub responses: Counter,
        /// Of all incarnations of this lane.
        pub all_requests: Counter,
        /// Of all incarnations of this lane.
        pub all_responses: Counter,
        /// Places of `serving` below this have been used.
        serving_used: AtomicU32,
        /// Messages in hand that found no place.
        serving_more: AtomicU32,
        fault_bytes: AtomicU32,
        /// The sessions that have a message in hand; 0: none.
        serving: [[AtomicU64; SERVING_ROWS]; SERVING_ROWS],
        fault: [AtomicU64; FAULT_WORDS],
    }
}

impl LaneRecord {
    /// A new incarnation begins.
    pub fn reset(&self) {
        self.requests.set(0);
        self.responses.set(0);
        self.fault_bytes.store(0, Relaxed);
        self.take_served();
    }

    /// The incarnation has taken a message of a session, and remembers it in this place.
    #[inline]
    pub fn begin_serving(&self, slot: u32, session_id: u64) {
        match self.place(slot) {
            Some(place) => {
                if self.serving_used.load(Relaxed) <= slot {
                    self.serving_used.store(slot + 1, Release);
                }
                place.store(session_id, Release);
            }
            None => {
                let more = self.serving_more.load(Relaxed);
                self.serving_more.store(more + 1, Release);
            }
        }
    }

    #[inline]
    fn place(&self, slot: u32) -> Option<&AtomicU64> {
        let slot = slot as usize;
        self.serving
            .get(slot / SERVING_ROWS)?
            .get(slot % SERVING_ROWS)
    }

    /// User code is done with the message of this place.
    #[inline]
    pub fn end_serving(&self, slot: u32) {
        match self.place(slot) {
            Some(place) => place.store(0, Release),
            None => {
                let more = self.serving_more.load(Relaxed);
                self.serving_more.store(more.saturating_sub(1), Release);
            }
        }
    }

    /// The sessions whose message a dead incarnation had in hand, and whether there were more than it
    /// could write down; forgets them.
    pub fn take_served(&self) -> (Vec<u64>, bool) {
        let used = self.serving_used.swap(0, AcqRel) as usize;
        let mut served: Vec<u64> = self
            .serving
            .iter()
            .flatten()
            .take(used)
            .map(|place| place.swap(0, AcqRel))
            .filter(|id| *id != 0)
            .collect();
        served.sort_unstable();
        served.dedup();
        (served, self.serving_more.swap(0, AcqRel) > 0)
    }

    /// Keeps the text of a fault for whoever reports the death, cut to the room there is.
    pub fn set_fault(&self, text: &str) {
        let bytes = &text.as_bytes()[..text.len().min(FAULT_WORDS * 8)];
        for (word, chunk) in self.fault.iter().zip(bytes.chunks(8)) {
            let mut buffer = [0u8; 8];
            buffer[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(buffer), Relaxed);
        }
        self.fault_bytes.store(bytes.len() as u32, Release);
    }

    /// Takes the text of the last fault.
    pub fn take_fault(&self) -> Option<String> {
        let length = self.fault_bytes.swap(0, Acquire) as usize;
        if length == 0 || length > FAULT_WORDS * 8 {
            return None;
        }
        let mut bytes: Vec<u8> = self
            .fault
            .iter()
            .flat_map(|word| word.load(Relaxed).to_ne_bytes())
            .collect();
        bytes.truncate(length);
        Some(String::from_utf8_lossy(&bytes).into_owned())
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
    pub workers: &'static [WorkerRecord],
    /// Two for each worker.
    pub lanes: &'static [LaneRecord],
    pub sessions: SessionTable,
    /// Reactor threads to workers; `None` in base mode.
    pub to_workers: Option<Exchange>,
    /// Worker lanes and the manager to hosts.
    pub to_hosts: Exchange,
    /// One for each host; in base mode the same as the workers'.
    pub host_bells: Vec<Doorbell>,
    /// Two for each worker, one a lane.
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
    ) -> Result<Self, Error> {
        let workers = settings.worker_num as usize;
        let lanes = workers * 2;
        let hosts = match mode {
            Mode::Process => settings.reactor_num as usize,
            Mode::Base => lanes,
        };
        let producers = lanes + 1;
        let rings = match mode {
            Mode::Process => hosts * workers + producers * hosts,
            Mode::Base => producers * hosts,
        };
        let capacity = ring_capacity(rings, RING_BUDGET_BYTES);
        let mut layout = Layout::new();
        let global = layout.array::<Global>(1);
        let host_records = layout.array::<HostRecord>(hosts);
        let worker_records = layout.array::<WorkerRecord>(workers);
        let lane_records = layout.array::<LaneRecord>(lanes);
        let bells = layout.array::<Padded<AtomicU32>>(hosts + lanes + 2);
        let slots = layout.array::<Session>(SessionTable::slots_for(settings.max_conn));
        let to_workers = (mode == Mode::Process)
            .then(|| Exchange::layout(&mut layout, hosts, workers, capacity));
        let to_hosts = Exchange::layout(&mut layout, producers, hosts, capacity);
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
            host_bells,
            worker_bells,
            manager_bell: bell(hosts + lanes)?,
            master_bell: bell(hosts + lanes + 1)?,
        })
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

    /// The bell of a producer of `to_hosts`.
    #[must_use]
    pub fn producer_bell(&self, producer: usize) -> &Doorbell {
        self.worker_bells
            .get(producer)
            .unwrap_or(&self.manager_bell)
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
