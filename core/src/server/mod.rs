//! The server: processes, reactor threads, connections and their sessions. PHP-free; user code stands
//! behind [`EventHandler`].
//!
//! Process mode: the master's main thread accepts ([`acceptor`]), its reactor threads own the sockets
//! ([`reactor_thread`]), the manager forks and replaces workers ([`manager`]), workers run user code
//! ([`worker`]). Base mode: each worker owns its connections ([`base`]); the first process is the
//! manager, and with one worker that is never replaced the only process.

mod acceptor;
mod affinity;
mod awaited;
mod base;
mod connection;
mod context;
mod dispatch;
mod entry;
mod farewell;
pub mod handler;
mod incoming;
mod info;
mod lane;
mod local;
mod long_message;
mod mail;
mod mailbox;
mod manager;
mod master;
mod outbox;
mod packages;
pub mod packed_task;
mod posts;
mod reactor_thread;
mod room;
mod server_loop;
pub mod serving;
mod session;
mod shared;
mod start;
mod task_worker;
mod tasks;
mod user_process;
mod worker;

pub use awaited::TaskOutcome;
pub use context::{Context, current};
pub use handler::{
    ConnectionEvent, Event, EventHandler, FaultPlace, FinishEvent, MessageEvent, Outcome, Payload,
    Role, TaskEvent, TaskRef, WorkerFault,
};
pub use info::{ClientInfo, StatValue};
pub use room::RoomWait;
pub use shared::WorkerState;
pub use start::{Finished, Server};

use std::os::fd::RawFd;

use crate::net::address::SockType;

/// How a server is divided into processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `SWOOLE_BASE`: workers own their connections.
    Base = 1,
    /// `SWOOLE_PROCESS`: reactor threads own them.
    Process = 2,
}

impl Mode {
    /// `None` if it is no mode of a server.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Mode> {
        match number {
            1 => Some(Mode::Base),
            2 => Some(Mode::Process),
            _ => None,
        }
    }
}

/// A port that a server listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// As it was given.
    pub host: String,
    /// The real one, also where 0 was given.
    pub port: u16,
    pub sock_type: SockType,
    /// Descriptor number of the listening socket.
    pub fd: RawFd,
}
