//! Signals, handled in the loop.

use super::super::poller::{Interest, Token};
use super::{EventLoop, SIGNAL_TOKEN, SignalHandler};
use crate::error::Error;
use crate::sys::signal::{Signal, SignalInbox};
use std::cell::RefCell;
use std::rc::Rc;

impl EventLoop {
    /// The signals of this process come through this inbox, which the caller goes on draining: see
    /// [`Self::run_signal`].
    pub fn share_signals(&self, inbox: Rc<RefCell<SignalInbox>>) {
        *self.signals.borrow_mut() = Some(inbox);
    }

    /// Calls `callback` whenever the signal has come, in the loop; None: not any more, and the signal
    /// gets its former meaning back. A handler keeps the loop alive.
    ///
    /// # Errors
    /// A signal that cannot be caught (SIGKILL, SIGSTOP); out of descriptors.
    pub fn on_signal(&self, signal: Signal, callback: Option<SignalHandler>) -> Result<(), Error> {
        let Some(callback) = callback else {
            let former = self.handlers.borrow_mut().remove(&signal.number());
            if former.is_some()
                && let Some(inbox) = &*self.signals.borrow()
            {
                inbox.borrow_mut().unlisten(signal);
            }
            drop(former);
            return Ok(());
        };
        let inbox = self.signals.borrow().clone();
        match inbox {
            Some(inbox) => inbox.borrow_mut().listen(signal)?,
            None => {
                let inbox = SignalInbox::install(&[signal])?;
                self.with_poller(|p| {
                    p.register(inbox.fd(), Token(SIGNAL_TOKEN), Interest::READABLE)
                })
                .map_err(|error| Error::os("epoll_ctl", "the signal descriptor", &error))?;
                *self.signals.borrow_mut() = Some(Rc::new(RefCell::new(inbox)));
            }
        }
        let former = self.handlers.borrow_mut().insert(signal.number(), callback);
        drop(former);
        Ok(())
    }

    /// The handler of a signal, for someone who takes its place for a while.
    #[must_use]
    pub fn signal_handler(&self, signal: Signal) -> Option<SignalHandler> {
        self.handlers.borrow().get(&signal.number()).cloned()
    }

    /// Hands a signal that was drained to its handler; whether there is one.
    pub fn run_signal(&self, signal: Signal) -> bool {
        let handler = self.handlers.borrow().get(&signal.number()).cloned();
        match handler {
            Some(handler) => {
                handler(signal);
                true
            }
            None => false,
        }
    }

    /// Whether handlers of signals keep the loop alive, as they do at first.
    pub fn keep_alive_for_signals(&self, on: bool) {
        self.handlers_count.set(on);
    }

    /// Whether whoever shares its signals ([`Self::share_signals`]) wants this one for itself.
    #[must_use]
    pub fn is_own_signal(&self, signal: Signal) -> bool {
        let is_caught = match &*self.signals.borrow() {
            Some(inbox) => inbox.borrow().listens(signal),
            None => false,
        };
        is_caught && !self.handlers.borrow().contains_key(&signal.number())
    }

    /// The signals that have a handler.
    #[must_use]
    pub fn handled_signals(&self) -> Vec<i32> {
        self.handlers.borrow().keys().copied().collect()
    }

    /// Runs the handlers of the signals that came.
    pub(super) fn dispatch_signals(&self) {
        let inbox = self.signals.borrow().clone();
        let Some(inbox) = inbox else { return };
        let drained = inbox.borrow().drain();
        for signal in drained {
            if self.is_over() {
                return;
            }
            self.run_signal(signal);
        }
    }
}
