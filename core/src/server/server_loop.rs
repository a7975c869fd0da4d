//! The event loop of a process of the server, as its role turns it: the role's own descriptors and
//! signals, and beside them whatever user code adds.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::room;
use super::start::{BELL_TOKEN, SIGNAL_TOKEN, bell_fd};
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::options::Settings;
use crate::reactor::EventLoop;
use crate::reactor::event_loop;
use crate::reactor::poller::{Interest, Ready};
use crate::sys::signal::{Signal, SignalInbox};

/// A busy role looks at user code's descriptors this often, in microseconds.
const GLANCE_EVERY_US: u64 = 1_000;

/// See the module's description.
#[derive(Debug)]
pub(super) struct ServerLoop {
    event_loop: Rc<EventLoop>,
    signals: Rc<RefCell<SignalInbox>>,
    /// User code has asked for the end of the loop: what it still has there is of no interest.
    exited: Cell<bool>,
    /// When the kernel was asked last, on the loop's clock.
    waited_us: Cell<u64>,
}

impl ServerLoop {
    /// Makes this process's event loop the role's.
    pub fn enter(signals: Rc<RefCell<SignalInbox>>, bell: &Doorbell) -> Result<Self, Error> {
        let event_loop = event_loop::current()
            .map_err(|error| Error::os("make the event loop", "epoll_create", &error))?;
        let this = Self {
            event_loop,
            signals: Rc::clone(&signals),
            exited: Cell::new(false),
            waited_us: Cell::new(0),
        };
        let signal_fd = signals.borrow().fd();
        this.watch(signal_fd, SIGNAL_TOKEN)?;
        this.watch(bell_fd(bell), BELL_TOKEN)?;
        this.event_loop.share_signals(signals);
        this.event_loop.set_running(true);
        Ok(this)
    }

    /// Watches a descriptor for input.
    pub fn watch(&self, fd: RawFd, token: usize) -> Result<(), Error> {
        self.event_loop
            .register(fd, token, Interest::READABLE)
            .map_err(|error| Error::os("epoll_ctl", format!("fd {fd}"), &error))
    }

    /// The loop, for what must be asked of it directly.
    pub fn event_loop(&self) -> &EventLoop {
        &self.event_loop
    }

    /// Waits; the role's own events go to `others`. Nothing of user code runs but what it wants to run
    /// before each wait.
    pub fn wait(&self, limit: Option<Duration>, others: impl FnMut(&Ready)) -> Result<(), Error> {
        self.event_loop
            .wait(limit, others)
            .map_err(|error| Error::os("epoll_wait", "", &error))?;
        if self.event_loop.has_work() {
            self.waited_us.set(self.event_loop.now_us());
        }
        Ok(())
    }

    /// Runs what user code wants to run and is ready or due.
    pub fn run_ready(&self) {
        self.event_loop.run_ready();
        room::wake();
    }

    /// Whether a busy role should make a pause in its work for [`Self::glance`]. Costs next to nothing
    /// where user code has nothing in the loop.
    pub fn wants_glance(&self) -> bool {
        self.event_loop.has_work()
            && (self.event_loop.is_due()
                || self.event_loop.now_us() - self.waited_us.get() >= GLANCE_EVERY_US)
    }

    /// For a role that found work without waiting: serves user code, too, every now and then.
    pub fn glance(&self) -> Result<(), Error> {
        if self.wants_glance() {
            self.wait(Some(Duration::ZERO), |_| {})?;
            self.run_ready();
        }
        Ok(())
    }

    /// Whether user code has something in the loop that it may want to end itself (`on_worker_exit`).
    /// Without `reload_async` nobody asks.
    pub fn has_work(&self, settings: &Settings) -> bool {
        settings.reload_async && !self.has_exited() && self.event_loop.has_work()
    }

    /// Whether a process that is about to end has reason to wait.
    pub fn has_work_to_finish(&self, settings: &Settings) -> bool {
        settings.reload_async && !self.has_exited() && self.event_loop.has_work_to_finish()
    }

    /// Whether user code has asked for the end of the loop (`Event::exit()`), and with it of the role.
    pub fn has_exited(&self) -> bool {
        if self.event_loop.take_exit() {
            self.exited.set(true);
        }
        self.exited.get()
    }

    /// Whether [`Self::take_signals`] has something to do; costs one load.
    pub fn is_signalled(&self) -> bool {
        self.signals.borrow().is_pending()
    }

    /// The signals that came, but for those that user code handles: its handlers run here.
    pub fn take_signals(&self) -> Vec<Signal> {
        let drained = self.signals.borrow().drain();
        drained
            .filter(|&signal| !self.event_loop.run_signal(signal))
            .collect()
    }
}

/// Calls user code outside of the loop: it may run the loop itself, until what it began there has come to
/// its end (`Co\run()`).
pub(super) fn between_turns<R>(call: impl FnOnce() -> R) -> R {
    let Some(event_loop) = event_loop::existing() else {
        return call();
    };
    let running = event_loop.replace_running(false);
    let answer = call();
    event_loop.replace_running(running);
    answer
}
