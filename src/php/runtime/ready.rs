//! Who waits for which descriptor: one coroutine for each direction.
//!
//! A descriptor that is waited for again and again stays registered with the loop for its whole life,
//! edge-triggered both ways, so that a wait costs no call of the kernel beside the loop's own. While nobody
//! waits the registration is lent: it keeps no loop alive, and gives way to `Swoole\Event::add()`.

use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::engine::{self, PhpThread};
use crate::php::coroutine::waits;
use crate::php::method::Stop;
use crate::php::runtime::bound;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};
use swoole_core::reactor::event_loop::{self, EventLoop, Trigger, WatchId};
use swoole_core::reactor::poller::{Interest, Ready};

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

impl Way {
    fn interest(self) -> Interest {
        match self {
            Way::Read => Interest::READABLE,
            Way::Write => Interest::WRITABLE,
            Way::Urgent => Interest::PRIORITY,
        }
    }
}

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
    /// What the loop looks for.
    interest: Interest,
    /// Stays when nobody waits.
    kept: bool,
    /// A copy of the descriptor, which is what is watched where somebody else watches the descriptor.
    _copy: Option<OwnedFd>,
}

impl Bound {
    fn slot(&mut self, way: Way) -> &mut Option<Waiter> {
        &mut self.waiters[way as usize]
    }

    fn is_free(&self) -> bool {
        self.waiters.iter().all(Option::is_none)
    }
}

/// By descriptor: the kernel gives small numbers out first.
#[derive(Default)]
struct Fds(Vec<Option<Box<Bound>>>);

impl Fds {
    fn get_mut(&mut self, fd: RawFd) -> Option<&mut Bound> {
        self.0.get_mut(usize::try_from(fd).ok()?)?.as_deref_mut()
    }

    fn insert(&mut self, fd: RawFd, bound: Bound) {
        let Ok(index) = usize::try_from(fd) else {
            return;
        };
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some(Box::new(bound));
    }

    fn remove(&mut self, fd: RawFd) -> Option<Box<Bound>> {
        self.0.get_mut(usize::try_from(fd).ok()?)?.take()
    }
}

/// A script may have one loop after the other, and a process made by fork has its own: what is here belongs
/// to the loop that it is registered with.
struct Table {
    event_loop: Weak<EventLoop>,
    fds: Fds,
}

static TABLE: PhpThread<RefCell<Option<Table>>> = PhpThread::new(RefCell::new(None));
static NEXT_ID: PhpThread<Cell<u64>> = PhpThread::new(Cell::new(0));

/// `f` must not come back to here.
fn with<R>(event_loop: &Rc<EventLoop>, f: impl FnOnce(&mut Fds) -> R) -> R {
    let mut table = TABLE.get().borrow_mut();
    let is_of = |table: &Table| std::ptr::eq(table.event_loop.as_ptr(), Rc::as_ptr(event_loop));
    let made = || Table {
        event_loop: Rc::downgrade(event_loop),
        fds: Fds::default(),
    };
    if !table.as_ref().is_some_and(is_of) {
        *table = Some(made());
    }
    f(&mut table.get_or_insert_with(made).fds)
}

/// In a child: who waits does so in its parent's loop.
pub fn forget() {
    TABLE.get().borrow_mut().take();
}

/// Whether another coroutine waits for anything of a descriptor.
#[must_use]
pub fn is_bound(fd: RawFd) -> bool {
    event_loop::existing().is_some_and(|event_loop| {
        with(&event_loop, |fds| {
            fds.get_mut(fd).is_some_and(|bound| !bound.is_free())
        })
    })
}

/// Leaves the running coroutine until the descriptor is ready; to be called when it has said that it is
/// not, since it last was: the loop tells of changes. It is going to be waited for again: [`closing`] must
/// be called before it is closed.
///
/// A second coroutine for the same direction is a mistake, and ends the script as in the reference.
pub fn wait(fd: RawFd, way: Way, timeout_ms: Option<u64>) -> Result<Waited, Stop> {
    wait_for(&[(fd, way)], timeout_ms, true)
}

/// [`wait`] for the first of several, once; which one shows when they are looked at. They need not have
/// said anything before.
pub fn wait_many(targets: &[(RawFd, Way)], timeout_ms: Option<u64>) -> Result<Waited, Stop> {
    wait_for(targets, timeout_ms, false)
}

/// How often a descriptor is looked at that the loop cannot look after.
const LOOK_MS: u64 = 10;

fn wait_for(targets: &[(RawFd, Way)], timeout_ms: Option<u64>, keep: bool) -> Result<Waited, Stop> {
    let (Some(co), Ok(event_loop)) = (engine::running(), event_loop::current()) else {
        return Ok(Waited::Canceled);
    };
    let cid = co.cid.get();
    for &(fd, way) in targets {
        let other = with(&event_loop, |fds| *fds.get_mut(fd)?.slot(way));
        if let Some(other) = other {
            return Err(bound::error(fd, other.cid, bound::doing(way), cid));
        }
    }
    let waiter = Waiter {
        cid,
        wait: co.waits.get() + 1,
        closed: false,
    };
    let mut added = 0;
    let mut failed = None;
    for &(fd, way) in targets {
        if let Err(error) = add(&event_loop, fd, way, waiter, keep) {
            failed = Some(error);
            break;
        }
        added += 1;
    }
    let woken = match failed {
        None => engine::wait(Wait::Cancellable, timeout_ms),
        // A regular file, which is always ready, or one that shows what is wrong with it when it is tried.
        Some(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EBADF)) => {
            Some(Woken::Resumed)
        }
        // There are no descriptors or no memory left for now: whoever waits looks from time to time.
        Some(_) => {
            let is_last = timeout_ms.is_some_and(|ms| ms <= LOOK_MS);
            let nap_ms = timeout_ms.map_or(LOOK_MS, |ms| ms.min(LOOK_MS));
            match engine::wait(Wait::Cancellable, Some(nap_ms)) {
                Some(Woken::TimedOut) if !is_last => Some(Woken::Resumed),
                woken => woken,
            }
        }
    };
    let mut closed = false;
    for &(fd, way) in targets.iter().take(added) {
        closed |= remove(&event_loop, fd, way, waiter);
    }
    Ok(match woken {
        None | Some(Woken::Ended) => return Err(Stop::Exit),
        _ if closed => Waited::Closed,
        Some(Woken::Resumed) => Waited::Ready,
        Some(Woken::TimedOut) => Waited::TimedOut,
        Some(Woken::Canceled) => Waited::Canceled,
    })
}

fn add(
    event_loop: &Rc<EventLoop>,
    fd: RawFd,
    way: Way,
    waiter: Waiter,
    keep: bool,
) -> io::Result<()> {
    let known = with(event_loop, |fds| {
        let bound = fds.get_mut(fd)?;
        if !event_loop.reclaim(bound.watch) {
            // Somebody else watches it now, or it was closed without a word.
            fds.remove(fd);
            return None;
        }
        *bound.slot(way) = Some(waiter);
        // Looked for already, and told of by the next change. Who has not asked the descriptor before is
        // to be told what it says now.
        let wanted = bound.interest | way.interest();
        if keep && wanted == bound.interest {
            return Some(Ok(()));
        }
        bound.interest = wanted;
        let changed = event_loop.change(bound.watch, wanted);
        if changed.is_err() {
            *bound.slot(way) = None;
        }
        Some(changed)
    });
    known.unwrap_or_else(|| register(event_loop, fd, way, waiter, keep))
}

fn register(
    event_loop: &Rc<EventLoop>,
    fd: RawFd,
    way: Way,
    waiter: Waiter,
    keep: bool,
) -> io::Result<()> {
    let id = NEXT_ID.get().get() + 1;
    NEXT_ID.get().set(id);
    let mut interest = way.interest();
    if keep {
        interest |= Interest::READABLE | Interest::WRITABLE;
    }
    let watch = |watched: RawFd| {
        let told = move |ready: Ready| tell(fd, id, ready);
        event_loop.watch(watched, interest, Trigger::Edge, Rc::new(told))
    };
    let (watch, copy) = match watch(fd) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
            let copy = duplicate(fd)?;
            (watch(copy.as_raw_fd())?, Some(copy))
        }
        watched => (watched?, None),
    };
    let mut made = Bound {
        id,
        waiters: [None; WAYS.len()],
        watch,
        interest,
        kept: keep && copy.is_none(),
        _copy: copy,
    };
    *made.slot(way) = Some(waiter);
    with(event_loop, |fds| fds.insert(fd, made));
    Ok(())
}

fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: an open descriptor, as the loop has just said: it is watched already.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// The wait is over. Whether because the descriptor is being closed.
fn remove(event_loop: &Rc<EventLoop>, fd: RawFd, way: Way, waiter: Waiter) -> bool {
    let gone = with(event_loop, |fds| {
        let bound = fds.get_mut(fd)?;
        let slot = bound.slot(way);
        let mine = slot.filter(|found| found.cid == waiter.cid && found.wait == waiter.wait)?;
        *slot = None;
        if !bound.is_free() {
            return Some((mine.closed, None));
        }
        if bound.kept {
            event_loop.lend(bound.watch);
            return Some((mine.closed, None));
        }
        Some((mine.closed, fds.remove(fd)))
    });
    let Some((closed, gone)) = gone else {
        return false;
    };
    if let Some(gone) = gone {
        event_loop.unwatch(gone.watch);
    }
    closed
}

/// From the loop.
fn tell(fd: RawFd, id: u64, ready: Ready) {
    let Some(event_loop) = event_loop::existing() else {
        return;
    };
    let wake = |way| {
        let waiter = with(&event_loop, |fds| {
            let bound = fds.get_mut(fd).filter(|bound| bound.id == id)?;
            *bound.slot(way)
        });
        if let Some(waiter) = waiter {
            waits::wake_from_loop(waiter.cid, waiter.wait, Woken::Resumed);
        }
    };
    if ready.readable || ready.read_closed || ready.error {
        wake(Way::Read);
    }
    if ready.writable || ready.write_closed || ready.error {
        wake(Way::Write);
    }
    // Whatever it was: who waits for this looks.
    wake(Way::Urgent);
}

/// The descriptor is about to be closed: whoever waits for it goes on at once, and has left what it did
/// with the descriptor when this returns.
pub fn closing(fd: RawFd) {
    let Some(event_loop) = event_loop::existing() else {
        return;
    };
    for way in WAYS {
        let waiter = with(&event_loop, |fds| {
            let waiter = fds.get_mut(fd)?.slot(way).as_mut()?;
            waiter.closed = true;
            Some(*waiter)
        });
        if let Some(waiter) = waiter {
            waits::wake_from_loop(waiter.cid, waiter.wait, Woken::Resumed);
        }
    }
    let gone = with(&event_loop, |fds| fds.remove(fd));
    if let Some(gone) = gone {
        event_loop.unwatch(gone.watch);
    }
}
