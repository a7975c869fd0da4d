//! Who waits for which descriptor: one coroutine for each direction.

use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::engine::{self, PhpThread};
use crate::php::coroutine::waits;
use crate::php::method::Stop;
use crate::php::runtime::bound;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};
use swoole_core::reactor::event_loop as core_loop;
use swoole_core::reactor::event_loop::{Trigger, WatchId};
use swoole_core::reactor::poller::{Interest, Ready};
use swoole_core::sys::forks;

/// What a coroutine wants to do with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Read,
    Write,
    /// Out-of-band data.
    Urgent,
}

/// All of them.
const WAYS: [Way; 3] = [Way::Read, Way::Write, Way::Urgent];

/// How waiting has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It is ready, or has failed: trying shows which.
    Ready,
    TimedOut,
    /// `Coroutine::cancel()`.
    Canceled,
    /// Somebody closes the descriptor.
    Closed,
}

/// Until when to wait; None: without limit.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    #[must_use]
    pub fn after(time: Option<Duration>) -> Self {
        Deadline(time.and_then(|time| Instant::now().checked_add(time)))
    }

    /// In whole milliseconds, rounded up.
    #[must_use]
    pub fn left_ms(self) -> Option<u64> {
        let left = self.0?.saturating_duration_since(Instant::now());
        Some(u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

/// A coroutine in a wait.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    cid: i64,
    wait: u64,
    closed: bool,
}

#[derive(Debug)]
struct Bound {
    /// Not used again.
    id: u64,
    waiters: [Option<Waiter>; WAYS.len()],
    watch: WatchId,
    /// A copy of the descriptor, which is what is watched where somebody else watches the descriptor.
    _copy: Option<OwnedFd>,
}

impl Bound {
    fn slot(&mut self, way: Way) -> &mut Option<Waiter> {
        &mut self.waiters[way as usize]
    }

    fn interest(&self) -> Option<Interest> {
        let wanted = WAYS
            .iter()
            .filter(|way| self.waiters[**way as usize].is_some());
        wanted.map(|way| interest_in(*way)).reduce(Interest::add)
    }
}

fn interest_in(way: Way) -> Interest {
    match way {
        Way::Read => Interest::READABLE,
        Way::Write => Interest::WRITABLE,
        Way::Urgent => Interest::PRIORITY,
    }
}

#[derive(Debug, Default)]
struct Table {
    /// The process it belongs to (see [`forks::generation`]).
    born_in: u64,
    bound: HashMap<RawFd, Bound>,
}

static TABLE: PhpThread<RefCell<Option<Table>>> = PhpThread::new(RefCell::new(None));
static NEXT_ID: PhpThread<Cell<u64>> = PhpThread::new(Cell::new(0));

fn with<R>(f: impl FnOnce(&mut HashMap<RawFd, Bound>) -> R) -> R {
    let mut table = TABLE.get().borrow_mut();
    let table = table.get_or_insert_with(Table::default);
    if table.born_in != forks::generation() {
        // The parent's: what is watched there is not watched here, and its copies are ours to close.
        table.born_in = forks::generation();
        table.bound.clear();
    }
    f(&mut table.bound)
}

/// Whether another coroutine waits for anything of a descriptor.
#[must_use]
pub fn is_bound(fd: RawFd) -> bool {
    with(|bound| bound.contains_key(&fd))
}

/// The coroutine that waits for this.
fn waiting(fd: RawFd, way: Way) -> Option<i64> {
    with(|bound| (*bound.get_mut(&fd)?.slot(way)).map(|waiter| waiter.cid))
}

/// Leaves the running coroutine until the descriptor is ready. A second coroutine for the same direction
/// is a mistake, and ends the script as in the reference.
pub fn wait(fd: RawFd, way: Way, timeout_ms: Option<u64>) -> Result<Waited, Stop> {
    wait_many(&[(fd, way)], timeout_ms)
}

/// [`wait`] for the first of several; which one shows when they are looked at.
pub fn wait_many(targets: &[(RawFd, Way)], timeout_ms: Option<u64>) -> Result<Waited, Stop> {
    let Some(co) = engine::running() else {
        return Ok(Waited::Canceled);
    };
    let cid = co.cid.get();
    for &(fd, way) in targets {
        if let Some(other) = waiting(fd, way) {
            return Err(bound::error(fd, other, bound::doing(way), cid));
        }
    }
    let waiter = Waiter {
        cid,
        wait: co.waits.get() + 1,
        closed: false,
    };
    let mut added = 0;
    for &(fd, way) in targets {
        if add(fd, way, waiter).is_err() {
            break;
        }
        added += 1;
    }
    // What cannot be waited for is a regular file, which is always ready, or shows what is wrong with it
    // when it is tried.
    let woken = if added == targets.len() {
        engine::wait(Wait::Cancellable, timeout_ms)
    } else {
        Some(Woken::Resumed)
    };
    let mut closed = false;
    for &(fd, way) in targets.iter().take(added) {
        closed |= remove(fd, way, waiter);
    }
    Ok(match woken {
        None | Some(Woken::Ended) => return Err(Stop::Exit),
        _ if closed => Waited::Closed,
        Some(Woken::Resumed) => Waited::Ready,
        Some(Woken::TimedOut) => Waited::TimedOut,
        Some(Woken::Canceled) => Waited::Canceled,
    })
}

fn add(fd: RawFd, way: Way, waiter: Waiter) -> io::Result<()> {
    let event_loop = core_loop::current()?;
    let change = with(|bound| {
        let bound = bound.get_mut(&fd)?;
        *bound.slot(way) = Some(waiter);
        Some((bound.watch, bound.interest()?))
    });
    if let Some((watch, interest)) = change {
        return event_loop.change(watch, interest).inspect_err(|_| {
            with(|bound| {
                if let Some(bound) = bound.get_mut(&fd) {
                    *bound.slot(way) = None;
                }
            });
        });
    }
    let id = NEXT_ID.get().get() + 1;
    NEXT_ID.get().set(id);
    let interest = interest_in(way);
    let watch = |fd| {
        let told = move |ready: Ready| tell(fd, id, ready);
        event_loop.watch(fd, interest, Trigger::Edge, Rc::new(told))
    };
    let (watch, copy) = match watch(fd) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
            let copy = duplicate(fd)?;
            let told = move |ready: Ready| tell(fd, id, ready);
            let watch =
                event_loop.watch(copy.as_raw_fd(), interest, Trigger::Edge, Rc::new(told))?;
            (watch, Some(copy))
        }
        watched => (watched?, None),
    };
    let mut made = Bound {
        id,
        waiters: [None; WAYS.len()],
        watch,
        _copy: copy,
    };
    *made.slot(way) = Some(waiter);
    with(|bound| bound.insert(fd, made));
    Ok(())
}

fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: an open descriptor, as the loop has just said: it is watched already.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// The wait is over. Whether because the descriptor is being closed.
fn remove(fd: RawFd, way: Way, waiter: Waiter) -> bool {
    let mut closed = false;
    let left = with(|table| {
        let bound = table.get_mut(&fd)?;
        let slot = bound.slot(way);
        let mine = slot.filter(|found| found.cid == waiter.cid && found.wait == waiter.wait)?;
        *slot = None;
        closed = mine.closed;
        let (watch, interest) = (bound.watch, bound.interest());
        let gone = if interest.is_none() {
            table.remove(&fd)
        } else {
            None
        };
        Some((watch, interest, gone))
    });
    // The loop may be another one by now, at the end of the script.
    if let Some((watch, interest, gone)) = left
        && let Some(event_loop) = core_loop::existing()
    {
        match interest {
            Some(interest) => {
                // ENOENT: it was closed.
                let _ = event_loop.change(watch, interest);
            }
            None => event_loop.unwatch(watch),
        }
        drop(gone);
    }
    closed
}

/// From the loop.
fn tell(fd: RawFd, id: u64, ready: Ready) {
    let waiter = |way| {
        with(|bound| {
            let bound = bound.get_mut(&fd).filter(|bound| bound.id == id)?;
            *bound.slot(way)
        })
    };
    let wake = |waiter: Option<Waiter>| {
        if let Some(waiter) = waiter {
            waits::wake_from_loop(waiter.cid, waiter.wait, Woken::Resumed);
        }
    };
    if ready.readable || ready.read_closed || ready.error {
        wake(waiter(Way::Read));
    }
    if ready.writable || ready.write_closed || ready.error {
        wake(waiter(Way::Write));
    }
    // Whatever it was: who waits for this looks.
    wake(waiter(Way::Urgent));
}

/// The descriptor is about to be closed: whoever waits for it goes on at once, and has left what it did
/// with the descriptor when this returns.
pub fn closing(fd: RawFd) {
    for way in WAYS {
        let waiter = with(|bound| {
            let waiter = bound.get_mut(&fd)?.slot(way).as_mut()?;
            waiter.closed = true;
            Some(*waiter)
        });
        if let Some(waiter) = waiter {
            waits::wake_from_loop(waiter.cid, waiter.wait, Woken::Resumed);
        }
    }
}
