//! From the master's main thread to its reactor threads, inside one process.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Acquire, Ordering::Release};

use super::shared::Shared;
use crate::net::stream::Stream;

/// What the master tells a reactor thread.
#[derive(Debug)]
pub enum Command {
    /// A new connection whose session is in the table.
    Connection {
        stream: Stream,
        session_id: u64,
        port: u16,
    },
    /// Finish what is in flight, close every connection, end.
    ShutDown,
    /// End at once.
    Stop,
}

/// One for each reactor thread. Bounded by `max_conn`: the acceptor stops there.
#[derive(Debug)]
pub struct Mailbox {
    shared: Arc<Shared>,
    host: usize,
    commands: Mutex<Vec<Command>>,
    waiting: AtomicUsize,
}

impl Mailbox {
    #[must_use]
    pub fn new(shared: Arc<Shared>, host: usize) -> Self {
        Self {
            shared,
            host,
            commands: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    pub fn post(&self, command: Command) {
        let mut commands = self.commands.lock();
        commands.push(command);
        self.waiting.store(commands.len(), Release);
        drop(commands);
        self.shared.host_bell(self.host).notify();
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.load(Acquire) == 0
    }

    #[must_use]
    pub fn take(&self) -> Vec<Command> {
        let mut commands = self.commands.lock();
        self.waiting.store(0, Release);
        std::mem::take(&mut *commands)
    }

    /// Wakes the master's main thread.
    pub fn notify_master(&self) {
        self.shared.master_bell.force();
    }
}
