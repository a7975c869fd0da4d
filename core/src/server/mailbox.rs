//! From the master's main thread to its reactor threads, inside one process.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Release};

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
    /// The reactor thread is at its end.
    ended: AtomicBool,
}

impl Mailbox {
    #[must_use]
    pub fn new(shared: Arc<Shared>, host: usize) -> Self {
        Self {
            shared,
            host,
            commands: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
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

    /// Whether the reactor thread has nothing left to do, however it ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Acquire)
    }
}

/// Tells the master's main thread that a reactor thread ends, also by a panic.
#[derive(Debug)]
pub struct Farewell<'a>(pub &'a Mailbox);

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        // Whoever is woken sees it. The thread itself counts as finished a moment later only.
        self.0.ended.store(true, Release);
        self.0.shared.master_bell.force();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use crate::options::{Env, Options};
    use crate::server::Mode;
    use crate::server::shared::Listens;
    use crate::sys::socket::{Interest, poll_one};

    #[test]
    fn who_is_woken_by_the_end_of_a_thread_sees_it() {
        let env = Env {
            cpu_num: 1,
            nofile_limit: 64,
            memory_bytes: 1 << 30,
        };
        let settings = Options::default().resolve(&env).unwrap();
        let listens = Listens::default();
        let shared = Shared::create(Mode::Process, settings, Vec::new(), listens, 0).unwrap();
        let shared = Arc::new(shared);
        for panics in [false, true] {
            let mailbox = Arc::new(Mailbox::new(Arc::clone(&shared), 0));
            let other = Arc::clone(&mailbox);
            assert!(!mailbox.has_ended());
            let thread = std::thread::spawn(move || {
                let _farewell = Farewell(&other);
                assert!(!panics, "as this test wants");
            });
            let bell = shared.master_bell.bell();
            poll_one(bell, Interest::Read, 20_000).unwrap();
            assert!(mailbox.has_ended());
            bell.read().unwrap();
            assert_eq!(thread.join().is_err(), panics);
        }
    }
}
