//! `Coroutine::join()`: who waits for a coroutine's end.

use super::co::{Co, Join, Wait, Woken};
use super::engine;
use super::waits::wake_from_loop;
use std::rc::Rc;
use swoole_core::reactor::event_loop;

/// What became of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    All,
    /// None of them lives.
    Nobody,
    /// One of them is joined by another coroutine already.
    Taken,
    Woken(Woken),
}

/// Leaves the running coroutine `me` until all of `cids` have ended. Those that live no more are left out.
pub fn join(me: &'static Co, cids: &[i64], timeout_ms: Option<u64>) -> Joined {
    let mut targets: Vec<&'static Co> = cids.iter().filter_map(|cid| engine::find(*cid)).collect();
    targets.sort_unstable_by_key(|co| co.cid.get());
    targets.dedup_by_key(|co| co.cid.get());
    if targets.is_empty() {
        return Joined::Nobody;
    }
    if targets.iter().any(|co| co.join.borrow().is_some()) {
        return Joined::Taken;
    }
    let join = Rc::new(Join {
        cid: me.cid.get(),
        wait: me.waits.get() + 1,
        left: std::cell::Cell::new(targets.len()),
    });
    for co in &targets {
        *co.join.borrow_mut() = Some(Rc::clone(&join));
    }
    let woken = engine::wait(Wait::Cancellable, timeout_ms);
    for co in &targets {
        let mut theirs = co.join.borrow_mut();
        if theirs
            .as_ref()
            .is_some_and(|theirs| Rc::ptr_eq(theirs, &join))
        {
            *theirs = None;
        }
    }
    match woken {
        Some(Woken::Resumed) => Joined::All,
        Some(woken) => Joined::Woken(woken),
        None => Joined::Nobody,
    }
}

/// A coroutine ends: who waits for it goes on at the end of this turn of the event loop.
#[inline]
pub fn tell(co: &Co) {
    if co.join.borrow().is_some() {
        tell_joined(co);
    }
}

#[cold]
fn tell_joined(co: &Co) {
    let Some(join) = co.join.borrow_mut().take() else {
        return;
    };
    join.left.set(join.left.get() - 1);
    if join.left.get() > 0 {
        return;
    }
    if let Ok(event_loop) = event_loop::current() {
        event_loop.defer(Box::new(move || {
            wake_from_loop(join.cid, join.wait, Woken::Resumed);
        }));
    }
}
