//! Pools of processes: a master that forks workers and keeps their number, and what travels between them.
//!
//! The master and the workers run on the event loop of their process, so that timers, descriptors and
//! signal handlers of user code are served beside the pool's own work. User code is behind [`Handler`].
//!
//! ```text
//! master   forks, reaps, reloads; signals; a bell that workers ring
//!   +- worker 0..n   takes messages from its pipe, the message queue or the socket
//! ```
//! Both ends of all pipes are open in all processes: each worker may write to each other one, and what
//! waits in the pipe of a worker that dies is its successor's.

pub mod bus;
pub mod frame;
mod master;
pub mod respawn;
mod socket;
mod source;
mod wiring;
mod worker;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::atomic::{AtomicI32, AtomicU32};
use std::time::Duration;

use crate::error::Error;
use crate::log;
use crate::net::{ListenOptions, Listener, SockType};
use crate::reactor::event_loop;
use crate::reactor::outbox::Outbox;
use crate::shm::atomic::{self, Pooled, Taken};
use crate::shm::region::ShmRecord;
use crate::shm_record;
use crate::sys::eventfd::EventFd;
use crate::sys::message_queue::MessageQueue;
use crate::sys::pipe::{self, Kind, Patience};
use crate::sys::process::{self, Forked};
use crate::sys::signal::{self, Signal};
use crate::sys::{Errno, SysError, forks, user_process};

/// More workers are not started.
pub const MAX_WORKERS: u32 = 65_535;
/// The default of [`Settings::max_message_bytes`].
pub const DEFAULT_MESSAGE_BYTES: usize = 2 << 20;
/// The default of [`Settings::max_wait`].
pub const DEFAULT_WAIT: Duration = Duration::from_secs(3);
/// A message of the bus may have so many bytes, or [`Settings::max_message_bytes`] if that is more.
pub const BUS_MESSAGE_BYTES: usize = 64 << 20;
/// What waits for one worker's pipe, in bytes, beside one message.
const OUTBOX_BYTES: usize = 64 << 20;
/// How long a process that does not run an event loop waits for room in a pipe.
const SEND_LIMIT: Duration = Duration::from_secs(60);
/// An answer to a client has at most so many bytes.
pub const REPLY_MAX_BYTES: usize = 256 << 20;

shm_record! {
    /// What all processes of a pool know of a worker; the first record of a pool is the pool's own.
    pub struct Record {
        /// The worker's process. Written by the master and by the worker itself.
        pub pid: AtomicI32,
        /// A process that left the pool. Written by that process, taken by the master.
        pub detached_pid: AtomicI32,
        /// What workers ask of the master: `ASK_*`.
        pub asked: AtomicU32,
        /// 1: all workers were started once, so that each is known to the others.
        pub open: AtomicU32,
    }
}

impl Pooled for Record {
    fn clear(&self) {
        self.pid.store(0, Release);
        self.detached_pid.store(0, Release);
        self.asked.store(0, Release);
        self.open.store(0, Release);
    }
}

const _: fn() = || {
    fn is_record<T: ShmRecord>() {}
    is_record::<Record>();
};

/// In [`Record::asked`]: end the pool.
const ASK_SHUTDOWN: u32 = 1;

static RECORDS: atomic::Pool<Record> = atomic::Pool::new("swoole-rs-process-pools", 64);

/// How messages reach the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipc {
    None,
    /// A pipe for each worker.
    Pipes,
    /// A System V message queue for all.
    Queue,
    /// A listening socket for all.
    Socket,
}

/// What may be set until the pool is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Larger messages are refused.
    pub max_message_bytes: usize,
    /// How long a worker may take to end before it is killed; None: without limit.
    pub max_wait: Option<Duration>,
    /// Workers run an event loop until nothing is left in it.
    pub coroutines: bool,
    /// Messages of any length through pipes.
    pub bus: bool,
    /// Somebody takes the messages.
    pub takes_messages: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_message_bytes: DEFAULT_MESSAGE_BYTES,
            max_wait: Some(DEFAULT_WAIT),
            coroutines: false,
            bus: false,
            takes_messages: false,
        }
    }
}

/// What this process is in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing (yet, or any more).
    Outside,
    Master,
    Worker(u32),
}

/// Whether user code lets the process go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    Go,
    /// It has ended the process: `exit()`, a fault.
    End,
}

/// User code.
pub trait Handler {
    /// Splits the process; the child forgets the signal handlers and the like of its parent.
    ///
    /// # Errors
    /// No more processes.
    fn fork(&self) -> Result<Forked, SysError> {
        // So that no signal to the child is taken for one to its parent, and forgotten.
        let _held_back = signal::block_all()?;
        let forked = process::fork_with_threads()?;
        if forked == Forked::Child {
            signal::forget_in_child();
        }
        Ok(forked)
    }
    fn on_start(&self) -> Flow;
    fn on_shutdown(&self);
    fn on_worker_start(&self, worker_id: u32) -> Flow;
    fn on_worker_stop(&self, worker_id: u32);
    /// A worker that runs an event loop waits for that to be empty: called in each turn until it is.
    fn on_worker_exit(&self, worker_id: u32);
    fn on_message(&self, message: &[u8]) -> Flow;
    /// No message can be taken now.
    fn is_full(&self) -> bool {
        false
    }
    /// Ends a worker's process; `status` counts where user code has not ended it otherwise.
    fn end(&self, status: i32) -> !;
}

type Pipe = (Rc<OwnedFd>, Rc<OwnedFd>);

/// See the module.
pub struct Pool {
    ipc: Ipc,
    settings: Cell<Settings>,
    control: Taken<Record>,
    workers: Vec<Taken<Record>>,
    /// The end that everybody writes to, and the worker's own.
    pipes: Vec<Pipe>,
    queue: Option<Rc<MessageQueue>>,
    listener: RefCell<Option<Rc<Listener>>>,
    /// Rung for the master.
    bell: EventFd,
    /// The process that made the pool (see [`forks::generation`]).
    made_in: u64,
    role: Cell<Role>,
    master_pid: Cell<i32>,
    /// In the master: it goes on. In a worker: it takes messages.
    running: Cell<bool>,
    /// The answer to the client whose message is in hand; None: there is no such client.
    reply: RefCell<Option<Vec<u8>>>,
    outboxes: RefCell<Outboxes>,
}

#[derive(Default)]
struct Outboxes {
    of_worker: Vec<Option<Rc<Outbox>>>,
    /// Messages sent by this process.
    sent: u64,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("ipc", &self.ipc)
            .field("workers", &self.workers.len())
            .field("role", &self.role.get())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool of 1 to [`MAX_WORKERS`] workers. `queue_key` is that of the message queue; 0: one of its own.
    ///
    /// # Errors
    /// Too many workers; no descriptors, shared memory or message queue.
    pub fn new(worker_num: u32, ipc: Ipc, queue_key: i32) -> Result<Pool, Error> {
        if !(1..=MAX_WORKERS).contains(&worker_num) {
            return Err(Error::InvalidParams(format!(
                "a pool has 1 to {MAX_WORKERS} workers, {worker_num} given"
            )));
        }
        let record = || {
            RECORDS.take().map_err(|error| {
                Error::os(
                    "share",
                    "the records of a process pool",
                    &std::io::Error::other(error.to_string()),
                )
            })
        };
        let mut pipes = Vec::new();
        if ipc == Ipc::Pipes {
            for _ in 0..worker_num {
                let (to, from) = pipe::pair(Kind::Datagram)?;
                pipes.push((Rc::new(to), Rc::new(from)));
            }
        }
        let queue = match ipc {
            Ipc::Queue => Some(Rc::new(MessageQueue::open(queue_key)?)),
            _ => None,
        };
        Ok(Pool {
            ipc,
            settings: Cell::default(),
            control: record()?,
            workers: (0..worker_num)
                .map(|_| record())
                .collect::<Result<_, _>>()?,
            pipes,
            queue,
            listener: RefCell::default(),
            bell: EventFd::new()?,
            made_in: forks::generation(),
            role: Cell::new(Role::Outside),
            master_pid: Cell::new(0),
            running: Cell::new(false),
            reply: RefCell::default(),
            outboxes: RefCell::default(),
        })
    }

    #[must_use]
    pub fn ipc(&self) -> Ipc {
        self.ipc
    }

    #[must_use]
    pub fn worker_num(&self) -> u32 {
        self.workers.len() as u32
    }

    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings.get()
    }

    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.get();
        change(&mut settings);
        self.settings.set(settings);
    }

    #[must_use]
    pub fn role(&self) -> Role {
        self.role.get()
    }

    #[must_use]
    pub fn is_started(&self) -> bool {
        self.role.get() != Role::Outside
    }

    #[must_use]
    pub fn master_pid(&self) -> i32 {
        self.master_pid.get()
    }

    /// The process id of a worker; 0: it is not running, None: there is no such worker.
    #[must_use]
    pub fn worker_pid(&self, worker_id: u32) -> Option<i32> {
        let record = self.workers.get(worker_id as usize)?;
        Some(record.pid.load(Acquire))
    }

    /// The pipe of a worker: the end that others write to and the worker's own.
    #[must_use]
    pub fn pipe(&self, worker_id: u32) -> Option<&(Rc<OwnedFd>, Rc<OwnedFd>)> {
        self.pipes.get(worker_id as usize)
    }

    #[must_use]
    pub fn queue(&self) -> Option<&Rc<MessageQueue>> {
        self.queue.as_ref()
    }

    /// Listens for clients, in place of what it listened on before. A host with a colon is an IPv6 address.
    ///
    /// # Errors
    /// One sentence with the address and the reason.
    pub fn listen(&self, at: ListenAt<'_>, backlog: i32) -> Result<(), Error> {
        let listener = match at {
            ListenAt::Unix(path) => Listener::bind(SockType::UnixStream, path, 0)?,
            ListenAt::Tcp(host, port) if host.contains(':') => {
                Listener::bind(SockType::Tcp6, host, port)?
            }
            ListenAt::Tcp(host, port) => Listener::bind(SockType::Tcp, host, port)?,
        };
        listener.listen(backlog, &ListenOptions::default())?;
        let former = self.listener.replace(Some(Rc::new(listener)));
        self.remove_file(former.as_deref());
        Ok(())
    }

    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.listener.borrow().is_some()
    }

    fn remove_file(&self, listener: Option<&Listener>) {
        if let Some(listener) = listener
            && self.made_in == forks::generation()
        {
            listener.remove_socket_file();
        }
    }

    /// Runs the pool until it is shut down: this process is the master. Does not return in a worker.
    ///
    /// # Errors
    /// Nothing was started: out of descriptors.
    pub fn run(&self, handler: &dyn Handler) -> Result<(), Error> {
        master::run(self, handler)
    }

    /// In the master, or from any other process of the pool: ends all workers, then the pool. False: the
    /// pool does not run.
    pub fn shutdown(&self) -> bool {
        if !self.is_started() {
            return false;
        }
        if self.role.get() == Role::Master && self.master_pid.get() == process::getpid().as_raw() {
            self.running.set(false);
            self.bell.ring();
            return true;
        }
        self.control.asked.fetch_or(ASK_SHUTDOWN, AcqRel);
        self.bell.ring();
        process::is_alive(nix::unistd::Pid::from_raw(self.master_pid.get()))
    }

    /// In a worker: it ends when it is done with what it has in hand, and is replaced. In the master: the
    /// pool ends.
    pub fn stop(&self) {
        self.running.set(false);
        if self.role.get() == Role::Master {
            self.bell.ring();
        }
    }

    /// In a worker: it leaves the pool, which replaces it at once, and takes no more messages; it ends when
    /// it is done with what it has in hand. False: this is no worker, or it is stopping already.
    pub fn detach(&self) -> bool {
        let Role::Worker(id) = self.role.get() else {
            return false;
        };
        let Some(record) = self.workers.get(id as usize) else {
            return false;
        };
        if !self.running.replace(false) || !self.is_own(record) {
            return false;
        }
        // From here on it may outlive the master.
        user_process::forget_parent_death();
        record
            .detached_pid
            .store(process::getpid().as_raw(), Release);
        self.bell.ring();
        true
    }

    fn is_own(&self, record: &Record) -> bool {
        record.pid.load(Acquire) == process::getpid().as_raw()
    }

    /// Adds to the answer to the client whose message is in hand.
    ///
    /// # Errors
    /// There is no such client; the answer grows too large.
    pub fn reply(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut reply = self.reply.borrow_mut();
        let Some(reply) = &mut *reply else {
            return Err(Error::InvalidParams(
                "there is no client to answer: write() works inside of the message callback"
                    .to_owned(),
            ));
        };
        if reply.len().saturating_add(bytes.len()) > REPLY_MAX_BYTES {
            return Err(Error::InvalidParams(format!(
                "an answer has at most {REPLY_MAX_BYTES} bytes"
            )));
        }
        reply.extend_from_slice(bytes);
        Ok(())
    }

    /// Sends a message to a worker. A process whose event loop runs never waits: what does not fit into the
    /// pipe is sent later. Others wait for room.
    ///
    /// # Errors
    /// EINVAL: no such worker; EMSGSIZE: too long; ENOBUFS: too much waits already; ETIMEDOUT: no room in
    /// time.
    pub fn send_message(&self, worker_id: u32, message: &[u8]) -> Result<(), Errno> {
        let (to, _) = self.pipe(worker_id).ok_or(Errno::EINVAL)?;
        if !self.settings().bus {
            let datagram = |_: &mut Outboxes| vec![message.to_vec()].into_iter();
            return self.send(worker_id, to, message.len(), datagram);
        }
        if message.len() > self.bus_limit() {
            return Err(Errno::EMSGSIZE);
        }
        let sender = std::process::id();
        self.send(worker_id, to, message.len(), |outboxes| {
            outboxes.sent += 1;
            bus::datagrams(sender, outboxes.sent, message)
        })
    }

    /// What a message of the bus may have, in bytes.
    #[must_use]
    pub fn bus_limit(&self) -> usize {
        let most = u32::MAX as usize;
        self.settings()
            .max_message_bytes
            .clamp(BUS_MESSAGE_BYTES, most)
    }

    fn send<I: Iterator<Item = Vec<u8>>>(
        &self,
        worker_id: u32,
        to: &Rc<OwnedFd>,
        bytes: usize,
        cut: impl FnOnce(&mut Outboxes) -> I,
    ) -> Result<(), Errno> {
        let event_loop = event_loop::existing().filter(|event_loop| event_loop.is_running());
        let mut outboxes = self.outboxes.borrow_mut();
        let Some(event_loop) = event_loop else {
            if let Some(outbox) = outboxes.of(worker_id) {
                // What a loop did not come to send goes first.
                outbox.flush(Patience::Limited(Some(SEND_LIMIT)))?;
            }
            for datagram in cut(&mut outboxes) {
                pipe::send(&**to, &datagram, Patience::Limited(Some(SEND_LIMIT)))?;
            }
            return Ok(());
        };
        let known = outboxes.of(worker_id);
        if let Some(outbox) = &known
            && !outbox.is_empty()
            && !outbox.has_room(bytes)
        {
            return Err(Errno::ENOBUFS);
        }
        let mut waits = known.filter(|outbox| !outbox.is_empty());
        for datagram in cut(&mut outboxes) {
            if waits.is_none() {
                match pipe::send(&**to, &datagram, Patience::None) {
                    Ok(_) => continue,
                    Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                        waits = Some(outboxes.make(worker_id, to, self.outbox_bytes())?);
                    }
                    Err(errno) => return Err(errno),
                }
            }
            if let Some(outbox) = &waits {
                outbox.push(&event_loop, datagram)?;
            }
        }
        Ok(())
    }

    /// Room for a whole message behind the last one that was taken.
    fn outbox_bytes(&self) -> usize {
        OUTBOX_BYTES + 2 * self.bus_limit()
    }
}

impl Outboxes {
    fn of(&mut self, worker_id: u32) -> Option<Rc<Outbox>> {
        let slot = self.of_worker.get_mut(worker_id as usize)?;
        if slot
            .as_ref()
            .is_some_and(|outbox| !outbox.is_of_this_process())
        {
            *slot = None;
        }
        slot.clone()
    }

    fn make(
        &mut self,
        worker_id: u32,
        pipe: &Rc<OwnedFd>,
        max_bytes: usize,
    ) -> Result<Rc<Outbox>, Errno> {
        if let Some(known) = self.of(worker_id) {
            return Ok(known);
        }
        let index = worker_id as usize;
        if self.of_worker.len() <= index {
            self.of_worker.resize(index + 1, None);
        }
        let outbox = Outbox::new(pipe, max_bytes)?;
        if let Some(slot) = self.of_worker.get_mut(index) {
            *slot = Some(Rc::clone(&outbox));
        }
        Ok(outbox)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let listener = self.listener.take();
        self.remove_file(listener.as_deref());
    }
}

/// Where a pool listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenAt<'a> {
    Tcp(&'a str, i64),
    Unix(&'a str),
}

/// The log's file is opened anew: log rotation.
fn reopen_log() {
    log::reopen();
}

/// Signals that have the log opened anew, in all processes of a pool.
fn reopening() -> [Signal; 2] {
    [Signal::WINCH, Signal::rtmin()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_numbers_of_workers_are_refused() {
        assert!(Pool::new(0, Ipc::None, 0).is_err());
        assert!(Pool::new(MAX_WORKERS + 1, Ipc::None, 0).is_err());
    }

    #[test]
    fn outside_of_a_run_there_is_nothing_to_ask_for() {
        let pool = Pool::new(2, Ipc::Pipes, 0).expect("pool");
        assert!(!pool.shutdown());
        assert!(!pool.detach());
        assert!(pool.reply(b"x").is_err());
        assert_eq!(pool.worker_pid(1), Some(0));
        assert_eq!(pool.worker_pid(2), None);
        assert_eq!(pool.send_message(2, b"x"), Err(Errno::EINVAL));
    }

    #[test]
    fn messages_go_through_the_pipe_whole() {
        let pool = Pool::new(1, Ipc::Pipes, 0).expect("pool");
        pool.send_message(0, b"hello").expect("send");
        let (_, from) = pool.pipe(0).expect("pipe");
        let mut buffer = [0; 100];
        assert_eq!(pipe::receive(&**from, &mut buffer, Patience::None), Ok(5));
        assert_eq!(
            pool.send_message(0, &vec![0; 64 << 20]),
            Err(Errno::EMSGSIZE)
        );
    }
}
