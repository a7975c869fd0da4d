//! The messages that a worker has in hand: taken, and user code is not done with them yet. They stand in
//! shared memory, so that their clients are not left waiting if the process dies.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use super::context::Context;
use super::handler::Outcome;
use super::lane::{LaneRecord, SERVING_MAX};
use super::session::{PEER_GONE, Session};
use super::shared::WorkerState;
use crate::ipc::message::RESET;
use crate::reactor::{TimerId, event_loop};

/// One message in hand. Whoever says that user code is not done with it when the callback returns
/// ([`Outcome::Suspended`]) keeps this, and gives it to [`Context::finish`] later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serving {
    session_id: u64,
    /// [`SERVING_MAX`] and above: all places are taken.
    slot: u32,
}

/// Closes that wait for user code, at most; further ones do not wait.
const POSTPONED_MAX: usize = 100_000;

/// What this process knows of its messages in hand.
#[derive(Debug, Default)]
pub(super) struct InHand {
    free: RefCell<Vec<u32>>,
    /// Places below this have been used.
    used: Cell<u32>,
    suspended: Cell<usize>,
    by_session: RefCell<HashMap<u64, u32>>,
    /// Closes that wait until user code is done with what the session sent: how to close, and the timer
    /// that limits the wait.
    postponed: RefCell<HashMap<u64, (u8, Option<TimerId>)>>,
}

impl InHand {
    /// Messages whose callback has returned without being done.
    pub fn suspended(&self) -> usize {
        self.suspended.get()
    }

    fn begin(&self, record: &LaneRecord, session_id: u64) -> Serving {
        let slot = self.free.borrow_mut().pop().unwrap_or_else(|| {
            let slot = self.used.get();
            self.used.set((slot + 1).min(SERVING_MAX as u32));
            slot
        });
        record.begin_serving(slot, session_id);
        Serving { session_id, slot }
    }

    fn end(&self, record: &LaneRecord, serving: Serving) {
        record.end_serving(serving.slot);
        if (serving.slot as usize) < SERVING_MAX {
            self.free.borrow_mut().push(serving.slot);
        }
    }

    fn suspend(&self, session_id: u64) {
        self.suspended.set(self.suspended.get() + 1);
        *self.by_session.borrow_mut().entry(session_id).or_default() += 1;
    }

    /// Answers whether it was the last one of its session.
    fn resume(&self, session_id: u64) -> bool {
        self.suspended.set(self.suspended.get().saturating_sub(1));
        let mut by_session = self.by_session.borrow_mut();
        match by_session.get_mut(&session_id) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => {
                by_session.remove(&session_id);
                true
            }
        }
    }
}

impl Context {
    /// A message of the session was taken: its client is owed an end if this process dies now.
    #[inline]
    pub(super) fn begin_serving(&self, session_id: u64) -> Serving {
        self.set_busy(true);
        self.in_hand
            .begin(&self.shared.lanes[self.lane], session_id)
    }

    /// Whether a worker is in a callback for a message, for dispatch and for users. One that leaves says so
    /// on its own: the record may be its successor's by now.
    #[inline]
    pub(super) fn set_busy(&self, busy: bool) {
        if let Some(id) = self.worker_id()
            && !self.stop.get()
        {
            let state = if busy {
                WorkerState::Busy
            } else {
                WorkerState::Idle
            };
            self.shared.workers[id as usize].set_state(state);
        }
    }

    /// The callback has returned. After a call that ended the process the session stays remembered.
    #[inline]
    pub(super) fn after_callback(&self, serving: Serving, outcome: Outcome) {
        self.set_busy(false);
        self.note(outcome);
        if outcome == Outcome::Suspended {
            self.in_hand.suspend(serving.session_id);
        } else if self.end_status.get().is_none() {
            self.in_hand.end(&self.shared.lanes[self.lane], serving);
        }
    }

    /// A message that was remembered is not for user code after all, or another one stands for it.
    pub(super) fn end_serving(&self, serving: Serving) {
        if self.end_status.get().is_none() {
            self.in_hand.end(&self.shared.lanes[self.lane], serving);
        }
    }

    /// User code that was suspended is done with its message.
    pub fn finish(&self, serving: Serving, outcome: Outcome) {
        self.note(outcome);
        if self.end_status.get().is_some() {
            return;
        }
        let last = self.in_hand.resume(serving.session_id);
        self.in_hand.end(&self.shared.lanes[self.lane], serving);
        if last {
            self.close_postponed(serving.session_id);
        }
    }

    /// Whether the messages that are there have to wait until user code is done with others.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        let suspended = self.in_hand.suspended();
        suspended > 0
            && (suspended >= self.settings().worker_max_concurrency as usize
                || self.handler.is_full())
    }

    /// Whether the close of a session waits for user code that works on what its client sent: the client
    /// has only ended its sending side, or the server shuts down, and an answer may still reach it. It
    /// waits `max_wait_time` at most.
    pub(super) fn postpones_close(&self, session_id: u64, session: &Session, how: u8) -> bool {
        let busy = self.in_hand.suspended.get() > 0
            && self.in_hand.by_session.borrow().contains_key(&session_id);
        if !busy || how & RESET != 0 || session.peer.load(Relaxed) == PEER_GONE {
            return false;
        }
        let mut postponed = self.in_hand.postponed.borrow_mut();
        if postponed.len() >= POSTPONED_MAX {
            return false;
        }
        let limit_ms = self.settings().max_wait_time_ms;
        let event_loop = event_loop::existing().filter(|_| limit_ms > 0);
        let timer = event_loop.map(|event_loop| {
            let close = move || {
                if let Some(context) = super::context::current() {
                    context.close_postponed(session_id);
                }
            };
            event_loop.after(limit_ms, Box::new(close))
        });
        postponed.insert(session_id, (how, timer));
        true
    }

    fn close_postponed(&self, session_id: u64) {
        let postponed = self.in_hand.postponed.borrow_mut().remove(&session_id);
        let Some((how, timer)) = postponed else {
            return;
        };
        if let (Some(event_loop), Some(timer)) = (event_loop::existing(), timer) {
            event_loop.cancel(timer);
        }
        if let Some(session) = self.shared.sessions.get(session_id) {
            self.serve_close_now(session_id, session, how);
        }
    }
}
