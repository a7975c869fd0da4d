//! What a process of a pool has in its event loop: signals, and descriptors of its own. User code may end
//! the loop (by waiting for its end in a callback); then the next one is wired.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crate::error::Error;
use crate::reactor::EventLoop;
use crate::reactor::event_loop::{self, SignalHandler};
use crate::sys::signal::Signal;

/// Signals that came and were not looked at yet.
#[derive(Debug, Default)]
pub struct Came {
    /// SIGTERM and SIGINT.
    pub stop: Cell<bool>,
    /// SIGUSR1 and SIGUSR2.
    pub reload: Cell<bool>,
    /// Opens the log anew.
    pub reopen: Cell<bool>,
}

impl Came {
    fn note(&self, signal: Signal) {
        match signal {
            Signal::TERM | Signal::INT => self.stop.set(true),
            Signal::USR1 | Signal::USR2 => self.reload.set(true),
            _ if super::reopening().contains(&signal) => self.reopen.set(true),
            // SIGCHLD: to have come is all it has to do.
            _ => {}
        }
    }
}

/// Who was there before.
type Former = (Signal, Option<SignalHandler>);

/// See the module.
pub struct Wiring {
    pub came: Rc<Came>,
    signals: Vec<Signal>,
    event_loop: Option<Rc<EventLoop>>,
    /// Handlers of user code that are out of force until [`Self::restore`].
    former: Vec<Former>,
    /// Turns of the loop that were ours, for [`Self::has_turned`].
    turns: u64,
}

impl Wiring {
    pub fn new(signals: &[Signal]) -> Wiring {
        Wiring {
            came: Rc::default(),
            signals: signals.to_vec(),
            event_loop: None,
            former: Vec::new(),
            turns: 0,
        }
    }

    /// The loop, with all signals wired; true: it is a new one.
    ///
    /// # Errors
    /// Out of descriptors; a signal cannot be caught.
    pub fn event_loop(&mut self) -> Result<(Rc<EventLoop>, bool), Error> {
        let event_loop =
            event_loop::current().map_err(|error| Error::os("make", "an event loop", &error))?;
        if let Some(known) = &self.event_loop
            && Rc::ptr_eq(known, &event_loop)
        {
            return Ok((event_loop, false));
        }
        let is_first = self.event_loop.is_none();
        event_loop.adopt();
        event_loop.keep_alive_for_signals(false);
        for signal in &self.signals {
            if is_first {
                self.former
                    .push((*signal, event_loop.signal_handler(*signal)));
            }
            let came = Rc::clone(&self.came);
            event_loop.on_signal(*signal, Some(Rc::new(move |signal| came.note(signal))))?;
        }
        self.event_loop = Some(Rc::clone(&event_loop));
        self.turns = event_loop.turns();
        Ok((event_loop, true))
    }

    /// Only those signals that user code has no handler for.
    pub fn leave_out_handled(&mut self) {
        if let Some(event_loop) = event_loop::existing() {
            self.signals
                .retain(|signal| event_loop.signal_handler(*signal).is_none());
        }
    }

    /// One turn of the loop.
    ///
    /// # Errors
    /// The kernel refuses to wait.
    pub fn turn(
        &mut self,
        event_loop: &EventLoop,
        limit: Option<std::time::Duration>,
        mut on_ready: impl FnMut(usize),
    ) -> io::Result<()> {
        let result = event_loop.turn(limit, |ready| on_ready(ready.token));
        self.turns += 1;
        result
    }

    /// Whether the loop has turned without our knowing, in user code: what became ready then, nobody has
    /// told.
    pub fn has_turned(&mut self, event_loop: &EventLoop) -> bool {
        let turns = event_loop.turns();
        std::mem::replace(&mut self.turns, turns) != turns
    }

    /// Gives the signals their former handlers back.
    pub fn restore(self) {
        let Some(event_loop) = self.event_loop else {
            return;
        };
        let is_current = event_loop::existing().is_some_and(|now| Rc::ptr_eq(&now, &event_loop));
        if !is_current {
            return;
        }
        for (signal, handler) in self.former {
            // Can only fail to catch a signal that was caught until now.
            let _ = event_loop.on_signal(signal, handler);
        }
    }
}
