//! Coroutines that wait for results of tasks, and callbacks of single tasks.

use crate::php::coroutine::{self, Woken};
use crate::php::ffi::*;
use crate::php::method::Stop;
use crate::php::owned::{Owned, OwnedCallback};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// What became of a task.
#[derive(Debug)]
pub enum Ended {
    Result(Owned),
    /// There will be no result.
    Lost,
}

/// What one coroutine waits for.
#[derive(Debug)]
pub struct Wait {
    cid: i64,
    /// In the order of the tasks.
    pub ended: RefCell<Vec<Option<Ended>>>,
    missing: Cell<usize>,
    is_waiting: Cell<bool>,
}

thread_local! {
    /// By the number of the task: who waits, and for which of its tasks.
    static WAITS: RefCell<HashMap<u64, (Rc<Wait>, usize)>> = RefCell::default();
    static CALLBACKS: RefCell<HashMap<u64, Rc<OwnedCallback>>> = RefCell::default();
}

impl Wait {
    /// For the running coroutine.
    #[must_use]
    pub fn new(cid: i64) -> Rc<Wait> {
        Rc::new(Wait {
            cid,
            ended: RefCell::default(),
            missing: Cell::new(0),
            is_waiting: Cell::new(false),
        })
    }

    /// One more task; `None`: it could not be sent.
    pub fn add(self: &Rc<Self>, task_id: Option<u64>) {
        let mut ended = self.ended.borrow_mut();
        match task_id {
            Some(id) => {
                WAITS.with_borrow_mut(|waits| waits.insert(id, (Rc::clone(self), ended.len())));
                self.missing.set(self.missing.get() + 1);
                ended.push(None);
            }
            None => ended.push(Some(Ended::Lost)),
        }
    }

    /// What has not come by now is not waited for any more.
    pub fn give_up(self: &Rc<Self>) {
        if self.missing.get() > 0 {
            WAITS.with_borrow_mut(|waits| waits.retain(|_, (wait, _)| !Rc::ptr_eq(wait, self)));
        }
    }

    /// Leaves the coroutine until all results are there, or the time is over.
    pub fn wait(self: &Rc<Self>, timeout_ms: Option<u64>) -> Result<(), Stop> {
        let mut woken = Woken::Resumed;
        if self.missing.get() > 0 {
            self.is_waiting.set(true);
            woken = coroutine::suspend(timeout_ms);
            self.is_waiting.set(false);
        }
        self.give_up();
        match woken {
            Woken::Ended => Err(Stop::Exit),
            Woken::Resumed | Woken::TimedOut | Woken::Canceled => Ok(()),
        }
    }
}

/// Whether a coroutine waits for this task.
#[must_use]
pub fn is_awaited(task_id: u64) -> bool {
    WAITS.with_borrow(|waits| waits.contains_key(&task_id))
}

/// Hands a task's end to the coroutine that waits for it, which runs if it was the last one.
pub fn end(task_id: u64, ended: Ended) {
    let Some((wait, place)) = WAITS.with_borrow_mut(|waits| waits.remove(&task_id)) else {
        return;
    };
    if let Some(slot) = wait.ended.borrow_mut().get_mut(place) {
        *slot = Some(ended);
    }
    wait.missing.set(wait.missing.get().saturating_sub(1));
    if wait.missing.get() == 0 && wait.is_waiting.get() {
        coroutine::resume(wait.cid);
    }
}

/// Keeps the callback of a task.
pub fn keep_callback(task_id: u64, callback: Rc<OwnedCallback>) {
    CALLBACKS.with_borrow_mut(|callbacks| callbacks.insert(task_id, callback));
}

/// Takes the callback of a task.
#[must_use]
pub fn take_callback(task_id: u64) -> Option<Rc<OwnedCallback>> {
    CALLBACKS.with_borrow_mut(|callbacks| callbacks.remove(&task_id))
}

/// At the end of the request, while PHP is still there.
pub fn request_shutdown() {
    let (waits, callbacks) = (WAITS.take(), CALLBACKS.take());
    drop((waits, callbacks));
}

/// Moves a result to where it is wanted.
pub fn take_value(ended: Ended, place: Place<'_>) {
    match ended {
        Ended::Result(value) => crate::php::convert::set_copy(place, value.view().ptr()),
        Ended::Lost => crate::php::convert::set_bool(place, false),
    }
}
