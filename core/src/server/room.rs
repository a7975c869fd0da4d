//! Who waits until a client has taken enough of what is queued for it (`send_yield`): its process writes
//! itself down in the session, the host rings its bell when half of the room is free again, and the event loop
//! of that process wakes whoever has been told.
//!
//! A ring may be lost, as there is room for one process in a session: so who waits looks again by itself from
//! time to time.

use std::cell::RefCell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

use super::context::{Context, current};
use super::session::Session;
use super::shared::Shared;

struct Waiting {
    number: u64,
    session_id: u64,
    wake: Box<dyn FnOnce()>,
}

#[derive(Default)]
struct List {
    last: u64,
    waiting: Vec<Waiting>,
}

thread_local! {
    static LIST: RefCell<List> = RefCell::default();
}

/// A wait for room, until dropped.
#[derive(Debug)]
pub struct RoomWait {
    number: u64,
}

impl Drop for RoomWait {
    fn drop(&mut self) {
        let gone = LIST.with_borrow_mut(|list| {
            let at = list.waiting.iter().position(|w| w.number == self.number);
            at.map(|at| list.waiting.swap_remove(at))
        });
        // What it owns may be anything, so no borrow is held.
        drop(gone);
    }
}

impl Context {
    /// Has `wake` called once in the event loop when a client takes more, or is gone; then it is time to try
    /// again. Try once more after this, too: there may have been room just before.
    #[must_use]
    pub fn await_room(&self, session_id: u64, wake: Box<dyn FnOnce()>) -> RoomWait {
        if let Some(session) = self.shared.sessions.get(session_id) {
            session.room_wanted.store(self.lane as u32 + 1, Release);
        }
        let number = LIST.with_borrow_mut(|list| {
            list.last += 1;
            list.waiting.push(Waiting {
                number: list.last,
                session_id,
                wake,
            });
            list.last
        });
        RoomWait { number }
    }
}

/// For the host, when less is queued for a client than before: tells who waits for that.
pub(super) fn tell(shared: &Shared, session: &Session, queued_bytes: u64) {
    if session.room_wanted.load(Acquire) == 0
        || queued_bytes * 2 > shared.settings.socket_buffer_bytes
    {
        return;
    }
    let lane = session.room_wanted.swap(0, AcqRel);
    if let Some(bell) = lane
        .checked_sub(1)
        .and_then(|lane| shared.worker_bells.get(lane as usize))
    {
        // Also one that is awake: it may be about to sleep, and does not look here before.
        bell.force();
    }
}

/// For the event loop of a process: wakes those that have been told.
pub(super) fn wake() {
    if LIST.with_borrow(|list| list.waiting.is_empty()) {
        return;
    }
    let Some(context) = current() else { return };
    let mine = context.lane as u32 + 1;
    let still_waits = |session_id| {
        let session = context.shared.sessions.get(session_id);
        session.is_some_and(|session| session.room_wanted.load(Acquire) == mine)
    };
    let told: Vec<Waiting> = LIST.with_borrow_mut(|list| {
        list.waiting
            .extract_if(.., |waiting| !still_waits(waiting.session_id))
            .collect()
    });
    for waiting in told {
        (waiting.wake)();
    }
}
