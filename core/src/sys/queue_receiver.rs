//! Waiting for a System V message queue, which has no descriptor that an event loop could watch: a thread
//! waits, takes one message each time it is asked to, and rings a bell.

use super::SysError;
use super::eventfd::EventFd;
use super::message_queue::{MAX_MESSAGE_BYTES, MessageQueue, Wait, receive};
use super::signal;
use super::thread::HelperThread;
use nix::errno::Errno;
use parking_lot::{Condvar, Mutex};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::thread::JoinHandleExt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long to wait for the thread before it is interrupted again: an interruption that comes just before
/// it begins to wait is lost.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(5);
const STACK_BYTES: usize = 256 << 10;

type Received = Result<Vec<u8>, Errno>;

#[derive(Debug)]
enum State {
    Idle,
    /// The thread waits for a message.
    Asked,
    Received(Received),
    /// The thread has ended, or is about to.
    Ended,
}

#[derive(Debug)]
struct Shared {
    queue_id: i32,
    /// Of the messages to take; 0 is any.
    kind: i64,
    state: Mutex<State>,
    changed: Condvar,
    ending: std::sync::atomic::AtomicBool,
    bell: EventFd,
}

/// See the module. It takes no message that it was not asked for, so a busy process leaves them to others.
#[derive(Debug)]
pub struct QueueReceiver {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl QueueReceiver {
    /// # Errors
    /// No thread or descriptor left.
    pub fn start(queue: &MessageQueue) -> Result<QueueReceiver, SysError> {
        QueueReceiver::start_of(queue, 0)
    }

    /// [`QueueReceiver::start`] for messages of one kind.
    ///
    /// # Errors
    /// No thread or descriptor left.
    pub fn start_of(queue: &MessageQueue, kind: i64) -> Result<QueueReceiver, SysError> {
        signal::catch_interrupter()?;
        let shared = Arc::new(Shared {
            queue_id: queue.id(),
            kind,
            state: Mutex::new(State::Idle),
            changed: Condvar::new(),
            ending: false.into(),
            bell: EventFd::new()?,
        });
        let of_thread = Arc::clone(&shared);
        let mask = signal::block_all()?;
        // A child makes a receiver of its own.
        let helper = HelperThread::announce();
        let thread = std::thread::Builder::new()
            .name("msgqueue".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let _helper = helper;
                of_thread.run();
            })
            .map_err(|e| SysError::from_io("start a thread", "for the message queue", &e))?;
        drop(mask);
        Ok(QueueReceiver { shared, thread })
    }

    /// Readable when a message that was asked for is there.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.shared.bell.as_raw_fd()
    }

    /// Asks for one message, unless one was asked for and not yet taken.
    pub fn ask(&self) {
        let mut state = self.shared.state.lock();
        if matches!(*state, State::Idle) {
            *state = State::Asked;
            self.shared.changed.notify_all();
        }
    }

    /// The message that was asked for, if it is there.
    ///
    /// # Errors
    /// EIDRM, EINVAL: the queue is gone.
    pub fn take(&self) -> Option<Received> {
        self.shared.bell.clear();
        self.shared.take()
    }

    /// Ends the thread. What it took last is not lost.
    pub fn end(self) -> Option<Received> {
        self.shared
            .ending
            .store(true, std::sync::atomic::Ordering::SeqCst);
        let mut state = self.shared.state.lock();
        self.shared.changed.notify_all();
        while matches!(*state, State::Asked) {
            // SAFETY: the thread was not joined, so its handle is valid; the signal does nothing but to
            // interrupt a system call (`catch_interrupter`).
            // JUSTIFICATION: nothing else ends msgrcv(2) without a message.
            unsafe {
                libc::pthread_kill(self.thread.as_pthread_t(), signal::interrupter().number());
            }
            self.shared.changed.wait_for(&mut state, INTERRUPT_AGAIN);
        }
        drop(state);
        let last = self.shared.take();
        // It panics nowhere; and if it did there would be nothing to do about it here.
        let _ = self.thread.join();
        last
    }
}

impl Shared {
    fn take(&self) -> Option<Received> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Idle) {
            State::Received(received) => Some(received),
            other => {
                *state = other;
                None
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn run(&self) {
        signal::unblock_interrupter();
        loop {
            let mut state = self.state.lock();
            while !matches!(*state, State::Asked) && !self.is_ending() {
                self.changed.wait(&mut state);
            }
            drop(state);
            if self.is_ending() {
                break;
            }
            let received = receive(self.queue_id, self.kind, MAX_MESSAGE_BYTES, Wait::Yes);
            if received != Err(Errno::EINTR) {
                *self.state.lock() = State::Received(received);
                self.changed.notify_all();
                self.bell.ring();
            }
        }
        let mut state = self.state.lock();
        if matches!(*state, State::Asked) {
            *state = State::Ended;
        }
        self.changed.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use crate::sys::socket::{Interest, poll_one};

    fn wait_and_take(receiver: &QueueReceiver) -> Vec<u8> {
        loop {
            if let Some(message) = receiver.take() {
                return message.expect("receive");
            }
            poll_one(&receiver.shared.bell, Interest::Read, 10_000).expect("poll");
        }
    }

    #[test]
    fn one_message_for_each_request() {
        let queue = MessageQueue::open(libc::IPC_PRIVATE).expect("open");
        let receiver = QueueReceiver::start(&queue).expect("start");
        assert_eq!(receiver.take(), None);
        receiver.ask();
        receiver.ask();
        queue.push(1, b"one", Wait::No).expect("push");
        assert_eq!(wait_and_take(&receiver), b"one");
        queue.push(2, b"two", Wait::No).expect("push");
        // Not asked for: it stays.
        assert_eq!(queue.pop(0, 100, Wait::No).expect("pop"), b"two");
        receiver.ask();
        assert_eq!(receiver.end(), None, "interrupted while it waits");
        queue.push(3, b"three", Wait::No).expect("push");
        assert_eq!(queue.stats().expect("stats").messages, 1);
    }

    #[test]
    fn no_message_is_lost_at_the_end() {
        let queue = MessageQueue::open(libc::IPC_PRIVATE).expect("open");
        for _ in 0..200 {
            let receiver = QueueReceiver::start(&queue).expect("start");
            receiver.ask();
            queue.push(1, b"x", Wait::No).expect("push");
            let taken = receiver.end().is_some();
            let left = queue.pop(0, 100, Wait::No).is_ok();
            assert!(taken != left, "taken {taken}, left {left}");
        }
    }

    #[test]
    fn a_queue_that_goes_is_told() {
        let queue = MessageQueue::open(libc::IPC_PRIVATE).expect("open");
        let receiver = QueueReceiver::start(&queue).expect("start");
        receiver.ask();
        queue.remove().expect("remove");
        let told = loop {
            if let Some(told) = receiver.take() {
                break told;
            }
            poll_one(&receiver.shared.bell, Interest::Read, 10_000).expect("poll");
        };
        assert!(
            matches!(told, Err(Errno::EIDRM | Errno::EINVAL)),
            "{told:?}"
        );
        assert_eq!(receiver.end(), None);
    }
}
