//! The only door from the server to user code. `php/` implements it over PHP callbacks, tests over
//! plain Rust.

use super::serving::Serving;
use crate::shm::ring::Record;

/// The events user code can listen to, in the reference's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    Start,
    BeforeShutdown,
    Shutdown,
    ManagerStart,
    ManagerStop,
    WorkerStart,
    WorkerStop,
    WorkerExit,
    WorkerError,
    BeforeReload,
    AfterReload,
    Connect,
    Receive,
    Close,
    BufferFull,
    BufferEmpty,
    Task,
    Finish,
    PipeMessage,
}

/// What became of a call into user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The callback returned (or there is none).
    Done,
    /// The process must end with this exit status: `exit()`, a fatal error or an uncaught exception,
    /// already reported to the user by the handler.
    EndProcess { status: i32 },
    /// User code goes on in a coroutine. Where the event has a [`Serving`], the handler calls
    /// [`super::Context::finish`] when it is done.
    Suspended,
}

/// A process' place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Master,
    Manager,
    Worker {
        worker_id: u32,
    },
    TaskWorker {
        worker_id: u32,
    },
    /// One of `addProcess()`; its number counts on from those of the task workers.
    UserProcess {
        worker_id: u32,
    },
}

/// What is known of the connection that an event belongs to.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionEvent {
    /// Session id: what PHP callbacks get as `$fd`.
    pub session_id: u64,
    /// Index of the reactor thread that owns the socket; -1 in `on_close` when the server closed.
    pub reactor_id: i32,
    /// Index of the listening port.
    pub port: u16,
    /// When the reactor passed the event on, seconds since the epoch.
    pub dispatch_time_s: f64,
    /// The message, as long as user code is not done with it (connect, receive, bufferFull, bufferEmpty).
    pub serving: Serving,
}

/// A task as its result is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskRef {
    /// Counted by the process that asked.
    pub id: u64,
    /// Its number among the workers; 0 for the master and the manager.
    pub worker_id: u32,
    /// `SWOOLE_TASK_*`.
    pub flags: u16,
    pub(super) source: u16,
    pub(super) epoch: u32,
}

/// A task that has come.
#[derive(Clone, Copy, Debug)]
pub struct TaskEvent {
    pub task: TaskRef,
    pub dispatch_time_s: f64,
    /// The task, as long as user code is not done with it.
    pub serving: Serving,
}

/// A task's result that has come, or the news that there will be none.
#[derive(Clone, Copy, Debug)]
pub struct FinishEvent {
    pub task_id: u64,
    /// The task worker it comes from.
    pub worker_id: u32,
    /// Whether this very process asked for it, and not its predecessor.
    pub is_own: bool,
    pub flags: u16,
    pub dispatch_time_s: f64,
}

/// A message of user code from another process.
#[derive(Clone, Copy, Debug)]
pub struct MessageEvent {
    /// Its number among the workers; 0 for the master and the manager.
    pub worker_id: u32,
    pub flags: u16,
    pub dispatch_time_s: f64,
}

/// The bytes of a message, still where they arrived. Copy them out, then [`Payload::release`] before
/// running user code: only then may the sender reuse the space, and a message counts as taken.
#[derive(Debug)]
pub enum Payload<'a> {
    Ring(Record<'a>),
    Buffer(&'a [u8]),
}

impl Payload<'_> {
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            // The header stands before the data in the ring.
            Payload::Ring(record) => record
                .bytes()
                .get(crate::ipc::message::HEADER_BYTES..)
                .unwrap_or_default(),
            Payload::Buffer(bytes) => bytes,
        }
    }

    /// Gives the space back.
    pub fn release(self) {}
}

/// How a worker process ended, for `on_worker_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerFault {
    pub worker_id: u32,
    pub pid: i32,
    pub exit_code: i32,
    pub signal: i32,
    /// The raw status of wait(2).
    pub status: i32,
}

/// Where user code failed, for the one log line about a dead worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlace {
    pub message: String,
    pub file: String,
    pub line: u32,
}

/// Calls into user code. All methods take `&self`: callbacks re-enter (a callback that closes a
/// connection runs `on_close` before it returns).
pub trait EventHandler {
    /// Whether a callback is set; events nobody listens to are not sent between processes.
    fn listens(&self, event: Event) -> bool;

    /// A new process begins (after fork, before its start event): reseed random generators, set titles.
    fn process_started(&self, role: Role);

    fn on_start(&self) -> Outcome;
    fn on_before_shutdown(&self) -> Outcome;
    fn on_shutdown(&self) -> Outcome;
    fn on_manager_start(&self) -> Outcome;
    fn on_manager_stop(&self) -> Outcome;
    fn on_worker_start(&self, worker_id: u32) -> Outcome;
    fn on_worker_stop(&self, worker_id: u32) -> Outcome;
    fn on_worker_exit(&self, worker_id: u32) -> Outcome;
    fn on_worker_error(&self, fault: &WorkerFault) -> Outcome;
    fn on_before_reload(&self) -> Outcome;
    fn on_after_reload(&self) -> Outcome;

    fn on_connect(&self, event: &ConnectionEvent) -> Outcome;
    fn on_receive(&self, event: &ConnectionEvent, payload: Payload<'_>) -> Outcome;
    fn on_close(&self, event: &ConnectionEvent) -> Outcome;
    fn on_buffer_full(&self, event: &ConnectionEvent) -> Outcome;
    fn on_buffer_empty(&self, event: &ConnectionEvent) -> Outcome;

    /// A task. Its result goes by [`super::Context::finish_task`].
    fn on_task(&self, _event: &TaskEvent, _data: &[u8]) -> Outcome {
        Outcome::Done
    }
    /// The result of a task of this process; `None`: the task worker that had it in hand is dead.
    fn on_finish(&self, _event: &FinishEvent, _data: Option<&[u8]>) -> Outcome {
        Outcome::Done
    }
    fn on_pipe_message(&self, _event: &MessageEvent, _data: &[u8]) -> Outcome {
        Outcome::Done
    }

    /// How many processes of user code the server has.
    fn user_processes(&self) -> u32 {
        0
    }
    /// The whole life of one of them. [`Outcome::Done`] and the end of its process mean that it is started
    /// again.
    fn run_user_process(&self, _worker_id: u32, _index: u32) -> Outcome {
        Outcome::Done
    }

    /// `package_length_func`: the length of the package that begins with these bytes, 0 if they are too few
    /// to tell, less if they make no sense. An error ends the process.
    fn package_length(&self, _head: &[u8]) -> Result<i64, Outcome> {
        Ok(-1)
    }

    /// Whether user code can take no more messages for now (all coroutines are in use). Asked between
    /// messages; it changes only in the event loop.
    fn is_full(&self) -> bool {
        false
    }

    /// Where the last [`Outcome::EndProcess`] came from, if known.
    fn fault_place(&self) -> Option<FaultPlace>;
}
